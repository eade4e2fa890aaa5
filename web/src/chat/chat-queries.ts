import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query'
import { api } from '../api.ts'
import { messagesOfLogs } from './log-messages.ts'
import type { RunMessage } from './run-message.ts'

/** Runs read at once when an old conversation is opened; earlier ones on demand. */
const runsAtOnce = 15

export const conversationsQuery = (userAgentId: string) =>
  infiniteQueryOptions({
    queryKey: ['user-agents', userAgentId, 'conversations'],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ signal, pageParam }) =>
      api('GET /api/v1/user-agents/:id/conversations', {
        params: { id: userAgentId },
        query: { limit: 30, cursor: pageParam },
        signal,
      }),
    getNextPageParam: (page) => page.next_cursor ?? undefined,
  })

/** The conversations with this agent in which something waits for an approval. */
export const waitingConversationsQuery = (userAgentId: string) =>
  queryOptions({
    queryKey: ['agent-logs', 'waiting', userAgentId],
    queryFn: async ({ signal }) => {
      const query = { user_agent_id: userAgentId, status: 'waiting' as const, limit: 100 }
      const page = await api('GET /api/v1/agent-logs', { query, signal })
      return page.data.map((log) => log.conversation_id)
    },
  })

export interface ConversationPart {
  messages: RunMessage[]
  /** Present when there are earlier runs. */
  cursor: string | null
}

/** The newest runs of a conversation, or those before `cursor`, as messages, oldest first. Empty when there are none. */
export async function loadConversation(
  userAgentId: string,
  conversationId: string,
  cursor?: string,
): Promise<ConversationPart> {
  const page = await api('GET /api/v1/agent-logs', {
    query: { user_agent_id: userAgentId, conversation_id: conversationId, order: 'desc', limit: runsAtOnce, cursor },
  })
  // The list cuts long texts and leaves out the steps; each run is read whole.
  const logs = await Promise.all(page.data.map(({ id }) => api('GET /api/v1/agent-logs/:id', { params: { id } })))
  return { messages: messagesOfLogs(logs.reverse()), cursor: page.next_cursor }
}
