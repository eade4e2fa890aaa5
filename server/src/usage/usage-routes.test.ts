import { sql } from 'kysely'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { insertTestLog, insertTestUserAgent } from '../agent-logs/agent-log-testing.ts'
import { createId } from '../database/uuid-v7.ts'
import { createTestApp, type TestApp, type TestUser } from '../testing/test-app.ts'
import { rollUpUsage } from './roll-up-usage.ts'

let site: TestApp
beforeAll(async () => {
  site = await createTestApp()
})
afterAll(() => site.close())

async function get(user: TestUser | null, query: Record<string, string>) {
  const url = `/api/v1/usage?${new URLSearchParams(query)}`
  const response = await site.app.inject({ url, headers: user?.headers })
  return { status: response.statusCode, body: response.json() }
}

const june = { from: '2026-06-01T00:00:00.000Z', to: '2026-06-04T00:00:00.000Z' }
const add = (user: TestUser, moment: string, log: object = {}) =>
  insertTestLog(site.database, { user_id: user.id, timestamp: new Date(moment), ...log })

describe('usage', () => {
  test('is one’s own alone, also for an admin', async () => {
    const [user, admin] = [await site.createUser(), await site.createUser('admin')]
    await add(user, '2026-06-02T10:00:00Z')
    expect((await get(null, june)).status).toBe(401)
    for (const isRolledUp of [false, true]) {
      if (isRolledUp) await rollUpUsage(site.database)
      expect((await get(admin, june)).body).toMatchObject({ data: [], total: { runs: 0, latency_ms: null } })
      expect((await get(user, june)).body.total.runs).toBe(1)
    }
  })

  test('is added up by the day of a time zone, over a change of its clocks', async () => {
    const user = await site.createUser()
    // Berlin: winter time from 2026-10-25 01:00 UTC on; that day has 25 hours.
    for (const moment of [
      '2026-10-24T21:59:59Z',
      '2026-10-24T22:00:00Z',
      '2026-10-25T22:59:59Z',
      '2026-10-25T23:00:00Z',
    ])
      await add(user, moment, { input_tokens: 10, cost_usd: '0.25', latency_ms: 200 })
    const query = { from: '2026-10-24T12:00:00.000Z', to: '2026-10-26T12:00:00.000Z', time_zone: 'Europe/Berlin' }
    for (const isRolledUp of [false, true]) {
      if (isRolledUp) await rollUpUsage(site.database)
      const { body } = await get(user, query)
      expect(body.periods).toEqual(['2026-10-23T22:00:00.000Z', '2026-10-24T22:00:00.000Z', '2026-10-25T23:00:00.000Z'])
      expect(body.data.map(({ start, runs }: { start: string; runs: number }) => [start, runs])).toEqual([
        [body.periods[0], 1],
        [body.periods[1], 2],
        [body.periods[2], 1],
      ])
      expect(body.total).toMatchObject({ runs: 4, succeeded: 4, input_tokens: 40, cost_usd: 1, latency_ms: 200 })
      expect((await get(user, { ...query, by: 'month' })).body.data).toMatchObject([{ runs: 4 }])
      expect((await get(user, { ...query, by: 'hour' })).body.data).toHaveLength(4)
      expect((await get(user, { ...query, time_zone: 'Asia/Kolkata' })).body.total.runs).toBe(4)
    }
  })

  test('is split by agent, model and source, most runs first, or kept to one user agent', async () => {
    const user = await site.createUser()
    const { agentId, userAgentId } = await insertTestUserAgent(site.database, user.id)
    const mine = { agent_id: agentId, user_agent_id: userAgentId }
    const used = { input_tokens: 7, cost_usd: '0.5' }
    await add(user, '2026-06-02T10:00:00Z', { ...mine, ...used, model: 'a/x' })
    await add(user, '2026-06-02T11:00:00Z', { ...mine, model: 'b/y', status: 'failed' })
    await add(user, '2026-06-03T11:00:00Z', { ...mine, model: 'b/y', source: 'chat' })
    await add(user, '2026-06-03T12:00:00Z', { model: 'b/y' })
    const groups = async (group: string) =>
      (await get(user, { ...june, group })).body.groups.map((row: Record<string, unknown>) => [
        row.group_name,
        row.runs,
      ])
    expect(await groups('model')).toEqual([
      ['b/y', 3],
      ['a/x', 1],
    ])
    expect(await groups('agent')).toEqual([
      ['Customer service', 3],
      [null, 1],
    ])
    expect(await groups('user_agent')).toEqual([
      ['Shop help', 3],
      [null, 1],
    ])
    expect(await groups('source')).toEqual([
      ['api', 3],
      ['chat', 1],
    ])
    // Tokens and money of each as well.
    for (const group of ['agent', 'user_agent', 'model'])
      expect((await get(user, { ...june, group })).body).toMatchObject({
        data: expect.arrayContaining([expect.objectContaining({ input_tokens: 7, output_tokens: 0, cost_usd: 0.5 })]),
        groups: expect.arrayContaining([expect.objectContaining({ input_tokens: 7, output_tokens: 0, cost_usd: 0.5 })]),
      })
    expect((await get(user, { ...june, user_agent_id: userAgentId })).body.total).toMatchObject({ runs: 3, failed: 1 })
  })

  test.each([
    [{ time_zone: '+05:00' }],
    [{ time_zone: 'Mars/Olympus' }],
    [{ from: june.to, to: june.from }],
    [{ from: '2026-01-01T00:00:00.000Z', by: 'hour' }],
    [{ from: '2020-01-01T00:00:00.000Z' }],
    [{ from: '0001-01-01T00:00:00.000Z', to: '0001-01-02T00:00:00.000Z' }],
    [{ group: 'user_id' }],
  ])('refuses %o', async (wrong) => {
    const user = await site.createUser()
    expect(await get(user, { ...june, ...(wrong as Record<string, string>) })).toMatchObject({
      status: 400,
      body: { code: 'invalid_request' },
    })
  })

  test('without a range is the last thirty days', async () => {
    expect((await get(await site.createUser(), {})).body.periods).toHaveLength(30)
  })
})

