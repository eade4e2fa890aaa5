import { sql } from 'kysely'
import type { Tx } from '../database/database.ts'

// A longer time than a century is no limit, and would lead out of the years that PostgreSQL knows.
const foreverDays = 36_500

/** Runs that are still to end. One whose waiting_runs row is gone can no longer do so, and must not hold up its month. */
const isUnended = sql<boolean>`(status = 'running'
  or (status = 'waiting' and exists (select from waiting_runs where log_id = agent_logs.id)))`

/**
 * `retentions (user_id, cutoff)`: what of each user's logs is older than they are kept, null for ever. What the plan of the
 * current subscription says, or the default plan for who never had one; `defaultDays` is for admins, for who has no plan,
 * and for plans that say nothing of it. Who has lapsed keeps everything for as long as the operator keeps logs at all, and
 * never shorter than before. Never beyond what is counted in usage_hours.
 */
function retentions(defaultDays: number | null) {
  return sql`plan_days as (
    select id, is_default, case jsonb_typeof(features -> 'limits' -> 'log_retention_days') when 'null' then ${sql.lit(foreverDays)}
      when 'number' then greatest((features -> 'limits' ->> 'log_retention_days')::numeric, 0) end as days
    from plans
  ),
  user_days as (
    select user_id, case when ${isLiving} then days
      else greatest(days, coalesce(${defaultDays}::numeric, ${sql.lit(foreverDays)})) end as days
    from subscriptions join plan_days on plan_days.id = plan_id where is_current
  ),
  kept as (
    select users.id as user_id,
      coalesce(case when role <> 'admin' then
        case when user_days.user_id is not null then user_days.days else (select days from plan_days where is_default) end
      end, ${defaultDays}::numeric, ${sql.lit(foreverDays)}) as days
    from users left join user_days on user_days.user_id = users.id
  ),
  retentions as (
    select user_id, case when days < ${sql.lit(foreverDays)}
      then least(now() - days::float8 * interval '1 day', (select rolled_until from usage_rollup)) end as cutoff
    from kept
  )`
}

const isLiving = sql`(status in ('trialing', 'active', 'past_due') and (end_date is null or end_date > now())
  and (status <> 'past_due' or coalesce(grace_until, '-infinity') > now()))`

export interface ExpiredUser {
  user_id: string
  cutoff: Date
}

/** Users of a page, in the order of their ids, whose logs are too old in part; `last` is null after the last page. */
export async function listExpiredUsers(
  tx: Tx,
  defaultDays: number | null,
  afterId: string,
  limit: number,
): Promise<{ users: ExpiredUser[]; last: string | null }> {
  const { rows } = await sql<{ user_id: string; cutoff: Date | null; is_expired: boolean }>`
    with ${retentions(defaultDays)}
    select user_id, cutoff, cutoff is not null and exists (
      select from agent_logs where agent_logs.user_id = retentions.user_id and "timestamp" < cutoff and not ${isUnended}
    ) as is_expired
    from retentions where user_id > ${afterId}::uuid order by user_id limit ${limit}`.execute(tx)
  const users = rows.flatMap(({ user_id, cutoff, is_expired }) => (cutoff && is_expired ? [{ user_id, cutoff }] : []))
  return { users, last: rows.length < limit ? null : (rows.at(-1)?.user_id ?? null) }
}

/** Whether anything is forgotten at all: most installations keep their logs for ever. */
export async function hasRetention(tx: Tx, defaultDays: number | null): Promise<boolean> {
  const { rows } = await sql<{ found: boolean }>`with ${retentions(defaultDays)}
    select exists (select from retentions where cutoff is not null) as found`.execute(tx)
  return rows[0]?.found ?? false
}

const bytes = sql`pg_column_size(input) + coalesce(pg_column_size(output), 0) + pg_column_size(metadata)`

export interface RowCount {
  rows: number
  bytes: number
}

