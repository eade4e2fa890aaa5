import { sql } from 'kysely'
import type { Tx } from '../database/database.ts'
import { readInOrder } from '../database/read-in-order.ts'
import { readIdTime } from '../database/uuid-v7.ts'
import { AppError } from '../errors.ts'
import type { Cursor } from '../http/pagination.ts'
import { againIfMoved } from './again-if-moved.ts'
import {
  type AgentLog,
  type AgentLogFilter,
  type AgentLogSummary,
  csvColumns,
  type RunStatus,
} from './agent-log-schemas.ts'
import type { Span } from './agent-log-span.ts'
import { withNames } from './agent-names.ts'
import { readMetadata } from './read-metadata.ts'

export type LogOrder = 'asc' | 'desc'

/** Which logs a statement is about; `from` and `to` of the filter are already in the span. */
export interface LogSelection {
  filter: Omit<AgentLogFilter, 'from' | 'to'>
  span: Span
  /** Of a window; `windowRows` when left out. */
  rows?: number
}

const previewLength = 500
/** A page of an export ends after this many bytes, so that its memory does not grow with the length of the texts. */
const exportPageBytes = 4 * 1024 * 1024

/**
 * How many rows a statement looks at, at most and one by one, for a filter that no index answers: a tenth of a second's work in memory,
 * and far from the time limit also when every row comes from the disk. docs/decisions/0008 has the figures.
 */
export const windowRows = 20_000

/** Whether the rows of a selection are looked at one by one, a window at a time. */
export function needsWindows({ agent_id, status, search }: LogSelection['filter']): boolean {
  return agent_id !== undefined || status !== undefined || Boolean(search)
}

/**
 * What an index answers becomes a condition of its own when it is given. Row-level security adds the owner, and with it
 * the index on `user_id`.
 */
function selectStretch(tx: Tx, { filter: { user_agent_id, conversation_id }, span }: LogSelection) {
  return (
    tx
      .selectFrom('agent_logs')
      .$if(user_agent_id !== undefined, (query) => query.where('user_agent_id', '=', user_agent_id ?? null))
      .$if(conversation_id !== undefined, (query) => query.where('conversation_id', '=', conversation_id ?? ''))
      // The plain bounds leave out partitions, which PostgreSQL does not read from the row comparison.
      .where('timestamp', '>=', span.after.timestamp)
      .where('timestamp', '<=', span.before.timestamp)
      .where(sql<boolean>`("timestamp", id) > (${span.after.timestamp}, ${span.after.id}::uuid)`)
      .where(sql<boolean>`("timestamp", id) < (${span.before.timestamp}, ${span.before.id}::uuid)`)
  )
}

/**
 * The logs of a selection, or, where one of its filters has no index, those in its next window. The limit
 * keeps PostgreSQL from filtering before it, so that a search for what is nowhere ends like any other.
 */
function selectLogs(tx: Tx, selection: LogSelection, order: LogOrder) {
  if (!needsWindows(selection.filter)) return selectStretch(tx, selection)
  const { agent_id = null, status = null, search } = selection.filter
  const pattern = search ? `%${search.replace(/[\\%_]/g, '\\$&')}%` : null
  const rows = selectStretch(tx, selection)
    .selectAll()
    .orderBy('timestamp', order)
    .orderBy('id', order)
    .limit(sql.lit(selection.rows ?? windowRows))
  return (
    tx
      .selectFrom(rows.as('agent_logs'))
      // All of them always, so that they make few statements to prepare.
      .where(sql<boolean>`(${agent_id}::uuid is null or agent_id = ${agent_id}::uuid)`)
      .where(sql<boolean>`(${status}::text is null or status = ${status}::text)`)
      .where(sql<boolean>`(${pattern}::text is null or input ilike ${pattern}::text or output ilike ${pattern}::text)`)
  )
}

/** The last row of the window at the beginning of a selection; null when nothing lies behind it. */
export async function findWindowEnd(tx: Tx, selection: LogSelection, order: LogOrder): Promise<Cursor | null> {
  if (!needsWindows(selection.filter)) return null
  const ends = selectStretch(tx, selection)
    .select(['timestamp', 'id'])
    .orderBy('timestamp', order)
    .orderBy('id', order)
    // Of bounded length, over the entries of an index.
    .offset(sql.lit((selection.rows ?? windowRows) - 1))
    .limit(sql.lit(2))
  const [last, next] = await readInOrder(tx, ends)
  return last && next ? last : null
}

const commonColumns = [
  'id',
  'timestamp',
  'agent_id',
  'user_agent_id',
  'conversation_id',
  sql<RunStatus>`status`.as('status'),
  'error_code',
  'source',
  'model',
  'input_tokens',
  'output_tokens',
  sql<number | null>`cost_usd::float8`.as('cost_usd'),
  'latency_ms',
  sql<1 | -1 | null>`rating`.as('rating'),
] as const

const wholeColumns = [...commonColumns, 'input', 'output', 'rating_comment', 'metadata'] as const
// Where they are read out of a subquery.
const wholeNames = [
  ...csvColumns.filter((name) => name !== 'agent_name' && name !== 'user_agent_name'),
  'metadata',
] as const

