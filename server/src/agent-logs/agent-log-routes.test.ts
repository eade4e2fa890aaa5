import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createId } from '../database/uuid-v7.ts'
import { createTestApp, type TestApp, type TestUser } from '../testing/test-app.ts'
import { insertTestLog, insertTestLogs, insertTestUserAgent } from './agent-log-testing.ts'

let server: TestApp
let other: TestUser

beforeAll(async () => {
  server = await createTestApp()
  other = await server.createUser()
})
afterAll(() => server.close())

type Method = 'GET' | 'PUT' | 'DELETE'
async function send(user: TestUser | null, method: Method, path: string, body?: object) {
  const response = await server.app.inject({
    method,
    url: `/api/v1/agent-logs${path}`,
    headers: user?.headers ?? {},
    ...(body ? { payload: body } : {}),
  })
  return { status: response.statusCode, body: response.body === '' ? null : response.json() }
}
const get = (user: TestUser | null, path: string) => send(user, 'GET', path)
const idsOf = (body: { data: { id: string }[] }) => body.data.map(({ id }) => id)

describe('a stranger', () => {
  test.each<[Method, string, object?]>([
    ['GET', ''],
    ['GET', `/${createId()}`],
    ['GET', '/activity'],
    ['GET', '/export'],
    ['PUT', `/${createId()}/rating`, { rating: 1 }],
    ['DELETE', `/${createId()}`],
    ['DELETE', '?all=true'],
  ])('is not served by %s /agent-logs%s', async (method, path, body) => {
    const answer = await send(null, method, path, body)
    expect(answer.status).toBe(401)
    expect(answer.body.code).toBe('unauthenticated')
  })
})

describe('the list', () => {
  test('shows each user their own runs alone, newest first', async () => {
    const user = await server.createUser()
    const first = await insertTestLog(server.database, { user_id: user.id })
    const second = await insertTestLog(server.database, { user_id: user.id })
    expect((await get(other, '')).body.data).toEqual([])
    const { body } = await get(user, '')
    expect(idsOf(body)).toEqual([second, first])
    expect(body.next_cursor).toBeNull()
  })

  test('shows an admin nothing of other people', async () => {
    const admin = await server.createUser('admin')
    const user = await server.createUser()
    const id = await insertTestLog(server.database, { user_id: user.id })
    expect((await get(admin, '')).body.data).toEqual([])
    expect((await get(admin, `/${id}`)).status).toBe(404)
    expect((await get(user, `/${id}`)).status).toBe(200)
  })

  test('turns pages without losing or repeating a row, in both orders', async () => {
    const user = await server.createUser()
    const moment = new Date('2026-11-10T12:00:00.000Z')
    const ids: string[] = []
    for (let i = 0; i < 7; i++)
      ids.push(
        await insertTestLog(server.database, {
          user_id: user.id,
          // Three rows share one millisecond.
          timestamp: new Date(moment.getTime() + Math.max(0, i - 2)),
        }),
      )
    const sorted = ids.toSorted()
    for (const order of ['asc', 'desc'] as const) {
      const seen: string[] = []
      let cursor = ''
      do {
        const { body } = await get(user, `?limit=2&order=${order}${cursor && `&cursor=${cursor}`}`)
        expect(body.data.length).toBeLessThanOrEqual(2)
        seen.push(...idsOf(body))
        cursor = body.next_cursor
      } while (cursor)
      expect(seen).toEqual(order === 'asc' ? sorted : sorted.toReversed())
    }
  })

  test('gives what is new since a row', async () => {
    const user = await server.createUser()
    const known = await insertTestLog(server.database, { user_id: user.id })
    expect((await get(user, `?after=${known}`)).body.data).toEqual([])
    const fresh = await insertTestLog(server.database, { user_id: user.id, status: 'running', output: null })
    const { body } = await get(user, `?after=${known.toUpperCase()}&order=asc`)
    expect(idsOf(body)).toEqual([fresh])
  })

  test('names the agent and the user agent, also when the agent was withdrawn', async () => {
    const user = await server.createUser()
    const { agentId, userAgentId } = await insertTestUserAgent(server.database, user.id)
    await insertTestLog(server.database, { user_id: user.id, agent_id: agentId, user_agent_id: userAgentId })
    const names = { agent_name: 'Customer service', user_agent_name: 'Shop help' }
    expect((await get(user, '')).body.data[0]).toMatchObject(names)
    await server.database.asSystem('a test withdraws an agent', (tx) =>
      tx.updateTable('agents').set({ is_public: false }).where('id', '=', agentId).execute(),
    )
    expect((await get(user, '')).body.data[0]).toMatchObject(names)
    await server.database.asSystem('a test deletes a user agent', (tx) =>
      tx.deleteFrom('user_agents').where('id', '=', userAgentId).execute(),
    )
    expect((await get(user, '')).body.data[0]).toMatchObject({ agent_name: null, user_agent_name: null })
  })

  test('cuts long texts, the detail does not', async () => {
    const user = await server.createUser()
    const text = 'ä'.repeat(3000)
    const id = await insertTestLog(server.database, { user_id: user.id, input: text, output: text })
    const [row] = (await get(user, '')).body.data
    expect(row.input).toBe('ä'.repeat(500))
    expect(row.output).toBe('ä'.repeat(500))
    expect(row).not.toHaveProperty('metadata')
    expect((await get(user, `/${id}`)).body).toMatchObject({ input: text, output: text })
  })
})

