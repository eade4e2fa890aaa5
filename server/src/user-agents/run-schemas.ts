import { z } from 'zod'
import { approvalSchema, decisionSchema } from '../approvals/approval-schemas.ts'
import { idParams, problemSchema, typedText } from '../http/schemas.ts'

export const maxInputCharacters = 100_000

export const runInputSchema = typedText(maxInputCharacters, 1).meta({
  description: 'What the user says',
  example: 'Do you ship to Austria?',
})

const citationSchema = z.object({
  number: z.int().meta({ description: 'The number in square brackets in the output', example: 1 }),
  title: z.string().meta({ description: 'Where it stands', example: 'Do you ship abroad?' }),
  path: z.string().meta({ description: 'The setting it comes from, as a JSON pointer', example: '/faq/2' }),
  excerpt: z
    .string()
    .meta({ description: 'The text the answer rests on', example: 'We ship to Austria and Switzerland.' }),
})

export const toolCallSchema = z.object({
  id: z.string().meta({ description: "The model's id of the call", example: 'call_1' }),
  name: z.string().meta({ description: 'Which tool', example: 'calculator' }),
  input: z.unknown().meta({ description: 'What the model asked for', example: { expression: '2 * 21' } }),
})

export const toolResultSchema = z.object({
  id: z.string().meta({ description: 'Id of the call', example: 'call_1' }),
  name: z.string().meta({ description: 'Which tool', example: 'calculator' }),
  output: z.unknown().meta({ description: 'What the tool gave back', example: { result: 42 } }),
  is_error: z.boolean().meta({ description: 'Whether the tool failed', example: false }),
  duration_ms: z.number().meta({ description: 'How long it took', example: 3 }),
  is_untrusted: z
    .literal(true)
    .optional()
    .meta({ description: 'Present when strangers may have written a part of it', example: true }),
  is_refused: z
    .literal(true)
    .optional()
    .meta({ description: 'Present when its owner refused the call: nothing was done', example: true }),
  approval: z
    .object({
      id: z.uuid().meta({ description: 'Id of the approval', example: '019ab3c4-1d2e-7f30-8a4b-5c6d7e8f9012' }),
      decision: z.enum(['approve', 'refuse']).meta({ description: 'What its owner decided', example: 'approve' }),
      comment: z.string().nullable().meta({ description: 'What its owner said', example: null }),
      edited_input: z.unknown().optional().meta({ description: 'What it was done with, when it was changed' }),
    })
    .optional()
    .meta({ description: 'Present when it was asked for first' }),
})

export const runStepSchema = z.object({
  text: z.string().meta({ description: 'What the model wrote in this step', example: 'It is 42.' }),
  tool_calls: z.array(toolCallSchema).meta({ description: 'The tools it called' }),
  tool_results: z.array(toolResultSchema).meta({ description: 'What they gave back' }),
  finish_reason: z.string().meta({ description: 'Why the model stopped', example: 'stop' }),
  input_tokens: z.int().meta({ description: 'Tokens read', example: 412 }),
  output_tokens: z.int().meta({ description: 'Tokens written', example: 38 }),
  duration_ms: z.number().meta({ description: 'How long the step took', example: 812 }),
  retries: z.int().meta({ description: 'How often the provider was asked again', example: 0 }),
})

export const runSchema = z
  .object({
    id: z.uuid().meta({
      description: 'Id of the run: the id of its row in the log',
      example: '019ab3c4-1d2e-7f30-8a4b-5c6d7e8f9012',
    }),
    conversation_id: z.uuid().meta({
      description: 'Send it with the next input to go on talking',
      example: '019ab3c4-1d2e-7f30-8a4b-5c6d7e8f9012',
    }),
    status: z
      .enum(['running', 'waiting', 'succeeded', 'failed', 'cancelled', 'interrupted'])
      .meta({ description: 'How the run ended; `waiting`: decide about its `approvals`', example: 'succeeded' }),
    output: z.string().nullable().meta({
      description: 'The answer, as Markdown; what there was of it when the run did not succeed',
      example: 'Yes, within 3 days. [1]',
    }),
    error: z
      .object({
        code: z.string().meta({ description: 'Stable code', example: 'model_timeout' }),
        title: z.string().meta({ description: 'What happened', example: 'The model did not answer in time.' }),
        detail: z.string().meta({ description: 'What to do next', example: 'Retry.' }),
      })
      .nullable()
      .meta({ description: 'Why the run did not succeed' }),
    citations: z.array(citationSchema).meta({ description: 'The texts of the settings that the answer rests on' }),
    model: z.string().nullable().meta({ description: 'The model that answered', example: 'openai/gpt-5-mini' }),
    is_built_in_model: z
      .boolean()
      .meta({ description: 'True when the built-in answer finder served, which is no language model', example: false }),
    input_tokens: z.int().nullable().meta({ description: 'Tokens read, over all steps', example: 412 }),
    output_tokens: z.int().nullable().meta({ description: 'Tokens written, over all steps', example: 38 }),
    cost_usd: z
      .number()
      .nullable()
      .meta({ description: 'Cost in US dollars; null when the price is not known', example: 0.00021 }),
    latency_ms: z.int().nullable().meta({ description: 'From the request to the end', example: 934 }),
    steps: z.array(runStepSchema).meta({ description: 'Each call of the model with the tools it used' }),
    approvals: z.array(approvalSchema).meta({ description: 'What a waiting run asks for; otherwise empty' }),
  })
  .meta({ id: 'Run', description: 'One input and the output it led to' })

