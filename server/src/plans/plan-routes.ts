import type { Services } from '../app.ts'
import { getClaims } from '../auth/authenticate.ts'
import type { App } from '../http/app-types.ts'
import { changePlan, endOffer, makePlan, offerPlan, takeOffMarket } from './change-plan.ts'
import { getPlanForAdmin, listAllPlans, listOffers, listPlansFor, listPublicPlans } from './plan-queries.ts'
import { planRoutes } from './plan-schemas.ts'

export function addPlanRoutes(app: App, services: Services): void {
  const { database } = services
  app.get(
    '/api/v1/plans',
    { schema: planRoutes['GET /api/v1/plans'], config: { access: 'public' } },
    async (request) => {
      const claims = request.signedInUser?.claims
      const plans = claims
        ? await database.withUser(claims, (tx) => listPlansFor(tx, claims.sub))
        : await database.asAnonymous(listPublicPlans)
      return { data: plans }
    },
  )
  addAdminRoutes(app, services)
  addOfferRoutes(app, services)
}

const config = { access: 'admin' } as const

function addAdminRoutes(app: App, services: Services): void {
  const { database } = services
  app.get('/api/v1/admin/plans', { schema: planRoutes['GET /api/v1/admin/plans'], config }, async (request) => ({
    data: await database.withUser(getClaims(request), listAllPlans),
  }))

  app.post('/api/v1/admin/plans', { schema: planRoutes['POST /api/v1/admin/plans'], config }, async (request, reply) =>
    reply.status(201).send(await makePlan(services, getClaims(request).sub, request.body)),
  )

  app.get('/api/v1/admin/plans/:id', { schema: planRoutes['GET /api/v1/admin/plans/:id'], config }, (request) =>
    database.withUser(getClaims(request), async (tx) => {
      const plan = await getPlanForAdmin(tx, request.params.id)
      return { ...plan, offers: await listOffers(tx, plan.id) }
    }),
  )

  app.patch('/api/v1/admin/plans/:id', { schema: planRoutes['PATCH /api/v1/admin/plans/:id'], config }, (request) =>
    changePlan(services, getClaims(request).sub, request.params.id, request.body, request.query.dry_run === 'true'),
  )

  app.post(
    '/api/v1/admin/plans/:id/archive',
    { schema: planRoutes['POST /api/v1/admin/plans/:id/archive'], config },
    (request) => takeOffMarket(services, getClaims(request).sub, request.params.id),
  )
}

function addOfferRoutes(app: App, services: Services): void {
  app.put(
    '/api/v1/admin/plans/:id/offers/:user_id',
    { schema: planRoutes['PUT /api/v1/admin/plans/:id/offers/:user_id'], config },
    async (request, reply) => {
      const { id, user_id: userId } = request.params
      await offerPlan(services, getClaims(request).sub, id, userId)
      return reply.status(204).send(null)
    },
  )

  app.delete(
    '/api/v1/admin/plans/:id/offers/:user_id',
    { schema: planRoutes['DELETE /api/v1/admin/plans/:id/offers/:user_id'], config },
    async (request, reply) => {
      const { id, user_id: userId } = request.params
      await endOffer(services, getClaims(request).sub, id, userId)
      return reply.status(204).send(null)
    },
  )
}
