import type { Services } from '../app.ts'
import { getClaims, getSessionUser } from '../auth/authenticate.ts'
import { AppError } from '../errors.ts'
import type { App } from '../http/app-types.ts'
import { findDefaultPlan, findPlan } from '../plans/plan-queries.ts'
import { choosePlan } from './choose-plan.ts'
import { cancelSubscription, resumeSubscription, takeBackPlanChange } from './end-subscription.ts'
import { listEvents } from './list-events.ts'
import { findLatestRequest, withdrawRequest } from './plan-request-queries.ts'
import { previewSubscription } from './preview-subscription.ts'
import { findCurrentSubscription } from './subscription-queries.ts'
import { subscriptionRoutes } from './subscription-schemas.ts'
import { hasLapsed } from './transitions.ts'

export function addSubscriptionRoutes(app: App, services: Services): void {
  addReadingRoutes(app, services)
  addChangeRoutes(app, services)
}

function addReadingRoutes(app: App, services: Services): void {
  const { database, stripe } = services
  app.get('/api/v1/me/subscription', { schema: subscriptionRoutes['GET /api/v1/me/subscription'] }, (request) => {
    const claims = getClaims(request)
    return database.withUser(claims, async (tx) => {
      const subscription = await findCurrentSubscription(tx, claims.sub)
      const next = subscription?.next_plan_id ?? null
      return {
        subscription,
        plan: subscription ? await findPlan(tx, subscription.plan_id) : await findDefaultPlan(tx),
        is_lapsed: claims.user_role !== 'admin' && subscription !== null && hasLapsed(subscription, new Date()),
        next_plan: next === null ? null : await findPlan(tx, next),
        can_pay: stripe !== null,
        request: await findLatestRequest(tx, claims.sub),
      }
    })
  })

  app.get(
    '/api/v1/me/subscription/events',
    { schema: subscriptionRoutes['GET /api/v1/me/subscription/events'] },
    (request) => listEvents(database, getClaims(request), getClaims(request).sub, request.query),
  )

  app.post(
    '/api/v1/me/subscription/preview',
    { schema: subscriptionRoutes['POST /api/v1/me/subscription/preview'] },
    (request) => previewSubscription(services, getClaims(request), request.body),
  )
}

function addChangeRoutes(app: App, services: Services): void {
  const { database } = services
  // Who holds a key of a program decides nothing about money.
  app.post('/api/v1/me/subscription', { schema: subscriptionRoutes['POST /api/v1/me/subscription'] }, (request) =>
    choosePlan(services, getSessionUser(request).claims, request.body),
  )

  app.post(
    '/api/v1/me/subscription/cancel',
    { schema: subscriptionRoutes['POST /api/v1/me/subscription/cancel'] },
    (request) => cancelSubscription(services, getSessionUser(request).claims),
  )

  app.post(
    '/api/v1/me/subscription/resume',
    { schema: subscriptionRoutes['POST /api/v1/me/subscription/resume'] },
    (request) => resumeSubscription(services, getSessionUser(request).claims),
  )

  app.delete(
    '/api/v1/me/subscription/next',
    { schema: subscriptionRoutes['DELETE /api/v1/me/subscription/next'] },
    (request) => takeBackPlanChange(services, getSessionUser(request).claims),
  )

  app.delete(
    '/api/v1/me/plan-requests/:id',
    { schema: subscriptionRoutes['DELETE /api/v1/me/plan-requests/:id'] },
    async (request, reply) => {
      const { sub } = getSessionUser(request).claims
      const isWithdrawn = await database.asSystem('a user withdraws a request of their own', (tx) =>
        withdrawRequest(tx, sub, request.params.id),
      )
      if (!isWithdrawn) throw new AppError('not_found')
      return reply.status(204).send(null)
    },
  )
}
