import { z } from 'zod'
import type { BackupWatch } from '../backup/backup-status.ts'
import type { PartitionWatch } from '../database/partitions.ts'
import { AppError } from '../errors.ts'
import type { App } from './app-types.ts'

const statusSchema = z.object({ status: z.literal('ok').meta({ description: 'Always `ok`' }) })
const readySchema = statusSchema.extend({
  details: z
    .object({
      backups: z.literal('overdue').optional().meta({ description: 'The newest verified backup is too old' }),
      partitions: z
        .array(z.enum(['missing', 'strays']))
        .optional()
        .meta({
          description:
            'Months of logs without a partition, or logs in the default one, when this server looked last, within the hour',
          example: ['strays'],
        }),
    })
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
    partitionWatch: PartitionWatch
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
      const { faults } = services.partitionWatch
      const details = {
        ...(services.backupWatch.lastRead()?.overdue && { backups: 'overdue' as const }),
        ...(faults.length > 0 && { partitions: faults }),
      }
      return { status: 'ok' as const, ...(Object.keys(details).length > 0 && { details }) }
    },
  )
}
