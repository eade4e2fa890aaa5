import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createTestApp, type TestApp, type TestUser } from '../testing/test-app.ts'
import { serve } from '../url-guard/url-guard-testing.ts'
import { readIntegration } from './change-credentials.ts'
import { prepareUserAgent } from './integration-api-testing.ts'
import { listConnectedTools } from './list-connected-tools.ts'

let site: TestApp
let owner: TestUser
let other: TestUser
beforeAll(async () => {
  site = await createTestApp({ ALLOWED_PRIVATE_HOSTS: '127.0.0.1' })
  owner = await site.createUser()
  other = await site.createUser()
})
afterAll(() => site.close())

const secret = 'planted-secret-of-the-shop-9876'
const bearer = (host: string, token = secret) => ({
  type: 'http',
  settings: { hosts: [host], auth: 'bearer', allow_http: true },
  credentials: { secret: token },
})
const credentialsOf = async (integrationId: string) =>
  (await readIntegration(site.services, { integrationId, ownerId: owner.id })).credentials

test('the types say what they need and what agents can do with them', async () => {
  const list = (await site.app.inject({ url: '/api/v1/integration-types', headers: owner.headers })).json()
  expect(list.data.map(({ type }: { type: string }) => type)).toEqual(expect.arrayContaining(['http', 'webhook']))
  const one = await site.app.inject({ url: '/api/v1/integration-types/http', headers: owner.headers })
  expect(one.json()).toMatchObject({
    needs_oauth: false,
    lists_tools: false,
    tools: [
      { name: 'read_url', effect: 'reads' },
      { name: 'send_request', effect: 'writes' },
    ],
  })
  expect(one.json().credentials.properties.secret).toMatchObject({ format: 'password' })
  const none = await site.app.inject({ url: '/api/v1/integration-types/nothing', headers: owner.headers })
  expect(none.statusCode).toBe(404)
  expect((await site.app.inject({ url: '/api/v1/integration-types' })).statusCode).toBe(401)
})

test('credentials go in and never come out: only which are set, and the last four characters of long ones', async () => {
  const { connect, read, send } = await prepareUserAgent(site, owner)
  const made = await connect({ ...bearer('api.example.com'), name: 'Shop' })
  expect(made).toMatchObject({ name: 'Shop', state: 'connected', credentials: { secret: '…9876' }, failure: null })
  expect(made.tools.map(({ name, permission }) => [name, permission])).toEqual([
    ['read_url', 'always'],
    ['send_request', 'ask'],
  ])
  const short = await connect(bearer('api.example.com', 'short-one'))
  expect(short.credentials).toEqual({ secret: '' })
  expect(await credentialsOf(made.id)).toEqual({ secret })
  const { text } = await send('GET', '')
  expect(text).toContain(made.id)
  expect(JSON.stringify(await read(made.id)) + text).not.toContain('planted')
  const row = await site.database.asSystem('a test looks', (tx) =>
    tx.selectFrom('integrations').selectAll().where('id', '=', made.id).executeTakeFirstOrThrow(),
  )
  expect(JSON.stringify(row)).not.toContain('planted')
})

test('faults are told by their place, of both forms', async () => {
  const { send } = await prepareUserAgent(site, owner)
  const refusal = async (payload: object) => {
    const answer = await send('POST', '', payload)
    expect(answer.status).toBe(422)
    return answer.json().errors.map(({ path }: { path: string }) => path)
  }
  expect(await refusal({ type: 'nothing' })).toEqual(['/type'])
  expect(await refusal({ type: 'http', settings: { auth: 'basic' } })).toEqual([
    '/settings/hosts',
    '/settings/username',
    '/credentials/secret',
  ])
  expect(await refusal({ type: 'http', settings: { hosts: ['https://a.example/x'] } })).toEqual(['/settings/hosts/0'])
  expect(await refusal({ type: 'webhook', settings: { url: 'https://x:y@a.example' } })).toEqual(['/settings/url'])
  expect(
    await refusal({ type: 'webhook', settings: { url: 'https://a.example' }, credentials: { secret: 'abc' } }),
  ).toEqual(['/credentials/secret'])
})

