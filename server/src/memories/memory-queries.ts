import { sql } from 'kysely'
import type { Tx } from '../database/database.ts'

export interface MemoryRow {
  id: string
  content: string
  is_untrusted: boolean
  created_at: Date
}

/** Newest first; ids ascend with the time of creation. */
export function listMemories(
  tx: Tx,
  userAgentId: string,
  { afterId, limit }: { afterId: string | null; limit: number },
): Promise<MemoryRow[]> {
  let query = tx
    .selectFrom('memories')
    .select(['id', 'content', 'is_untrusted', 'created_at'])
    .where('user_agent_id', '=', userAgentId)
    .orderBy('id', 'desc')
    .limit(limit)
  if (afterId !== null) query = query.where('id', '<', afterId)
  return query.execute()
}

/** Waits for other transactions that add a memory to the same user agent, so that they count one after the other. */
export async function lockMemories(tx: Tx, userAgentId: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`memories of ${userAgentId}`}, 0))`.execute(tx)
}

export async function createMemory(
  tx: Tx,
  memory: { id: string; userId: string; userAgentId: string; content: string; isUntrusted: boolean },
): Promise<void> {
  await tx
    .insertInto('memories')
    .values({
      id: memory.id,
      user_id: memory.userId,
      user_agent_id: memory.userAgentId,
      content: memory.content,
      is_untrusted: memory.isUntrusted,
    })
    .execute()
}

/** Without an id all of this user agent; answers how many. */
export async function deleteMemories(tx: Tx, userAgentId: string, id?: string): Promise<number> {
  let query = tx.deleteFrom('memories').where('user_agent_id', '=', userAgentId)
  if (id !== undefined) query = query.where('id', '=', id)
  return Number((await query.executeTakeFirstOrThrow()).numDeletedRows)
}

export async function hasUserAgent(tx: Tx, id: string): Promise<boolean> {
  const row = await tx.selectFrom('user_agents').select('id').where('id', '=', id).executeTakeFirst()
  return row !== undefined
}
