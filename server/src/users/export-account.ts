import { sql } from 'kysely'
import type { Claims, Database, Tx } from '../database/database.ts'
import { AppError } from '../errors.ts'
import { toldColumns } from '../subscriptions/subscription-queries.ts'
import { findUser } from './user-queries.ts'

// A page is all that is ever in memory; settings and outputs may be some hundred kilobytes each.
const rowsPerPage = 50

type Row = Record<string, unknown>
interface Place {
  id: string
  time: string
}
interface RowPage {
  rows: Row[]
  /** Where the next page begins; null on the last one. */
  last: Place | null
}
type ReadPage = (tx: Tx, userId: string, after: Place | null) => Promise<RowPage>

/**
 * The account as the text of one JSON object, piece by piece. Each page is a short transaction of its own, so a slow
 * reader holds no connection and no snapshot. Throws before the first piece when there is no such account.
 */
export async function exportAccount(database: Database, claims: Claims): Promise<AsyncGenerator<string>> {
  const profile = await database.withUser(claims, (tx) => findUser(tx, claims.sub))
  if (!profile) throw new AppError('unauthenticated')
  return writeJson(database, claims, profile)
}

async function* writeJson(database: Database, claims: Claims, profile: object): AsyncGenerator<string> {
  const head = JSON.stringify({ exported_at: new Date(), profile })
  yield head.slice(0, -1)
  for (const [name, readPage] of Object.entries(sections)) {
    yield `,\n${JSON.stringify(name)}:[`
    let separator = ''
    let after: Place | null = null
    do {
      const from: Place | null = after
      const page: RowPage = await database.withUser(claims, (tx) => readPage(tx, claims.sub, from))
      if (page.rows.length > 0) {
        yield separator + page.rows.map((row) => JSON.stringify(row)).join(',\n')
        separator = ',\n'
      }
      after = page.last
    } while (after !== null)
    yield ']'
  }
  yield '}\n'
}

const mine = sql`user_id = (select auth.uid())`

const sections: Record<string, ReadPage> = {
  sessions: byId('sessions', ['id', 'user_agent_header', 'created_at', 'rotated_at', 'expires_at'], mine),
  api_keys: byId('api_keys', ['id', 'name', 'prefix', 'last_used_at', 'expires_at', 'revoked_at', 'created_at'], mine),
  agents: byId(
    'agents',
    [
      'id',
      'name',
      'description',
      'type',
      'capabilities',
      'is_public',
      'version',
      'changes',
      'publication_requested_at',
      'publication_note',
      'created_at',
      'updated_at',
    ],
    sql`creator_id = (select auth.uid())`,
  ),
  user_agents: byId(
    'user_agents',
    ['id', 'agent_id', 'agent_version', 'name', 'settings', 'is_active', 'model', 'created_at', 'updated_at'],
    mine,
  ),
  integrations: byId(
    'integrations',
    ['id', 'user_agent_id', 'type', 'settings', 'status', 'created_at', 'updated_at'],
    sql`user_agent_id in (select id from public.user_agents where user_id = (select auth.uid()))`,
  ),
  memories: byId('memories', ['id', 'user_agent_id', 'content', 'is_untrusted', 'created_at'], mine),
  approvals: byId(
    'approvals',
    [
      'id',
      'user_agent_id',
      'log_id',
      'integration_id',
      'tool',
      'title',
      'description',
      'input',
      'edited_input',
      'reason',
      'status',
      'comment',
      'created_at',
      'expires_at',
      'decided_at',
    ],
    mine,
  ),
  subscriptions: byId('subscriptions', [...toldColumns, 'created_at'], mine),
  // Without the id of the admin who did it.
  subscription_events: byId(
    'subscription_events',
    ['id', 'subscription_id', 'type', 'from_status', 'to_status', 'from_plan_id', 'to_plan_id', 'detail', 'created_at'],
    mine,
  ),
  plan_requests: byId(
    'plan_requests',
    ['id', 'plan_id', 'billing_interval', 'message', 'keep', 'status', 'answer', 'created_at', 'decided_at'],
    mine,
  ),
  plan_offers: readOffers,
  agent_logs: readLogs,
}

function byId(table: string, columns: string[], condition: ReturnType<typeof sql>): ReadPage {
  const start = '00000000-0000-0000-0000-000000000000'
  return async (tx, _userId, after) => {
    const { rows } = await sql<Row & { id: string }>`
      select ${sql.join(columns.map((column) => sql.ref(column)))} from ${sql.table(`public.${table}`)}
      where ${condition} and id > ${after?.id ?? start}
      order by id limit ${sql.lit(rowsPerPage)}`.execute(tx)
    const last = rows.at(-1)
    return { rows, last: rows.length === rowsPerPage && last ? { id: last.id, time: '' } : null }
  }
}

/** A user has few of them, and they have no id of their own. */
async function readOffers(tx: Tx, userId: string): Promise<RowPage> {
  const rows = await tx
    .selectFrom('plan_offers')
    .select(['plan_id', 'created_at'])
    .where('user_id', '=', userId)
    .orderBy('created_at')
    .limit(1000)
    .execute()
  return { rows, last: null }
}

/** Oldest first, along the index by user and time. The time is kept as text: a Date would lose its microseconds. */
async function readLogs(tx: Tx, userId: string, after: Place | null): Promise<RowPage> {
  const { rows } = await sql<Row & { id: string; place_time: string }>`
    select id, agent_id, user_agent_id, conversation_id, "timestamp", status, error_code, source, model, input, output,
      input_tokens, output_tokens, cost_usd, latency_ms, rating, rating_comment, metadata,
      "timestamp"::text as place_time
    from public.agent_logs
    where user_id = ${userId} and ("timestamp", id) > (${after?.time ?? '-infinity'}::timestamptz, ${after?.id ?? '00000000-0000-0000-0000-000000000000'}::uuid)
    order by "timestamp", id limit ${sql.lit(rowsPerPage)}`.execute(tx)
  const last = rows.at(-1)
  return {
    rows: rows.map(({ place_time: _, ...row }) => row),
    last: rows.length === rowsPerPage && last ? { id: last.id, time: last.place_time } : null,
  }
}
