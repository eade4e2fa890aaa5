import type { Services } from '../app.ts'
import { getClaims } from '../auth/authenticate.ts'
import { AppError } from '../errors.ts'
import type { App } from '../http/app-types.ts'
import { integrationRoutes } from './integration-schemas.ts'
import { findIntegrationType } from './integration-services.ts'
import { testNewIntegration } from './test-integration.ts'
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

  app.post(
    '/api/v1/integration-types/:type/test',
    { schema: integrationRoutes['POST /api/v1/integration-types/:type/test'] },
    (request) => testNewIntegration(services, getClaims(request), null, { type: request.params.type, ...request.body }),
  )
}
