import { z } from 'zod'
import { agentChangeSchema } from '../agents/agent-schemas.ts'
import { settingsSchema, settingsSchemaSchema } from '../agents/capabilities.ts'
import { pageOf, pageQuery } from '../http/pagination.ts'
import { idParams, problemSchema, timestampSchema, typedText } from '../http/schemas.ts'

const version = z.int().min(1).meta({ description: 'Version of the agent', example: 1 })
const form = settingsSchemaSchema.meta({ description: 'The form: a JSON Schema, its fields in order' })

const updateSchema = z
  .object({
    version: version.meta({ description: 'Give it as `agent_version` to upgrade', example: 2 }),
    changes: z.array(agentChangeSchema).meta({ description: 'What changed since your version, newest first' }),
    settings_schema: form,
    faults: z
      .array(
        z.object({
          path: z.string().meta({ description: 'JSON pointer into this user agent', example: '/settings/email' }),
          message: z.string().meta({ description: 'What is wrong there', example: 'Please fill this in.' }),
        }),
      )
      .meta({ description: 'What of the present settings does not fit the new form; empty: upgrade as it is' }),
  })
  .meta({ description: 'A newer version of the agent, when there is one' })

const wantedIntegrationSchema = z
  .object({
    type: z.string().meta({ description: 'Integration type', example: 'smtp' }),
    title: z.string().meta({ description: 'Its name for people', example: 'E-mail (SMTP)' }),
    reason: z
      .string()
      .nullable()
      .meta({ description: 'What the agent would do with it', example: 'To send the drafts you approve.' }),
  })
  .meta({ id: 'WantedIntegration', description: 'An account that an agent can use' })

export const userAgentSchema = z
  .object({
    id: z.uuid().meta({ description: 'Its id', example: '019ab3c4-1d2e-7f30-8a4b-5c6d7e8f9012' }),
    name: z.string().meta({ description: 'Your name for it', example: 'Shop support' }),
    agent_id: z
      .uuid()
      .meta({ description: 'The agent it was made from', example: '019ab3c4-1d2e-7f30-8a4b-5c6d7e8f9013' }),
    agent: z
      .object({
        name: z.string().meta({ description: 'Name of the agent', example: 'Customer service' }),
        description: z
          .string()
          .meta({ description: 'What the agent does', example: 'Answers your customers from your own texts.' }),
        type: z.string().meta({ description: 'What the agent is for', example: 'customer_service' }),
        version: version.meta({
          description: 'The newest version you may use; `agent_version` when the agent was withdrawn',
          example: 2,
        }),
      })
      .meta({ description: 'The agent, as it is at `agent_version`' }),
    agent_version: version.meta({ description: 'The version it runs on', example: 1 }),
    settings: settingsSchema.meta({
      description: "Answers to the agent's form",
      example: { business_name: 'Lamp & Co' },
    }),
    is_active: z.boolean().meta({ description: 'Whether it runs', example: true }),
    model: z
      .string()
      .nullable()
      .meta({ description: "Id of the chosen model; null: the operator's default", example: 'openai/gpt-5-mini' }),
    starters: z
      .array(z.string())
      .meta({ description: 'First questions to click on', example: ['Do you ship abroad?'] }),
    settings_schema: form,
    created_at: timestampSchema,
    updated_at: timestampSchema,
    update: updateSchema.nullable().meta({ description: 'A newer version of the agent; null when there is none' }),
    missing_integrations: z.array(wantedIntegrationSchema).meta({
      description: 'Accounts that have to be connected before it runs; until then a run answers `integration_missing`',
    }),
    optional_integrations: z
      .array(wantedIntegrationSchema)
      .meta({ description: 'Accounts that it could use and that are not connected' }),
  })
  .meta({ id: 'UserAgent', description: 'An agent that you configured' })

const name = typedText(100, 1).meta({ description: 'Your name for it', example: 'Shop support' })
// validateSettings reads them with a bound on depth; zod recurses and must not see what is nested 100,000 deep.
const settings = z.record(z.string(), z.unknown()).meta({
  description: "Answers to the agent's form, all of them. A field left out gets its default",
  example: { business_name: 'Lamp & Co' },
})
const model = z
  .string()
  .max(150)
  .nullable()
  .meta({ description: "Id of a model of `GET /api/v1/models`; null: the operator's default", example: null })
const agentId = z
  .uuid()
  .meta({ description: 'A public agent or your own', example: '019ab3c4-1d2e-7f30-8a4b-5c6d7e8f9013' })

const tags = ['User agents']
const refused = { '4xx': problemSchema }

export const userAgentRoutes = {
  'GET /api/v1/user-agents': {
    operationId: 'listUserAgents',
    summary: 'List what you configured',
    description: 'Newest first, at most 50 a page.',
    tags,
    querystring: z.strictObject(pageQuery),
    response: { 200: pageOf(userAgentSchema), ...refused },
  },
  'POST /api/v1/user-agents': {
    operationId: 'createUserAgent',
    summary: 'Configure an agent',
    description:
      'Faults of the settings answer `invalid_settings`, each with its path. It stays on the present version of the agent until you upgrade. You can have up to 200.',
    tags,
    body: z.strictObject({
      agent_id: agentId,
      name: name.optional().meta({ description: "Left out: the agent's name", example: 'Shop support' }),
      settings: settings.default({}),
      model: model.optional(),
    }),
    response: { 201: userAgentSchema, ...refused },
  },
  'GET /api/v1/user-agents/:id': {
    operationId: 'getUserAgent',
    summary: 'One that you configured',
    description: 'With its form, and with what changed when there is a newer version of the agent.',
    tags,
    params: idParams,
    response: { 200: userAgentSchema, ...refused },
  },
  'PATCH /api/v1/user-agents/:id': {
    operationId: 'updateUserAgent',
    summary: 'Change, switch on or off, upgrade',
    description:
      '`settings` replaces all answers. `agent_version` upgrades to the version under `update`; the settings, given or present, must fit the form of that version.',
    tags,
    params: idParams,
    body: z.strictObject({
      name: name.optional(),
      settings: settings.optional(),
      is_active: z.boolean().optional().meta({ description: 'false switches it off', example: true }),
      model: model.optional(),
      agent_version: version.optional().meta({ description: '`update.version`', example: 2 }),
    }),
    response: { 200: userAgentSchema, ...refused },
  },
  'DELETE /api/v1/user-agents/:id': {
    operationId: 'deleteUserAgent',
    summary: 'Delete one that you configured',
    description: 'With its integrations. Its logs stay.',
    tags,
    params: idParams,
    response: { 204: z.null().meta({ description: 'Deleted' }), ...refused },
  },
} as const
