import { z } from 'zod'
import { pageOf, pageQuery } from '../http/pagination.ts'
import { idParams, problemSchema, timestampSchema } from '../http/schemas.ts'

export const memorySchema = z
  .object({
    id: z.uuid().meta({ description: 'Its id', example: '019ab3c4-1d2e-7f30-8a4b-5c6d7e8f9012' }),
    content: z
      .string()
      .meta({ description: 'What was remembered', example: 'Anna prefers to be called in the morning.' }),
    is_untrusted: z.boolean().meta({
      description:
        'True when texts from outside (a web page, a mail) were in the prompt as it was written: a run that recalls it asks before it changes anything outside',
      example: false,
    }),
    created_at: timestampSchema,
  })
  .meta({ id: 'Memory', description: 'Something a user agent was told to remember' })

const tags = ['Memories']
const memoryParams = idParams.extend({
  memory_id: z.uuid().meta({ description: 'Id of the memory', example: '019ab3c4-1d2e-7f30-8a4b-5c6d7e8f9013' }),
})

export const memoryRoutes = {
  'GET /api/v1/user-agents/:id/memories': {
    operationId: 'listMemories',
    summary: 'List what a user agent remembers',
    description: 'Newest first. A user agent whose agent has the tools `remember` and `recall` keeps up to 200.',
    tags,
    params: idParams,
    querystring: z.strictObject(pageQuery),
    response: { 200: pageOf(memorySchema), '4xx': problemSchema },
  },
  'DELETE /api/v1/user-agents/:id/memories/:memory_id': {
    operationId: 'deleteMemory',
    summary: 'Make a user agent forget one thing',
    description: 'Runs that have recalled it keep it in their log.',
    tags,
    params: memoryParams,
    response: { 204: z.null().meta({ description: 'Forgotten' }), '4xx': problemSchema },
  },
  'DELETE /api/v1/user-agents/:id/memories': {
    operationId: 'deleteMemories',
    summary: 'Make a user agent forget everything',
    description: 'Runs that have recalled something keep it in their log.',
    tags,
    params: idParams,
    response: {
      200: z.object({ deleted: z.int().meta({ description: 'How many there were', example: 12 }) }),
      '4xx': problemSchema,
    },
  },
} as const
