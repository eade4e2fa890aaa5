import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import pg from 'pg'
import { createIdWithTime } from '../server/src/database/uuid-v7.ts'
import { createModelFetch } from '../server/src/runtime/http-fetch.ts'

/*
 * What is left of a run when everything is taken away: call the model, insert one row, answer. No authentication, no
 * validation, no row-level security, no limits, no time-outs, no row before the model is called. It calls the model with
 * the same HTTP client (`createModelFetch`, an undici pool) and the same request as AgentExpress, and its one statement
 * is prepared.
 */

export interface BareOptions {
  connection: pg.ClientConfig
  poolSize: number
  modelUrl: string
  /** The body that AgentExpress sends, where only the user's words change. */
  modelRequest: { model: string; messages: { role: string; content: unknown }[] }
  ids: { userId: string; agentId: string; userAgentId: string }
}

interface Completion {
  choices: { message: { content: string }; finish_reason: string }[]
  usage: { prompt_tokens: number; completion_tokens: number }
}

const { connection, poolSize, modelUrl, modelRequest, ids } = JSON.parse(process.argv[2] ?? '{}') as BareOptions
const pool = new pg.Pool({ ...connection, max: poolSize, idleTimeoutMillis: 60_000, keepAlive: true })
const modelFetch = createModelFetch()
const insert = `insert into bare.agent_logs (id, "timestamp", user_id, agent_id, user_agent_id, conversation_id, input, output,
  status, source, model, input_tokens, output_tokens, latency_ms, metadata)
  values ($1, $2, $3, $4, $5, $1, $6, $7, 'succeeded', 'api', $8, $9, $10, $11, $12)`

async function run(body: string) {
  const startedAt = performance.now()
  const { id, timestamp } = createIdWithTime()
  const { input, model = modelRequest.model } = JSON.parse(body) as { input: string; model?: string }
  const messages = [...modelRequest.messages.slice(0, -1), { role: 'user', content: input }]
  const response = await modelFetch(`${modelUrl}/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ...modelRequest, model, messages }),
  })
  const { choices, usage } = (await response.json()) as Completion
  const output = choices[0]?.message.content ?? ''
  const latencyMs = Math.round(performance.now() - startedAt)
  const steps = [{ text: output, tool_calls: [], tool_results: [], finish_reason: choices[0]?.finish_reason }]
  await pool.query({
    name: 'insert',
    text: insert,
    values: [
      id,
      timestamp,
      ids.userId,
      ids.agentId,
      ids.userAgentId,
      input,
      output,
      model,
      usage.prompt_tokens,
      usage.completion_tokens,
      latencyMs,
      JSON.stringify({ steps, citations: [], finish_reason: 'stop' }),
    ],
  })
  return { id, conversation_id: id, status: 'succeeded', output, model, latency_ms: latencyMs, steps }
}

async function respond(response: ServerResponse, body: string): Promise<void> {
  const answer = JSON.stringify(await run(body))
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(answer) })
  response.end(answer)
}

const server = createServer((request: IncomingMessage, response) => {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    respond(response, Buffer.concat(chunks).toString()).catch((error: Error) => {
      process.stderr.write(`${error.message}\n`)
      response.writeHead(500).end()
    })
  })
})
server.keepAliveTimeout = 60_000
server.listen(0, '127.0.0.1', () => {
  process.send?.({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` })
})
process.on('disconnect', () => process.exit())
