import type { Services } from '../app.ts'
import { getClaims, getSessionUser } from '../auth/authenticate.ts'
import { AppError } from '../errors.ts'
import type { App } from '../http/app-types.ts'
import { decodeCursor, toPage } from '../http/pagination.ts'
import { findDefaultPlan, findPlan } from '../plans/plan-queries.ts'
import { choosePlan } from './choose-plan.ts'
import { cancelSubscription, resumeSubscription, takeBackPlanChange } from './end-subscription.ts'
import { findLatestRequest, withdrawRequest } from './plan-request-queries.ts'
import { previewSubscription } from './preview-subscription.ts'
import { findCurrentSubscription, listSubscriptionEvents } from './subscription-queries.ts'
import { subscriptionRoutes } from './subscription-schemas.ts'
import { hasLapsed, type SubscriptionEventType, type SubscriptionStatus } from './transitions.ts'

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
    async (request) => {
      const claims = getClaims(request)
      const { limit, cursor } = request.query
      const afterId = cursor === undefined ? undefined : decodeCursor(cursor).id
      const rows = await database.withUser(claims, (tx) => listSubscriptionEvents(tx, claims.sub, afterId, limit + 1))
      const page = toPage(rows, limit, ({ created_at, id }) => ({ timestamp: created_at, id }))
      return { ...page, data: page.data.map((row) => toEvent(row, claims.sub)) }
    },
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
      const { sub } = getClaims(request)
      const isWithdrawn = await database.asSystem('a user withdraws a request of their own', (tx) =>
        withdrawRequest(tx, sub, request.params.id),
      )
      if (!isWithdrawn) throw new AppError('not_found')
      return reply.status(204).send(null)
    },
  )
}

type EventRow = Awaited<ReturnType<typeof listSubscriptionEvents>>[number]

// Which admin it was is not for users to know.
function toEvent({ actor_id, ...row }: EventRow, userId: string) {
  return {
    ...row,
    // Written by apply-subscription.ts alone.
    type: row.type as SubscriptionEventType,
    from_status: row.from_status as SubscriptionStatus | null,
    to_status: row.to_status as SubscriptionStatus,
    detail: row.detail as Record<string, unknown>,
    by: actor_id === null ? ('server' as const) : actor_id === userId ? ('me' as const) : ('admin' as const),
  }
}
