import type { Services } from '../app.ts'
import type { App } from '../http/app-types.ts'
import { modelRoutes } from './model-schemas.ts'

export function addModelRoutes(app: App, { models }: Services): void {
  app.get('/api/v1/models', { schema: modelRoutes['GET /api/v1/models'] }, async () => ({
    data: models.list().map(({ id, label, provider, isBuiltIn }) => ({
      id,
      label,
      provider,
      is_built_in: isBuiltIn,
      is_default: id === models.default.id,
    })),
  }))
}