/** Logs of a user that are too old, without those of `dropped`. */
export async function countExpired(tx: Tx, { user_id, cutoff }: ExpiredUser, dropped: LogRange[]): Promise<RowCount> {
  const without = dropped.map(({ from, to }) => sql`and not ("timestamp" >= ${from} and "timestamp" < ${to})`)
  const { rows } = await sql<RowCount>`
    select count(*) as rows, coalesce(sum(${bytes}), 0)::bigint as bytes from agent_logs
    where user_id = ${user_id}::uuid and "timestamp" < ${cutoff} and not ${isUnended} ${sql.join(without, sql` `)}`.execute(
    tx,
  )
  return rows[0] ?? { rows: 0, bytes: 0 }
}

/** Deletes the oldest logs of a user before the cutoff, at most `limit`. */
export async function deleteExpired(tx: Tx, { user_id, cutoff }: ExpiredUser, limit: number): Promise<RowCount> {
  const found = await tx
    .selectFrom('agent_logs')
    .select(['id', 'timestamp'])
    .where('user_id', '=', user_id)
    .where('timestamp', '<', cutoff)
    .where(sql<boolean>`not ${isUnended}`)
    .orderBy('timestamp')
    .limit(limit)
    .execute()
  const [first, last] = [found[0], found.at(-1)]
  if (!first || !last) return { rows: 0, bytes: 0 }
  // The bounds leave out the other partitions; a Date has no microseconds, hence the millisecond after.
  const { rows } = await sql<RowCount>`
    with gone as (
      delete from agent_logs
      where id = any(${found.map(({ id }) => id)}::uuid[]) and user_id = ${user_id}::uuid and not ${isUnended}
        and "timestamp" >= ${first.timestamp} and "timestamp" < ${new Date(last.timestamp.getTime() + 1)}
        and "timestamp" < ${cutoff}
      returning ${bytes} as bytes
    )
    select count(*) as rows, coalesce(sum(bytes), 0)::bigint as bytes from gone`.execute(tx)
  return rows[0] ?? { rows: 0, bytes: 0 }
}

export interface LogRange {
  from: Date
  to: Date
}

/**
 * Whether every log of a range is too old for its user, none of them still runs, and usage has counted them all. A range
 * without logs is only over when nobody's logs are kept that long: somebody may be about to import some. Reads every row
 * of a month when it says yes, and none when nobody's retention has passed it.
 */
export async function isRangeExpired(tx: Tx, defaultDays: number | null, { from, to }: LogRange): Promise<boolean> {
  const { rows } = await sql<{ is_expired: boolean }>`
    with ${retentions(defaultDays)}
    select ${to}::timestamptz <= (select rolled_until from usage_rollup)
      -- Most months are younger than anybody's retention: their logs need no look.
      and exists (select from retentions where cutoff >= ${to})
      and not exists (
        select from agent_logs join retentions on retentions.user_id = agent_logs.user_id
        where "timestamp" >= ${from} and "timestamp" < ${to} and (cutoff is null or cutoff < ${to} or ${isUnended})
      )
      and (
        exists (select from agent_logs where "timestamp" >= ${from} and "timestamp" < ${to})
        or not exists (select from retentions where cutoff is null or cutoff < ${to})
      ) as is_expired`.execute(tx)
  return rows[0]?.is_expired ?? false
}

export async function countRange(tx: Tx, { from, to }: LogRange): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*) as count from agent_logs where "timestamp" >= ${from} and "timestamp" < ${to}`.execute(tx)
  return rows[0]?.count ?? 0
}

/** What the last run of the retention forgot, for `npm run logs -- status`. */
export async function savePruneReport(tx: Tx, report: unknown): Promise<void> {
  const value = JSON.stringify(report)
  await tx
    .insertInto('installation')
    .values({ name: 'log_retention', value })
    .onConflict((conflict) => conflict.column('name').doUpdateSet({ value }))
    .execute()
}

export async function findPruneReport(tx: Tx): Promise<unknown> {
  const row = await tx.selectFrom('installation').select('value').where('name', '=', 'log_retention').executeTakeFirst()
  return row?.value ?? null
}
