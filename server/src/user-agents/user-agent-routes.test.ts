import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createAgentOf, exampleCapabilities, publishAgentOf, type WireAgent } from '../testing/agent-fixtures.ts'
import { createTestApp, type TestApp, type TestUser } from '../testing/test-app.ts'

let app: TestApp
let creator: TestUser
let user: TestUser
let other: TestUser
let admin: TestUser
let agent: WireAgent

beforeAll(async () => {
  app = await createTestApp()
  creator = await app.createUser()
  user = await app.createUser()
  other = await app.createUser()
  admin = await app.createUser('admin')
  agent = await createAgentOf(app, creator)
  await publishAgentOf(app, creator, admin, agent.id)
})
afterAll(() => app.close())

type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE'
async function call(who: TestUser | null, method: Method, path: string, payload?: object) {
  const response = await app.app.inject({
    method,
    url: `/api/v1/user-agents${path}`,
    ...(who && { headers: who.headers }),
    ...(payload && { payload }),
  })
  return { status: response.statusCode, body: response.body === '' ? null : response.json() }
}
const settings = { business_name: 'Beans' }
const configure = (who: TestUser, change: object = {}) =>
  call(who, 'POST', '', { agent_id: agent.id, settings, ...change })

describe('configuring', () => {
  test('the answers are kept with defaults, on the present version, under the name of the agent', async () => {
    const faq = [{ question: 'Open?', answer: 'Yes' }]
    const { status, body } = await configure(user, { settings: { business_name: 'Beans', faq } })
    expect(status).toBe(201)
    expect(body).toMatchObject({
      name: 'Shop helper',
      agent_id: agent.id,
      agent: { name: 'Shop helper', type: 'customer_service', version: 1 },
      agent_version: 1,
      settings: { business_name: 'Beans', tone: 'warm', faq: [{ question: 'Open?', answer: 'Yes', kind: 'general' }] },
      is_active: true,
      model: null,
      starters: ['Do you ship abroad?'],
      update: null,
    })
    expect(Object.keys(body.settings_schema.properties)).toEqual(['business_name', 'faq', 'tone'])
    expect((await call(user, 'GET', `/${body.id}`)).body).toEqual(body)
  })

  test('every fault comes with its place', async () => {
    const faulty = { tone: 'loud', faq: [{ question: 'Open?' }], 'extra/field': 1 }
    const { status, body } = await configure(user, { settings: faulty })
    expect(status).toBe(422)
    expect(body.code).toBe('invalid_settings')
    expect(body.errors.map((fault: { path: string }) => fault.path).sort()).toEqual([
      '/settings/business_name',
      '/settings/extra~1field',
      '/settings/faq/0/answer',
      '/settings/tone',
    ])
    expect(await configure(user, { settings: undefined })).toMatchObject({ status: 422 })
    expect(await configure(user, { settings: [] })).toMatchObject({ status: 400 })
  })

  test.each([
    ['NUL', { business_name: 'a\u0000' }],
    ['half a surrogate pair', { business_name: '\ud800' }],
    ['text beyond the limit', { business_name: 'x'.repeat(51) }],
    [
      '600 kB',
      { business_name: 'Beans', faq: Array(300).fill({ question: 'x'.repeat(1000), answer: 'x'.repeat(1000) }) },
    ],
  ])('%s is refused', async (_name, faulty) => {
    expect(await configure(user, { settings: faulty })).toMatchObject({
      status: 422,
      body: { code: 'invalid_settings' },
    })
  })

  test('settings nested 100,000 deep are refused', async () => {
    const payload = `{"agent_id":"${agent.id}","settings":{"business_name":${'['.repeat(100_000)}${']'.repeat(100_000)}}}`
    const headers = { ...user.headers, 'content-type': 'application/json' }
    const response = await app.app.inject({ method: 'POST', url: '/api/v1/user-agents', headers, payload })
    expect(response.statusCode).toBe(422)
  })

  test('only a model on offer can be chosen', async () => {
    expect(await configure(user, { model: 'built-in/retrieval' })).toMatchObject({
      status: 201,
      body: { model: 'built-in/retrieval' },
    })
    expect(await configure(user, { model: 'openai/gpt-99' })).toMatchObject({
      status: 422,
      body: { code: 'model_not_allowed', errors: [{ path: '/model' }] },
    })
  })

  test.each([
    ['id', '019ab3c4-1d2e-7f30-8a4b-5c6d7e8f9012'],
    ['user_id', '019ab3c4-1d2e-7f30-8a4b-5c6d7e8f9012'],
    ['agent_version', 9],
    ['is_active', false],
    ['created_at', '2020-01-01T00:00:00.000Z'],
  ])('%s cannot be set when configuring', async (field, value) => {
    expect(await configure(user, { [field]: value })).toMatchObject({ status: 400, body: { code: 'invalid_request' } })
  })

  test("a private agent is its creator's alone to configure, and nobody learns that it exists", async () => {
    const hidden = await createAgentOf(app, creator, { name: 'Hidden' })
    for (const who of [user, admin]) {
      const answer = await configure(who, { agent_id: hidden.id })
      const none = await configure(who, { agent_id: '019ab3c4-1d2e-7f30-8a4b-5c6d7e8f9012' })
      expect(answer).toMatchObject({ status: 404, body: { code: 'not_found' } })
      expect({ ...answer.body, request_id: '' }).toEqual({ ...none.body, request_id: '' })
    }
    expect(await configure(creator, { agent_id: hidden.id })).toMatchObject({ status: 201 })
  })

  test('an agent that waits for a nod cannot be configured by the admin who reads it', async () => {
    const waiting = await createAgentOf(app, creator, { name: 'Waiting' })
    const url = `/api/v1/agents/${waiting.id}/publication`
    await app.app.inject({ method: 'POST', url, headers: creator.headers })
    expect(await configure(admin, { agent_id: waiting.id })).toMatchObject({ status: 404 })
  })

  test('at most 200 fit, also when they come at once', async () => {
    const busy = await app.createUser()
    await app.database.asSystem('a test fills up', async (tx) => {
      const values = Array.from({ length: 198 }, (_, index) => ({
        id: `00000000-0000-7000-8000-${String(index).padStart(12, '0')}`,
        user_id: busy.id,
        agent_id: agent.id,
        agent_version: 1,
        name: 'Filler',
        settings: JSON.stringify(settings),
      }))
      await tx.insertInto('user_agents').values(values).execute()
    })
    const answers = await Promise.all(Array.from({ length: 8 }, () => configure(busy)))
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 201, 409, 409, 409, 409, 409, 409])
  })
})

