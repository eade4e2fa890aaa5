import { sql } from 'kysely'
import { againIfMoved } from '../agent-logs/again-if-moved.ts'
import type { Tx } from '../database/database.ts'
import { readIdTime } from '../database/uuid-v7.ts'
import type { UsedByRun } from '../runtime/run-types.ts'

/*
 * What happens to the reservation of a run besides its begin and its end, which are parts of the statements every run goes
 * through (run-log-queries.ts). All in transactions of the system; the reservation is locked before the user's month, as
 * app.settle_run does.
 */

export interface ReservedRun {
  id: string
  timestamp: Date
  userId: string
}

/** Gives back or keeps what a run took that used nothing more; once, however often it is called. */
export async function settleRun(
  tx: Tx,
  { id, timestamp, userId }: ReservedRun,
  { keeps }: { keeps: boolean },
): Promise<void> {
  await sql`select app.settle_run(${id}::uuid, ${timestamp}::timestamptz, ${userId}::uuid, ${keeps}, 0, 0, 0, false)`.execute(
    tx,
  )
}

/** Of a run that was to wait and cannot; nothing when it has waited before, and was counted then. */
export async function settleUnparked(tx: Tx, { id, timestamp, userId }: ReservedRun, used: UsedByRun): Promise<void> {
  await sql`select app.settle_run(log_id, ${timestamp}::timestamptz, user_id, true, ${used.input_tokens}::bigint,
      ${used.output_tokens}::bigint, ${used.cost_usd}::numeric, false)
    from public.run_reservations where log_id = ${id}::uuid and user_id = ${userId}::uuid and node_id is not null`.execute(
    tx,
  )
}

/**
 * The run waits: it is no longer one of those that run, and what it used so far counts. Its unit stays taken; if another
 * server had taken this one for dead and given it back, it is taken again.
 */
export async function parkReservation(tx: Tx, { id, timestamp, userId }: ReservedRun, used: UsedByRun): Promise<void> {
  const month = sql`date_trunc('month', ${timestamp}::timestamptz at time zone 'UTC')::date`
  const { rows } = await sql`
    with before as (
      select * from public.run_reservations where log_id = ${id}::uuid and user_id = ${userId}::uuid for update
    ), parked as (
      update public.run_reservations r set node_id = null, cost_usd = 0 from before where r.log_id = before.log_id
    )
    update public.usage_months m set
      running = m.running - (before.node_id is not null)::integer,
      reserved_cost_usd = greatest(0, m.reserved_cost_usd - before.cost_usd),
      input_tokens = m.input_tokens + ${used.input_tokens}::bigint,
      output_tokens = m.output_tokens + ${used.output_tokens}::bigint,
      cost_usd = m.cost_usd + ${used.cost_usd}::numeric
    from before where m.user_id = before.user_id and m.month = before.month returning 1`.execute(tx)
  if (rows.length > 0) return
  await sql`
    with parked as (
      insert into public.run_reservations (log_id, user_id, month, cost_usd) values (${id}::uuid, ${userId}::uuid, ${month}, 0)
    )
    insert into public.usage_months as m (user_id, month, runs, input_tokens, output_tokens, cost_usd)
    values (${userId}::uuid, ${month}, 1, ${used.input_tokens}::bigint, ${used.output_tokens}::bigint, ${used.cost_usd}::numeric)
    on conflict (user_id, month) do update set runs = m.runs + 1, input_tokens = m.input_tokens + excluded.input_tokens,
      output_tokens = m.output_tokens + excluded.output_tokens, cost_usd = m.cost_usd + excluded.cost_usd`.execute(tx)
}

/** The run goes on, on this server; what it may cost is set aside as when a run begins. */
export async function unparkReservation(tx: Tx, id: string, nodeId: string): Promise<void> {
  await sql`
    with before as (
      select r.log_id, r.user_id, r.month, greatest(0.01, m.cost_usd / greatest(m.runs, 1)) as cost_usd
      from public.run_reservations r join public.usage_months m on m.user_id = r.user_id and m.month = r.month
      where r.log_id = ${id}::uuid and r.node_id is null for update of r
    ), unparked as (
      update public.run_reservations r set node_id = ${nodeId}::uuid, cost_usd = before.cost_usd from before
      where r.log_id = before.log_id
    )
    update public.usage_months m set running = m.running + 1, reserved_cost_usd = m.reserved_cost_usd + before.cost_usd
    from before where m.user_id = before.user_id and m.month = before.month`.execute(tx)
}

/** Gives back what these runs of a server took that is gone, those too whose log is gone. */
export async function releaseReservations(tx: Tx, nodeId: string, logIds: readonly string[]): Promise<void> {
  // One user after the other: two servers at this work cannot wait for each other.
  await sql`
    select app.settle_run(log_id, created_at, user_id, false, 0, 0, 0, false) from (
      select * from public.run_reservations where node_id = ${nodeId}::uuid and log_id = any(${logIds}::uuid[])
      order by user_id, log_id
    ) of_node`.execute(tx)
}

/**
 * Settles what nobody else will: reservations of servers that have signed out, whose runs end as interrupted, and of runs
 * that waited and whose log was deleted, which count. Answers how many.
 */
export async function releaseLeakedReservations(tx: Tx): Promise<number> {
  const { rows: lost } = await sql<{ log_id: string; user_id: string; has_waited: boolean }>`
    select log_id, user_id, node_id is null as has_waited from public.run_reservations r
    -- A server that was taken for dead signs in again within seconds, and may begin runs before.
    where created_at < now() - interval '2 minutes' and case when node_id is null
      then not exists (select from public.waiting_runs w where w.log_id = r.log_id)
      else not exists (select from public.server_nodes n where n.id = r.node_id) end
    order by user_id, log_id limit 1000 for update skip locked`.execute(tx)
  for (const { log_id, user_id, has_waited } of lost) {
    const run = { id: log_id, timestamp: readIdTime(log_id), userId: user_id }
    if (!has_waited) await interruptRun(tx, run)
    await settleRun(tx, run, { keeps: has_waited })
  }
  return lost.length
}

async function interruptRun(tx: Tx, { id, timestamp }: ReservedRun): Promise<void> {
  const update = tx
    .updateTable('agent_logs')
    .set({ status: 'interrupted', error_code: 'interrupted', output: sql`coalesce(output, '')` })
    .where('id', '=', id)
    .where('timestamp', '=', timestamp)
    .where('status', '=', 'running')
    .returning('id')
  await againIfMoved(() => update.executeTakeFirst())
}
