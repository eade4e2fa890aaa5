import { setTimeout as sleep } from 'node:timers/promises'
import type pg from 'pg'
import type { Database } from '../database/database.ts'
import { firstMonthKept } from '../database/partitions.ts'
import { connectAsOwner, dropPartition, type LogPartition, listPartitions } from './drop-partition.ts'
import { forgetDroppedRuns } from './forget-dropped-runs.ts'
import {
  countExpired,
  countRange,
  deleteExpired,
  type ExpiredUser,
  hasRetention,
  isRangeExpired,
  type LogRange,
  listExpiredUsers,
  type RowCount,
  savePruneReport,
} from './retention-queries.ts'

/** Number of the advisory lock that lets one server or command at a time forget logs. */
const advisoryLock = 72707373
const usersPerPage = 500
const logsPerBatch = 1000
const pauseMs = 20
/** A look that reads a month; the second one keeps writers of it waiting, for less than their own limit of 5 s. */
const lookTimeoutMs = 120_000
const lockedLookTimeoutMs = 4000
const firstId = '00000000-0000-0000-0000-000000000000'
const reason = 'logs that are too old are forgotten, whoever they belonged to'

export interface PruneOptions {
  database: Database
  ownerUrl: string
  /** For users without a plan that says otherwise; null keeps their logs for ever. */
  defaultDays: number | null
  /** Only counts what would go. */
  isDryRun?: boolean
  onProgress?: (text: string) => void
  signal?: AbortSignal
}

export interface PruneReport {
  finished_at: string
  /** Whole months that were dropped. */
  partitions: (RowCount & { name: string })[]
  /** Months that were due and could not be locked; the next run takes them. */
  busy: string[]
  /** Deleted in batches. */
  deleted: RowCount & { users: number }
  seconds: number
}

/**
 * Forgets the logs that are older than their users' retention: whole partitions where every log in them is, batches
 * elsewhere. May be killed at any moment; the next run goes on. Null while another server does it. Runs that still run
 * or wait stay, and so does what usage has not counted yet.
 */
export async function pruneLogs(options: PruneOptions): Promise<PruneReport | null> {
  const { database, ownerUrl, defaultDays, isDryRun = false } = options
  const startedAt = performance.now()
  const report: PruneReport = {
    finished_at: '',
    partitions: [],
    busy: [],
    deleted: { rows: 0, bytes: 0, users: 0 },
    seconds: 0,
  }
  const client = await connectAsOwner(ownerUrl)
  try {
    const { rows } = await client.query<{ is_free: boolean }>('select pg_try_advisory_lock($1) as is_free', [
      advisoryLock,
    ])
    if (!rows[0]?.is_free) return null
    if (await database.asSystem(reason, (tx) => hasRetention(tx, defaultDays))) {
      const dryRanges = await dropMonths(client, options, report)
      await deleteByUser(options, report, dryRanges)
    }
    if (!isDryRun) await forgetDroppedRuns(database, await listPartitions(client), options.signal)
    report.finished_at = new Date().toISOString()
    report.seconds = Math.round(performance.now() - startedAt) / 1000
    if (!isDryRun) await database.asSystem(reason, (tx) => savePruneReport(tx, report))
    return report
  } finally {
    await client.end().catch(() => {})
  }
}

/** Answers the ranges that a dry run has not really dropped. */
async function dropMonths(client: pg.Client, options: PruneOptions, report: PruneReport): Promise<LogRange[]> {
  const dryRanges: LogRange[] = []
  const { database, defaultDays, isDryRun, onProgress, signal } = options
  const isExpired = (partition: LogPartition, statementTimeoutMs: number) =>
    database.asSystem(reason, (tx) => isRangeExpired(tx, defaultDays, partition), { statementTimeoutMs })
  const keptFrom = firstMonthKept(new Date())
  for (const partition of await listPartitions(client)) {
    if (signal?.aborted) break
    // It would be made again at once.
    if (partition.to > keptFrom) continue
    if (!(await isExpired(partition, lookTimeoutMs))) continue
    const rows = await database.asSystem(reason, (tx) => countRange(tx, partition), {
      statementTimeoutMs: lookTimeoutMs,
    })
    const dropped =
      isDryRun || (await dropPartition(client, partition, () => isExpired(partition, lockedLookTimeoutMs), signal))
    if (dropped === 'busy') report.busy.push(partition.name)
    if (dropped !== true) continue
    const { name, bytes } = partition
    report.partitions.push({ name, rows, bytes })
    if (isDryRun) dryRanges.push(partition)
    onProgress?.(`${name}: ${rows} logs, ${bytes} bytes, ${isDryRun ? 'would be dropped' : 'dropped'}`)
  }
  return dryRanges
}

async function deleteByUser(options: PruneOptions, report: PruneReport, dryRanges: LogRange[]): Promise<void> {
  const { database, defaultDays, onProgress, signal } = options
  let after: string | null = firstId
  while (after !== null && !signal?.aborted) {
    const from: string = after
    const page = await database.asSystem(reason, (tx) => listExpiredUsers(tx, defaultDays, from, usersPerPage))
    for (const user of page.users) {
      const { rows, bytes } = await (options.isDryRun
        ? database.asSystem(reason, (tx) => countExpired(tx, user, dryRanges))
        : deleteOf(options, user))
      if (rows === 0) continue
      report.deleted.rows += rows
      report.deleted.bytes += bytes
      report.deleted.users += 1
    }
    after = page.last
    if (page.users.length > 0) onProgress?.(`${report.deleted.rows} logs of ${report.deleted.users} users`)
  }
}

async function deleteOf({ database, signal }: PruneOptions, user: ExpiredUser): Promise<RowCount> {
  const total = { rows: 0, bytes: 0 }
  while (!signal?.aborted) {
    const { rows, bytes } = await database.asSystem(reason, (tx) => deleteExpired(tx, user, logsPerBatch))
    total.rows += rows
    total.bytes += bytes
    if (rows === 0) break
    // Others want the disk as well.
    await sleep(pauseMs)
  }
  return total
}