describe('a change', () => {
  test('of one field keeps the others; null takes one away', async () => {
    const { connect, send } = await prepareUserAgent(site, owner)
    const { id } = await connect({ ...bearer('api.example.com'), name: 'Shop' })
    const change = async (payload: object) => (await send('PATCH', `/${id}`, payload)).json()
    expect(await change({ settings: { test_url: 'https://api.example.com/health' } })).toMatchObject({
      name: 'Shop',
      settings: { hosts: ['api.example.com'], auth: 'bearer', test_url: 'https://api.example.com/health' },
      credentials: { secret: '…9876' },
    })
    expect(await credentialsOf(id)).toEqual({ secret })
    expect((await change({ credentials: { secret: null } })).errors).toEqual([
      { path: '/credentials/secret', message: 'Please fill this in.' },
    ])
    expect(await change({ settings: { auth: 'none' }, credentials: { secret: null }, name: null })).toMatchObject({
      credentials: {},
      name: null,
    })
    expect(await credentialsOf(id)).toEqual({})
  })

  test('of where credentials are sent wants them again, and changes nothing before', async () => {
    const { connect, read, send } = await prepareUserAgent(site, owner)
    const { id } = await connect({
      type: 'http',
      settings: { hosts: ['a.example.com', 'b.example.com'], auth: 'bearer' },
      credentials: { secret },
    })
    const settings = { hosts: ['a.example.com', 'evil.example'], allow_http: true }
    const refused = await send('PATCH', `/${id}`, { settings, name: 'Moved' })
    expect(refused.status).toBe(422)
    expect(refused.json().errors).toEqual([
      { path: '/credentials/secret', message: expect.stringContaining('another place') },
    ])
    expect(await read(id)).toMatchObject({ name: null, settings: { hosts: ['a.example.com', 'b.example.com'] } })
    expect((await send('PATCH', `/${id}`, { settings: { hosts: ['a.example.com'] } })).status).toBe(200)
    const fresh = { secret: 'planted-secret-of-the-shop-7777' }
    expect((await send('PATCH', `/${id}`, { settings, credentials: fresh })).status).toBe(200)
    expect(await credentialsOf(id)).toEqual(fresh)
  })

  test('at the same time as twenty others loses none of them', async () => {
    const { connect, read, send } = await prepareUserAgent(site, owner)
    const { id } = await connect({
      type: 'http',
      settings: { hosts: ['a.example.com', 'b.example.com', 'c.example.com'], auth: 'bearer' },
      credentials: { secret },
    })
    const changes = [
      { settings: { allow_http: true } },
      { settings: { test_url: 'https://a.example.com/health' } },
      { settings: { hosts: ['a.example.com', 'b.example.com'] } },
      { credentials: { secret: 'planted-secret-of-the-shop-5555' } },
      { name: 'Renamed' },
    ]
    const all = Array.from({ length: 20 }, (_, at) => changes[at % changes.length]!)
    for (const { status, text } of await Promise.all(all.map((one) => send('PATCH', `/${id}`, one))))
      expect(status, text).toBe(200)
    expect(await read(id)).toMatchObject({
      name: 'Renamed',
      settings: {
        auth: 'bearer',
        allow_http: true,
        test_url: 'https://a.example.com/health',
        hosts: ['a.example.com', 'b.example.com'],
      },
      credentials: { secret: '…5555' },
    })
  })
})

test('at most twenty fit to one user agent, also when they come at once', async () => {
  const { send } = await prepareUserAgent(site, owner)
  const answers = await Promise.all(
    Array.from({ length: 25 }, () => send('POST', '', { type: 'http', settings: { hosts: ['a.example'] } })),
  )
  expect(answers.filter(({ status }) => status === 201)).toHaveLength(20)
  expect(answers.filter(({ status }) => status === 409)).toHaveLength(5)
})

