import { toSpan } from '../agent-logs/agent-log-span.ts'
import { deleteLogs } from '../agent-logs/delete-agent-logs.ts'
import type { Claims, Database } from '../database/database.ts'
import { AppError } from '../errors.ts'
import { findConversation } from './conversation-queries.ts'

/**
 * Deletes every run of a conversation, in batches and the first run last, so that a conversation that was deleted only in
 * part is still listed. Throws `not_found`, or `conflict` while one of them runs.
 */
export async function deleteConversation(
  database: Database,
  claims: Claims,
  { userAgentId, conversationId }: { userAgentId: string; conversationId: string },
): Promise<void> {
  const found = await database.withUser(claims, (tx) => findConversation(tx, userAgentId, conversationId))
  if (!found) throw new AppError('not_found')
  let isRunning = found.isRunning
  let hasMore = true
  while (hasMore && !isRunning) {
    const result = await deleteLogs(database, claims, {
      filter: { user_agent_id: userAgentId, conversation_id: conversationId },
      span: toSpan({}),
    })
    isRunning = result.skipped_running > 0
    hasMore = result.has_more
  }
  if (isRunning)
    throw new AppError('conflict', { detail: 'A run of this conversation is still running. Cancel it first.' })
}