describe('filters', () => {
  let user: TestUser
  const ids: Record<string, string> = {}
  let agentId: string
  let userAgentId: string

  beforeAll(async () => {
    user = await server.createUser()
    ;({ agentId, userAgentId } = await insertTestUserAgent(server.database, user.id))
    const at = (day: string) => new Date(`2026-11-${day}T00:00:00.000Z`)
    const insert = (log: object) => insertTestLog(server.database, { user_id: user.id, ...log })
    ids.plain = await insert({ timestamp: at('01'), input: 'A refund of 50%, please', output: 'Done' })
    ids.failed = await insert({ timestamp: at('02'), status: 'failed', error_code: 'model_timeout', output: null })
    ids.agent = await insert({ timestamp: at('03'), agent_id: agentId, user_agent_id: userAgentId })
    ids.reply = await insert({
      timestamp: at('04'),
      conversation_id: ids.agent,
      output: 'Die STRASSE_1 \\ hier, ÄRGER',
    })
  })

  test.each<[string, () => string, string[]]>([
    ['agent', () => `agent_id=${agentId}`, ['agent']],
    ['user agent', () => `user_agent_id=${userAgentId}`, ['agent']],
    ['conversation', () => `conversation_id=${ids.agent}`, ['reply', 'agent']],
    ['status', () => 'status=failed', ['failed']],
    ['beginning of a time range, which belongs to it', () => 'from=2026-11-03T00:00:00.000Z', ['reply', 'agent']],
    ['end of a time range, which does not', () => 'to=2026-11-02T00:00:00.000Z', ['plain']],
    ['text of the input in any case', () => 'search=REFUND', ['plain']],
    ['text of the output in any case', () => 'search=strasse', ['reply']],
    ['letters beyond ASCII in any case', () => `search=${encodeURIComponent('ärger')}`, ['reply']],
    ['percent sign as itself', () => `search=${encodeURIComponent('50%')}`, ['plain']],
    ['percent sign that stands nowhere', () => `search=${encodeURIComponent('5%0')}`, []],
    ['underscore as itself', () => 'search=STRASSE_1', ['reply']],
    ['underscore that stands nowhere', () => 'search=STRASS_', []],
    ['backslash as itself', () => `search=${encodeURIComponent('\\ h')}`, ['reply']],
    ['quote, which is plain text', () => `search=${encodeURIComponent("' or 1=1 --")}`, []],
    ['empty search, which filters nothing', () => 'search=&to=2026-11-02T12:00:00.000Z', ['failed', 'plain']],
    ['several at once', () => `status=succeeded&agent_id=${agentId}&search=norway`, ['agent']],
  ])('find by %s', async (_name, query, expected) => {
    expect((await get(other, `?${query()}`)).body.data).toEqual([])
    const { body } = await get(user, `?${query()}`)
    expect(idsOf(body)).toEqual(expected.map((name) => ids[name]))
  })

  test.each([
    'search=%00',
    `search=${'x'.repeat(201)}`,
    'cursor=nonsense',
    `cursor=${Buffer.from('[1,"x"]').toString('base64url')}`,
    'agent_id=1',
    'status=done',
    'from=yesterday',
    'limit=0',
    'limit=201',
    'order=random',
    'user_id=1',
  ])('refuse %.30s with 400', async (query) => {
    const { status, body } = await get(user, `?${query}`)
    expect(status).toBe(400)
    expect(body.code).toBe('invalid_request')
    expect(body.errors.length).toBeGreaterThan(0)
  })

  test.each([
    `cursor=${Buffer.from(`[8640000000000000,"${createId()}"]`).toString('base64url')}`,
    'from=0000-01-01T00:00:00Z',
    'to=9999-12-31T23:59:59Z',
    'after=ffffffff-ffff-ffff-ffff-ffffffffffff',
    `search=${'%25'.repeat(200)}`,
  ])('take the extreme value %.30s', async (query) => {
    expect((await get(user, `?${query}`)).status).toBe(200)
  })
})

