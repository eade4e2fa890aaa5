import {
  DefaultChatTransport,
  parseJsonEventStream,
  readUIMessageStream,
  type UIMessage,
  type UIMessageChunk,
  uiMessageChunkSchema,
} from 'ai'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createId } from '../database/uuid-v7.ts'
import type { TestReply } from '../runtime/test-providers/test-reply.ts'
import type { TestUser } from '../testing/test-app.ts'
import { configureTestAgent, createRunTestApp, fetchRun, findLogRow, listen, type RunTestApp } from './run-testing.ts'

let testApp: RunTestApp
let user: TestUser
let userAgentId: string
let url: string

beforeAll(async () => {
  testApp = await createRunTestApp()
  user = await testApp.createUser()
  userAgentId = await configureTestAgent(testApp.database, user, {
    settings: { faq: [{ question: 'Do you ship to Austria?', answer: 'Yes, within three days.' }] },
  })
  url = await listen(testApp.app)
})
afterAll(() => testApp.close())

/** Every chunk, each one checked by the reader's own schema. */
async function stream(replies: TestReply[], input = 'Hello'): Promise<UIMessageChunk[]> {
  testApp.provider.setScript(replies)
  const response = await fetchRun(url, user.headers, userAgentId, { input, stream: true })
  expect(response.status).toBe(200)
  expect(response.headers.get('content-type')).toContain('text/event-stream')
  expect(response.headers.get('x-vercel-ai-ui-message-stream')).toBe('v1')
  return readChunks(response)
}

async function readChunks(response: Response): Promise<UIMessageChunk[]> {
  const chunks: UIMessageChunk[] = []
  for await (const parsed of parseJsonEventStream({ stream: response.body!, schema: uiMessageChunkSchema })) {
    if (!parsed.success) throw parsed.error
    chunks.push(parsed.value)
  }
  return chunks
}

const ofType = <Type extends UIMessageChunk['type']>(chunks: UIMessageChunk[], type: Type) =>
  chunks.filter((chunk): chunk is Extract<UIMessageChunk, { type: Type }> => chunk.type === type)
const textOf = (chunks: UIMessageChunk[]) =>
  ofType(chunks, 'text-delta')
    .map((chunk) => chunk.delta)
    .join('')

test('a run is streamed word by word, and the log holds the same words', async () => {
  const chunks = await stream([{ kind: 'text', text: 'Yes, we ship to Austria.', usage: { input: 9, output: 6 } }])
  expect(chunks[0]).toMatchObject({
    type: 'start',
    messageMetadata: { model: 'compatible/test-model', is_built_in_model: false },
  })
  const { messageId, messageMetadata } = ofType(chunks, 'start')[0]!
  expect(messageMetadata).toMatchObject({ run_id: messageId, conversation_id: messageId })
  expect(ofType(chunks, 'text-delta').length).toBeGreaterThan(2)
  expect(textOf(chunks)).toBe('Yes, we ship to Austria.')
  expect(ofType(chunks, 'message-metadata').at(-1)?.messageMetadata).toMatchObject({
    status: 'succeeded',
    input_tokens: 9,
    output_tokens: 6,
    cost_usd: null,
    latency_ms: expect.any(Number),
  })
  expect(chunks.at(-1)?.type).toBe('finish')
  expect(await findLogRow(testApp.database, messageId!)).toMatchObject({
    status: 'succeeded',
    output: 'Yes, we ship to Austria.',
    input_tokens: 9,
    output_tokens: 6,
  })
})

test('the first words arrive while the model is still writing', async () => {
  testApp.provider.setScript([{ kind: 'text', text: 'one two three four five six', chunkDelayMs: 150 }])
  const response = await fetchRun(url, user.headers, userAgentId, { input: 'Count.', stream: true })
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
  let received = ''
  while (!received.includes('one')) received += (await reader.read()).value
  expect(received).not.toContain('six')
  for (let next = await reader.read(); !next.done; next = await reader.read()) received += next.value
  expect(received).toContain('six')
  expect(received.trimEnd().endsWith('data: [DONE]')).toBe(true)
})

test('Accept: text/event-stream streams as well', async () => {
  testApp.provider.setScript([])
  const response = await fetchRun(url, { ...user.headers, accept: 'text/event-stream' }, userAgentId, { input: 'Hi' })
  expect(textOf(await readChunks(response))).toBe('You said: Hi')
})

test('tool calls, their results and citations are in the stream', async () => {
  const chunks = await stream([
    {
      kind: 'tool-calls',
      text: 'Let me look.',
      calls: [
        { id: 'call_1', name: 'search_knowledge', input: { query: 'ship to Austria' } },
        { id: 'call_2', name: 'calculator', input: { expression: '1 +' } },
      ],
    },
    { kind: 'text', text: 'Within three days. [1]' },
  ])
  expect(ofType(chunks, 'tool-input-available').map((chunk) => [chunk.toolCallId, chunk.toolName])).toEqual([
    ['call_1', 'search_knowledge'],
    ['call_2', 'calculator'],
  ])
  expect(ofType(chunks, 'tool-output-available').map((chunk) => chunk.toolCallId)).toEqual(['call_1'])
  expect(ofType(chunks, 'tool-output-error').map((chunk) => chunk.toolCallId)).toEqual(['call_2'])
  expect(ofType(chunks, 'source-document')).toMatchObject([
    { sourceId: '1', providerMetadata: { agentexpress: { path: '/faq/0' } } },
  ])
  expect(textOf(chunks)).toBe('Let me look.\n\nWithin three days. [1]')
})

