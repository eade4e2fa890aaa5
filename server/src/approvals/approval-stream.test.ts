import { DefaultChatTransport, readUIMessageStream, type UIMessage, type UIMessageChunk } from 'ai'
import OpenAI from 'openai'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { TestReply } from '../runtime/test-providers/test-reply.ts'
import type { TestUser } from '../testing/test-app.ts'
import { configureTestAgent, createRunTestApp, type RunTestApp } from '../user-agents/run-testing.ts'
import {
  connectTestAccount,
  createMailType,
  type OtherServer,
  type Outside,
  startOutside,
  startServer,
} from './approval-testing.ts'

let testApp: RunTestApp
let outside: Outside
let server: OtherServer
let user: TestUser
let userAgentId: string

beforeAll(async () => {
  testApp = await createRunTestApp({ PUBLIC_URL: 'https://agents.example.com' })
  outside = await startOutside()
  server = await startServer(testApp, [createMailType(outside)])
})
afterAll(async () => {
  await server.close()
  await outside.close()
  await testApp.close()
})
beforeEach(async () => {
  outside.posted.length = 0
  user = await testApp.createUser()
  userAgentId = await configureTestAgent(testApp.database, user)
  await connectTestAccount(testApp, user, userAgentId)
  testApp.provider.setScript([
    { kind: 'tool-calls', text: 'I will write.', calls: [{ id: 'call_1', name: 'mail__send', input: mail }] },
    { kind: 'text', text: 'It is sent.' },
  ] satisfies TestReply[])
})

const mail = { to: 'anna@example.com', text: 'See you.' }

/** What useChat does with a stream: the message so far, if there is one, goes on. */
async function readMessage(stream: ReadableStream<UIMessageChunk>, message?: UIMessage): Promise<UIMessage> {
  let last = message
  for await (const present of readUIMessageStream<UIMessage>({
    stream,
    terminateOnError: true,
    ...(message && { message: structuredClone(message) }),
  }))
    last = present
  if (!last) throw new Error('The stream had no message.')
  return last
}

const send = (path: string, body: object) =>
  new DefaultChatTransport<UIMessage>({
    api: `${server.url}/api/v1${path}`,
    headers: user.headers,
    prepareSendMessagesRequest: () => ({ body }),
  }).sendMessages({
    trigger: 'submit-message',
    chatId: 'a chat',
    messageId: undefined,
    messages: [],
    abortSignal: undefined,
  })

const begin = () => send(`/user-agents/${userAgentId}/runs`, { input: 'Write', stream: true })
const toolParts = (message: UIMessage) => message.parts.filter((part) => part.type === 'dynamic-tool')

test.each(['approve', 'refuse'] as const)(
  'useChat shows the question and goes on with the message: %s',
  async (decision) => {
    const asked = await readMessage(await begin())
    expect(asked.metadata).toMatchObject({ status: 'waiting', run_id: asked.id })
    const [part] = toolParts(asked)
    expect(part).toMatchObject({
      state: 'approval-requested',
      toolCallId: 'call_1',
      title: 'Send a mail (Mail)',
      input: mail,
      approval: {
        requestReason: 'Send a mail to anna@example.com',
        descriptor: { reason: 'writes', input_schema: { required: ['to', 'text'] }, expires_at: expect.any(String) },
      },
    })
    const id = part?.state === 'approval-requested' ? part.approval.id : ''
    const rest = await send(`/approvals/${id}/decision`, { decision, stream: true, comment: 'So be it' })
    const [forChat, alone] = rest.tee()
    for (const ended of [await readMessage(forChat, asked), await readMessage(alone)]) {
      expect(ended.id).toBe(asked.id)
      expect(ended.metadata).toMatchObject({ status: 'succeeded' })
      expect(toolParts(ended)).toEqual([
        expect.objectContaining({
          toolCallId: 'call_1',
          state: decision === 'approve' ? 'output-available' : 'output-denied',
          approval: expect.objectContaining({ id, approved: decision === 'approve', reason: 'So be it' }),
        }),
      ])
      expect(JSON.stringify(ended.parts.at(-1))).toContain('It is sent.')
    }
    expect(outside.posted).toHaveLength(decision === 'approve' ? 1 : 0)
  },
)

test('an edited input is shown as what was done', async () => {
  const asked = await readMessage(await begin())
  const [part] = toolParts(asked)
  const id = part?.state === 'approval-requested' ? part.approval.id : ''
  const input = { ...mail, text: 'See you on Monday.' }
  const ended = await readMessage(
    await send(`/approvals/${id}/decision`, { decision: 'approve', input, stream: true }),
    asked,
  )
  expect(toolParts(ended)).toMatchObject([{ input, state: 'output-available' }])
})

test('a request that is repeated with its Idempotency-Key streams the question again', async () => {
  const post = async () => {
    const response = await fetch(`${server.url}/api/v1/user-agents/${userAgentId}/runs`, {
      method: 'POST',
      headers: { ...user.headers, 'content-type': 'application/json', 'idempotency-key': 'again' },
      body: JSON.stringify({ input: 'Write', stream: true }),
    })
    const text = await response.text()
    return text
      .split('\n')
      .filter((line) => line.startsWith('data: {'))
      .map((line) => JSON.parse(line.slice(6)) as { type: string; approvalId?: string })
  }
  const asked = (chunks: { type: string; approvalId?: string }[]) =>
    chunks.filter(({ type }) => type === 'tool-approval-request').map(({ approvalId }) => approvalId)
  const first = asked(await post())
  expect(first).toHaveLength(1)
  expect(asked(await post())).toEqual(first)
})

test('a client of the OpenAI API gets the question as text, with the address where to decide', async () => {
  const client = new OpenAI({
    baseURL: `${server.url}/v1`,
    apiKey: user.headers.authorization.slice('Bearer '.length),
    maxRetries: 0,
  })
  const ask = { model: userAgentId, messages: [{ role: 'user' as const, content: 'Write' }] }
  const completion = await client.chat.completions.create(ask)
  const [choice] = completion.choices
  expect(choice?.finish_reason).toBe('stop')
  expect(choice?.message.content).toMatch(
    /^I will write\.\n\nThis needs your approval before I go on:\n- Send a mail to anna@example\.com: https:\/\/agents\.example\.com\/approvals\/[0-9a-f-]{36}$/,
  )
  testApp.provider.setScript([{ kind: 'tool-calls', calls: [{ name: 'mail__send', input: mail }] }])
  let text = ''
  for await (const chunk of await client.chat.completions.create({ ...ask, stream: true }))
    text += chunk.choices[0]?.delta.content ?? ''
  expect(text).toMatch(/^This needs your approval.*\n- Send a mail/)
  expect(outside.posted).toEqual([])
})
