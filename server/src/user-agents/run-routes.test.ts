import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createId } from '../database/uuid-v7.ts'
import type { TestUser } from '../testing/test-app.ts'
import {
  configureTestAgent,
  createRunTestApp,
  findLogRow,
  listLogRows,
  postRun,
  providerKey,
  type RunTestApp,
} from './run-testing.ts'

let testApp: RunTestApp
let user: TestUser
let userAgentId: string

beforeAll(async () => {
  testApp = await createRunTestApp()
  user = await testApp.createUser()
  userAgentId = await configureTestAgent(testApp.database, user)
})
afterAll(() => testApp.close())

const run = (input: string, more: { conversation_id?: string } = {}) =>
  postRun(testApp.app, user.headers, userAgentId, { input, ...more })
const lastPrompt = () => JSON.stringify(testApp.provider.requests.at(-1)?.body.messages)

test('a run answers what the model said, and its row in the log says the same', async () => {
  testApp.provider.setScript([{ kind: 'text', text: 'Yes, we do.', usage: { input: 40, output: 4 } }])
  const response = await run('Do you ship to Austria?')
  expect(response.statusCode).toBe(200)
  const body = response.json()
  expect(body).toMatchObject({
    status: 'succeeded',
    output: 'Yes, we do.',
    error: null,
    model: 'compatible/test-model',
    is_built_in_model: false,
    input_tokens: 40,
    output_tokens: 4,
  })
  expect(body.conversation_id).toBe(body.id)
  expect(await findLogRow(testApp.database, body.id)).toMatchObject({
    user_id: user.id,
    user_agent_id: userAgentId,
    input: 'Do you ship to Austria?',
    output: 'Yes, we do.',
    status: 'succeeded',
    error_code: null,
    source: 'api',
    model: 'compatible/test-model',
    input_tokens: 40,
    output_tokens: 4,
    conversation_id: body.id,
    metadata: { steps: [{ text: 'Yes, we do.' }] },
  })
  expect(lastPrompt()).toContain('You work for The Lamp Shop.')
})

test('the row is there as running, with the input, before the model has answered', async () => {
  let seen: Promise<unknown[]> | undefined
  testApp.provider.setScript(() => {
    seen = testApp.database.asSystem('a test looks while the model thinks', (tx) =>
      tx
        .selectFrom('agent_logs')
        .select(['status', 'input', 'output', 'user_id'])
        .where('input', '=', 'Who goes first?')
        .execute(),
    )
    return { kind: 'text', text: 'The row.', delayMs: 300 }
  })
  expect((await run('Who goes first?')).json().output).toBe('The row.')
  expect(await seen).toEqual([{ status: 'running', input: 'Who goes first?', output: null, user_id: user.id }])
})

