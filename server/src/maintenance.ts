import { sql } from 'kysely'
import { deleteExpiredSignInRows } from './auth/session-queries.ts'
import type { Database } from './database/database.ts'
import { ensurePartitions } from './database/partitions.ts'
import type { Log } from './log.ts'
import type { ModelRegistry } from './runtime/models/model-registry.ts'

const everyMs = 3_600_000
const ollamaEveryMs = 60_000

/** What has to be done now and then on every server; doing it twice at once does no harm. */
export function startMaintenance(options: { database: Database; ownerUrl: string; models: ModelRegistry; log: Log }): {
  stop(): Promise<void>
} {
  const { database, ownerUrl, models, log } = options
  let running: Promise<unknown> = Promise.resolve()
  const guarded = (name: string, work: () => Promise<unknown>) => () => {
    running = work().catch((error: unknown) => log.error({ err: error }, `${name} failed; it is tried again`))
  }
  const timers = [
    setInterval(
      guarded('maintenance', async () => {
        await ensurePartitions(ownerUrl)
        await forgetExpired(database)
      }),
      everyMs,
    ),
    setInterval(
      guarded('looking for Ollama', () => models.refreshOllama()),
      ollamaEveryMs,
    ),
  ]
  return {
    async stop() {
      for (const timer of timers) clearInterval(timer)
      await running
    },
  }
}

function forgetExpired(database: Database): Promise<void> {
  return database.asSystem('what has expired is forgotten, whoever it belonged to', async (tx) => {
    await deleteExpiredSignInRows(tx)
    await tx.deleteFrom('idempotency_keys').where('created_at', '<', sql<Date>`now() - interval '24 hours'`).execute()
  })
}
