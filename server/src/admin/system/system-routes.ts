import type { Services } from '../../app.ts'
import type { App } from '../../http/app-types.ts'
import { readSystem } from './read-system.ts'
import { systemRoutes } from './system-schemas.ts'

export function addSystemRoutes(app: App, services: Services): void {
  app.get(
    '/api/v1/admin/system',
    { schema: systemRoutes['GET /api/v1/admin/system'], config: { access: 'admin' } },
    () => readSystem(services),
  )
}
