import { z } from 'zod'
import { pageOf, pageQuery } from '../http/pagination.ts'
import { idParams, problemSchema, timestampSchema, typedText } from '../http/schemas.ts'
import { toolCallSchema, toolResultSchema } from '../user-agents/run-schemas.ts'

export const runStatuses = ['running', 'waiting', 'succeeded', 'failed', 'cancelled', 'interrupted'] as const
export type RunStatus = (typeof runStatuses)[number]

const exampleId = '019ab3c4-1d2e-7f30-8a4b-5c6d7e8f9012'
const tokens = (of: string) =>
  z
    .number()
    .int()
    .nullable()
    .meta({ description: `Tokens of the ${of}`, example: 412 })

export const agentLogSummarySchema = z
  .object({
    id: z.uuid().meta({ description: 'Id of the run; ids made later sort after it', example: exampleId }),
    timestamp: timestampSchema.meta({
      description: 'When the run began, by the clock of the server',
      example: '2026-11-22T09:30:00.000Z',
    }),
    agent_id: z.uuid().nullable().meta({ description: 'The agent; null when it was deleted', example: exampleId }),
    agent_name: z
      .string()
      .nullable()
      .meta({ description: 'Its name; null when you can no longer see the agent', example: 'Customer service' }),
    user_agent_id: z.uuid().nullable().meta({ description: 'The user agent that ran', example: exampleId }),
    user_agent_name: z
      .string()
      .nullable()
      .meta({ description: 'Its name; null when it was deleted', example: 'Shop help' }),
    conversation_id: z
      .uuid()
      .meta({ description: 'The conversation; equal to the id of its first run', example: exampleId }),
    status: z.enum(runStatuses).meta({
      description:
        'How the run stands. `waiting`: you have to approve something, see `GET /api/v1/approvals`. `interrupted`: the server stopped in the middle of it',
      example: 'succeeded',
    }),
    error_code: z
      .string()
      .nullable()
      .meta({ description: 'Why it did not succeed, see /docs/errors', example: 'model_timeout' }),
    source: z.string().meta({
      description: 'Where the input came from: `chat`, `api`, or `openai` for the OpenAI-compatible API',
      example: 'chat',
    }),
    model: z.string().nullable().meta({ description: 'The model that answered', example: 'openai/gpt-5-mini' }),
    input: z.string().meta({
      description: 'What was asked; the first 500 characters in a list',
      example: 'Do you ship to Norway?',
    }),
    output: z.string().nullable().meta({
      description: 'What was answered, or what there is of it so far; the first 500 characters in a list',
      example: 'Yes, within five days.',
    }),
    input_tokens: tokens('input'),
    output_tokens: tokens('output'),
    cost_usd: z
      .number()
      .nullable()
      .meta({ description: 'Cost in US dollars; null when the price is not known', example: 0.000412 }),
    latency_ms: z
      .number()
      .int()
      .nullable()
      .meta({ description: 'From the input to the end of the answer', example: 1840 }),
    rating: z
      .union([z.literal(1), z.literal(-1)])
      .nullable()
      .meta({ description: 'Thumbs up (1) or down (-1); null without', example: 1 }),
  })
  .meta({ id: 'AgentLogSummary', description: 'A run, as a row of a list' })

const loggedResultSchema = toolResultSchema.extend({
  full_output: z
    .unknown()
    .optional()
    .meta({ description: 'The whole answer (up to 1 MB), when the model got only its beginning' }),
})

export const runStepSchema = z
  .object({
    text: z.string().meta({ description: 'Text the model wrote in this step', example: 'Twelve weeks have 84 days.' }),
    tool_calls: z.array(toolCallSchema).meta({ description: 'The tools it asked for' }),
    tool_results: z.array(loggedResultSchema).meta({ description: 'What they answered' }),
    finish_reason: z.string().meta({ description: 'Why the model stopped', example: 'stop' }),
    input_tokens: z.number().meta({ description: 'Tokens the model read', example: 412 }),
    output_tokens: z.number().meta({ description: 'Tokens the model wrote', example: 36 }),
    duration_ms: z.number().meta({ description: 'How long the model took', example: 920 }),
    retries: z.number().meta({ description: 'How often the provider was asked again', example: 0 }),
    is_usage_estimated: z
      .literal(true)
      .optional()
      .meta({ description: 'Present when the provider did not count the tokens', example: true }),
  })
  .meta({ id: 'RunStep', description: 'One call of the model and the tools it asked for' })

export const citationSchema = z
  .object({
    number: z.number().int().meta({ description: 'Number in square brackets in the answer', example: 1 }),
    title: z.string().meta({ description: 'Where it stands in the settings', example: 'FAQ: Do you ship abroad?' }),
    path: z.string().meta({ description: 'The same place as a JSON pointer', example: '/faq/2' }),
    excerpt: z.string().meta({ description: 'The words the answer rests on', example: 'We ship to all of Europe.' }),
  })
  .meta({ id: 'Citation', description: 'A part of a text in the settings that an answer rests on' })

