import { sql } from 'kysely'
import type { JobRecords } from './admin/system/job-records.ts'
import { pruneLogs } from './agent-logs/prune-agent-logs.ts'
import { expireWaitingRuns } from './approvals/end-waiting-runs.ts'
import { logAuditHead } from './audit-log/log-audit-head.ts'
import { deleteExpiredSignInRows } from './auth/session-queries.ts'
import type { Database } from './database/database.ts'
import { ensurePartitions, findPartitionFaults, type PartitionWatch } from './database/partitions.ts'
import { deleteOldDeliveries } from './integrations/deliveries/delivery-queries.ts'
import { releaseLeakedReservations } from './limits/reservation-queries.ts'
import { sendLimitWarnings } from './limits/send-limit-warnings.ts'
import type { Log } from './log.ts'
import type { Mailer } from './mail/open-mailer.ts'
import { sendSubscriptionNews } from './mail/send-subscription-news.ts'
import type { ModelRegistry } from './runtime/models/model-registry.ts'
import { advanceSubscriptions } from './subscriptions/advance-subscriptions.ts'
import { reconcileUsage } from './usage/reconcile-usage.ts'
import { rollUpUsage } from './usage/roll-up-usage.ts'

const everyMs = 3_600_000
/** A server that has just started has people waiting. */
const firstAfterMs = 60_000
const oftenEveryMs = 60_000
const keepDeliveriesMs = 30 * 24 * 3_600_000
// One batch stays far below the time limit of a statement, whatever has gathered.
const deliveriesPerBatch = 1000

interface MaintenanceOptions {
  database: Database
  ownerUrl: string
  models: Pick<ModelRegistry, 'refreshOllama'>
  partitionWatch: PartitionWatch
  /** Remembers how each part went, for the page of admins. */
  jobs: JobRecords
  logRetentionDays: number | null
  mailer: Mailer
  log: Log
}

/** What has to be done now and then on every server; doing it twice at once does no harm. */
export function startMaintenance(options: MaintenanceOptions): { stop(): Promise<void> } {
  const stopping = new AbortController()
  let maintaining: Promise<void> | null = null
  let doingOften: Promise<void> | null = null
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
      // A mail server that hardly answers takes longer than a minute.
      doingOften ??= runOften(options, stopping.signal).finally(() => {
        doingOften = null
      })
    }, oftenEveryMs),
  ]
  return {
    async stop() {
      clearTimeout(first)
      for (const timer of timers) clearInterval(timer)
      stopping.abort()
      await maintaining
      await doingOften
    },
  }
}

/** Each part by itself: what fails does not keep the others from their work. */
export async function runMaintenance(
  options: Omit<MaintenanceOptions, 'models' | 'mailer'>,
  signal: AbortSignal,
): Promise<void> {
  const { database, ownerUrl, logRetentionDays, log } = options
  const parts: [string, () => Promise<unknown>][] = [
    ['making partitions', () => ensurePartitions(ownerUrl)],
    ['looking at partitions', () => lookAtPartitions(options)],
    ['forgetting what has expired', () => forgetExpired(database)],
    ['forgetting old messages to webhooks', () => forgetOldDeliveries(database, signal)],
    ['ending runs that waited too long', () => expireWaitingRuns(database)],
    ['settling runs that nobody else will', () => settleLeakedRuns(database)],
    ['noting the head of the audit log', () => logAuditHead(database, log)],
    ['counting usage', () => rollUpUsage(database, signal)],
    ['forgetting old logs', () => forgetOldLogs(database, ownerUrl, logRetentionDays, log, signal)],
    ['comparing limits with logs', () => reconcileUsage(options, new Date(), signal)],
  ]
  await attemptAll(options, parts, signal)
}

/** What people wait for, every minute. */
export async function runOften(options: MaintenanceOptions, signal: AbortSignal): Promise<void> {
  const parts: [string, () => Promise<unknown>][] = [
    ['looking for Ollama', () => options.models.refreshOllama()],
    ['ending and renewing subscriptions', () => advanceSubscriptions(options.database)],
    ['telling of limits that are near', () => sendLimitWarnings(options, new Date(), signal)],
    ['telling of subscriptions', () => sendSubscriptionNews(options, new Date(), signal)],
  ]
  await attemptAll(options, parts, signal)
}

async function attemptAll(
  options: Pick<MaintenanceOptions, 'jobs' | 'log'>,
  parts: [string, () => Promise<unknown>][],
  signal: AbortSignal,
): Promise<void> {
  for (const [name, work] of parts) {
    if (signal.aborted) return
    await attempt(options, name, work)
  }
}

async function attempt(
  { jobs, log }: Pick<MaintenanceOptions, 'jobs' | 'log'>,
  name: string,
  work: () => Promise<unknown>,
): Promise<void> {
  try {
    await jobs.run(name, work)
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

function settleLeakedRuns(database: Database): Promise<number> {
  return database.asSystem('what runs took from limits is settled when their servers are gone', (tx) =>
    releaseLeakedReservations(tx),
  )
}

function forgetExpired(database: Database): Promise<void> {
  return database.asSystem('what has expired is forgotten, whoever it belonged to', async (tx) => {
    await deleteExpiredSignInRows(tx)
    await tx.deleteFrom('idempotency_keys').where('created_at', '<', sql<Date>`now() - interval '24 hours'`).execute()
  })
}
