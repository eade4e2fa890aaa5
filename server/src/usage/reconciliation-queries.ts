import { sql } from 'kysely'
import type { Tx } from '../database/database.ts'
import { createId } from '../database/uuid-v7.ts'

/** Number of the advisory lock that lets one server at a time compare. */
const advisoryLock = 72707376

/** What limits counted and what usage and logs say: users may delete their own logs, never change the counters. */
export interface BothFigures {
  counted: number
  logged: number
}

export const reconciledFigures = ['runs', 'input_tokens', 'output_tokens', 'cost_usd'] as const

/** Of one user, with the figures that differ. */
export type UsageDifference = { user_id: string } & Partial<Record<(typeof reconciledFigures)[number], BothFigures>>

export interface ComparedUsers {
  /** Users with anything in this month. */
  users: number
  differences: UsageDifference[]
  /** Null after the last page. */
  last: string | null
}

type Row = { id: string; has_any: boolean } & Record<`counted_${string}` | `logged_${string}`, number> &
  Record<`differs_${string}`, boolean>

/** False while another server compares. Until the end of the transaction. */
export async function tryLockReconciliation(tx: Tx): Promise<boolean> {
  const { rows } = await sql<{ is_free: boolean }>`
    select pg_try_advisory_xact_lock(${sql.lit(advisoryLock)}) as is_free`.execute(tx)
  return rows[0]?.is_free === true
}

export async function hasReconciledSince(tx: Tx, moment: Date): Promise<boolean> {
  const row = await tx
    .selectFrom('usage_reconciliations')
    .select('id')
    .where('created_at', '>=', moment)
    .limit(1)
    .executeTakeFirst()
  return row !== undefined
}

const columns = sql.join(
  reconciledFigures.map((name) => {
    const [counted, logged] = [sql.ref(`m.${name}`), sql.ref(`l.${name}`)]
    return sql`coalesce(${counted}, 0)::float8 as ${sql.ref(`counted_${name}`)}, ${logged}::float8 as ${sql.ref(`logged_${name}`)},
      coalesce(${counted}, 0) <> ${logged} as ${sql.ref(`differs_${name}`)}`
  }),
)

/**
 * A page of users in the order of their ids. Both figures of a user are of one moment: a run changes its log and the
 * counters in one transaction, and each page is one statement. `month` is its first day.
 */
export async function compareUsers(
  tx: Tx,
  { month, after, limit }: { month: string; after: string; limit: number },
): Promise<ComparedUsers> {
  const begin = sql`(${month}::date::timestamp at time zone 'UTC')`
  const end = sql`((${month}::date + interval '1 month') at time zone 'UTC')`
  const { rows } = await sql<Row>`
    with page as (select id from users where id > ${after}::uuid order by id limit ${limit})
    select page.id, m.user_id is not null or l.entries > 0 as has_any, ${columns}
    from page left join usage_months m on m.user_id = page.id and m.month = ${month}::date
    cross join lateral (
      select count(*) as entries, coalesce(sum(runs), 0) as runs, coalesce(sum(input_tokens), 0) as input_tokens,
        coalesce(sum(output_tokens), 0) as output_tokens, coalesce(sum(cost_usd), 0) as cost_usd
      from (
        select runs - failed - interrupted as runs, input_tokens, output_tokens, cost_usd from usage_hours
        where user_id = page.id and hour >= ${begin} and hour < ${end}
        union all
        select (status not in ('failed', 'interrupted'))::integer, coalesce(input_tokens, 0), coalesce(output_tokens, 0),
          coalesce(cost_usd, 0) from agent_logs
        where user_id = page.id and "timestamp" < ${end}
          and "timestamp" >= greatest(${begin}, (select rolled_until from usage_rollup))
      ) entry
    ) l
    order by page.id`.execute(tx)
  return {
    users: rows.filter(({ has_any }) => has_any).length,
    differences: rows.flatMap((row) => toDifference(row) ?? []),
    last: rows.length < limit ? null : (rows.at(-1)?.id ?? null),
  }
}

function toDifference(row: Row): UsageDifference | null {
  const differing = reconciledFigures.filter((name) => row[`differs_${name}`])
  if (differing.length === 0) return null
  const figures = differing.map((name) => [
    name,
    { counted: row[`counted_${name}`], logged: row[`logged_${name}`] } as BothFigures,
  ])
  return { user_id: row.id, ...Object.fromEntries(figures) }
}

export interface Reconciliation {
  /** Its first day. */
  month: string
  users: number
  released_reservations: number
  difference_count: number
  /** The first of them. */
  differences: UsageDifference[]
}

export async function saveReconciliation(tx: Tx, { month, differences, ...row }: Reconciliation, now: Date) {
  await tx
    .insertInto('usage_reconciliations')
    .values({
      id: createId(),
      // Not a Date: its day would depend on the time zone of this machine.
      month: sql<Date>`${month}::date`,
      differences: JSON.stringify(differences),
      created_at: now,
      ...row,
    })
    .execute()
}

/** Takes a user who is erased out of what earlier comparisons found; how many differed stays. */
export async function forgetDifferences(tx: Tx, userId: string): Promise<void> {
  await sql`
    update usage_reconciliations
    set differences = coalesce((select jsonb_agg(one) from jsonb_array_elements(differences) one where one ->> 'user_id' <> ${userId}), '[]')
    where differences @> ${JSON.stringify([{ user_id: userId }])}::jsonb`.execute(tx)
}
