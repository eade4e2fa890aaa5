import { z } from 'zod'
import { idParams, problemSchema, timestampSchema, typedText } from '../http/schemas.ts'

const problems = { '4xx': problemSchema, '5xx': problemSchema }
const tags = ['API keys']

const apiKeyFields = {
  id: z.uuid().meta({ description: 'Id of the key', example: '019ab3c4-1d2e-7f30-8a4b-5c6d7e8f9012' }),
  name: z.string().meta({ description: 'What it is for', example: 'Shop backend' }),
  prefix: z.string().meta({ description: 'Its first characters, to tell keys apart', example: 'ax_q1w2e3' }),
  last_used_at: timestampSchema.nullable().meta({
    description: 'When it was last used, to the minute',
    example: '2026-11-22T09:30:00.000Z',
  }),
  expires_at: timestampSchema.nullable().meta({ description: 'When it ends; null for never', example: null }),
  revoked_at: timestampSchema
    .nullable()
    .meta({ description: 'When it was revoked; null while it works', example: null }),
  created_at: timestampSchema.meta({ description: 'When it was made', example: '2026-11-22T09:30:00.000Z' }),
}

const apiKeySchema = z
  .object(apiKeyFields)
  .meta({ id: 'ApiKey', description: 'A key of the API, without the key itself' })

const createdApiKeySchema = z
  .object({
    ...apiKeyFields,
    key: z.string().meta({
      description: 'The key, shown this once: only its SHA-256 is kept',
      example: 'ax_q1w2e3r4t5y6u7i8o9p0a1s2d3f4g5h6j7k8l9z0x1c',
    }),
  })
  .meta({ id: 'CreatedApiKey', description: 'A new key of the API' })

const nameSchema = typedText(100, 1).meta({ description: 'What it is for', example: 'Shop backend' })

export const apiKeyRoutes = {
  'GET /api/v1/api-keys': {
    tags,
    summary: 'My API keys',
    description: 'Newest first, revoked ones too (the newest 500). Needs a session.',
    response: {
      200: z.object({ data: z.array(apiKeySchema).meta({ description: 'The keys', example: [] }) }),
      ...problems,
    },
  },
  'POST /api/v1/api-keys': {
    tags,
    summary: 'Make an API key',
    description:
      'The key is in this answer and never again. At most 50 that work. Needs a session: a key cannot make keys.',
    body: z.strictObject({
      name: nameSchema,
      expires_at: timestampSchema.nullish().meta({
        description: 'When it ends, in the future; left out, never',
        example: '2027-11-22T00:00:00.000Z',
      }),
    }),
    response: { 201: createdApiKeySchema, ...problems },
  },
  'PATCH /api/v1/api-keys/:id': {
    tags,
    summary: 'Rename an API key',
    description: 'Needs a session.',
    params: idParams,
    body: z.strictObject({ name: nameSchema }),
    response: { 200: apiKeySchema, ...problems },
  },
  'DELETE /api/v1/api-keys/:id': {
    tags,
    summary: 'Revoke an API key',
    description: 'It stops working within a second and stays in the list. Needs a session.',
    params: idParams,
    response: { 204: z.null().meta({ description: 'Done; the answer has no body' }), ...problems },
  },
} as const
