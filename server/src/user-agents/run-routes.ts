import { findRunStatus } from '../agent-logs/run-log-queries.ts'
import { cancelWaitingRun } from '../approvals/end-waiting-runs.ts'
import { getClaims } from '../auth/authenticate.ts'
import { AppError } from '../errors.ts'
import type { App } from '../http/app-types.ts'
import { watchCaller } from '../http/event-stream.ts'
import type { RunAllowance } from '../limits/run-limit.ts'
import { showRunLimit } from '../limits/show-run-limit.ts'
import type { RunServices } from '../runtime/run-agent.ts'
import { answerRun, streamRun, wantsStream } from './answer-run.ts'
import { beginRun, type RunOrder } from './begin-run.ts'
import { runRoutes } from './run-schemas.ts'

export function addRunRoutes(app: App, services: RunServices): void {
  app.post(
    '/api/v1/user-agents/:id/runs',
    // A run is built here, field by field, so checking it against its own schema would only cost time.
    { schema: runRoutes['POST /api/v1/user-agents/:id/runs'], serializerCompiler: () => JSON.stringify },
    async (request, reply) => {
      const { input, conversation_id, source } = request.body
      const order: RunOrder = { userAgentId: request.params.id, conversationId: conversation_id ?? null, input, source }
      const key = request.headers['idempotency-key']
      const claims = getClaims(request)
      if (wantsStream(request))
        return streamRun(services, request, reply, (caller) => beginRun(services, claims, { ...order, ...caller }, key))
      const onAllowed = (allowance: RunAllowance) => showRunLimit(reply, allowance)
      const result = await beginRun(services, claims, { ...order, onAllowed, callerSignal: watchCaller(reply) }, key)
      return answerRun(services, request, reply, result)
    },
  )

  app.post(
    '/api/v1/agent-logs/:id/cancel',
    { schema: runRoutes['POST /api/v1/agent-logs/:id/cancel'] },
    async (request, reply) => {
      const { id } = request.params
      const claims = getClaims(request)
      const row = await services.database.withUser(claims, (tx) => findRunStatus(tx, id))
      if (!row) throw new AppError('not_found')
      // Claimed by a decision in this moment, it runs, and is cancelled as any other.
      const wasWaiting = row.status === 'waiting'
      if (wasWaiting && (await cancelWaitingRun(services.database, claims, id))) return reply.status(202).send({ id })
      if (!wasWaiting && row.status !== 'running') throw new AppError('run_not_running')
      if (!services.activeRuns.abort(id, 'cancelled')) await services.cancelElsewhere(id)
      return reply.status(202).send({ id })
    },
  )
}
