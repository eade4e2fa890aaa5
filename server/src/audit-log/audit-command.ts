import { parseArgs } from 'node:util'
import type { Config } from '../config.ts'
import { withCommandDatabase } from '../database/connect-for-command.ts'
import type { Database } from '../database/database.ts'
import { type AuditRow, listAuditLog } from './audit-log-queries.ts'
import { describeAction } from './audit-log-routes.ts'
import { verifyAuditLog } from './verify-audit-log.ts'

const usage = `Usage: npm run audit -- <command>, also while servers run
  list [--limit <n>]       the newest entries, 50 unless said otherwise
  export                   every entry as a line of JSON, newest first
  verify [--head <hash>]   computes every hash anew; <hash> is a head that you kept, which shows whether an end was cut off.
                           Ends with 1 when the log is not as it was written`

const entriesPerPage = 500

/** `audit <command>`, on the same database that `start` would use. */
export async function auditCommand(
  config: Config,
  args: string[],
  say = (text: string) => void process.stdout.write(`${text}\n`),
): Promise<void> {
  const { action, head, limit } = readArguments(args)
  // What is exported goes into a file: nothing else may be said there.
  const tell = action === 'export' ? (text: string) => void process.stderr.write(`${text}\n`) : say
  await withCommandDatabase(config, tell, async (database) => {
    if (action === 'verify') await verify(database, head, say)
    else if (action === 'list') await list(database, limit, say)
    else await exportAll(database, say)
  })
}

function readArguments(args: string[]) {
  try {
    const { positionals, values } = parseArgs({
      args,
      options: { head: { type: 'string' }, limit: { type: 'string', default: '50' } },
      allowPositionals: true,
    })
    const [action = '', ...more] = positionals
    const head = values.head?.trim().toLowerCase()
    const limit = Number(values.limit)
    const isFit =
      ['list', 'export', 'verify'].includes(action) &&
      more.length === 0 &&
      (head === undefined || (action === 'verify' && /^[0-9a-f]{64}$/.test(head))) &&
      Number.isInteger(limit) &&
      limit >= 1 &&
      limit <= 10_000
    if (!isFit) throw new Error(usage)
    return { action, head, limit }
  } catch (cause) {
    throw new Error(usage, { cause })
  }
}

async function verify(database: Database, head: string | undefined, say: (text: string) => void): Promise<void> {
  const report = await verifyAuditLog(database, { head, onProgress: (entries) => say(`  ${entries} entries so far`) })
  say(`${report.entries} entries, head ${report.head_hash ?? 'none'}`)
  if (report.is_intact) {
    say(
      head === undefined
        ? 'The audit log is as it was written.'
        : 'The audit log is as it was written, and goes on from the head that you kept.',
    )
    return
  }
  for (const { id, kind, detail } of report.faults) say(`  ${id} ${kind}: ${detail}`)
  throw new Error(`The audit log was tampered with. The first fault is at entry ${report.faults[0]?.id}.`)
}

async function list(database: Database, limit: number, say: (text: string) => void): Promise<void> {
  for await (const row of readEntries(database, limit)) {
    const who = row.actor_name ?? row.actor_id ?? 'the server or a command'
    const whom = `${row.target_type} ${row.target_name ?? row.target_id}`
    say(
      `${row.id}  ${row.created_at.toISOString()}  ${who}: ${describeAction(row.action)}: ${whom} ${JSON.stringify(row.detail)}`,
    )
  }
}

async function exportAll(database: Database, say: (text: string) => void): Promise<void> {
  for await (const row of readEntries(database, Number.POSITIVE_INFINITY)) say(JSON.stringify(row))
}

async function* readEntries(database: Database, most: number): AsyncGenerator<AuditRow> {
  let beforeId: number | undefined
  for (let left = most; left > 0; ) {
    const limit = Math.min(left, entriesPerPage)
    const rows: AuditRow[] = await database.asSystem('an operator reads the audit log', (tx) =>
      listAuditLog(tx, {}, { beforeId, limit }),
    )
    yield* rows
    left -= rows.length
    beforeId = rows.at(-1)?.id
    if (rows.length < limit || beforeId === undefined) return
  }
}
