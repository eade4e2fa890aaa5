import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { listRunApprovals } from '../approvals/list-run-approvals.ts'
import { getClaims } from '../auth/authenticate.ts'
import type { Claims } from '../database/database.ts'
import { AppError, errorTable } from '../errors.ts'
import type { App } from '../http/app-types.ts'
import { openEventStream, watchCaller } from '../http/event-stream.ts'
import { toOpenAiError } from '../http/problem.ts'
import { typedText } from '../http/schemas.ts'
import { requireSwitch } from '../limits/require-in-plan.ts'
import { describeRunFailure } from '../limits/run-limit.ts'
import { showPresentRunLimit, showRunLimit } from '../limits/show-run-limit.ts'
import type { RunServices } from '../runtime/run-agent.ts'
import { beginRun, type RunOrder } from '../user-agents/begin-run.ts'
import { describeRun } from '../user-agents/describe-run.ts'
import { maxInputCharacters } from '../user-agents/run-schemas.ts'
import { openAiRoutes } from './chat-completion-schemas.ts'
import { findActiveUserAgent, listActiveUserAgents } from './model-queries.ts'

type Body = z.output<(typeof openAiRoutes)['POST /v1/chat/completions']['body']>
const isUuid = (text: string) => z.uuid().safeParse(text).success

export function addOpenAiRoutes(app: App, services: RunServices): void {
  const config = { errorShape: 'openai' } as const

  app.get('/v1/models', { schema: openAiRoutes['GET /v1/models'], config }, async (request) => {
    const rows = await services.database.withUser(getClaims(request), (tx) => listActiveUserAgents(tx))
    return { object: 'list' as const, data: rows.map(toModel) }
  })

  app.get('/v1/models/:model', { schema: openAiRoutes['GET /v1/models/:model'], config }, async (request) => {
    const { model } = request.params
    const row = isUuid(model)
      ? await services.database.withUser(getClaims(request), (tx) => findActiveUserAgent(tx, model))
      : null
    if (!row) throw new AppError('not_found')
    return toModel(row)
  })

  app.post(
    '/v1/chat/completions',
    { schema: openAiRoutes['POST /v1/chat/completions'], config, serializerCompiler: () => JSON.stringify },
    async (request, reply) => {
      const { body } = request
      if (!isUuid(body.model))
        throw new AppError('not_found', { detail: 'There is no such model. `GET /v1/models` lists your user agents.' })
      const claims = getClaims(request)
      // Keys were looked at when they were read. The token of a page is no way around a plan without the API.
      if (request.signedInUser?.via !== 'api_key')
        await services.database.withUser(claims, (tx) => requireSwitch(tx, claims, 'api'))
      const order: RunOrder = {
        ...readMessages(body.messages),
        userAgentId: body.model,
        conversationId: null,
        source: 'openai',
        onAllowed: (allowance) => showRunLimit(reply, allowance),
        callerSignal: watchCaller(reply),
      }
      const key = request.headers['idempotency-key']
      if (body.stream) return streamCompletion(services, request, reply, order, key)
      const result = await beginRun(services, claims, order, key)
      if (result.kind === 'replayed') await showPresentRunLimit(services.database, claims, reply)
      const run = describeRun(result)
      const question = run.status === 'waiting' ? await describeQuestion(services, claims, run) : ''
      if (run.error) return failCompletion(reply, await describeRunFailure(services.database, claims, run.error.code))
      return reply.send({
        ...completionHead(run.id, body.model, 'chat.completion'),
        choices: [
          {
            index: 0,
            message: { role: 'assistant' as const, content: (run.output ?? '') + question, refusal: null },
            logprobs: null,
            finish_reason: readFinishReason(run.steps),
          },
        ],
        usage: toUsage(run),
      })
    },
  )
}

function toModel(row: { id: string; name: string; created_at: Date }) {
  return {
    id: row.id,
    object: 'model' as const,
    created: Math.floor(row.created_at.getTime() / 1000),
    owned_by: 'agentexpress',
    name: row.name,
  }
}

