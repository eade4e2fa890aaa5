import { z } from 'zod'
import { agentTypes } from '../catalogue/catalogue-schemas.ts'
import { pageOf, pageQuery } from '../http/pagination.ts'
import { idParams, problemSchema, timestampSchema, typedText } from '../http/schemas.ts'
import { capabilitiesSchema } from './capabilities.ts'

const agentType = z.enum(agentTypes).meta({ description: 'What the agent is for', example: 'customer_service' })
const version = z.int().min(1).meta({ description: 'Grows with each change of the agent', example: 1 })
const changeSummary = z
  .string()
  .meta({ description: 'What changed, for a person who uses the agent', example: 'Also answers in French.' })

export const agentChangeSchema = z.object({ version, summary: changeSummary })

const starters = z
  .array(z.string().meta({ example: 'Do you ship abroad?' }))
  .meta({ description: 'First questions to click on', example: ['Do you ship abroad?'] })

const summaryShape = {
  id: z.uuid().meta({ description: 'Its id', example: '019ab3c4-1d2e-7f30-8a4b-5c6d7e8f9012' }),
  name: z.string().meta({ description: 'Its name', example: 'Customer service' }),
  description: z
    .string()
    .meta({ description: 'What it does, for a person', example: 'Answers your customers from your own texts.' }),
  type: z.string().meta({ description: 'What the agent is for', example: 'customer_service' }),
  slug: z
    .string()
    .nullable()
    .meta({ description: 'Name of its file in the catalogue; null when a user made it', example: 'customer-service' }),
  is_public: z.boolean().meta({ description: 'Whether everybody sees it', example: true }),
  version,
  creator: z
    .object({
      id: z.uuid().meta({ description: 'Id of the creator', example: '019ab3c4-1d2e-7f30-8a4b-5c6d7e8f9012' }),
      name: z
        .string()
        .nullable()
        .meta({ description: 'First and last name; null when they gave none', example: 'Ada Lovelace' }),
    })
    .nullable()
    .meta({ description: 'Who made it; null for the agents that came with the product' }),
  is_mine: z.boolean().meta({ description: 'Whether you made it', example: false }),
  publication: z.enum(['private', 'requested', 'public', 'declined']).meta({
    description: '`requested`: waits for an admin; `declined`: an admin said no, see `publication_note`',
    example: 'public',
  }),
  publication_note: z.string().nullable().meta({
    description: 'Why an admin declined; shown to the creator and to admins only',
    example: 'Please say in the description what it does.',
  }),
  starters,
  created_at: timestampSchema,
  updated_at: timestampSchema,
}

const agentSummarySchema = z
  .object(summaryShape)
  .meta({ id: 'AgentSummary', description: 'An agent, as lists show it' })

export const agentSchema = z
  .object({
    ...summaryShape,
    // Everybody who sees the agent sees its instructions too: publishing is like publishing source.
    capabilities: capabilitiesSchema,
    changes: z.array(agentChangeSchema).meta({ description: 'What each version changed, newest first' }),
  })
  .meta({ id: 'Agent', description: 'An agent' })

const name = typedText(100, 1).meta({ description: 'Its name', example: 'Customer service' })
const description = typedText(2000, 1).meta({
  description: 'What it does, for a person. The first sentence goes on the card',
  example: 'Answers your customers from your own texts.',
})
// Read by parseCapabilities, so that a fault in the form answers `invalid_capabilities` with its place.
const capabilities = z
  .custom<z.input<typeof capabilitiesSchema>>(
    (value) => typeof value === 'object' && value !== null,
    'Must be an object.',
  )
  .meta({ $ref: '#/components/schemas/CapabilitiesInput' })

const tags = ['Agents']
const refused = { '4xx': problemSchema }

