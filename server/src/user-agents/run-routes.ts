import type { FastifyReply, FastifyRequest } from 'fastify'
import { findRunStatus } from '../agent-logs/run-log-queries.ts'
import { getClaims } from '../auth/authenticate.ts'
import { AppError, errorTable } from '../errors.ts'
import type { App } from '../http/app-types.ts'
import { openEventStream, watchCaller } from '../http/event-stream.ts'
import { toProblem } from '../http/problem.ts'
import type { RunServices } from '../runtime/run-agent.ts'
import { beginRun, type RunOrder, type RunResult } from './begin-run.ts'
import { describeRun } from './describe-run.ts'
import { runRoutes } from './run-schemas.ts'
import { UiMessageWriter } from './ui-message-stream.ts'

export function addRunRoutes(app: App, services: RunServices): void {
  app.post(
    '/api/v1/user-agents/:id/runs',
    // A run is built here, field by field, so checking it against its own schema would only cost time.
    { schema: runRoutes['POST /api/v1/user-agents/:id/runs'], serializerCompiler: () => JSON.stringify },
    async (request, reply) => {
      const { input, conversation_id, stream, source } = request.body
      const order: RunOrder = { userAgentId: request.params.id, conversationId: conversation_id ?? null, input, source }
      const key = request.headers['idempotency-key']
      const isStream = stream || (request.headers.accept ?? '').includes('text/event-stream')
      if (isStream) return streamRun(services, request, reply, order, key)
      const result = await beginRun(services, getClaims(request), { ...order, callerSignal: watchCaller(reply) }, key)
      return answerRun(request, reply, result)
    },
  )

  app.post(
    '/api/v1/agent-logs/:id/cancel',
    { schema: runRoutes['POST /api/v1/agent-logs/:id/cancel'] },
    async (request, reply) => {
      const { id } = request.params
      const row = await services.database.withUser(getClaims(request), (tx) => findRunStatus(tx, id))
      if (!row) throw new AppError('not_found')
      if (row.status !== 'running') throw new AppError('run_not_running')
      if (!services.activeRuns.abort(id, 'cancelled')) await services.cancelElsewhere(id)
      return reply.status(202).send({ id })
    },
  )
}

function answerRun(request: FastifyRequest, reply: FastifyReply, result: RunResult) {
  const run = describeRun(result)
  if (run.status === 'succeeded' || !run.error) return reply.send(run)
  const error = new AppError(run.error.code)
  const retryAfter = result.kind === 'ran' ? result.run.outcome.retry_after_seconds : null
  if (retryAfter !== null) reply.header('retry-after', String(Math.ceil(retryAfter)))
  return reply
    .status(error.status)
    .type('application/problem+json')
    .send({ ...toProblem(error, request.id), run_id: run.id, conversation_id: run.conversation_id, output: run.output })
}

async function streamRun(
  services: RunServices,
  request: FastifyRequest,
  reply: FastifyReply,
  order: RunOrder,
  key: string | undefined,
): Promise<FastifyReply> {
  const callerSignal = watchCaller(reply)
  const opened: { stream?: ReturnType<typeof openEventStream>; writer?: UiMessageWriter } = {}
  // Until the row is written an error is an ordinary answer with its status; only then the stream is opened.
  const open = () => {
    const stream = openEventStream(reply, { 'x-vercel-ai-ui-message-stream': 'v1' })
    opened.stream = stream
    opened.writer = new UiMessageWriter(stream.send)
    return opened.writer
  }
  try {
    const result = await beginRun(
      services,
      getClaims(request),
      {
        ...order,
        callerSignal,
        onStart: ({ id, conversationId, model }) =>
          open().start(id, {
            run_id: id,
            conversation_id: conversationId,
            model: model.id,
            is_built_in_model: model.isBuiltIn,
          }),
        onEvent: (event) => opened.writer?.event(event),
      },
      key,
    )
    const run = describeRun(result)
    if (result.kind === 'replayed') {
      const replay = open()
      replay.start(run.id, {
        run_id: run.id,
        conversation_id: run.conversation_id,
        model: run.model ?? undefined,
        is_built_in_model: run.is_built_in_model,
      })
      if (run.output) replay.event({ kind: 'text-delta', text: run.output })
      for (const citation of run.citations) replay.event({ kind: 'citation', citation })
    }
    opened.writer?.end(run)
  } catch (error) {
    if (!opened.stream) throw error
    request.log.error({ err: error }, 'a streamed run failed')
    opened.writer?.fail(errorTable.internal_error[1])
  }
  opened.stream?.end()
  return reply
}
