import { sql } from 'kysely'
import type { Database, Tx } from '../database/database.ts'

// Far below the time limit of a statement, whatever the size of the logs.
const logsPerBatch = 2000

/**
 * Prepares the deletion of a creator's agents: those that nobody has configured are withdrawn, so that nobody will, and
 * taken out of everybody's logs. The foreign key would do the latter in one statement, which runs into the time limit, each
 * time anew, when an agent has run often. What the creator configured counts only with `countsOwnUse`. Answers their ids.
 */
export async function releaseAgents(
  database: Database,
  agents: { creatorId: string; id?: string; countsOwnUse: boolean },
): Promise<string[]> {
  const released = await database.asSystem('deleting agents looks at who uses them', (tx) => withdrawUnused(tx, agents))
  for (let batch = released.length > 0 ? logsPerBatch : 0; batch === logsPerBatch; )
    batch = await database.asSystem('an agent that is deleted leaves the logs of everybody', (tx) =>
      takeOut(tx, released),
    )
  return released
}

async function withdrawUnused(
  tx: Tx,
  { creatorId, id, countsOwnUse }: { creatorId: string; id?: string; countsOwnUse: boolean },
): Promise<string[]> {
  // Locked first, and looked at in a second statement: nobody can configure one of them in between.
  const rows = await tx
    .selectFrom('agents')
    .select('id')
    .where('creator_id', '=', creatorId)
    .$if(id !== undefined, (query) => query.where('id', '=', id ?? ''))
    .forUpdate()
    .execute()
  const ids = rows.map((row) => row.id)
  const withdrawn = await tx
    .updateTable('agents')
    .set({ is_public: false, publication_requested_at: null })
    .where(sql<boolean>`id = any(${ids}::uuid[])`)
    .where((where) =>
      where.not(
        where.exists(
          where
            .selectFrom('user_agents')
            .select('user_agents.id')
            .whereRef('user_agents.agent_id', '=', 'agents.id')
            .$if(!countsOwnUse, (query) => query.where('user_agents.user_id', '<>', creatorId)),
        ),
      ),
    )
    .returning('id')
    .execute()
  return withdrawn.map((row) => row.id)
}

async function takeOut(tx: Tx, agentIds: string[]): Promise<number> {
  const { numAffectedRows } = await sql`
    update agent_logs set agent_id = null where (id, "timestamp") in (
      select id, "timestamp" from agent_logs where agent_id = any(${agentIds}::uuid[]) limit ${sql.lit(logsPerBatch)}
    )`.execute(tx)
  return Number(numAffectedRows ?? 0)
}
