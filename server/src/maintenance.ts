import { sql } from 'kysely'
import { pruneLogs } from './agent-logs/prune-agent-logs.ts'
import { expireWaitingRuns } from './approvals/end-waiting-runs.ts'
import { deleteExpiredSignInRows } from './auth/session-queries.ts'
import type { Database } from './database/database.ts'
import { ensurePartitions, findPartitionFaults, type PartitionWatch } from './database/partitions.ts'
import { deleteOldDeliveries } from './integrations/deliveries/delivery-queries.ts'
import type { Log } from './log.ts'
import type { ModelRegistry } from './runtime/models/model-registry.ts'
import { rollUpUsage } from './usage/roll-up-usage.ts'

const everyMs = 3_600_000
/** A server that has just started has people waiting. */
const firstAfterMs = 60_000
const ollamaEveryMs = 60_000
const keepDeliveriesMs = 30 * 24 * 3_600_000
// One batch stays far below the time limit of a statement, whatever has gathered.
const deliveriesPerBatch = 1000

interface MaintenanceOptions {
  database: Database
  ownerUrl: string
  models: Pick<ModelRegistry, 'refreshOllama'>
  partitionWatch: PartitionWatch
  logRetentionDays: number | null
  log: Log
}

/** What has to be done now and then on every server; doing it twice at once does no harm. */
export function startMaintenance(options: MaintenanceOptions): { stop(): Promise<void> } {
  const { models, log } = options
  const stopping = new AbortController()
  let maintaining: Promise<void> | null = null
  let looking: Promise<void> = Promise.resolve()
  const maintain = () => {
    // Pruning a large log for the first time may take longer than an hour.
    maintaining ??= runMaintenance(options, stopping.signal).finally(() => {
      maintaining = null
    })
  }
  const first = setTimeout(maintain, firstAfterMs)
  const timers = [
    setInterval(maintain, everyMs),
    setInterval(() => {
      looking = attempt(log, 'looking for Ollama', () => models.refreshOllama())
    }, ollamaEveryMs),
  ]
  return {
    async stop() {
      clearTimeout(first)
      for (const timer of timers) clearInterval(timer)
      stopping.abort()
      await maintaining
      await looking
    },
  }
}

/** Each part by itself: what fails does not keep the others from their work. */
export async function runMaintenance(options: Omit<MaintenanceOptions, 'models'>, signal: AbortSignal): Promise<void> {
  const { database, ownerUrl, logRetentionDays, log } = options
  const parts: [string, () => Promise<unknown>][] = [
    ['making partitions', () => ensurePartitions(ownerUrl)],
    ['looking at partitions', () => lookAtPartitions(options)],
    ['forgetting what has expired', () => forgetExpired(database)],
    ['forgetting old messages to webhooks', () => forgetOldDeliveries(database, signal)],
    ['ending runs that waited too long', () => expireWaitingRuns(database)],
    ['counting usage', () => rollUpUsage(database, signal)],
    ['forgetting old logs', () => forgetOldLogs(database, ownerUrl, logRetentionDays, log, signal)],
  ]
  for (const [name, work] of parts) {
    if (signal.aborted) return
    await attempt(log, name, work)
  }
}

async function attempt(log: Log, name: string, work: () => Promise<unknown>): Promise<void> {
  try {
    await work()
  } catch (error) {
    log.error({ err: error }, `${name} failed; it is tried again`)
  }
}

async function lookAtPartitions({
  ownerUrl,
  partitionWatch,
  log,
}: Pick<MaintenanceOptions, 'ownerUrl' | 'partitionWatch' | 'log'>): Promise<void> {
  const faults = await findPartitionFaults(ownerUrl)
  partitionWatch.faults = faults.map(({ kind }) => kind)
  for (const { detail, ...fault } of faults) log.warn(fault, detail)
}

async function forgetOldLogs(
  database: Database,
  ownerUrl: string,
  defaultDays: number | null,
  log: Log,
  signal: AbortSignal,
): Promise<void> {
  const onProgress = (progress: string) => log.info({ progress }, 'forgetting old logs')
  const report = await pruneLogs({ database, ownerUrl, defaultDays, onProgress, signal })
  if (!report) return
  if (report.partitions.length > 0 || report.deleted.rows > 0) log.info(report, 'old logs were forgotten')
  if (report.busy.length > 0)
    log.warn({ partitions: report.busy }, 'old partitions could not be locked; they are tried again in an hour')
}

async function forgetOldDeliveries(database: Database, signal: AbortSignal): Promise<void> {
  const before = new Date(Date.now() - keepDeliveriesMs)
  for (let deleted = deliveriesPerBatch; deleted === deliveriesPerBatch && !signal.aborted; )
    deleted = await database.asSystem('what has expired is forgotten, whoever it belonged to', (tx) =>
      deleteOldDeliveries(tx, before, deliveriesPerBatch),
    )
}

function forgetExpired(database: Database): Promise<void> {
  return database.asSystem('what has expired is forgotten, whoever it belonged to', async (tx) => {
    await deleteExpiredSignInRows(tx)
    await tx.deleteFrom('idempotency_keys').where('created_at', '<', sql<Date>`now() - interval '24 hours'`).execute()
  })
}
