import { sql } from 'kysely'
import type { Span } from '../agent-logs/agent-log-span.ts'
import type { Tx } from '../database/database.ts'
import { readInOrder } from '../database/read-in-order.ts'
import { AppError } from '../errors.ts'

const titleLength = 80

export interface Conversation {
  id: string
  title: string
  timestamp: Date
}

/** The first runs of conversations with a user agent, newest first. Throws `not_found` when there is no such user agent. */
export async function listConversations(
  tx: Tx,
  userAgentId: string,
  span: Span,
  limit: number,
): Promise<Conversation[]> {
  const userAgent = tx.selectFrom('user_agents').select('id').where('id', '=', userAgentId).executeTakeFirst()
  const rows = tx
    .selectFrom('agent_logs')
    .select(['id', 'timestamp', sql<string>`left(input, 400)`.as('input')])
    .where('user_agent_id', '=', userAgentId)
    .where('id', '=', sql<string>`conversation_id`)
    .where('timestamp', '<=', span.before.timestamp)
    .where(sql<boolean>`("timestamp", id) < (${span.before.timestamp}, ${span.before.id}::uuid)`)
    .orderBy('timestamp', 'desc')
    .orderBy('id', 'desc')
    .limit(limit)
  const [found, conversations] = await Promise.all([userAgent, readInOrder(tx, rows)])
  if (!found) throw new AppError('not_found')
  return conversations.map(({ id, timestamp, input }) => ({ id, timestamp, title: toTitle(input) }))
}

function toTitle(input: string): string {
  const characters = [...input.replace(/\s+/g, ' ').trim()]
  return characters.length > titleLength ? `${characters.slice(0, titleLength - 1).join('')}…` : characters.join('')
}

/** How a conversation stands before it is deleted. */
export async function findConversation(
  tx: Tx,
  userAgentId: string,
  conversationId: string,
): Promise<{ isRunning: boolean } | null> {
  const rows = await tx
    .selectFrom('agent_logs')
    .select(sql<boolean>`status = 'running'`.as('is_running'))
    .where('conversation_id', '=', conversationId)
    .where('user_agent_id', '=', userAgentId)
    .groupBy(sql`1`)
    .execute()
  return rows.length > 0 ? { isRunning: rows.some((row) => row.is_running) } : null
}