describe('others and strangers', () => {
  test('see nothing, change nothing and delete nothing, and yet it was there', async () => {
    const made = (await configure(user)).body
    const path = `/${made.id}`
    for (const who of [other, creator, admin]) {
      const missing = { status: 404, body: { code: 'not_found' } }
      expect(await call(who, 'GET', path)).toMatchObject(missing)
      expect(await call(who, 'PATCH', path, { name: 'Mine now' })).toMatchObject(missing)
      expect(await call(who, 'PATCH', path, {})).toMatchObject(missing)
      expect(await call(who, 'DELETE', path)).toMatchObject(missing)
      const { body } = await call(who, 'GET', '')
      expect(body.data.map((row: { id: string }) => row.id)).not.toContain(made.id)
    }
    expect(await call(null, 'GET', '')).toMatchObject({ status: 401, body: { code: 'unauthenticated' } })
    expect(await call(null, 'POST', '', { agent_id: agent.id, settings })).toMatchObject({ status: 401 })
    expect(await call(null, 'GET', path)).toMatchObject({ status: 401 })
    expect(await call(null, 'PATCH', path, { name: 'x' })).toMatchObject({ status: 401 })
    expect(await call(null, 'DELETE', path)).toMatchObject({ status: 401 })
    expect((await call(user, 'GET', path)).body).toEqual(made)
  })
})

describe('changing', () => {
  test('only what is given changes', async () => {
    const { body: made } = await configure(user, { model: 'built-in/retrieval' })
    const path = `/${made.id}`
    const off = await call(user, 'PATCH', path, { is_active: false })
    expect(off).toMatchObject({ status: 200, body: { is_active: false, name: made.name, settings: made.settings } })
    const renamed = await call(user, 'PATCH', path, { name: ' Support ', model: null })
    expect(renamed.body).toMatchObject({ name: 'Support', model: null, is_active: false })
    const resettled = await call(user, 'PATCH', path, { settings: { business_name: 'Lamps', tone: 'dry' } })
    expect(resettled.body.settings).toEqual({ business_name: 'Lamps', tone: 'dry' })
    expect((await call(user, 'PATCH', path, {})).body).toEqual(resettled.body)
  })

  test('faults are refused and change nothing', async () => {
    const { body: made } = await configure(user)
    const path = `/${made.id}`
    const answers = [
      await call(user, 'PATCH', path, { name: 'New', settings: { business_name: '' } }),
      await call(user, 'PATCH', path, { name: 'New', model: 'openai/gpt-99' }),
      await call(user, 'PATCH', path, { name: 'New', agent_id: agent.id }),
      await call(user, 'PATCH', path, { name: 'New', user_id: other.id }),
      await call(user, 'PATCH', path, { name: '' }),
      await call(user, 'PATCH', path, { is_active: 'false' }),
    ]
    expect(answers.map(({ status }) => status)).toEqual([422, 422, 400, 400, 400, 400])
    expect((await call(user, 'GET', path)).body).toEqual(made)
  })

  test('deleting takes it away once; the agent stays', async () => {
    const { body: made } = await configure(user)
    expect(await call(user, 'DELETE', `/${made.id}`)).toEqual({ status: 204, body: null })
    expect(await call(user, 'DELETE', `/${made.id}`)).toMatchObject({ status: 404 })
    expect(await call(user, 'GET', `/${made.id}`)).toMatchObject({ status: 404 })
    expect(await configure(user)).toMatchObject({ status: 201 })
  })
})

test('the list is newest first, page by page', async () => {
  const reader = await app.createUser()
  const ids: string[] = []
  for (let index = 0; index < 5; index += 1) ids.unshift((await configure(reader)).body.id)
  const seen: string[] = []
  let cursor = ''
  do {
    const { body } = await call(reader, 'GET', `?limit=2${cursor && `&cursor=${cursor}`}`)
    seen.push(...body.data.map((row: { id: string }) => row.id))
    cursor = body.next_cursor ?? ''
  } while (cursor)
  expect(seen).toEqual(ids)
  expect(await call(reader, 'GET', '?cursor=x')).toMatchObject({ status: 400 })
})

test('a field with the name of what every object has is a field like any other', async () => {
  const properties = { constructor: { type: 'string', title: 'Builder', default: 'Ada' } }
  const odd = await createAgentOf(app, user, {
    capabilities: exampleCapabilities({
      instructions: 'Hi {{settings.constructor}}',
      settings: { type: 'object', properties, required: [] } as never,
      example_settings: {},
      tools: [],
      knowledge: [],
    }),
  })
  expect(await configure(user, { agent_id: odd.id, settings: {} })).toMatchObject({
    status: 201,
    body: { settings: { constructor: 'Ada' } },
  })
})
