import { z } from 'zod'
import { pageOf, pageQuery } from '../http/pagination.ts'
import { idParams, problemSchema, timestampSchema, typedText } from '../http/schemas.ts'

export const approvalStatuses = ['pending', 'approved', 'refused', 'expired', 'canceled'] as const
export type ApprovalStatus = (typeof approvalStatuses)[number]

const exampleId = '019ab3c4-1d2e-7f30-8a4b-5c6d7e8f9012'
const exampleInput = { to: 'anna@example.com', subject: 'Hello', text: 'See you on Monday.' }

export const approvalSchema = z
  .object({
    id: z.uuid().meta({ description: 'Its id', example: exampleId }),
    run_id: z.uuid().meta({ description: 'The run that waits: the id of its row in the log', example: exampleId }),
    user_agent_id: z.uuid().meta({ description: 'The user agent that wants to do it', example: exampleId }),
    integration_id: z.uuid().nullable().meta({
      description: 'The account it would use; null for tools of our own, and when the account was disconnected',
      example: exampleId,
    }),
    tool_call_id: z.string().meta({ description: "The model's id of the call", example: 'call_1' }),
    tool: z.string().meta({ description: 'Which tool, as the model knows it', example: 'smtp__send_email' }),
    title: z.string().meta({ description: 'What the tool does', example: 'Send an e-mail (Work)' }),
    description: z
      .string()
      .meta({ description: 'What will be done, in one line', example: 'Send "Hello" to anna@example.com' }),
    input: z.unknown().meta({ description: 'The whole input of the call', example: exampleInput }),
    input_schema: z.unknown().meta({
      description: 'The JSON Schema that an edited input must fit; null once the run does not wait any more',
      example: { type: 'object', properties: { to: { type: 'string' } } },
    }),
    edited_input: z
      .unknown()
      .meta({ description: 'What it was changed to before it was approved; null when it was not', example: null }),
    reason: z.enum(['writes', 'after_untrusted']).meta({
      description:
        'Why it is asked for. `writes`: its permission is `ask`. `after_untrusted`: texts from outside were in the prompt, so look twice whether you want this',
      example: 'writes',
    }),
    status: z.enum(approvalStatuses).meta({ description: 'What was decided', example: 'pending' }),
    comment: z.string().nullable().meta({ description: 'What was said with the decision', example: null }),
    created_at: timestampSchema,
    expires_at: timestampSchema.meta({
      description: 'After this the run ends with `approval_expired`',
      example: '2026-11-29T09:30:00.000Z',
    }),
    decided_at: timestampSchema
      .nullable()
      .meta({ description: 'When it was decided', example: '2026-11-22T09:31:00.000Z' }),
  })
  .meta({ id: 'Approval', description: 'A call of a tool that its owner is asked for' })

const tags = ['Approvals']

const approvalPage = pageOf(approvalSchema).extend({
  total: z
    .int()
    .meta({ description: 'How many there are on all pages; counted up to 100, which may mean more', example: 3 }),
})

export const approvalRoutes = {
  'GET /api/v1/approvals': {
    operationId: 'listApprovals',
    summary: 'List what your agents want to do',
    description: 'Newest first, or oldest first with `order=asc`. `status=pending` are those that wait for you.',
    tags,
    querystring: z.strictObject({
      status: z.enum(approvalStatuses).optional().meta({ description: 'Only those', example: 'pending' }),
      run_id: z.uuid().optional().meta({ description: 'Only of this run', example: exampleId }),
      user_agent_id: z.uuid().optional().meta({ description: 'Only of this user agent', example: exampleId }),
      order: z
        .enum(['asc', 'desc'])
        .default('desc')
        .meta({ description: '`asc`: the oldest first. A cursor goes on in the order it came from', example: 'asc' }),
      ...pageQuery,
    }),
    response: { 200: approvalPage, '4xx': problemSchema },
  },
  'GET /api/v1/approvals/:id': {
    operationId: 'getApproval',
    summary: 'One of them',
    description: 'What will be done, with which input.',
    tags,
    params: idParams,
    response: { 200: approvalSchema, '4xx': problemSchema },
  },
} as const

export const decisionSchema = z
  .strictObject({
    decision: z.enum(['approve', 'refuse']).meta({ description: 'Whether it may be done', example: 'approve' }),
    input: z
      .unknown()
      .optional()
      .meta({
        description: 'With `approve`: do it with this input instead. It must fit `input_schema`',
        example: { ...exampleInput, subject: 'Hello Anna' },
      }),
    comment: typedText(2000)
      .nullish()
      .meta({ description: 'The agent is told, in both cases', example: 'Not before Monday.' }),
    stream: z.boolean().default(false).meta({ description: 'Whether to stream the rest of the run', example: false }),
  })
  .refine((body) => body.decision === 'approve' || body.input === undefined, {
    path: ['input'],
    message: 'An edited input goes with "approve".',
  })
