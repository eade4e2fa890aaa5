import { z } from 'zod'
import { pageOf, pageQuery } from '../http/pagination.ts'
import { idParams, problemSchema, timestampSchema } from '../http/schemas.ts'

const exampleId = '019ab3c4-1d2e-7f30-8a4b-5c6d7e8f9012'

export const conversationSchema = z
  .object({
    id: z.uuid().meta({ description: 'Its id, the `conversation_id` of its runs', example: exampleId }),
    title: z
      .string()
      .meta({ description: 'Its first input on one line, cut to 80 characters', example: 'Do you ship?' }),
    timestamp: timestampSchema.meta({ description: 'When it began', example: '2026-11-22T09:30:00.000Z' }),
  })
  .meta({ id: 'Conversation', description: 'Runs that belong together' })

const tags = ['Conversations'] as const
const problems = { '4xx': problemSchema } as const
const userAgentId = idParams.shape.id.meta({ description: 'Id of the user agent', example: exampleId })

export const conversationRoutes = {
  'GET /api/v1/user-agents/:id/conversations': {
    summary: 'List conversations',
    description:
      'Your conversations with one user agent, newest first. Their runs: `GET /api/v1/agent-logs?conversation_id=...`.',
    tags,
    operationId: 'listConversations',
    params: z.object({ id: userAgentId }),
    querystring: z.strictObject(pageQuery),
    response: { 200: pageOf(conversationSchema), ...problems },
  },
  'DELETE /api/v1/user-agents/:id/conversations/:conversation_id': {
    summary: 'Delete a conversation',
    description: 'Deletes all its runs, for good. While one of them is running it answers 409 `conflict`.',
    tags,
    operationId: 'deleteConversation',
    params: z.object({
      id: userAgentId,
      conversation_id: z.uuid().meta({ description: 'Id of the conversation', example: exampleId }),
    }),
    response: { 204: z.undefined().meta({ description: 'It is deleted' }), ...problems },
  },
} as const
