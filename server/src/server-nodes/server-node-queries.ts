import { sql } from 'kysely'
import type { Tx } from '../database/database.ts'
import { readIdTime } from '../database/uuid-v7.ts'
import { releaseReservations } from '../limits/reservation-queries.ts'
import type { NodeSign } from './watch-silence.ts'

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

// To the microsecond, which a Date has not.
const sign = sql<string>`extract(epoch from heartbeat_at)::text`

/** All servers but this one, with their last sign of life. */
export function listOtherNodes(tx: Tx, id: string): Promise<NodeSign[]> {
  return tx
    .selectFrom('server_nodes')
    .select(['id', sign.as('sign')])
    .where('id', '<>', id)
    .orderBy('id')
    .execute()
}

/** False: it has shown that it lives since, or another server is at it. */
export async function lockSilentNode(tx: Tx, node: NodeSign): Promise<boolean> {
  const row = await tx
    .selectFrom('server_nodes')
    .select('id')
    .where('id', '=', node.id)
    .where(sign, '=', node.sign)
    .forUpdate()
    .skipLocked()
    .executeTakeFirst()
  return row !== undefined
}

/**
 * Ends the runs that a server left behind and gives back what they took from limits; answers how many. They are those it
 * holds reservations for: `running` is in no index, because the end of a run would then rewrite every index entry, and the
 * time of a run is by the clock of its server, which may be wrong.
 */
export async function interruptRunsOf(tx: Tx, nodeId: string): Promise<number> {
  const reserved = await tx.selectFrom('run_reservations').select('log_id').where('node_id', '=', nodeId).execute()
  const ids = reserved.map(({ log_id }) => log_id)
  if (ids.length === 0) return 0
  const times = ids.map((id) => readIdTime(id).getTime())
  const [first, last] = [new Date(Math.min(...times)), new Date(Math.max(...times))]
  // While logs move to a partition that is made just now, an update that waits for that would look for them where they
  // were, and nobody looks a second time for runs of a server that is gone. Locked first, it is planned afterwards.
  await sql`lock table agent_logs in row exclusive mode`.execute(tx)
  const { numUpdatedRows } = await tx
    .updateTable('agent_logs')
    .set({ status: 'interrupted', error_code: 'interrupted', output: sql`coalesce(output, '')` })
    .where('id', '=', sql<string>`any(${ids}::uuid[])`)
    // The months they may lie in.
    .where('timestamp', '>=', first)
    .where('timestamp', '<=', last)
    .where('node_id', '=', nodeId)
    .where('status', '=', 'running')
    .executeTakeFirstOrThrow()
  // Last: whoever ends a run has its row before the limits of its user, too.
  await releaseReservations(tx, nodeId, ids)
  return Number(numUpdatedRows)
}