describe('the detail', () => {
  test('holds every step, hidden from others', async () => {
    const user = await server.createUser()
    const step = {
      text: 'Twelve weeks have 84 days.',
      tool_calls: [{ id: 'call_1', name: 'calculate', input: { expression: '12 * 7' } }],
      tool_results: [{ id: 'call_1', name: 'calculate', output: { result: 84 }, is_error: false, duration_ms: 3 }],
      finish_reason: 'stop',
      input_tokens: 412,
      output_tokens: 36,
      duration_ms: 920,
      retries: 1,
    }
    const citation = { number: 1, title: 'FAQ: Weeks?', path: '/faq/0', excerpt: 'A week has 7 days.' }
    const id = await insertTestLog(server.database, {
      user_id: user.id,
      input_tokens: 412,
      cost_usd: '0.00041200',
      latency_ms: 940,
      metadata: { steps: [step], citations: [citation], finish_reason: 'stop', is_built_in_model: true },
    })
    expect((await get(other, `/${id}`)).body.code).toBe('not_found')
    const { body } = await get(user, `/${id}`)
    expect(body).toMatchObject({ id, cost_usd: 0.000412, latency_ms: 940, input_tokens: 412, rating_comment: null })
    expect(body.metadata).toEqual({
      steps: [step],
      citations: [citation],
      finish_reason: 'stop',
      is_built_in_model: true,
    })
  })

  test('of a row with odd metadata shows what can be read of it', async () => {
    const user = await server.createUser()
    const citation = { number: 1, title: 'FAQ', path: '/faq/0', excerpt: 'Yes.' }
    const odd = await insertTestLog(server.database, {
      user_id: user.id,
      metadata: { steps: [{ text: 1 }, null], citations: [citation, 7] },
    })
    const list = await insertTestLog(server.database, { user_id: user.id, metadata: [1, 2] })
    expect((await get(user, `/${odd}`)).body.metadata).toEqual({ steps: [], citations: [citation] })
    expect((await get(user, `/${list}`)).body.metadata).toEqual({ steps: [], citations: [] })
  })

  test.each([
    ['00000000-0000-0000-0000-000000000000', 404],
    ['ffffffff-ffff-ffff-ffff-ffffffffffff', 404],
    ['9b2d0c1e-5b7a-4e0a-9f5c-1d2e3f405162', 404],
    ['1', 400],
    ['%00', 400],
  ])('of %s answers %i', async (id, status) => {
    expect((await get(other, `/${id}`)).status).toBe(status)
  })
})

describe('a rating', () => {
  test('can be given, changed and taken away by the owner alone', async () => {
    const user = await server.createUser()
    const id = await insertTestLog(server.database, { user_id: user.id })
    const path = `/${id}/rating`
    expect((await send(other, 'PUT', path, { rating: -1, comment: 'mine now' })).status).toBe(404)
    expect((await get(user, `/${id}`)).body).toMatchObject({ rating: null, rating_comment: null })

    const rated = await send(user, 'PUT', path, { rating: 1, comment: ' Just right. ' })
    expect(rated.body).toMatchObject({ id, rating: 1, rating_comment: 'Just right.' })
    expect((await get(user, '')).body.data[0].rating).toBe(1)
    const changed = await send(user, 'PUT', path, { rating: -1 })
    expect(changed.body).toMatchObject({ rating: -1, rating_comment: null })
    const taken = await send(user, 'PUT', path, { rating: null, comment: null })
    expect(taken.body).toMatchObject({ rating: null, rating_comment: null })
  })

  test.each<[object, string]>([
    [{ rating: 2 }, '/rating'],
    [{}, '/rating'],
    [{ rating: null, comment: 'Why?' }, '/comment'],
    [{ rating: 1, comment: 'x'.repeat(2001) }, '/comment'],
    [{ rating: 1, comment: 'a\u0000b' }, '/comment'],
    [{ rating: 1, user_id: createId() }, '/'],
  ])('of the wrong shape %# is refused with the place of the fault', async (body, path) => {
    const user = await server.createUser()
    const id = await insertTestLog(server.database, { user_id: user.id })
    const answer = await send(user, 'PUT', `/${id}/rating`, body)
    expect(answer.status).toBe(400)
    expect(answer.body.errors[0].path).toBe(path)
  })
})

