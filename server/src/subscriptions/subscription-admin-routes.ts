import type { Services } from '../app.ts'
import { getClaims } from '../auth/authenticate.ts'
import type { App } from '../http/app-types.ts'
import { decodeCursor, toPage } from '../http/pagination.ts'
import { acceptPlanRequest, assignSubscription, endSubscription, refusePlanRequest } from './assign-subscription.ts'
import { listEvents } from './list-events.ts'
import { listSubscriptions } from './list-subscriptions.ts'
import { listRequests } from './plan-request-queries.ts'
import { subscriptionRoutes } from './subscription-schemas.ts'

const config = { access: 'admin' } as const

export function addSubscriptionAdminRoutes(app: App, services: Services): void {
  const { database } = services
  app.get(
    '/api/v1/admin/subscriptions',
    { schema: subscriptionRoutes['GET /api/v1/admin/subscriptions'], config },
    async (request) => {
      const { limit, cursor, status, plan_id: planId, search } = request.query
      const afterId = cursor === undefined ? undefined : decodeCursor(cursor).id
      const rows = await database.withUser(getClaims(request), (tx) =>
        listSubscriptions(tx, { status, planId, search, afterId, limit: limit + 1 }),
      )
      return toPage(rows, limit, ({ start_date, id }) => ({ timestamp: start_date, id }))
    },
  )

  app.put(
    '/api/v1/admin/users/:id/subscription',
    { schema: subscriptionRoutes['PUT /api/v1/admin/users/:id/subscription'], config },
    (request) => assignSubscription(services, getClaims(request).sub, request.params.id, request.body),
  )

  app.delete(
    '/api/v1/admin/users/:id/subscription',
    { schema: subscriptionRoutes['DELETE /api/v1/admin/users/:id/subscription'], config },
    (request) => endSubscription(services, getClaims(request).sub, request.params.id, request.body),
  )

  app.get(
    '/api/v1/admin/users/:id/subscription/events',
    { schema: subscriptionRoutes['GET /api/v1/admin/users/:id/subscription/events'], config },
    (request) => listEvents(database, getClaims(request), request.params.id, request.query),
  )

  app.get(
    '/api/v1/admin/plan-requests',
    { schema: subscriptionRoutes['GET /api/v1/admin/plan-requests'], config },
    async (request) => {
      const { limit, cursor, status } = request.query
      const afterId = cursor === undefined ? undefined : decodeCursor(cursor).id
      const rows = await database.withUser(getClaims(request), (tx) =>
        listRequests(tx, { status, afterId, limit: limit + 1 }),
      )
      return toPage(rows, limit, ({ created_at, id }) => ({ timestamp: created_at, id }))
    },
  )

  app.post(
    '/api/v1/admin/plan-requests/:id/accept',
    { schema: subscriptionRoutes['POST /api/v1/admin/plan-requests/:id/accept'], config },
    (request) => acceptPlanRequest(services, getClaims(request).sub, request.params.id, request.body),
  )

  app.post(
    '/api/v1/admin/plan-requests/:id/refuse',
    { schema: subscriptionRoutes['POST /api/v1/admin/plan-requests/:id/refuse'], config },
    (request) => refusePlanRequest(services, getClaims(request).sub, request.params.id, request.body.answer),
  )
}
