import { sql } from 'kysely'
import type { Tx } from '../database/database.ts'

export async function insertServerNode(tx: Tx, id: string): Promise<void> {
  await tx.insertInto('server_nodes').values({ id }).execute()
}

export async function touchServerNode(tx: Tx, id: string): Promise<void> {
  await tx.updateTable('server_nodes').set({ heartbeat_at: sql`now()` }).where('id', '=', id).execute()
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
    .execute()
}

/**
 * Ends the runs that these servers left behind; answers how many. `running` is in no index, because the end of a run
 * would then rewrite every index entry; the time a server lived bounds the scan instead.
 */
export async function interruptRunsOf(tx: Tx, nodeId: string): Promise<number> {
  const { numUpdatedRows } = await tx
    .updateTable('agent_logs')
    .from('server_nodes')
    .set({ status: 'interrupted', error_code: 'interrupted', output: sql`coalesce(output, '')` })
    .where('server_nodes.id', '=', nodeId)
    .whereRef('agent_logs.node_id', '=', 'server_nodes.id')
    .where('agent_logs.status', '=', 'running')
    .whereRef('agent_logs.timestamp', '>=', sql`server_nodes.started_at - interval '10 minutes'`)
    .whereRef('agent_logs.timestamp', '<=', sql`server_nodes.heartbeat_at + interval '10 minutes'`)
    .executeTakeFirstOrThrow()
  return Number(numUpdatedRows)
}
