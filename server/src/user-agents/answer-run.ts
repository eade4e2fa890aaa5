import type { FastifyReply, FastifyRequest } from 'fastify'
import { listRunApprovals } from '../approvals/list-run-approvals.ts'
import { getClaims } from '../auth/authenticate.ts'
import { errorTable } from '../errors.ts'
import { openEventStream, watchCaller } from '../http/event-stream.ts'
import { toProblem } from '../http/problem.ts'
import { describeRunFailure } from '../limits/run-limit.ts'
import { showPresentRunLimit, showRunLimit } from '../limits/show-run-limit.ts'
import type { RunCaller, RunServices } from '../runtime/run-agent.ts'
import type { RunResult } from './begin-run.ts'
import { describeRun } from './describe-run.ts'

import { UiMessageWriter } from './ui-message-stream.ts'

export function wantsStream(request: FastifyRequest<{ Body: { stream: boolean } }>): boolean {
  return request.body.stream || (request.headers.accept ?? '').includes('text/event-stream')
}

/** A run as one JSON answer; one that did not succeed as a problem. */
export async function answerRun(
  services: RunServices,
  request: FastifyRequest,
  reply: FastifyReply,
  result: RunResult,
): Promise<FastifyReply> {
  const run = describeRun(result)
  if (result.kind === 'replayed') await showPresentRunLimit(services.database, getClaims(request), reply)
  if (run.status === 'waiting') {
    const approvals = await listRunApprovals(services.database, getClaims(request), run.id)
    return reply.send({ ...run, approvals })
  }
  if (run.status === 'succeeded' || !run.error) return reply.send(run)
  const error = await describeRunFailure(services.database, getClaims(request), run.error.code)
  const retryAfter = result.kind === 'ran' ? result.run.outcome.retry_after_seconds : null
  if (retryAfter !== null) reply.header('retry-after', String(Math.ceil(retryAfter)))
  return reply
    .status(error.status)
    .type('application/problem+json')
    .send({ ...toProblem(error, request.id), run_id: run.id, conversation_id: run.conversation_id, output: run.output })
}

/** A run as the AI SDK's stream. Until its row is written an error is an ordinary answer with its status. */
export async function streamRun(
  services: RunServices,
  request: FastifyRequest,
  reply: FastifyReply,
  perform: (caller: RunCaller) => Promise<RunResult>,
): Promise<FastifyReply> {
  const callerSignal = watchCaller(reply)
  const opened: { stream?: ReturnType<typeof openEventStream>; writer?: UiMessageWriter } = {}
  const open = () => {
    const stream = openEventStream(reply, { 'x-vercel-ai-ui-message-stream': 'v1' })
    opened.stream = stream
    opened.writer = new UiMessageWriter(stream.send)
    return opened.writer
  }
  try {
    const result = await perform({
      callerSignal,
      onAllowed: (allowance) => showRunLimit(reply, allowance),
      onStart: ({ id, conversationId, model }) =>
        open().start(id, {
          run_id: id,
          conversation_id: conversationId,
          model: model.id,
          is_built_in_model: model.isBuiltIn,
        }),
      onEvent: (event) => opened.writer?.event(event),
    })
    if (result.kind === 'replayed') {
      await showPresentRunLimit(services.database, getClaims(request), reply)
      await replay(services, request, open(), result)
    }
    opened.writer?.end(describeRun(result))
  } catch (error) {
    if (!opened.stream) throw error
    request.log.error({ err: error }, 'a streamed run failed')
    opened.writer?.fail(errorTable.internal_error[1])
  }
  opened.stream?.end()
  return reply
}

async function replay(
  { database }: RunServices,
  request: FastifyRequest,
  writer: UiMessageWriter,
  result: RunResult,
): Promise<void> {
  const run = describeRun(result)
  writer.start(run.id, {
    run_id: run.id,
    conversation_id: run.conversation_id,
    model: run.model ?? undefined,
    is_built_in_model: run.is_built_in_model,
  })
  if (run.output) writer.event({ kind: 'text-delta', text: run.output })
  for (const citation of run.citations) writer.event({ kind: 'citation', citation })
  if (run.status !== 'waiting') return
  for (const approval of await listRunApprovals(database, getClaims(request), run.id)) {
    if (approval.status !== 'pending') continue
    const { tool_call_id, tool, input, input_schema, expires_at, title } = approval
    writer.event({ kind: 'tool-call', call: { id: tool_call_id, name: tool, input }, title })
    const request = { ...approval, input_schema: input_schema as object }
    writer.event({ kind: 'approval-request', approval: request, expiresAt: expires_at })
  }
}