/** The last message is the input; the caller keeps the memory, so everything before it is the history. */
function readMessages(
  messages: Body['messages'],
): Pick<RunOrder, 'input' | 'history' | 'extraInstructions' | 'metadata'> {
  const texts = messages.map(({ role, content }) => ({
    role,
    text: typeof content === 'string' ? content : (content ?? []).map((part) => part.text).join('\n'),
  }))
  const last = texts.at(-1)
  const faults = [
    ...(last?.role === 'user' ? [] : [{ path: '/messages', message: 'The last message must be of the user.' }]),
    ...(texts.some(({ text }) => text.includes('\u0000') || !text.isWellFormed())
      ? [{ path: '/messages', message: 'Characters that cannot be stored (NUL or half of a surrogate pair).' }]
      : []),
  ]
  const input = typedText(maxInputCharacters, 1).safeParse(last?.text)
  if (!input.success)
    faults.push({ path: `/messages/${texts.length - 1}`, message: input.error.issues[0]?.message ?? 'Not valid.' })
  if (!input.success || faults.length > 0) throw new AppError('invalid_request', { faults })
  const earlier = texts.slice(0, -1)
  const extraInstructions = earlier
    .filter(({ role }) => role === 'system' || role === 'developer')
    .map(({ text }) => text)
    .join('\n\n')
  const history = earlier.flatMap(({ role, text }) => (role === 'user' || role === 'assistant' ? [{ role, text }] : []))
  return {
    input: input.data,
    history,
    extraInstructions: extraInstructions || undefined,
    metadata: earlier.length > 0 ? { earlier_messages: earlier } : {},
  }
}

/**
 * Clients of this API know nothing of a run that waits: they get the question as the end of an answer, and where to
 * decide. What came of it stands in the log, and in the answer to the decision.
 */
async function describeQuestion(
  { database, config }: RunServices,
  claims: Claims,
  run: { id: string; output: string | null },
): Promise<string> {
  const approvals = (await listRunApprovals(database, claims, run.id)).filter(({ status }) => status === 'pending')
  const lines = approvals.map(({ id, description }) => `- ${description}: ${config.publicUrl ?? ''}/approvals/${id}`)
  return `${run.output ? '\n\n' : ''}This needs your approval before I go on:\n${lines.join('\n')}`
}

function completionHead<Kind extends string>(runId: string, model: string, object: Kind) {
  return { id: `chatcmpl-${runId}`, object, created: Math.floor(Date.now() / 1000), model }
}

function toUsage(run: { input_tokens: number | null; output_tokens: number | null }) {
  const prompt_tokens = run.input_tokens ?? 0
  const completion_tokens = run.output_tokens ?? 0
  return { prompt_tokens, completion_tokens, total_tokens: prompt_tokens + completion_tokens }
}

function readFinishReason(steps: unknown[]): 'stop' | 'length' {
  const last = steps.at(-1) as { finish_reason?: string } | undefined
  return last?.finish_reason === 'length' ? 'length' : 'stop'
}

function failCompletion(reply: FastifyReply, error: AppError): FastifyReply {
  return reply.status(error.status).send(toOpenAiError(error))
}

async function streamCompletion(
  services: RunServices,
  request: FastifyRequest<{ Body: Body }>,
  reply: FastifyReply,
  order: RunOrder,
  key: string | undefined,
): Promise<FastifyReply> {
  const { model, stream_options } = request.body
  const opened: { stream?: ReturnType<typeof openEventStream>; head?: object } = {}
  const send = (delta: Record<string, unknown>, finish_reason: string | null = null) =>
    opened.stream?.send(
      JSON.stringify({ ...opened.head, choices: [{ index: 0, delta, logprobs: null, finish_reason }] }),
    )
  const open = (id: string) => {
    opened.stream = openEventStream(reply, {})
    opened.head = completionHead(id, model, 'chat.completion.chunk')
    send({ role: 'assistant', content: '' })
  }
  try {
    const result = await beginRun(
      services,
      getClaims(request),
      {
        ...order,
        onStart: ({ id }) => open(id),
        onEvent: (event) => {
          if (event.kind === 'text-delta') send({ content: event.text })
        },
      },
      key,
    )
    const run = describeRun(result)
    if (result.kind === 'replayed') {
      await showPresentRunLimit(services.database, getClaims(request), reply)
      open(run.id)
      if (run.output) send({ content: run.output })
    }
    if (run.status === 'waiting') send({ content: await describeQuestion(services, getClaims(request), run) })
    if (run.error) {
      const error = await describeRunFailure(services.database, getClaims(request), run.error.code)
      opened.stream?.send(JSON.stringify(toOpenAiError(error)))
    } else {
      send({}, readFinishReason(run.steps))
      if (stream_options?.include_usage)
        opened.stream?.send(JSON.stringify({ ...opened.head, choices: [], usage: toUsage(run) }))
    }
  } catch (error) {
    if (!opened.stream) throw error
    request.log.error({ err: error }, 'a streamed completion failed')
    opened.stream?.send(
      JSON.stringify({
        error: { message: errorTable.internal_error[1], type: 'server_error', param: null, code: 'internal_error' },
      }),
    )
  }
  opened.stream?.end()
  return reply
}
