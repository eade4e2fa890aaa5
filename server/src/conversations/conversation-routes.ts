import { toSpan } from '../agent-logs/agent-log-span.ts'
import type { Services } from '../app.ts'
import { getClaims } from '../auth/authenticate.ts'
import type { App } from '../http/app-types.ts'
import { toPage } from '../http/pagination.ts'
import { listConversations } from './conversation-queries.ts'
import { conversationRoutes } from './conversation-schemas.ts'
import { deleteConversation } from './delete-conversation.ts'

export function addConversationRoutes(app: App, { database }: Services): void {
  app.get(
    '/api/v1/user-agents/:id/conversations',
    { schema: conversationRoutes['GET /api/v1/user-agents/:id/conversations'] },
    async (request) => {
      const { cursor, limit } = request.query
      const span = toSpan({ cursor })
      const rows = await database.withUser(getClaims(request), (tx) =>
        listConversations(tx, request.params.id, span, limit + 1),
      )
      return toPage(rows, limit, (row) => row)
    },
  )

  app.delete(
    '/api/v1/user-agents/:id/conversations/:conversation_id',
    { schema: conversationRoutes['DELETE /api/v1/user-agents/:id/conversations/:conversation_id'] },
    async (request, reply) => {
      const { id: userAgentId, conversation_id: conversationId } = request.params
      await deleteConversation(database, getClaims(request), { userAgentId, conversationId })
      return reply.status(204).send()
    },
  )
}