export const runMetadataSchema = z
  .looseObject({
    steps: z.array(runStepSchema).meta({ description: 'Every step of the run, in order' }),
    citations: z.array(citationSchema).meta({ description: 'What the answer rests on' }),
    error_detail: z
      .string()
      .nullish()
      .meta({ description: 'What the provider said, without secrets', example: 'The engine is overloaded.' }),
    finish_reason: z.string().nullish().meta({ description: 'Why the model stopped at the end', example: 'stop' }),
    approvals: z
      .array(
        z.looseObject({
          id: z.string().meta({ description: 'Id of the approval', example: exampleId }),
          tool_call_id: z.string().meta({ description: 'Id of the call', example: 'call_1' }),
          tool: z.string().meta({ description: 'The tool', example: 'smtp__send_email' }),
          title: z.string().meta({ description: 'What the tool does', example: 'Send an e-mail (Work)' }),
          description: z
            .string()
            .meta({ description: 'What was to be done', example: 'Send "Hello" to anna@example.com' }),
          reason: z.string().meta({ description: '`writes` or `after_untrusted`', example: 'writes' }),
        }),
      )
      .optional()
      .meta({ description: 'What you were asked for' }),
  })
  .meta({ id: 'RunMetadata', description: 'What happened inside a run' })

export const agentLogSchema = agentLogSummarySchema
  .extend({
    rating_comment: z
      .string()
      .nullable()
      .meta({ description: 'What was said with the thumb', example: 'Just what I needed.' }),
    metadata: runMetadataSchema,
  })
  .meta({ id: 'AgentLog', description: 'A run with everything that happened in it; input and output are whole' })

export type AgentLogSummary = z.output<typeof agentLogSummarySchema>
export type AgentLog = z.output<typeof agentLogSchema>
export type RunMetadata = z.output<typeof runMetadataSchema>

const filterQuery = {
  agent_id: z.uuid().optional().meta({ description: 'Only runs of this agent', example: exampleId }),
  user_agent_id: z.uuid().optional().meta({ description: 'Only runs of this user agent', example: exampleId }),
  conversation_id: z.uuid().optional().meta({ description: 'Only this conversation', example: exampleId }),
  status: z.enum(runStatuses).optional().meta({ description: 'Only runs with this status', example: 'failed' }),
  from: timestampSchema
    .optional()
    .meta({ description: 'Only runs that began at this moment or later', example: '2026-11-01T00:00:00.000Z' }),
  to: timestampSchema
    .optional()
    .meta({ description: 'Only runs that began before this moment', example: '2026-12-01T00:00:00.000Z' }),
  search: typedText(200).optional().meta({
    description: 'Only runs whose input or output contains this text, in upper or lower case',
    example: 'refund',
  }),
}

const filterSchema = z.strictObject(filterQuery)
export type AgentLogFilter = z.output<typeof filterSchema>

const order = z
  .enum(['desc', 'asc'])
  .default('desc')
  .meta({ description: 'Newest first (`desc`) or oldest first (`asc`)', example: 'desc' })

/** Columns of the CSV export, in this order. */
export const csvColumns = [
  'id',
  'timestamp',
  'agent_id',
  'agent_name',
  'user_agent_id',
  'user_agent_name',
  'conversation_id',
  'status',
  'error_code',
  'source',
  'model',
  'input',
  'output',
  'input_tokens',
  'output_tokens',
  'cost_usd',
  'latency_ms',
  'rating',
  'rating_comment',
] as const satisfies (keyof AgentLog)[]

const tags = ['Agent logs'] as const
const problems = { '4xx': problemSchema } as const

