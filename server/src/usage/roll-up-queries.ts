import { sql } from 'kysely'
import type { Tx } from '../database/database.ts'

/** Number of the advisory lock that a roll-up holds alone and the triggers of agent_logs share. */
const advisoryLock = 72707372

const keys = sql.raw('user_id, hour, agent_id, user_agent_id, source, model')
const numbers = [
  'runs',
  'succeeded',
  'failed',
  'cancelled',
  'interrupted',
  'input_tokens',
  'output_tokens',
  'cost_usd',
  'unpriced_runs',
  'latency_ms',
  'timed_runs',
]
const numberColumns = sql.raw(numbers.join(', '))
// Whatever an operator imported, or a provider was believed, the hour of everybody must still be counted.
const mostCost = 999_999_999_999
const sumOf = (name: string) =>
  name === 'cost_usd' ? `greatest(least(sum(${name}), ${mostCost}), -${mostCost})` : `sum(${name})`
const sums = sql.raw(numbers.map(sumOf).join(', '))
const anything = sql.raw(numbers.map((name) => `sum(${name}) <> 0`).join(' or '))

/** Each log as the numbers of its hour, to be added up; select it `from agent_logs`. */
export const usageOfLog = sql`user_id, date_trunc('hour', "timestamp", 'UTC') as hour, agent_id, user_agent_id, source, model,
  1 as runs, (status = 'succeeded')::integer as succeeded, (status = 'failed')::integer as failed,
  (status = 'cancelled')::integer as cancelled, (status = 'interrupted')::integer as interrupted,
  coalesce(input_tokens, 0) as input_tokens, coalesce(output_tokens, 0) as output_tokens, coalesce(cost_usd, 0) as cost_usd,
  (cost_usd is null and status not in ('running', 'waiting'))::integer as unpriced_runs, coalesce(latency_ms, 0) as latency_ms,
  (latency_ms is not null)::integer as timed_runs`

/**
 * Counts the next hour that has logs and ended two hours ago or earlier; null when there is none. One hour a transaction:
 * short, and a server that is killed has either counted it or not.
 */
export async function rollUpHour(tx: Tx): Promise<Date | null> {
  // A statement of its own: the next ones see everything that was committed before the lock was free.
  await sql`select pg_advisory_xact_lock(${sql.lit(advisoryLock)})`.execute(tx)
  // Logs may be moving to a partition that is made just now. What waits for that looks for them where they were, and an hour
  // without them would be counted for good; what is planned after this does not wait.
  await sql`lock table agent_logs in access share mode`.execute(tx)
  const { rows } = await sql<{ hour: Date | null; rolled_until: Date; last: Date }>`
    select rolled_until, last, (
      select date_trunc('hour', min("timestamp"), 'UTC') from agent_logs where "timestamp" >= rolled_until and "timestamp" < last
    ) as hour
    from usage_rollup, date_trunc('hour', clock_timestamp() - interval '2 hours', 'UTC') last`.execute(tx)
  const [next] = rows
  if (!next) throw new Error('usage_rollup has lost its row.')
  if (next.hour === null) {
    await moveRolledUntil(tx, next.last)
    return null
  }
  const until = new Date(next.hour.getTime() + 3_600_000)
  await sql`
    with gone as (delete from usage_hours where is_correction and hour = ${next.hour} returning *),
    entries as (
      select ${keys}, ${numberColumns} from gone
      union all
      select ${usageOfLog} from agent_logs where "timestamp" >= ${next.hour} and "timestamp" < ${until}
    )
    insert into usage_hours (${keys}, ${numberColumns}) select ${keys}, ${sums} from entries group by ${keys}`.execute(
    tx,
  )
  await moveRolledUntil(tx, until)
  return next.hour
}

async function moveRolledUntil(tx: Tx, moment: Date): Promise<void> {
  await tx.updateTable('usage_rollup').set({ rolled_until: moment }).where('rolled_until', '<', moment).execute()
}

/** Adds corrections of up to `limit` hours to the rows that they correct; answers how many hours had any. */
export async function addCorrections(tx: Tx, limit: number): Promise<number> {
  await sql`select pg_advisory_xact_lock(${sql.lit(advisoryLock)})`.execute(tx)
  const { rows } = await sql<{ count: number }>`
    with corrected as (
      select distinct user_id, hour from usage_hours
      where is_correction and hour < (select rolled_until from usage_rollup) limit ${limit}
    ),
    gone as (
      delete from usage_hours using corrected
      where usage_hours.user_id = corrected.user_id and usage_hours.hour = corrected.hour returning usage_hours.*
    ),
    added as (
      insert into usage_hours (${keys}, ${numberColumns})
      select ${keys}, ${sums} from gone group by ${keys} having ${anything}
    )
    select count(*) as count from corrected`.execute(tx)
  return rows[0]?.count ?? 0
}

/** Every log before this moment is counted, so that only they may be forgotten. */
export async function getRolledUntil(tx: Tx): Promise<Date> {
  const { rolled_until } = await tx.selectFrom('usage_rollup').select('rolled_until').executeTakeFirstOrThrow()
  return rolled_until
}
