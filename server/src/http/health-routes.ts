import { z } from 'zod'
import { AppError } from '../errors.ts'
import type { App } from './app-types.ts'

const statusSchema = z.object({ status: z.literal('ok').meta({ description: 'Always `ok`' }) })

/** `/healthz`: the process answers. `/readyz`: it can serve, that is, the database answers and it is not about to stop. */
export function addHealthRoutes(
  app: App,
  services: { database: { isReady(): Promise<boolean> }; activeRuns: { isDraining: boolean } },
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
    { schema: { tags: ['Health'], summary: 'Can it serve?', response: { 200: statusSchema } }, config },
    async () => {
      if (services.activeRuns.isDraining) throw new AppError('shutting_down', { retryAfterSeconds: 5 })
      if (!(await services.database.isReady()))
        throw new AppError('unavailable', { detail: 'The database cannot be reached.', retryAfterSeconds: 2 })
      return { status: 'ok' as const }
    },
  )
}