describe('a test', () => {
  test('uses the connection without storing anything, and says what is wrong', async () => {
    const seen: (string | undefined)[] = []
    const { host } = await serve((request, response) => {
      seen.push(request.headers.authorization)
      response.writeHead(request.headers.authorization === `Bearer ${secret}` ? 200 : 401).end('{}')
    })
    const { send } = await prepareUserAgent(site, owner)
    expect((await send('POST', '/test', bearer(host))).json()).toEqual({
      ok: true,
      message: `${host} answered with the status 200.`,
    })
    expect(seen).toEqual([`Bearer ${secret}`])
    const wrong = await send('POST', '/test', bearer(host, 'a-wrong-secret-1234'))
    expect(wrong.status).toBe(200)
    expect(wrong.json()).toMatchObject({ ok: false, message: expect.stringContaining('401') })
    expect((await send('GET', '')).json().data).toEqual([])
    const { type, ...entered } = bearer(host)
    const before = await site.app.inject({
      method: 'POST',
      url: `/api/v1/integration-types/${type}/test`,
      headers: owner.headers,
      payload: entered,
    })
    expect(before.json()).toMatchObject({ ok: true })
  })

  test('of a stored connection moves its state, and back', async () => {
    let status = 401
    const { host } = await serve((_request, response) => response.writeHead(status).end())
    const { connect, read, send } = await prepareUserAgent(site, owner)
    const { id } = await connect(bearer(host))
    expect((await send('POST', `/${id}/test`)).json()).toMatchObject({ ok: false })
    expect(await read(id)).toMatchObject({ state: 'reconnect', failure: expect.stringContaining('401') })
    status = 200
    expect((await send('POST', `/${id}/test`)).json()).toMatchObject({ ok: true })
    expect(await read(id)).toMatchObject({ state: 'connected', failure: null, last_tested_at: expect.any(String) })
    const dead = await connect({ type: 'http', settings: { hosts: ['127.0.0.1:9'], allow_http: true } })
    expect((await send('POST', `/${dead.id}/test`)).json()).toMatchObject({ ok: false })
    expect(await read(dead.id)).toMatchObject({ state: 'failing', failing_since: expect.any(String) })
  })
})

test('tools: what their owner says, what the model gets, and what the server behind them repeats', async () => {
  const { host } = await serve((request, response) =>
    response.end(JSON.stringify({ headers: request.headers, note: 'hello' })),
  )
  const { connect, read, send, userAgentId } = await prepareUserAgent(site, owner)
  const first = await connect({ ...bearer(host), name: 'Shop' })
  await connect(bearer('b.example.com'))
  expect((await send('PUT', `/${first.id}/tools/send_request`, { permission: 'always' })).status).toBe(200)
  expect((await send('PUT', `/${first.id}/tools/nothing`, { permission: 'always' })).status).toBe(404)
  expect((await read(first.id)).tools.map(({ permission }) => permission)).toEqual(['always', 'always'])
  const tools = await listConnectedTools(site.services, owner.claims, userAgentId)
  expect(tools.map(({ name, permission }) => [name, permission])).toEqual([
    ['http__read_url', 'always'],
    ['http__send_request', 'always'],
    ['http_2__read_url', 'always'],
    ['http_2__send_request', 'ask'],
  ])
  expect(await listConnectedTools(site.services, other.claims, userAgentId)).toEqual([])
  const answer = await tools[0]!.execute({ url: `http://${host}/` }, AbortSignal.timeout(5000))
  expect(JSON.stringify(answer)).toContain('hello')
  expect(JSON.stringify(answer)).toContain('Bearer [hidden]')
  expect(JSON.stringify(answer)).not.toContain(secret)
  await expect(tools[0]!.execute({ url: 'http://elsewhere.example/' }, AbortSignal.timeout(5000))).rejects.toThrow(
    /Only these hosts/,
  )
  expect((await read(first.id)).state).toBe('connected')
})
