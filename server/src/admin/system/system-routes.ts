import type { Services } from '../app.ts'
import type { App } from '../http/app-types.ts'
import { systemRoutes } from './system-schemas.ts'

export function addSystemRoutes(app: App, { backupWatch }: Services): void {
  app.get(
    '/api/v1/admin/system',
    { schema: systemRoutes['GET /api/v1/admin/system'], config: { access: 'admin' } },
    async () => ({ backups: await backupWatch.read() }),
  )
}
