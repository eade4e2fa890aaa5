import { sql } from 'kysely'
import type { Tx } from '../database/database.ts'
import { releaseReservationsOf } from '../limits/reservation-queries.ts'

/** Also signs a server in again that another one took for dead, so that its runs are found if it does die. */
export async function touchServerNode(tx: Tx, id: string): Promise<void> {
  await tx
    .insertInto('server_nodes')
    .values({ id })
    .onConflict((conflict) => conflict.column('id').doUpdateSet({ heartbeat_at: sql`now()` }))
    .execute()
}

export async function deleteServerNode(tx: Tx, id: string): Promise<void> {
  await tx.deleteFrom('server_nodes').where('id', '=', id).execute()
}

/** Servers without a sign of life for `silentSeconds`. */
export function listSilentNodes(tx: Tx, exceptId: string, silentSeconds: number) {
  return tx
    .selectFrom('server_nodes')
    .select('id')
    .where('id', '<>', exceptId)
    .where('heartbeat_at', '<=', sql<Date>`now() - make_interval(secs => ${silentSeconds})`)
    .orderBy('id')
    .execute()
}

/**
 * Ends the runs that a server left behind and gives back what they took from limits; answers how many. `running` is in no index, because the end of a run would
 * then rewrite every index entry; the time a server lived bounds the scan instead, back to the oldest Idempotency-Key
 * whose run it may have begun.
 */
export async function interruptRunsOf(tx: Tx, nodeId: string): Promise<number> {
  // While logs move to a partition that is made just now, an update that waits for that would look for them where they
  // were, and nobody looks a second time for runs of a server that is gone. Locked first, it is planned afterwards.
  await sql`lock table agent_logs in row exclusive mode`.execute(tx)
  const { numUpdatedRows } = await tx
    .updateTable('agent_logs')
    .from('server_nodes')
    .set({ status: 'interrupted', error_code: 'interrupted', output: sql`coalesce(output, '')` })
    .where('server_nodes.id', '=', nodeId)
    .whereRef('agent_logs.node_id', '=', 'server_nodes.id')
    .where('agent_logs.status', '=', 'running')
    .whereRef('agent_logs.timestamp', '>=', sql`server_nodes.started_at - interval '25 hours'`)
    .whereRef('agent_logs.timestamp', '<=', sql`server_nodes.heartbeat_at + interval '10 minutes'`)
    .executeTakeFirstOrThrow()
  const count = Number(numUpdatedRows) + (await interruptContinuedRunsOf(tx, nodeId))
  // Last: whoever ends a run has its row before the limits of its user, too.
  await releaseReservationsOf(tx, nodeId)
  return count
}

/**
 * A run that waited for an approval may be older than the server that went on with it. It worked an hour at most since
 * the decision, so those that were decided shortly before the last sign of life are all that have to be looked at.
 */
async function interruptContinuedRunsOf(tx: Tx, nodeId: string): Promise<number> {
  const decided = await tx
    .selectFrom('approvals')
    .innerJoin('server_nodes', (join) =>
      join
        .onRef('approvals.decided_at', '>=', sql`server_nodes.heartbeat_at - interval '2 hours'`)
        .onRef('approvals.decided_at', '<=', sql`server_nodes.heartbeat_at + interval '10 minutes'`),
    )
    .select(['approvals.log_id', 'approvals.log_timestamp'])
    .distinct()
    .where('server_nodes.id', '=', nodeId)
    .execute()
  let count = 0
  for (const { log_id, log_timestamp } of decided) {
    const { numUpdatedRows } = await tx
      .updateTable('agent_logs')
      .set({ status: 'interrupted', error_code: 'interrupted', output: sql`coalesce(output, '')` })
      .where('id', '=', log_id)
      .where('timestamp', '=', log_timestamp)
      .where('node_id', '=', nodeId)
      .where('status', '=', 'running')
      .executeTakeFirstOrThrow()
    count += Number(numUpdatedRows)
  }
  return count
}