describe('the forecast of the month', () => {
  const forecast = async (user: TestUser | null) => {
    const response = await site.app.inject({ url: '/api/v1/usage/forecast', headers: user?.headers })
    return { status: response.statusCode, body: response.json() }
  }

  test('is one’s own, goes on from what was used, and says when the runs of the plan are used up', async () => {
    const [user, other] = [await site.createUser(), await site.createUser()]
    const now = new Date()
    const [month, today] = [now.toISOString().slice(0, 7), now.toISOString().slice(0, 10)]
    for (const status of ['succeeded', 'running', 'failed'])
      await insertTestLog(site.database, { user_id: user.id, status, cost_usd: '0.25' })
    const planId = createId()
    await site.database.asSystem('a test subscribes', async (tx) => {
      const features = JSON.stringify({ ...noFeatures, limits: { ...noFeatures.limits, runs_per_month: 2 } })
      const plan = { id: planId, name: 'Small', description: '', price: '0', features }
      await tx.insertInto('plans').values(plan).execute()
      const subscription = { id: createId(), user_id: user.id, plan_id: planId, status: 'active', start_date: now }
      await tx
        .insertInto('subscriptions')
        .values({ ...subscription, is_current: true })
        .execute()
      await sql`insert into usage_months (user_id, month, runs) values (${user.id}, ${`${month}-01`}::date, 2)`.execute(
        tx,
      )
    })
    const { body } = await forecast(user)
    expect(body).toMatchObject({ month: `${month}-01`, runs: 2, cost_usd: 0.75, limit_reached_on: today })
    expect(body.runs_at_month_end).toBeGreaterThanOrEqual(2)
    expect(body.days_left).toBeGreaterThanOrEqual(1)
    expect((await forecast(other)).body).toMatchObject({ runs: 0, runs_at_month_end: 0, limit_reached_on: null })
    expect((await forecast(null)).status).toBe(401)
  })
})

test('no chart reads JSON: all of them do without the JSON of logs', async () => {
  const [admin, user] = [await site.createUser('admin'), await site.createUser()]
  const owner = new pg.Client({ connectionString: site.ownerUrl })
  await owner.connect()
  onTestFinished(async () => {
    await owner.query('grant select on public.agent_logs to authenticated, service_role')
    await owner.end()
  })
  const { rows } = await owner.query<{ typed: string }>(
    `select string_agg(quote_ident(attname), ', ') as typed from pg_attribute
     where attrelid = 'public.agent_logs'::regclass and attnum > 0 and not attisdropped and atttypid <> 'jsonb'::regtype`,
  )
  await owner.query(`revoke select on public.agent_logs from authenticated, service_role;
    grant select (${rows[0]?.typed}) on public.agent_logs to authenticated, service_role`)
  // An hour that is to be counted, and one that is not yet.
  const rolled_until = new Date(Date.now() - 24 * 3_600_000)
  await site.database.asSystem('a test', (tx) => tx.updateTable('usage_rollup').set({ rolled_until }).execute())
  await add(user, new Date(Date.now() - 7 * 3_600_000).toISOString())
  const id = await insertTestLog(site.database, { user_id: user.id })
  expect(await rollUpUsage(site.database)).toBeGreaterThan(0)
  const read = (url: string, { headers }: TestUser) => site.app.inject({ url, headers })
  const groups = ['', '&group=agent', '&group=user_agent', '&group=model', '&group=source']
  for (const url of [
    ...groups.map((group) => `/api/v1/usage?by=day${group}`),
    '/api/v1/usage/forecast',
    '/api/v1/agent-logs/activity?days=30',
  ])
    expect((await read(url, user)).statusCode, url).toBe(200)
  expect((await read('/api/v1/usage', user)).json().total.runs).toBe(2)
  for (const url of ['/api/v1/admin/revenue?months=12', `/api/v1/admin/users/${user.id}`, '/api/v1/admin/models'])
    expect((await read(url, admin)).statusCode, url).toBe(200)
  // What does read it is refused.
  expect((await read(`/api/v1/agent-logs/${id}`, user)).statusCode).toBe(403)
})

const noFeatures = {
  limits: {
    user_agents: null,
    runs_per_month: null,
    tokens_per_month: null,
    cost_usd_per_month: null,
    integrations: null,
    api_keys: null,
    concurrent_runs: null,
    log_retention_days: null,
    upload_kb: null,
  },
  switches: { api: true, widget: true, schedules: true, publishing: true, own_model_keys: true },
  integration_types: null,
  models: 'all',
  support: 'community',
  highlights: [],
}
