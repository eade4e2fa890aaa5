import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createId } from '../database/uuid-v7.ts'
import type { TestUser } from '../testing/test-app.ts'
import {
  configureTestAgent,
  createRunTestApp,
  eventually,
  listen,
  listLogRows,
  type RunTestApp,
} from '../user-agents/run-testing.ts'

let testApp: RunTestApp
let user: TestUser
let userAgentId: string
let client: OpenAI
let url: string

beforeAll(async () => {
  testApp = await createRunTestApp()
  user = await testApp.createUser()
  userAgentId = await configureTestAgent(testApp.database, user)
  url = await listen(testApp.app)
  client = connect(user)
})
afterAll(() => testApp.close())

function connect(person: TestUser): OpenAI {
  const apiKey = person.headers.authorization.slice('Bearer '.length)
  return new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: 0 })
}

const newestRow = async () => (await listLogRows(testApp.database, userAgentId)).at(-1)
const lastMessages = () => testApp.provider.requests.at(-1)?.body.messages

describe('models', () => {
  test('are the user agents that are switched on, and nobody else sees them', async () => {
    const person = await testApp.createUser()
    const onId = await configureTestAgent(testApp.database, person)
    const offId = await configureTestAgent(testApp.database, person, { is_active: false })
    const mine = connect(person)
    expect((await mine.models.list()).data.map(({ id, object, owned_by }) => ({ id, object, owned_by }))).toEqual([
      { id: onId, object: 'model', owned_by: 'agentexpress' },
    ])
    expect(await mine.models.retrieve(onId)).toMatchObject({ id: onId, object: 'model', created: expect.any(Number) })
    await expect(mine.models.retrieve(offId)).rejects.toThrow(OpenAI.NotFoundError)
    await expect(client.models.retrieve(onId)).rejects.toThrow(OpenAI.NotFoundError)
    expect((await client.models.list()).data.map(({ id }) => id)).toEqual([userAgentId])
  })
})

