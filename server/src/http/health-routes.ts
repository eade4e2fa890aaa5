import { z } from 'zod'
import type { BackupWatch } from '../backup/backup-status.ts'
import { AppError } from '../errors.ts'
import type { App } from './app-types.ts'

const statusSchema = z.object({ status: z.literal('ok').meta({ description: 'Always `ok`' }) })
const readySchema = statusSchema.extend({
  details: z
    .object({ backups: z.literal('overdue').meta({ description: 'The newest verified backup is too old' }) })
    .optional()
    .meta({ description: 'What an operator should look at, though it can serve' }),
})

/** `/healthz`: the process answers. `/readyz`: it can serve, that is, the database answers and it is not about to stop. */
export function addHealthRoutes(
  app: App,
  services: {
    database: { isReady(): Promise<boolean> }
    activeRuns: { isDraining: boolean }
    backupWatch: BackupWatch
  },
): void {
  const config = { access: 'public' } as const
  app.get(
    '/healthz',
    { schema: { tags: ['Health'], summary: 'Is the process alive?', response: { 200: statusSchema } }, config },
    () => ({
      status: 'ok' as const,
    }),
  )
  app.get(
    '/readyz',
    { schema: { tags: ['Health'], summary: 'Can it serve?', response: { 200: readySchema } }, config },
    async () => {
      if (services.activeRuns.isDraining) throw new AppError('shutting_down', { retryAfterSeconds: 5 })
      if (!(await services.database.isReady()))
        throw new AppError('unavailable', { detail: 'The database cannot be reached.', retryAfterSeconds: 2 })
      if (services.backupWatch.lastRead()?.overdue)
        return { status: 'ok' as const, details: { backups: 'overdue' as const } }
      return { status: 'ok' as const }
    },
  )
}