describe('conversations', () => {
  test('the second run of a conversation tells the model what was said in the first', async () => {
    testApp.provider.setScript([
      { kind: 'text', text: 'Nice to meet you, Ada.' },
      { kind: 'text', text: 'Ada.' },
    ])
    const first = (await run('My name is Ada.')).json()
    const second = (await run('What is my name?', { conversation_id: first.id })).json()
    expect(second.conversation_id).toBe(first.id)
    expect(second.id).not.toBe(first.id)
    expect(testApp.provider.requests.at(-1)?.body.messages).toMatchObject([
      { role: 'system' },
      { role: 'user', content: 'My name is Ada.' },
      { role: 'assistant', content: 'Nice to meet you, Ada.' },
      { role: 'user', content: 'What is my name?' },
    ])
  })

  test('a new run without a conversation knows nothing of earlier ones', async () => {
    testApp.provider.setScript([])
    await run('My name is Bea.')
    await run('What is my name?')
    expect(lastPrompt()).not.toContain('Bea')
  })

  test('a long conversation is remembered by its newest runs only', async () => {
    testApp.provider.setScript(() => ({ kind: 'text', text: 'Noted.' }))
    const { id } = (await run('number-0')).json()
    for (let number = 1; number <= 22; number++) await run(`number-${number}`, { conversation_id: id })
    const messages = testApp.provider.requests.at(-1)?.body.messages as unknown[]
    // The instructions, twenty earlier runs of two messages each, and the input.
    expect(messages).toHaveLength(1 + 40 + 1)
    expect(JSON.stringify(messages)).not.toContain('"number-1"')
    expect(JSON.stringify(messages)).toContain('"number-2"')
  })

  test('long messages push older ones out of the memory', async () => {
    testApp.provider.setScript(() => ({ kind: 'text', text: 'Noted.' }))
    const { id } = (await run(`first ${'a'.repeat(9000)}`)).json()
    await run(`second ${'b'.repeat(9000)}`, { conversation_id: id })
    await run(`third ${'c'.repeat(9000)}`, { conversation_id: id })
    await run('fourth', { conversation_id: id })
    expect(lastPrompt()).not.toContain('first a')
    expect(lastPrompt()).toContain('second b')
    expect(lastPrompt()).toContain('third c')
  })

  test('a conversation that does not exist is refused and leaves no row', async () => {
    const before = (await listLogRows(testApp.database, userAgentId)).length
    const response = await run('Hello?', { conversation_id: createId() })
    expect(response.statusCode).toBe(404)
    expect(response.json().code).toBe('conversation_not_found')
    expect(await listLogRows(testApp.database, userAgentId)).toHaveLength(before)
  })

  test("another user's conversation is refused, and so is one's own with another agent", async () => {
    const other = await testApp.createUser()
    const othersAgentId = await configureTestAgent(testApp.database, other)
    const mine = (await run('This stays mine.')).json()
    const stolen = await postRun(testApp.app, other.headers, othersAgentId, {
      input: 'What was said?',
      conversation_id: mine.id,
    })
    expect(stolen.statusCode).toBe(404)
    expect(stolen.json().code).toBe('conversation_not_found')
    const secondAgentId = await configureTestAgent(testApp.database, user)
    const mixed = await postRun(testApp.app, user.headers, secondAgentId, {
      input: 'What was said?',
      conversation_id: mine.id,
    })
    expect(mixed.json().code).toBe('conversation_not_found')
    // It was there to be found.
    expect((await run('And now?', { conversation_id: mine.id })).statusCode).toBe(200)
  })
})

describe('who may run', () => {
  test('a stranger is refused', async () => {
    const response = await postRun(testApp.app, {}, userAgentId, { input: 'Hello?' })
    expect(response.statusCode).toBe(401)
    expect(response.headers['content-type']).toContain('application/problem+json')
    expect(response.json().code).toBe('unauthenticated')
  })

  test.each(['user', 'admin'] as const)('another %s finds nothing, and no row is written', async (role) => {
    const other = await testApp.createUser(role)
    const ownId = await configureTestAgent(testApp.database, user)
    const response = await postRun(testApp.app, other.headers, ownId, { input: 'Hello?' })
    expect(response.statusCode).toBe(404)
    expect(response.json().code).toBe('not_found')
    expect(await listLogRows(testApp.database, ownId)).toEqual([])
    expect((await postRun(testApp.app, user.headers, ownId, { input: 'Hello?' })).statusCode).toBe(200)
  })

  test('an agent that is switched off does not run, and no row is written', async () => {
    const offId = await configureTestAgent(testApp.database, user, { is_active: false })
    const response = await postRun(testApp.app, user.headers, offId, { input: 'Hello?' })
    expect(response.statusCode).toBe(409)
    expect(response.json().code).toBe('agent_not_active')
    expect(await listLogRows(testApp.database, offId)).toEqual([])
  })

  test('an id that is not a UUID is a fault of the request, an unknown one is not found', async () => {
    expect((await postRun(testApp.app, user.headers, 'abc', { input: 'Hello?' })).statusCode).toBe(400)
    expect((await postRun(testApp.app, user.headers, createId(), { input: 'Hello?' })).statusCode).toBe(404)
  })
})