describe('chat completions', () => {
  test('answer like a model, and the call is in the log', async () => {
    testApp.provider.setScript([{ kind: 'text', text: 'Yes, we do.', usage: { input: 30, output: 4 } }])
    const completion = await client.chat.completions.create({
      model: userAgentId,
      messages: [{ role: 'user', content: 'Do you ship to Austria?' }],
    })
    expect(completion).toMatchObject({
      object: 'chat.completion',
      model: userAgentId,
      choices: [{ index: 0, message: { role: 'assistant', content: 'Yes, we do.' }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 30, completion_tokens: 4, total_tokens: 34 },
    })
    const row = await newestRow()
    expect(completion.id).toBe(`chatcmpl-${row?.id}`)
    expect(row).toMatchObject({
      source: 'openai',
      status: 'succeeded',
      input: 'Do you ship to Austria?',
      output: 'Yes, we do.',
      user_id: user.id,
      input_tokens: 30,
      output_tokens: 4,
    })
  })

  test('stream with their usage at the end', async () => {
    testApp.provider.setScript([{ kind: 'text', text: 'One two three.', usage: { input: 8, output: 3 } }])
    const stream = await client.chat.completions.create({
      model: userAgentId,
      messages: [{ role: 'user', content: 'Count.' }],
      stream: true,
      stream_options: { include_usage: true },
    })
    const chunks = []
    for await (const chunk of stream) chunks.push(chunk)
    expect(chunks[0]?.choices[0]?.delta.role).toBe('assistant')
    expect(chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join('')).toBe('One two three.')
    expect(chunks.length).toBeGreaterThan(4)
    expect(chunks.flatMap((chunk) => chunk.choices[0]?.finish_reason ?? [])).toEqual(['stop'])
    expect(chunks.at(-1)).toMatchObject({
      choices: [],
      usage: { prompt_tokens: 8, completion_tokens: 3, total_tokens: 11 },
    })
    expect(new Set(chunks.map(({ id }) => id))).toEqual(new Set([`chatcmpl-${(await newestRow())?.id}`]))
    expect(await newestRow()).toMatchObject({ source: 'openai', status: 'succeeded', output: 'One two three.' })
  })

  test("the client's own stream helper puts the answer together", async () => {
    testApp.provider.setScript([{ kind: 'text', text: 'Together again.' }])
    const stream = client.chat.completions.stream({
      model: userAgentId,
      messages: [{ role: 'user', content: 'Hello' }],
    })
    expect((await stream.finalChatCompletion()).choices[0]?.message.content).toBe('Together again.')
  })

  test('the caller keeps the memory, and its system message comes after our instructions', async () => {
    testApp.provider.setScript([{ kind: 'text', text: 'Ada.' }])
    await client.chat.completions.create({
      model: userAgentId,
      messages: [
        { role: 'system', content: 'Answer in one word.' },
        { role: 'user', content: 'My name is Ada.' },
        { role: 'assistant', content: 'Nice to meet you.' },
        { role: 'user', content: [{ type: 'text', text: 'What is my name?' }] },
      ],
    })
    const messages = lastMessages() as { role: string; content: string }[]
    expect(messages.map(({ role }) => role)).toEqual(['system', 'user', 'assistant', 'user'])
    expect(messages[0]?.content).toMatch(/^You work for The Lamp Shop\.[\s\S]*Answer in one word\./)
    expect(messages.slice(1)).toMatchObject([
      { content: 'My name is Ada.' },
      { content: 'Nice to meet you.' },
      { content: 'What is my name?' },
    ])
    expect(await newestRow()).toMatchObject({ input: 'What is my name?', output: 'Ada.' })
  })

  test('parameters that are new every month are accepted', async () => {
    testApp.provider.setScript([])
    const completion = await client.chat.completions.create({
      model: userAgentId,
      messages: [{ role: 'user', content: 'Hello' }],
      temperature: 0.2,
      max_completion_tokens: 100,
      reasoning_effort: 'low',
      metadata: { from: 'a test' },
      user: 'somebody',
    })
    expect(completion.choices[0]?.message.content).toBe('You said: Hello')
  })

  test('an answer that was cut at the limit of the model says so', async () => {
    testApp.provider.setScript([{ kind: 'text', text: 'And then', finishReason: 'length' }])
    const completion = await client.chat.completions.create({
      model: userAgentId,
      messages: [{ role: 'user', content: 'Tell me a story.' }],
    })
    expect(completion.choices[0]?.finish_reason).toBe('length')
  })

  test('the same Idempotency-Key is one run', async () => {
    testApp.provider.setScript([{ kind: 'text', text: 'Once.' }])
    const ask = () =>
      client.chat.completions.create(
        { model: userAgentId, messages: [{ role: 'user', content: 'Hello' }] },
        { idempotencyKey: 'one', headers: { 'Idempotency-Key': 'one' } },
      )
    const [first, second] = [await ask(), await ask()]
    expect(second.id).toBe(first.id)
    expect(second.choices[0]?.message.content).toBe('Once.')
  })

  test('a reader that goes away cancels the run', async () => {
    testApp.provider.setScript([{ kind: 'stall', afterText: 'Once upon a time' }])
    const stream = await client.chat.completions.create({
      model: userAgentId,
      messages: [{ role: 'user', content: 'Tell me a story.' }],
      stream: true,
    })
    for await (const chunk of stream) if (chunk.choices[0]?.delta.content) break
    stream.controller.abort()
    const row = await eventually('the run has ended', async () => {
      const newest = await newestRow()
      return newest?.status !== 'running' && newest
    })
    expect(row).toMatchObject({ status: 'cancelled', output: 'Once upon a time' })
  })
})

describe('errors come in the shape that the client turns into its own classes', () => {
  const ask = (of: OpenAI, body: Record<string, unknown> = {}) =>
    of.chat.completions.create({
      model: userAgentId,
      messages: [{ role: 'user', content: 'Hello' }],
      ...body,
    } as OpenAI.ChatCompletionCreateParamsNonStreaming)

  test('a wrong key', async () => {
    const stranger = new OpenAI({ baseURL: `${url}/v1`, apiKey: `ax_${'x'.repeat(43)}`, maxRetries: 0 })
    await expect(ask(stranger)).rejects.toThrow(OpenAI.AuthenticationError)
    await expect(stranger.models.list()).rejects.toMatchObject({ status: 401, code: 'unauthenticated' })
  })

  test("a model that does not exist, or is another user's", async () => {
    await expect(ask(client, { model: 'gpt-4o' })).rejects.toThrow(OpenAI.NotFoundError)
    await expect(ask(client, { model: createId() })).rejects.toMatchObject({ status: 404, code: 'not_found' })
    const other = connect(await testApp.createUser('admin'))
    await expect(ask(other)).rejects.toThrow(OpenAI.NotFoundError)
    await expect(ask(other, { stream: true })).rejects.toThrow(OpenAI.NotFoundError)
  })

  test.each<[string, Record<string, unknown>]>([
    ['no messages', { messages: [] }],
    ['the last message is not of the user', { messages: [{ role: 'assistant', content: 'Hello' }] }],
    ['an empty message', { messages: [{ role: 'user', content: '' }] }],
    ['an image', { messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'https://a' } }] }] }],
    ['a NUL byte', { messages: [{ role: 'user', content: 'a\u0000b' }] }],
    [
      'a NUL byte in an earlier message',
      {
        messages: [
          { role: 'assistant', content: 'a\u0000b' },
          { role: 'user', content: 'Hello' },
        ],
      },
    ],
    ['tools', { tools: [{ type: 'function', function: { name: 'a' } }] }],
    ['several answers', { n: 2 }],
  ])('%s', async (_name, body) => {
    const error = await ask(client, body).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(OpenAI.BadRequestError)
    expect(error).toMatchObject({ type: 'invalid_request_error', code: 'invalid_request' })
  })

  test('a model that fails', async () => {
    testApp.provider.setScript(() => ({ kind: 'error', status: 401 }))
    const error = await ask(client).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(OpenAI.InternalServerError)
    expect(error).toMatchObject({ status: 502, code: 'model_auth_failed' })
    expect(await newestRow()).toMatchObject({ status: 'failed', error_code: 'model_auth_failed', source: 'openai' })
  })

  test('a model that fails in the middle of a stream', async () => {
    testApp.provider.setScript([{ kind: 'cut', afterText: 'The beginning' }])
    const stream = await client.chat.completions.create({
      model: userAgentId,
      messages: [{ role: 'user', content: 'Hello' }],
      stream: true,
    })
    let text = ''
    const read = async () => {
      for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? ''
    }
    await expect(read()).rejects.toThrow(OpenAI.APIError)
    expect(text).toBe('The beginning')
    expect(await newestRow()).toMatchObject({ status: 'failed', error_code: 'model_stream_cut' })
  })

  test('an address that is not there', async () => {
    const response = await fetch(`${url}/v1/embeddings`, { method: 'POST', headers: user.headers })
    expect(response.status).toBe(404)
    expect(await response.json()).toMatchObject({ error: { type: 'invalid_request_error', code: 'not_found' } })
  })
})