export const agentRoutes = {
  'GET /api/v1/agents': {
    operationId: 'listAgents',
    summary: 'List agents',
    description: 'Public agents and your own: first those of the catalogue, then the others, each by name.',
    tags,
    querystring: z.strictObject({
      search: typedText(200).optional().meta({ description: 'Part of the name or description', example: 'customer' }),
      type: agentType.optional(),
      mine: z.enum(['true', 'false']).optional().meta({ description: '`true`: only agents you made', example: 'true' }),
      ...pageQuery,
    }),
    response: { 200: pageOf(agentSummarySchema), ...refused },
  },
  'POST /api/v1/agents': {
    operationId: 'createAgent',
    summary: 'Make an agent',
    description: 'It is private until you ask for publication and an admin agrees. You can make up to 200 agents.',
    tags,
    body: z.strictObject({ name, description, type: agentType, capabilities }),
    response: { 201: agentSchema, ...refused },
  },
  'GET /api/v1/agents/:id': {
    operationId: 'getAgent',
    summary: 'One agent',
    description: 'A public agent or your own, with its form. Everybody who sees an agent sees its instructions too.',
    tags,
    params: idParams,
    response: { 200: agentSchema, ...refused },
  },
  'PATCH /api/v1/agents/:id': {
    operationId: 'updateAgent',
    summary: 'Change your agent',
    description:
      'Makes a new version. Whoever configured the agent stays on their version until they upgrade. A public agent leaves the catalogue until an admin agrees to the new version.',
    tags,
    params: idParams,
    body: z.strictObject({
      name: name.optional(),
      description: description.optional(),
      type: agentType.optional(),
      capabilities: capabilities.optional(),
      change_summary: typedText(500, 1).optional().meta({
        description: 'What changed, for a person who uses the agent',
        example: 'Also answers in French.',
      }),
      version: version.optional().meta({
        description: 'The version you edited; when it is no longer the present one the answer is `conflict`',
        example: 1,
      }),
    }),
    response: { 200: agentSchema, ...refused },
  },
  'DELETE /api/v1/agents/:id': {
    operationId: 'deleteAgent',
    summary: 'Delete your agent',
    description: 'Refused with `agent_in_use` while somebody has configured it; withdraw it instead. Logs stay.',
    tags,
    params: idParams,
    querystring: z.strictObject({
      force: z.enum(['true', 'false']).optional().meta({
        description: '`true`: also deletes what you yourself have configured of it',
        example: 'true',
      }),
    }),
    response: { 204: z.null().meta({ description: 'Deleted' }), ...refused },
  },
  'POST /api/v1/agents/:id/publication': {
    operationId: 'requestPublication',
    summary: 'Ask for publication',
    description:
      'An admin decides. A published agent is shown to everybody, with its instructions and with your first and last name.',
    tags,
    params: idParams,
    response: { 200: agentSchema, ...refused },
  },
  'DELETE /api/v1/agents/:id/publication': {
    operationId: 'withdrawPublication',
    summary: 'Withdraw your agent',
    description: 'Takes back the request or takes the agent out of the catalogue. Whoever configured it keeps it.',
    tags,
    params: idParams,
    response: { 200: agentSchema, ...refused },
  },
  'GET /api/v1/admin/publication-requests': {
    operationId: 'listPublicationRequests',
    summary: 'Agents that wait for a nod',
    description: 'For admins; oldest request first, at most 50 a page.',
    tags: ['Admin'],
    querystring: z.strictObject(pageQuery),
    response: { 200: pageOf(agentSchema), ...refused },
  },
  'POST /api/v1/admin/agents/:id/publication': {
    operationId: 'decidePublication',
    summary: 'Publish or decline an agent',
    description: 'For admins. `decline` also takes a published agent of a user out of the catalogue.',
    tags: ['Admin'],
    params: idParams,
    body: z.strictObject({
      decision: z.enum(['publish', 'decline']).meta({ description: 'Your decision', example: 'publish' }),
      note: typedText(1000).optional().meta({
        description: 'With `decline`: why, for the creator',
        example: 'Please say in the description what it does.',
      }),
      version: version.optional().meta({
        description:
          'The version you looked at. Give it, so that what the creator changed meanwhile is not published unseen: the answer is then `conflict`',
        example: 1,
      }),
    }),
    response: { 200: agentSchema, ...refused },
  },
} as const
