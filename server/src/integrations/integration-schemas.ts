import { z } from 'zod'
import { settingsSchema } from '../agents/capabilities.ts'
import { idParams, problemSchema, timestampSchema, typedText } from '../http/schemas.ts'

export const connectionFormSchema = z
  .object({
    type: z.literal('object').meta({ description: 'Always `object`' }),
    properties: z.record(z.string(), z.record(z.string(), z.unknown())).meta({
      description:
        'The fields in their order, as for the settings of agents; `format` may be `password`, and a field with `shown_when` belongs to the form only while that field of the settings has one of these values; `enum_titles` says for each value of `enum` what people read instead',
    }),
    required: z.array(z.string()).meta({ description: 'Fields that must be filled in while they are shown' }),
  })
  .meta({ id: 'ConnectionForm', description: 'A form as a JSON Schema' })

const effect = z
  .enum(['reads', 'writes'])
  .meta({ description: '`writes`: changes the world outside, and asks first', example: 'writes' })
const permission = z
  .enum(['ask', 'always', 'never'])
  .meta({ description: 'Whether its owner is asked before each call; `never`: agents do not get it', example: 'ask' })

export const integrationTypeSchema = z
  .object({
    type: z.string().meta({ description: 'Its name', example: 'webhook' }),
    title: z.string().meta({ description: 'Its name for people', example: 'Webhook' }),
    description: z.string().meta({ description: 'What it is for', example: 'Sends signed messages to your server.' }),
    icon: z.string().meta({ description: 'Name of a Tabler icon', example: 'webhook' }),
    documentation: z.string().meta({ description: 'Markdown to show beside the form', example: 'Make a key.' }),
    settings: connectionFormSchema,
    credentials: connectionFormSchema,
    scopes: z
      .array(
        z.object({
          name: z.string().meta({ description: 'A right at the provider', example: 'chat:write' }),
          reason: z.string().meta({ description: 'What it is needed for', example: 'To post messages.' }),
        }),
      )
      .meta({ description: 'The least rights an account needs' }),
    tools: z
      .array(
        z.object({
          name: z.string().meta({ description: 'Its name', example: 'send_webhook' }),
          title: z.string().meta({ description: 'What it does', example: 'Send a message' }),
          description: z.string().meta({ description: 'What models are told', example: 'Sends an event.' }),
          effect,
        }),
      )
      .meta({
        description: 'What agents can do with it; empty where the server behind the connection lists its tools',
      }),
    lists_tools: z.boolean().meta({ description: 'Whether the server behind the connection lists its tools' }),
    needs_oauth: z.boolean().meta({ description: 'Whether it can be connected by signing in at the provider' }),
    is_oauth_configured: z
      .boolean()
      .meta({ description: 'Whether signing in works on this site; false: its operator has to register a client' }),
  })
  .meta({ id: 'IntegrationType', description: 'A kind of account that can be connected' })

const toolSchema = z.object({
  name: z.string().meta({ description: 'Its name', example: 'send_webhook' }),
  title: z.string().meta({ description: 'What it does', example: 'Send a message' }),
  description: z.string().meta({ description: 'What models are told', example: 'Sends an event.' }),
  effect,
  permission,
  input_schema: z.record(z.string(), z.unknown()).meta({ description: 'JSON Schema of its input' }),
})

export const integrationSchema = z
  .object({
    id: z.uuid().meta({ description: 'Its id', example: '019ab3c4-1d2e-7f30-8a4b-5c6d7e8f9012' }),
    type: z.string().meta({ description: 'A type of `GET /api/v1/integration-types`', example: 'webhook' }),
    name: z.string().nullable().meta({ description: 'Your name for it', example: 'Shop' }),
    state: z
      .enum(['connected', 'failing', 'reconnect'])
      .meta({ description: '`reconnect`: it does not work until you enter its credentials or sign in again' }),
    failure: z.string().nullable().meta({ description: 'Why it does not work', example: null }),
    failing_since: timestampSchema.nullable().meta({ description: 'Since when it does not work', example: null }),
    settings: settingsSchema.meta({ description: 'What was filled in' }),
    credentials: z.record(z.string(), z.string()).meta({
      description:
        'Which credentials are set, with the last four characters of long ones; `oauth` when somebody signed in. They cannot be read back',
      example: { secret: '…9fQ=' },
    }),
    needs_authorization: z.boolean().meta({ description: 'Whether signing in at the provider is still to be done' }),
    tools: z.array(toolSchema).meta({ description: 'What the agent can do with it' }),
    tools_listed_at: timestampSchema
      .nullable()
      .meta({ description: 'When its server last listed them', example: null }),
    last_tested_at: timestampSchema.nullable().meta({ description: 'When it was last tested', example: null }),
    created_at: timestampSchema,
    updated_at: timestampSchema,
  })
  .meta({ id: 'Integration', description: 'A connected account or server of a user agent' })

const name = typedText(100).meta({ description: 'Your name for it', example: 'Shop' })
// Read by validateSettings, which bounds the depth; zod recurses and must not see what is nested 100,000 deep.
const fields = z.record(z.string(), z.unknown())
const settings = fields.meta({ description: 'What the form `settings` of the type asks', example: {} })
const credentials = fields.meta({ description: 'What the form `credentials` asks; stored encrypted', example: {} })
const newIntegrationSchema = z.strictObject({
  type: z.string().max(50).meta({ description: 'A type of `GET /api/v1/integration-types`', example: 'webhook' }),
  name: name.optional(),
  settings: settings.default({}),
  credentials: credentials.default({}),
})