test('settings and the switch take effect at the very next run', async () => {
  testApp.provider.setScript([])
  const id = await configureTestAgent(testApp.database, user)
  await postRun(testApp.app, user.headers, id, { input: 'One' })
  expect(lastPrompt()).toContain('The Lamp Shop')
  await testApp.database.withUser(user.claims, (tx) =>
    tx
      .updateTable('user_agents')
      .set({ settings: JSON.stringify({ business_name: 'The Chair Shop' }) })
      .where('id', '=', id)
      .execute(),
  )
  await postRun(testApp.app, user.headers, id, { input: 'Two' })
  expect(lastPrompt()).toContain('The Chair Shop')
  expect(lastPrompt()).not.toContain('The Lamp Shop')
  await testApp.database.withUser(user.claims, (tx) =>
    tx.updateTable('user_agents').set({ is_active: false }).where('id', '=', id).execute(),
  )
  expect((await postRun(testApp.app, user.headers, id, { input: 'Three' })).statusCode).toBe(409)
})

test('tools are called, and every step is in the answer and in the log', async () => {
  testApp.provider.setScript([
    {
      kind: 'tool-calls',
      text: 'Let me count.',
      calls: [{ name: 'calculator', input: { expression: '6 * 7' } }],
      usage: { input: 10, output: 2 },
    },
    { kind: 'text', text: 'It is 42.', usage: { input: 20, output: 3 } },
  ])
  const body = (await run('What is six times seven?')).json()
  expect(body).toMatchObject({ output: 'Let me count.\n\nIt is 42.', input_tokens: 30, output_tokens: 5 })
  expect(body.steps).toMatchObject([
    { tool_calls: [{ name: 'calculator' }], tool_results: [{ name: 'calculator', is_error: false }] },
    { text: 'It is 42.', tool_calls: [] },
  ])
  expect(JSON.stringify(body.steps[0].tool_results)).toContain('42')
  const row = await findLogRow(testApp.database, body.id)
  expect(row?.metadata).toMatchObject({ steps: body.steps })
})

test('text that PostgreSQL cannot keep is replaced, not refused: the model has been paid for', async () => {
  testApp.provider.setScript([{ kind: 'text', text: 'A\u0000B \ud800 C' }])
  const body = (await run('Say something odd.')).json()
  expect(body.output).toBe('A\ufffdB \ufffd C')
  const row = await findLogRow(testApp.database, body.id)
  expect(row).toMatchObject({ status: 'succeeded', output: 'A\ufffdB \ufffd C', metadata: { is_sanitised: true } })
})

test('without a provider key the built-in model answers from the settings, with citations, and says what it is', async () => {
  const builtIn = await createRunTestApp({
    COMPATIBLE_BASE_URL: '',
    COMPATIBLE_API_KEY: '',
    COMPATIBLE_MODELS: '',
  })
  try {
    const person = await builtIn.createUser()
    const id = await configureTestAgent(builtIn.database, person, {
      settings: {
        faq: [
          { question: 'Do you ship to Austria?', answer: 'Yes, we ship to Austria within three days.' },
          { question: 'Can I return a lamp?', answer: 'You can return a lamp within thirty days.' },
        ],
      },
    })
    const body = (await postRun(builtIn.app, person.headers, id, { input: 'Do you ship to Austria?' })).json()
    expect(body).toMatchObject({ status: 'succeeded', is_built_in_model: true, cost_usd: 0 })
    expect(body.output).toContain('within three days')
    expect(body.citations[0]).toMatchObject({ path: '/faq/0' })
    expect(await findLogRow(builtIn.database, body.id)).toMatchObject({ metadata: { is_built_in_model: true } })
  } finally {
    await builtIn.close()
  }
})

test('the key of the provider is in no answer and in no row, even when the provider repeats it', async () => {
  testApp.provider.setScript(() => ({
    kind: 'error',
    status: 401,
    message: `Incorrect API key provided: ${providerKey}`,
  }))
  const response = await run('Hello?')
  expect(response.statusCode).toBe(502)
  expect(response.json().code).toBe('model_auth_failed')
  expect(response.body).not.toContain(providerKey)
  const row = await findLogRow(testApp.database, response.json().run_id)
  expect(row).toMatchObject({ status: 'failed', error_code: 'model_auth_failed' })
  expect(JSON.stringify(row)).not.toContain(providerKey)
})