export const agentLogRoutes = {
  'GET /api/v1/agent-logs': {
    summary: 'List runs',
    description:
      'Your own runs, newest first. To follow them live, ask every few seconds with `after` set to the id of the newest row you have, or for the first page again when you also want to see how running ones ended.',
    tags,
    operationId: 'listAgentLogs',
    querystring: z.strictObject({
      ...filterQuery,
      after: z
        .uuid()
        .optional()
        .meta({ description: 'Only runs newer than the one with this id: what is new since then', example: exampleId }),
      order,
      ...pageQuery,
    }),
    response: {
      200: pageOf(agentLogSummarySchema).extend({
        searched_to: timestampSchema.nullable().meta({
          description:
            'How far `search`, `status` or `agent_id` has looked after about a second without filling the page; `next_cursor` goes on from there. Null: the page is full, or there are no more',
          example: '2026-03-01T12:00:00.000Z',
        }),
      }),
      ...problems,
    },
  },
  'GET /api/v1/agent-logs/export': {
    summary: 'Export runs',
    description: [
      'Every run that fits the filter as a download of any size.',
      '`ndjson`: one JSON object a line, with all fields of `GET /api/v1/agent-logs/{id}`, steps and citations included.',
      `\`csv\`: RFC 4180 in UTF-8 with a header line and the columns ${csvColumns.join(', ')}.`,
      'In CSV a text that begins with =, +, -, @, a tab or a carriage return gets an apostrophe in front, because spreadsheets would run it as a formula; numbers and NDJSON stay as they are.',
      'A download that is cut off ends without the closing chunk of HTTP, so that clients report it as broken.',
    ].join(' '),
    tags,
    operationId: 'exportAgentLogs',
    querystring: z.strictObject({
      ...filterQuery,
      format: z.enum(['ndjson', 'csv']).default('ndjson').meta({ description: 'The file format', example: 'csv' }),
      order,
    }),
    response: {
      200: {
        description: 'The file',
        content: {
          'application/x-ndjson': { schema: agentLogSchema },
          'text/csv': { schema: z.string().meta({ example: 'id,timestamp,agent_id\r\n' }) },
        },
      },
      ...problems,
    },
  },
  'GET /api/v1/agent-logs/activity': {
    summary: 'Count runs a day',
    description:
      'How many of your runs began on each of the last days (UTC), today included, oldest day first. A run goes on counting when its log is deleted. `GET /api/v1/usage` has more.',
    tags,
    operationId: 'getAgentLogActivity',
    querystring: z.strictObject({
      days: z.coerce.number().int().min(1).max(90).default(30).meta({ description: 'How many days', example: 30 }),
      user_agent_id: filterQuery.user_agent_id,
    }),
    response: {
      200: z.object({
        data: z
          .array(
            z.object({
              day: z.iso.date().meta({ description: 'The day in UTC', example: '2026-11-22' }),
              succeeded: z.number().int().meta({ description: 'Runs that succeeded', example: 41 }),
              failed: z.number().int().meta({ description: 'Runs that failed', example: 2 }),
              other: z
                .number()
                .int()
                .meta({ description: 'Runs that are running, were cancelled or interrupted', example: 1 }),
            }),
          )
          .meta({ description: 'One row a day, oldest first' }),
      }),
      ...problems,
    },
  },
  'GET /api/v1/agent-logs/:id': {
    summary: 'Get a run',
    description: 'One run with every step, tool call and citation.',
    tags,
    operationId: 'getAgentLog',
    params: idParams,
    response: { 200: agentLogSchema, ...problems },
  },
  'PUT /api/v1/agent-logs/:id/rating': {
    summary: 'Rate a run',
    description:
      'Thumbs up or down, with a comment if you like. Replaces the rating before; a null rating takes it away.',
    tags,
    operationId: 'rateAgentLog',
    params: idParams,
    body: z
      .strictObject({
        rating: agentLogSummarySchema.shape.rating,
        comment: typedText(2000)
          .nullish()
          .meta({ description: 'What was good or bad about it', example: 'Just what I needed.' }),
      })
      .refine((body) => body.rating !== null || !body.comment, {
        path: ['comment'],
        message: 'A comment needs a thumb up or down.',
      }),
    response: { 200: agentLogSchema, ...problems },
  },
  'DELETE /api/v1/agent-logs/:id': {
    summary: 'Delete a run',
    description:
      'For good. A run that is still running answers 409 `conflict`: cancel it first. A conversation whose first run is deleted is no longer listed; its other runs stay in the log.',
    tags,
    operationId: 'deleteAgentLog',
    params: idParams,
    response: { 204: z.undefined().meta({ description: 'It is deleted' }), ...problems },
  },
  'DELETE /api/v1/agent-logs': {
    summary: 'Delete runs',
    description:
      'Deletes what fits the filter, for good, at most 10,000 runs a request; ask again while `has_more` is true. Runs that are still running are skipped. Without any filter `all=true` is needed.',
    tags,
    operationId: 'deleteAgentLogs',
    querystring: z
      .strictObject({
        ...filterQuery,
        all: z.literal('true').optional().meta({ description: 'Needed to delete without a filter', example: 'true' }),
      })
      .refine(
        ({ all, ...filter }) => all || Object.values(filter).some((value) => value !== undefined && value !== ''),
        {
          path: ['all'],
          message: 'Give a filter, or all=true to delete every run.',
        },
      ),
    response: {
      200: z.object({
        deleted: z.number().int().meta({ description: 'How many were deleted', example: 240 }),
        skipped_running: z.number().int().meta({ description: 'How many were left because they run', example: 0 }),
        has_more: z.boolean().meta({ description: 'Whether more may fit the filter: ask again', example: false }),
      }),
      ...problems,
    },
  },
} as const
