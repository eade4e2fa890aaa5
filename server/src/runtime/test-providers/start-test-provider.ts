import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { anthropicFormat } from './anthropic-format.ts'
import { googleFormat } from './google-format.ts'
import { createOpenAiChatFormat } from './openai-chat-format.ts'
import { openAiResponsesFormat } from './openai-responses-format.ts'
import { sendReply } from './send-reply.ts'
import { isWireError, type TestReply, type TestRequest, type WireFormat } from './test-reply.ts'

export type TestProviderKind = 'openai' | 'anthropic' | 'google' | 'compatible' | 'ollama'

export interface RecordedRequest {
  method: string
  path: string
  headers: Record<string, string | string[] | undefined>
  body: Record<string, unknown>
  /** True once the caller hung up before the answer was whole. */
  isAborted: boolean
}

export interface TestProvider {
  /** What goes into the configuration as this provider's base URL. */
  url: string
  /** Every request, oldest first; empty when `isRecording` is off. */
  requests: RecordedRequest[]
  /** One reply for each request to come, or a function of the request. Used up: `You said: <input>`. */
  setScript(script: TestScript): void
  close(): Promise<void>
}

export type TestScript = TestReply[] | ((request: TestRequest) => TestReply)

const basePaths: Record<TestProviderKind, string> = {
  openai: '/v1',
  anthropic: '/v1',
  google: '/v1beta',
  compatible: '/v1',
  ollama: '',
}

/**
 * A local server that speaks the wire format of a model provider, for tests, end-to-end runs and benchmarks. It refuses
 * what the provider would refuse: no key, a key with `wrong` in it, missing fields, tool results without their calls.
 */
export async function startTestProvider(
  kind: TestProviderKind,
  script: TestScript = [],
  options: { port?: number; isRecording?: boolean; models?: string[] } = {},
): Promise<TestProvider> {
  let present = Array.isArray(script) ? [...script] : script
  const requests: RecordedRequest[] = []
  const models = options.models ?? ['llama3.2:latest']

  const server = createServer((request, response) => {
    readBody(request)
      .then((text) => answer(request, response, text))
      .catch((error: unknown) => response.destroy(error as Error))
  })
  server.keepAliveTimeout = 60_000

  function answer(request: IncomingMessage, response: ServerResponse, text: string) {
    const path = request.url ?? '/'
    const body = text === '' ? {} : (JSON.parse(text) as Record<string, unknown>)
    if (options.isRecording !== false) record(request, response, path, body)
    if (kind === 'ollama' && path === '/api/tags') return sendJson(response, 200, { models: models.map(toOllamaTag) })
    const format = findFormat(kind, request.method ?? '', path)
    if (!format)
      return sendJson(response, 404, {
        error: { message: `Unknown request URL: ${path}`, type: 'invalid_request_error' },
      })
    const parsed = format.parse(body, request.headers, path)
    if (isWireError(parsed)) return sendJson(response, parsed.status, parsed.body)
    const reply = typeof present === 'function' ? present(parsed) : (present.shift() ?? echo(parsed))
    return sendReply(response, format, parsed, reply)
  }

  function record(request: IncomingMessage, response: ServerResponse, path: string, body: Record<string, unknown>) {
    const recorded = { method: request.method ?? '', path, headers: request.headers, body, isAborted: false }
    requests.push(recorded)
    response.on('close', () => {
      recorded.isAborted = !response.writableFinished
    })
  }

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port ?? 0, '127.0.0.1', resolve)
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}${basePaths[kind]}`,
    requests,
    setScript: (next) => {
      present = Array.isArray(next) ? [...next] : next
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

const chatFormat = createOpenAiChatFormat({ needsKey: true })
const openChatFormat = createOpenAiChatFormat({ needsKey: false })

function findFormat(kind: TestProviderKind, method: string, path: string): WireFormat | null {
  if (method !== 'POST') return null
  if (kind === 'anthropic') return path === '/v1/messages' ? anthropicFormat : null
  if (kind === 'google') return path.startsWith('/v1beta/') ? googleFormat : null
  if (path === '/v1/chat/completions') return kind === 'openai' ? chatFormat : openChatFormat
  return kind === 'openai' && path === '/v1/responses' ? openAiResponsesFormat : null
}

function echo(request: TestRequest): TestReply {
  const [result] = request.toolResults
  return { kind: 'text', text: result === undefined ? `You said: ${request.input}` : `The tool said: ${result}` }
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString('utf8')
}

function sendJson(response: ServerResponse, status: number, body: unknown) {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify(body))
}

// https://github.com/ollama/ollama/blob/main/docs/api.md#list-local-models
const toOllamaTag = (name: string) => ({
  name,
  model: name,
  modified_at: '2026-01-01T00:00:00Z',
  size: 2_019_393_189,
  digest: 'a80c4f17acd5',
  details: { format: 'gguf', family: 'llama', parameter_size: '3.2B', quantization_level: 'Q4_K_M' },
})