test("the reader of the AI SDK makes a message of the stream, and useChat's transport understands it", async () => {
  testApp.provider.setScript([
    { kind: 'tool-calls', calls: [{ id: 'call_1', name: 'calculator', input: { expression: '6 * 7' } }] },
    { kind: 'text', text: 'It is 42.' },
  ])
  const transport = new DefaultChatTransport<UIMessage>({
    api: `${url}/api/v1/user-agents/${userAgentId}/runs`,
    headers: user.headers,
    prepareSendMessagesRequest: () => ({ body: { input: 'What is six times seven?', stream: true } }),
  })
  const chunks = await transport.sendMessages({
    trigger: 'submit-message',
    chatId: 'a chat',
    messageId: undefined,
    messages: [{ id: 'a', role: 'user', parts: [{ type: 'text', text: 'What is six times seven?' }] }],
    abortSignal: undefined,
  })
  let message: UIMessage | undefined
  for await (const present of readUIMessageStream<UIMessage>({ stream: chunks, terminateOnError: true }))
    message = present
  expect(message?.role).toBe('assistant')
  expect(message?.metadata).toMatchObject({ status: 'succeeded', run_id: message?.id })
  expect(message?.parts).toEqual(
    expect.arrayContaining([
      expect.objectContaining({
        type: 'dynamic-tool',
        toolName: 'calculator',
        state: 'output-available',
        input: { expression: '6 * 7' },
      }),
      expect.objectContaining({ type: 'text', text: 'It is 42.', state: 'done' }),
    ]),
  )
})

describe('when it goes wrong', () => {
  test('before the row is written the answer is an ordinary problem with its status', async () => {
    const none = await fetchRun(url, user.headers, createId(), { input: 'Hello', stream: true })
    expect(none.status).toBe(404)
    expect(none.headers.get('content-type')).toContain('application/problem+json')
    const stranger = await fetchRun(url, {}, userAgentId, { input: 'Hello', stream: true })
    expect(stranger.status).toBe(401)
    const offId = await configureTestAgent(testApp.database, user, { is_active: false })
    const off = await fetchRun(url, user.headers, offId, { input: 'Hello', stream: true })
    expect(off.status).toBe(409)
    const other = await testApp.createUser('admin')
    expect((await fetchRun(url, other.headers, userAgentId, { input: 'Hello', stream: true })).status).toBe(404)
  })

  test.each<[string, TestReply, string, string]>([
    ['the stream is cut', { kind: 'cut', afterText: 'The beginning' }, 'model_stream_cut', 'The beginning'],
    ['an error comes in the stream', { kind: 'stream-error', afterText: 'Half' }, '', 'Half'],
    ['the key is refused', { kind: 'error', status: 401 }, 'model_auth_failed', ''],
  ])('when %s, the stream ends with the error and the row keeps what there was', async (_name, reply, code, output) => {
    const chunks = await stream([reply, reply, reply])
    const row = await findLogRow(testApp.database, ofType(chunks, 'start')[0]!.messageId!)
    expect(row).toMatchObject({ status: 'failed', output, ...(code ? { error_code: code } : {}) })
    expect(textOf(chunks)).toBe(output)
    expect(ofType(chunks, 'message-metadata').at(-1)?.messageMetadata).toMatchObject({
      status: 'failed',
      error_code: row?.error_code,
      error_title: expect.any(String),
      error_action: expect.any(String),
    })
    expect(ofType(chunks, 'error')).toHaveLength(1)
  })

  test('a run that is cancelled elsewhere ends its stream with an abort', async () => {
    testApp.provider.setScript([{ kind: 'stall', afterText: 'So far' }])
    const response = await fetchRun(url, user.headers, userAgentId, { input: 'Hello', stream: true })
    const [copy, whole] = response.body!.tee()
    const reader = copy.pipeThrough(new TextDecoderStream()).getReader()
    let received = ''
    while (!received.includes('far')) received += (await reader.read()).value
    const id = /"run_id":"([^"]+)"/.exec(received)?.[1]
    const cancelled = await fetch(`${url}/api/v1/agent-logs/${id}/cancel`, { method: 'POST', headers: user.headers })
    expect(cancelled.status).toBe(202)
    const chunks = await readChunks(new Response(whole))
    await reader.cancel()
    expect(ofType(chunks, 'abort')).toHaveLength(1)
    expect(ofType(chunks, 'error')).toHaveLength(0)
    expect(ofType(chunks, 'message-metadata').at(-1)?.messageMetadata).toMatchObject({ status: 'cancelled' })
    expect(await findLogRow(testApp.database, id!)).toMatchObject({ status: 'cancelled', output: 'So far' })
  })
})