describe('deleting', () => {
  test('one run is for its owner alone', async () => {
    const user = await server.createUser()
    const id = await insertTestLog(server.database, { user_id: user.id })
    expect((await send(other, 'DELETE', `/${id}`)).status).toBe(404)
    expect((await get(user, `/${id}`)).status).toBe(200)
    expect((await send(user, 'DELETE', `/${id}`)).status).toBe(204)
    expect((await get(user, `/${id}`)).status).toBe(404)
    expect((await send(user, 'DELETE', `/${id}`)).status).toBe(404)
  })

  test('a run that is still running is a conflict', async () => {
    const user = await server.createUser()
    const id = await insertTestLog(server.database, { user_id: user.id, status: 'running', output: null })
    const { status, body } = await send(user, 'DELETE', `/${id}`)
    expect(status).toBe(409)
    expect(body.code).toBe('conflict')
    expect((await get(user, `/${id}`)).status).toBe(200)
  })

  test('by filter takes what fits it, leaves what runs and touches nobody else', async () => {
    const user = await server.createUser()
    const insert = (log: object) => insertTestLog(server.database, { user_id: user.id, ...log })
    const kept = await insert({ input: 'keep me' })
    const running = await insert({ status: 'running', input: 'drop me' })
    await insert({ input: 'drop me' })
    await insert({ input: 'drop me too', timestamp: new Date('2026-10-01T00:00:00.000Z') })
    const foreign = await insertTestLog(server.database, { user_id: other.id, input: 'drop me' })

    expect((await send(user, 'DELETE', '?search=drop')).body).toEqual({
      deleted: 2,
      skipped_running: 1,
      has_more: false,
    })
    expect(idsOf((await get(user, '')).body)).toEqual([running, kept])
    expect((await get(other, `/${foreign}`)).status).toBe(200)
  })

  test('without a filter needs all=true', async () => {
    const user = await server.createUser()
    await insertTestLog(server.database, { user_id: user.id })
    expect((await send(user, 'DELETE', '')).status).toBe(400)
    expect((await send(user, 'DELETE', '?search=')).status).toBe(400)
    expect((await send(user, 'DELETE', '?user_agnet_id=1')).status).toBe(400)
    expect((await get(user, '')).body.data).toHaveLength(1)
    expect((await send(user, 'DELETE', '?all=true')).body.deleted).toBe(1)
    expect((await get(user, '')).body.data).toEqual([])
  })

  test('of more than one request can take is told apart by has_more', async () => {
    const user = await server.createUser()
    await insertTestLogs(server.database, user.id, { count: 10_500 })
    expect((await send(user, 'DELETE', '?all=true')).body).toEqual({
      deleted: 10_000,
      skipped_running: 0,
      has_more: true,
    })
    expect((await send(user, 'DELETE', '?all=true')).body).toEqual({
      deleted: 500,
      skipped_running: 0,
      has_more: false,
    })
    expect((await get(user, '')).body.data).toEqual([])
  })
})

describe('activity', () => {
  test('counts one user’s runs for each UTC day, empty days included', async () => {
    const user = await server.createUser()
    const today = new Date(new Date().toISOString().slice(0, 10))
    const yesterday = new Date(today.getTime() - 1)
    const { userAgentId } = await insertTestUserAgent(server.database, user.id)
    const insert = (log: object) => insertTestLog(server.database, { user_id: user.id, ...log })
    await insert({ timestamp: today })
    await insert({ timestamp: today, status: 'cancelled', user_agent_id: userAgentId })
    await insert({ timestamp: yesterday, status: 'failed' })
    await insert({ timestamp: new Date(today.getTime() - 2 * 86_400_000 - 1) })
    const empty = { succeeded: 0, failed: 0, other: 0 }
    const day = (before: number) => new Date(today.getTime() - before * 86_400_000).toISOString().slice(0, 10)

    const newcomer = await server.createUser()
    expect((await get(newcomer, '/activity?days=1')).body.data).toEqual([{ day: day(0), ...empty }])
    expect((await get(user, '/activity?days=3')).body.data).toEqual([
      { day: day(2), ...empty },
      { day: day(1), ...empty, failed: 1 },
      { day: day(0), ...empty, succeeded: 1, other: 1 },
    ])
    const one = await get(user, `/activity?days=1&user_agent_id=${userAgentId}`)
    expect(one.body.data).toEqual([{ day: day(0), ...empty, other: 1 }])
    expect((await get(user, '/activity')).body.data).toHaveLength(30)
    expect((await get(user, '/activity?days=91')).status).toBe(400)
  })
})