/** `left` counts characters, which takes as long for a short text as reading the whole row; most texts are short. */
function preview(column: 'input' | 'output') {
  const text = sql.ref(column)
  const length = sql.lit(previewLength)
  return sql<string | null>`case when octet_length(${text}) <= ${length} then ${text} else left(${text}, ${length}) end`
}

/** At most `limit` logs of one window, with their texts cut short. */
export async function listLogs(
  tx: Tx,
  selection: LogSelection,
  order: LogOrder,
  limit: number,
): Promise<AgentLogSummary[]> {
  const page = selectLogs(tx, selection, order)
    .select(commonColumns)
    .select([preview('input').$castTo<string>().as('input'), preview('output').as('output')])
    .orderBy('timestamp', order)
    .orderBy('id', order)
    .limit(limit)
  return withNames(tx, await readInOrder(tx, page))
}

/** Whole logs of one window: at most `limit`, fewer when they are long; none means that there are none in it. */
export async function listWholeLogs(
  tx: Tx,
  selection: LogSelection,
  order: LogOrder,
  limit: number,
): Promise<AgentLog[]> {
  const page = selectLogs(tx, selection, order)
    .select(wholeColumns)
    .orderBy('timestamp', order)
    .orderBy('id', order)
    .limit(limit)
  // Of metadata only the compressed size is known without reading it: an eighth of its text is a common best case.
  const sized = tx
    .selectFrom(page.as('page'))
    .selectAll()
    .select(
      sql<number | null>`sum(octet_length(input) + coalesce(octet_length(output), 0) + 8 * pg_column_size(metadata))
        over (order by "timestamp" ${sql.raw(order)}, id ${sql.raw(order)} rows between unbounded preceding and 1 preceding)`.as(
        'bytes_before',
      ),
    )
  const fitting = tx
    .selectFrom(sized.as('sized'))
    .select([...wholeNames])
    .where(sql<boolean>`coalesce(bytes_before, 0) < ${sql.lit(exportPageBytes)}`)
    .orderBy('timestamp', order)
    .orderBy('id', order)
  const rows = await withNames(tx, await readInOrder(tx, fitting))
  return rows.map(({ metadata, ...row }) => ({ ...row, metadata: readMetadata(metadata) }))
}

/** The id names the millisecond the run began, and with it the one partition to read. */
function whereId(id: string) {
  const time = readIdTime(id)
  return sql<boolean>`id = ${id}::uuid and "timestamp" >= ${time} and "timestamp" < ${new Date(time.getTime() + 1)}`
}

/** Throws `not_found` when there is none or it is somebody else's. */
export async function getLog(tx: Tx, id: string): Promise<AgentLog> {
  const [row] = await withNames(tx, await tx.selectFrom('agent_logs').select(wholeColumns).where(whereId(id)).execute())
  if (!row) throw new AppError('not_found')
  return { ...row, metadata: readMetadata(row.metadata) }
}

export async function rateLog(
  tx: Tx,
  id: string,
  { rating, comment }: { rating: 1 | -1 | null; comment?: string | null },
): Promise<AgentLog> {
  const update = tx
    .updateTable('agent_logs')
    .set({ rating, rating_comment: comment || null })
    .where(whereId(id))
    .returning('id')
  await againIfMoved(() => update.executeTakeFirst())
  return getLog(tx, id)
}

/** Throws `conflict` while it runs: the end of the run would find no row to write to. */
export async function deleteLog(tx: Tx, id: string): Promise<void> {
  const deletion = tx.deleteFrom('agent_logs').where(whereId(id)).where('status', '<>', 'running').returning('id')
  if (await againIfMoved(() => deletion.executeTakeFirst())) return
  const running = await tx.selectFrom('agent_logs').select('id').where(whereId(id)).executeTakeFirst()
  if (running) throw new AppError('conflict', { detail: 'This run is still running. Cancel it first.' })
  throw new AppError('not_found')
}

/**
 * Deletes the newest `limit` logs of a window but not those that run. `last` is where the next batch goes on: the last row
 * looked at, null when there are no more.
 */
export async function deleteLogBatch(
  tx: Tx,
  selection: LogSelection,
  limit: number,
): Promise<{ deleted: number; running: number; last: Cursor | null }> {
  const batch = selectLogs(tx, selection, 'desc')
    .select(['id', 'timestamp', 'status'])
    .orderBy('timestamp', 'desc')
    .orderBy('id', 'desc')
    .limit(limit)
  const rows = await readInOrder(tx, batch)
  const next = rows.length < limit ? await findWindowEnd(tx, selection, 'desc') : rows[limit - 1]
  const [first] = rows
  const last = rows.at(-1)
  if (!first || !last) return { deleted: 0, running: 0, last: next ?? null }
  const ids = rows.filter(({ status }) => status !== 'running').map(({ id }) => id)
  const { numDeletedRows } = await tx
    .deleteFrom('agent_logs')
    .where(sql<boolean>`id = any(${ids}::uuid[])`)
    .where('timestamp', '>=', last.timestamp)
    // A timestamp that another program wrote may have microseconds, which a Date has not.
    .where('timestamp', '<', new Date(first.timestamp.getTime() + 1))
    .where('status', '<>', 'running')
    .executeTakeFirstOrThrow()
  return { deleted: Number(numDeletedRows), running: rows.length - ids.length, last: next ?? null }
}