const changedIntegrationSchema = integrationSchema.extend({
  new_secrets: z
    .record(z.string(), z.string())
    .meta({ description: 'Credentials that were made for you, shown this once', example: {} }),
})

const testResultSchema = z.object({
  ok: z.boolean().meta({ description: 'Whether it works', example: true }),
  message: z.string().meta({ description: 'What was reached, or what is wrong', example: 'Signed in as anna.' }),
})

export const integrationParams = idParams.extend({
  integration_id: z
    .uuid()
    .meta({ description: 'Id of the integration', example: '019ab3c4-1d2e-7f30-8a4b-5c6d7e8f9013' }),
})

const tags = ['Integrations']
const refused = { '4xx': problemSchema }

export const integrationRoutes = {
  'GET /api/v1/integration-types': {
    operationId: 'listIntegrationTypes',
    summary: 'What can be connected',
    tags,
    response: {
      200: z.object({ data: z.array(integrationTypeSchema).meta({ description: 'All of them' }) }),
      ...refused,
    },
  },
  'GET /api/v1/integration-types/:type': {
    operationId: 'getIntegrationType',
    summary: 'One kind of account',
    tags,
    params: z.object({ type: z.string().max(50).meta({ description: 'Its name', example: 'webhook' }) }),
    response: { 200: integrationTypeSchema, ...refused },
  },
  'POST /api/v1/integration-types/:type/test': {
    operationId: 'testIntegrationType',
    summary: 'Test an account before there is an agent for it',
    description: 'Takes 15 seconds at most. Nothing is stored, and nothing changed at the provider.',
    tags,
    params: z.object({ type: z.string().max(50).meta({ description: 'Its name', example: 'webhook' }) }),
    body: z.strictObject({ settings: settings.default({}), credentials: credentials.default({}) }),
    response: { 200: testResultSchema, ...refused },
  },
  'GET /api/v1/user-agents/:id/integrations': {
    operationId: 'listIntegrations',
    summary: 'What is connected to a user agent',
    tags,
    params: idParams,
    response: { 200: z.object({ data: z.array(integrationSchema).meta({ description: 'All of them' }) }), ...refused },
  },
  'POST /api/v1/user-agents/:id/integrations': {
    operationId: 'createIntegration',
    summary: 'Connect an account',
    description:
      'Faults answer `invalid_integration`, each with its path. It is not tested first. A user agent has at most 20. A secret that was made for you is under `new_secrets`, this once.',
    tags,
    params: idParams,
    body: newIntegrationSchema,
    response: { 201: changedIntegrationSchema, ...refused },
  },
  'POST /api/v1/user-agents/:id/integrations/test': {
    operationId: 'testNewIntegration',
    summary: 'Test an account before it is stored',
    description: 'Takes 15 seconds at most. Nothing is stored, and nothing changed at the provider.',
    tags,
    params: idParams,
    body: newIntegrationSchema,
    response: { 200: testResultSchema, ...refused },
  },
  'GET /api/v1/user-agents/:id/integrations/:integration_id': {
    operationId: 'getIntegration',
    summary: 'One connected account',
    tags,
    params: integrationParams,
    response: { 200: integrationSchema, ...refused },
  },
  'PATCH /api/v1/user-agents/:id/integrations/:integration_id': {
    operationId: 'updateIntegration',
    summary: 'Change single fields',
    description:
      'A field left out stays as it is, `null` takes it away. A changed web address in the settings ends the sign-in at the provider.',
    tags,
    params: integrationParams,
    body: z.strictObject({
      name: name.nullable().optional().meta({ description: 'Your name for it', example: 'Shop' }),
      settings: settings.optional(),
      credentials: credentials.optional(),
    }),
    response: { 200: changedIntegrationSchema, ...refused },
  },
  'DELETE /api/v1/user-agents/:id/integrations/:integration_id': {
    operationId: 'deleteIntegration',
    summary: 'Remove a connected account',
    description: 'Access that was given by signing in is taken back at the provider, where the provider can.',
    tags,
    params: integrationParams,
    response: {
      200: z.object({
        is_revoked: z.boolean().nullable().meta({
          description:
            'Whether the provider took its access back; false: it did not answer, do it there yourself; null: there was nothing to take back',
        }),
      }),
      ...refused,
    },
  },
  'POST /api/v1/user-agents/:id/integrations/:integration_id/test': {
    operationId: 'testIntegration',
    summary: 'Test a connected account',
    description: 'Takes 15 seconds at most. Also lists its tools anew.',
    tags,
    params: integrationParams,
    response: { 200: testResultSchema, ...refused },
  },
  'POST /api/v1/user-agents/:id/integrations/:integration_id/authorization': {
    operationId: 'beginAuthorization',
    summary: 'Sign in at the provider',
    description:
      'Answers where to send the browser. It comes back to the page of the user agent with `?connected=<id>` or `?oauth_error=<code>`, and must be signed in here as the same user.',
    tags,
    params: integrationParams,
    response: {
      200: z.object({
        authorization_url: z.string().meta({ description: 'To be opened in the browser', example: 'https://…' }),
      }),
      ...refused,
    },
  },
  'PUT /api/v1/user-agents/:id/integrations/:integration_id/tools/:tool': {
    operationId: 'setToolPermission',
    summary: 'Say whether a tool asks first',
    description: 'After content from outside a tool that writes asks in any case.',
    tags,
    params: integrationParams.extend({
      tool: z.string().max(200).meta({ description: 'Name of the tool', example: 'send_webhook' }),
    }),
    body: z.strictObject({ permission }),
    response: { 200: integrationSchema, ...refused },
  },
} as const
