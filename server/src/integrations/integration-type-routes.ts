import type { Services } from '../app.ts'
import { AppError } from '../errors.ts'
import type { App } from '../http/app-types.ts'
import { integrationRoutes } from './integration-schemas.ts'
import { findIntegrationType } from './integration-services.ts'
import { toIntegrationType } from './to-integration.ts'

export function addIntegrationTypeRoutes(app: App, services: Services): void {
  app.get('/api/v1/integration-types', { schema: integrationRoutes['GET /api/v1/integration-types'] }, async () => ({
    data: services.integrationTypes.map((type) => toIntegrationType(services, type)),
  }))

  app.get(
    '/api/v1/integration-types/:type',
    { schema: integrationRoutes['GET /api/v1/integration-types/:type'] },
    async (request) => {
      const type = findIntegrationType(services, request.params.type)
      if (!type) throw new AppError('not_found')
      return toIntegrationType(services, type)
    },
  )
}
