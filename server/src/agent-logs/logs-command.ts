import { parseArgs } from 'node:util'
import { recordAudit } from '../audit-log/record-audit.ts'
import type { Config } from '../config.ts'
import { withCommandDatabase } from '../database/connect-for-command.ts'
import type { Database } from '../database/database.ts'
import { rollUpUsage } from '../usage/roll-up-usage.ts'
import { type PruneReport, pruneLogs } from './prune-agent-logs.ts'
import { findPruneReport } from './retention-queries.ts'

const usage = `Usage: npm run logs -- <command>, also while servers run
  status              for how long logs are kept, and what was forgotten last
  prune [--dry-run]   forgets what is older; --dry-run only says what would go`

/** `logs <command>`, on the same database that `start` would use. Servers prune by themselves, every hour. */
export async function logsCommand(config: Config, args: string[]): Promise<void> {
  const { positionals, values } = readArguments(args)
  const [action = ''] = positionals
  if (!['status', 'prune'].includes(action) || positionals.length > 1) throw new Error(usage)
  const say = (text: string) => void process.stdout.write(`${text}\n`)
  await withCommandDatabase(config, say, async (database, { ownerUrl }) => {
    if (action === 'status') await status(database, config, say)
    else await prune(database, config, ownerUrl, values['dry-run'], say)
  })
}

function readArguments(args: string[]) {
  try {
    return parseArgs({ args, options: { 'dry-run': { type: 'boolean', default: false } }, allowPositionals: true })
  } catch (cause) {
    throw new Error(usage, { cause })
  }
}

async function status(database: Database, { logRetentionDays }: Config, say: (text: string) => void): Promise<void> {
  say(
    logRetentionDays === null
      ? 'Logs are kept for ever, but for users whose plan says otherwise (LOG_RETENTION_DAYS is not set).'
      : `Logs are kept for ${logRetentionDays} days, but for users whose plan says otherwise.`,
  )
  const report = await database.asSystem('an operator asks what was forgotten', (tx) => findPruneReport(tx))
  // Nothing but `pruneLogs` writes it.
  say(report ? `Last time, ${describeReport(report as PruneReport)}` : 'Nothing was forgotten yet.')
}

async function prune(
  database: Database,
  { logRetentionDays }: Config,
  ownerUrl: string,
  isDryRun: boolean,
  say: (text: string) => void,
): Promise<void> {
  if (!isDryRun) await rollUpUsage(database)
  const stopping = new AbortController()
  const stop = () => stopping.abort()
  process.once('SIGINT', stop).once('SIGTERM', stop)
  const report = await pruneLogs({
    database,
    ownerUrl,
    defaultDays: logRetentionDays,
    isDryRun,
    onProgress: say,
    signal: stopping.signal,
  })
  process.off('SIGINT', stop).off('SIGTERM', stop)
  if (!report) throw new Error('Another server or command forgets logs of this database at this moment.')
  if (!isDryRun)
    await database.asSystem('an operator had logs forgotten', (tx) =>
      recordAudit(tx, {
        actor: null,
        action: 'logs.prune',
        target: { type: 'table', id: 'agent_logs' },
        detail: { months: report.partitions.map(({ name }) => name), logs: report.deleted.rows },
      }),
    )
  say(isDryRun ? `Would forget: ${describeReport(report)}` : `Forgot: ${describeReport(report)}`)
}

function describeReport({ partitions, busy, deleted, seconds, finished_at }: PruneReport): string {
  const dropped = partitions.reduce((sum, { rows }) => sum + rows, 0)
  const bytes = deleted.bytes + partitions.reduce((sum, partition) => sum + partition.bytes, 0)
  const words = [
    `${partitions.length} whole months with ${dropped} logs`,
    `${deleted.rows} logs of ${deleted.users} users in batches`,
    `${(bytes / 1e6).toFixed(1)} MB, ${seconds} s, ${finished_at}`,
  ]
  if (busy.length > 0) words.push(`${busy.join(', ')} could not be locked and is tried again`)
  return words.join('; ')
}
