import { z } from 'zod'
import { pageOf, pageQuery } from '../../http/pagination.ts'
import { problemSchema, timestampSchema } from '../../http/schemas.ts'
import { integrationParams } from '../integration-schemas.ts'

const tags = ['Integrations']
const refused = { '4xx': problemSchema }

export const deliverySchema = z
  .object({
    id: z.uuid().meta({
      description: 'Its id, which is the `webhook-id` of the message',
      example: '019ab3c4-1d2e-7f30-8a4b-5c6d7e8f9014',
    }),
    event: z.string().meta({ description: 'What it tells', example: 'run.ended' }),
    payload: z.string().meta({ description: 'The body, as it is sent', example: '{}' }),
    log_id: z.uuid().nullable().meta({ description: 'The run it comes from', example: null }),
    status: z
      .enum(['pending', 'delivered', 'failed'])
      .meta({ description: '`failed`: given up; it can be sent again', example: 'delivered' }),
    attempts: z.int().meta({ description: 'How often it was sent', example: 1 }),
    next_attempt_at: timestampSchema.nullable().meta({ description: 'When it is sent next', example: null }),
    response_status: z.int().nullable().meta({ description: 'What the last attempt was answered', example: 200 }),
    failure: z.string().nullable().meta({ description: 'Why the last attempt failed', example: null }),
    created_at: timestampSchema,
    delivered_at: timestampSchema.nullable().meta({ description: 'When it arrived' }),
  })
  .meta({ id: 'Delivery', description: 'A message to a webhook' })

export const deliveryRoutes = {
  'GET /api/v1/user-agents/:id/integrations/:integration_id/deliveries': {
    operationId: 'listDeliveries',
    summary: 'What was sent to a webhook',
    description: 'Newest first.',
    tags,
    params: integrationParams,
    querystring: z.strictObject(pageQuery),
    response: { 200: pageOf(deliverySchema), ...refused },
  },
  'POST /api/v1/user-agents/:id/integrations/:integration_id/deliveries/:delivery_id/replay': {
    operationId: 'replayDelivery',
    summary: 'Send a message again',
    description: 'With the same id and body, signed anew.',
    tags,
    params: integrationParams.extend({
      delivery_id: z.uuid().meta({ description: 'Id of the message', example: '019ab3c4-1d2e-7f30-8a4b-5c6d7e8f9014' }),
    }),
    response: { 200: deliverySchema, ...refused },
  },
} as const