export const runRoutes = {
  'POST /api/v1/user-agents/:id/runs': {
    tags: ['Runs'],
    summary: 'Run a user agent',
    description:
      'Answers the finished run as JSON; with `stream: true` or `Accept: text/event-stream`, the AI SDK UI message stream. ' +
      'Counts for the limits of your plan: `RateLimit-Limit`, `-Remaining` and `-Reset` say what is left of the month. ' +
      'Send an `Idempotency-Key` to be safe against doubled requests: the same key gives the same run. ' +
      'The run is in the log from its first moment, whatever happens after. Closing the connection cancels it. ' +
      'When the agent wants to do something that you have to approve, the answer is the run with the status `waiting` and its `approvals`.',
    params: idParams,
    headers: z.object({
      'idempotency-key': typedText(255, 1)
        .optional()
        .meta({ description: 'Any text that is new for each new request', example: 'order-4711-question-1' }),
      accept: z.string().optional().meta({ description: '`text/event-stream` streams', example: 'application/json' }),
    }),
    body: z.strictObject({
      input: runInputSchema,
      conversation_id: z.uuid().nullish().meta({
        description: 'Goes on with this conversation; left out, a new one begins',
        example: '019ab3c4-1d2e-7f30-8a4b-5c6d7e8f9012',
      }),
      stream: z.boolean().default(false).meta({ description: 'Whether to stream the answer', example: false }),
      source: z.enum(['chat', 'api']).default('api').meta({ description: 'Shown in the log', example: 'api' }),
    }),
    response: { 200: runSchema, '4xx': problemSchema, '5xx': problemSchema },
  },
  'POST /api/v1/approvals/:id/decision': {
    operationId: 'decideApproval',
    tags: ['Approvals'],
    summary: 'Approve or refuse',
    description:
      'The last open decision of a run lets it go on, and the answer is the run as `POST user-agents/{id}/runs` answers it, as JSON or as a stream. ' +
      'While others of the run are open, the answer is the approval and the waiting run. A run goes on once, however many decide at the same time. ' +
      'A refused call is not executed; the agent is told and goes on. Closing the connection does not stop the run: its end is in the log.',
    params: idParams,
    headers: z.object({
      accept: z.string().optional().meta({ description: '`text/event-stream` streams', example: 'application/json' }),
    }),
    body: decisionSchema,
    response: {
      200: z.union([
        runSchema,
        z.object({
          approval: approvalSchema,
          run: z
            .object({
              id: z.uuid().meta({ description: 'The run', example: '019ab3c4-1d2e-7f30-8a4b-5c6d7e8f9012' }),
              status: z.literal('waiting').meta({ description: 'It still waits', example: 'waiting' }),
            })
            .meta({ description: 'The run, which waits for other approvals' }),
        }),
      ]),
      '4xx': problemSchema,
      '5xx': problemSchema,
    },
  },
  'POST /api/v1/agent-logs/:id/cancel': {
    tags: ['Runs'],
    summary: 'Cancel a run',
    description:
      'The run ends as `cancelled` within moments; what it had produced is kept. Also one that waits for an approval.',
    params: idParams,
    response: {
      202: z.object({
        id: z.uuid().meta({ description: 'Id of the run', example: '019ab3c4-1d2e-7f30-8a4b-5c6d7e8f9012' }),
      }),
      '4xx': problemSchema,
    },
  },
} as const
