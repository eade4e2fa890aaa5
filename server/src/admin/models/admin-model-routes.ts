import type { Services } from '../../app.ts'
import { getClaims } from '../../auth/authenticate.ts'
import type { App } from '../../http/app-types.ts'
import { adminModelRoutes } from './admin-model-schemas.ts'
import { changeModelPrice, resetModelPrice } from './change-model-price.ts'
import { listAdminModels, listProviders } from './list-admin-models.ts'

export function addAdminModelRoutes(app: App, services: Services): void {
  const { database, models } = services
  const config = { access: 'admin' } as const
  app.get('/api/v1/admin/models', { schema: adminModelRoutes['GET /api/v1/admin/models'], config }, async () => ({
    providers: listProviders(services),
    data: await database.asSystem('admins see what every model costs', (tx) => listAdminModels(tx, models)),
  }))

  app.put(
    '/api/v1/admin/models/prices/:model',
    { schema: adminModelRoutes['PUT /api/v1/admin/models/prices/:model'], config },
    (request) => changeModelPrice(services, getClaims(request).sub, { model: request.params.model, ...request.body }),
  )

  app.delete(
    '/api/v1/admin/models/prices/:model',
    { schema: adminModelRoutes['DELETE /api/v1/admin/models/prices/:model'], config },
    async (request, reply) => {
      await resetModelPrice(services, getClaims(request).sub, request.params.model)
      return reply.status(204).send(null)
    },
  )
}
