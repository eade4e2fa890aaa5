import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { insertTestLog } from '../agent-logs/agent-log-testing.ts'
import { signUpForTest, waitForCredentials } from '../auth/test-sessions.ts'
import type { Tx } from '../database/database.ts'
import { createId } from '../database/uuid-v7.ts'
import { createLog } from '../log.ts'
import { refreshModelPrices } from '../models/model-prices.ts'
import { computeCost } from '../runtime/compute-cost.ts'
import { closeAfterTest, createTestApp, type TestApp, type TestUser } from '../testing/test-app.ts'
import { createJobRecords } from './system/job-records.ts'
import { findPartitionFaults } from './system/read-system.ts'
import { createRecentErrors } from './system/recent-errors.ts'

let site: TestApp
let admin: TestUser
const keys = { OPENAI_API_KEY: 'sk-planted-secret', MODELS: 'openai/gpt-5-mini,openai/made-up' }
beforeAll(async () => {
  site = await createTestApp(keys)
  admin = await site.createUser('admin')
})
afterAll(() => site.close())

const system = <T>(work: (tx: Tx) => Promise<T>) => site.database.asSystem('a test', work)
async function call(user: TestUser | null, method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, payload?: object) {
  const response = await site.app.inject({
    method,
    url: `/api/v1${path}`,
    ...(user && { headers: user.headers }),
    ...(payload && { payload }),
  })
  return { status: response.statusCode, text: response.body, body: response.body === '' ? null : response.json() }
}

async function createPlan(name: string): Promise<string> {
  const id = createId()
  const features = JSON.stringify({ limits: { runs_per_month: 100 } })
  await system((tx) =>
    tx.insertInto('plans').values({ id, name, description: name, price: '49.00', features }).execute(),
  )
  return id
}

const subscribe = (userId: string, planId: string, change: object = {}) =>
  system((tx) =>
    tx
      .insertInto('subscriptions')
      .values({
        id: createId(),
        user_id: userId,
        plan_id: planId,
        status: 'active',
        is_current: true,
        start_date: new Date(0),
        ...change,
      })
      .execute(),
  )

test('admin pages are closed to everybody else', async () => {
  const user = await site.createUser()
  for (const path of ['users', `users/${admin.id}`, 'models', 'revenue', 'system']) {
    expect([path, (await call(user, 'GET', `/admin/${path}`)).status]).toEqual([path, 403])
    expect([path, (await call(null, 'GET', `/admin/${path}`)).status]).toEqual([path, 401])
  }
})

describe('users', () => {
  test('are found by name, plan, state and suspension, with what they used this month', async () => {
    const [pro, team] = [await createPlan('Pro'), await createPlan('Team')]
    const [ada, bob, eve] = [await site.createUser(), await site.createUser(), await site.createUser()]
    await subscribe(ada.id, pro, { source: 'stripe', billing_interval: 'month' })
    await subscribe(bob.id, team, { status: 'past_due', grace_until: new Date(Date.now() - 1000) })
    await subscribe(eve.id, team, { status: 'canceled', is_current: false, end_date: new Date() })
    await system(async (tx) => {
      await tx.updateTable('users').set({ first_name: 'Ada', last_name: 'Lovelace' }).where('id', '=', ada.id).execute()
      await tx.updateTable('users').set({ suspended_at: new Date() }).where('id', '=', eve.id).execute()
      const month = new Date().toISOString().slice(0, 8)
      await tx
        .insertInto('usage_months')
        .values({ user_id: ada.id, month: new Date(`${month}01`), runs: 7, cost_usd: '1.25' })
        .execute()
    })
    const ids = async (query: string) =>
      (await call(admin, 'GET', `/admin/users?${query}`)).body.data.map(({ id }: { id: string }) => id)
    expect(await ids('search=ada%20love')).toEqual([ada.id])
    expect(await ids(`plan_id=${pro}`)).toEqual([ada.id])
    expect(await ids(`plan_id=${team}`)).toEqual([bob.id])
    expect(await ids('status=past_due')).toEqual([bob.id])
    expect(await ids('is_suspended=true')).toEqual([eve.id])
    expect(await ids('status=none&is_suspended=false')).not.toContain(ada.id)
    expect(await ids('role=admin')).toEqual([admin.id])
    const { body } = await call(admin, 'GET', '/admin/users?limit=200')
    const rows = Object.fromEntries(body.data.map((user: { id: string }) => [user.id, user]))
    expect(rows[ada.id]).toMatchObject({
      plan: { id: pro, name: 'Pro' },
      subscription: { status: 'active', source: 'stripe', billing_interval: 'month' },
      is_lapsed: false,
      runs: 7,
      cost_usd: 1.25,
    })
    expect(rows[bob.id]).toMatchObject({ is_lapsed: true })
    expect(rows[eve.id]).toMatchObject({ plan: null, subscription: null, is_lapsed: false, runs: 0 })
  })

  test('are shown one by one with runs by day, and nothing of what they asked', async () => {
    const user = await signUpForTest(site)
    const timestamp = new Date(Date.now() - 2 * 86_400_000)
    const run = { user_id: user.id, input: 'planted question', input_tokens: 30, cost_usd: '0.5' }
    await insertTestLog(site.database, { ...run, timestamp })
    await insertTestLog(site.database, { ...run, timestamp, status: 'failed' })
    const { status, body, text } = await call(admin, 'GET', `/admin/users/${user.id}`)
    expect(status).toBe(200)
    expect(body).toMatchObject({
      user: { id: user.id, email: user.email },
      sessions: 1,
      user_agents: 0,
      integrations: 0,
    })
    expect(body.days).toHaveLength(30)
    expect(body.days.at(-3)).toEqual({
      day: timestamp.toISOString().slice(0, 10),
      ...{ runs: 2, failed: 1, tokens: 60, cost_usd: 1 },
    })
    expect(body.limits.map(({ name }: { name: string }) => name)).toContain('runs_per_month')
    for (const secret of ['planted question', 'argon2', 'password']) expect(text).not.toContain(secret)
    expect((await call(admin, 'GET', `/admin/users/${createId()}`)).status).toBe(404)
  })

  test('are signed out everywhere; API keys go only when that is asked for', async () => {
    const user = await signUpForTest(site)
    const withKey = await site.createUser()
    expect((await call(admin, 'POST', `/admin/users/${user.id}/sign-out`)).body).toEqual({ sessions: 1, api_keys: 0 })
    expect((await call(admin, 'POST', `/admin/users/${withKey.id}/sign-out`)).body).toEqual({
      sessions: 0,
      api_keys: 0,
    })
    await waitForCredentials()
    expect((await call(user as unknown as TestUser, 'GET', '/me')).status).toBe(401)
    expect((await call(withKey, 'GET', '/me')).status).toBe(200)
    const all = await call(admin, 'POST', `/admin/users/${withKey.id}/sign-out?api_keys=true`)
    expect(all.body).toEqual({ sessions: 0, api_keys: 1 })
    await waitForCredentials()
    expect((await call(withKey, 'GET', '/me')).status).toBe(401)
    expect((await call(admin, 'POST', `/admin/users/${createId()}/sign-out`)).status).toBe(404)
  })
})

describe('models', () => {
  const path = (id: string) => `/admin/models/prices/${encodeURIComponent(id)}`
  const find = async (id: string) =>
    (await call(admin, 'GET', '/admin/models')).body.data.find((model: { id: string }) => model.id === id)
  const costOf = (app: TestApp, id: string) => {
    const model = app.services.models.find(id)
    if (!model) throw new Error(id)
    return computeCost(model, { input_tokens: 1_000_000, output_tokens: 1_000_000 } as never)
  }

  test('say which provider is set up and what is missing, never a key', async () => {
    const { body, text } = await call(admin, 'GET', '/admin/models')
    expect(body.providers).toContainEqual({
      id: 'openai',
      label: 'OpenAI',
      is_configured: true,
      missing: [],
      models: 2,
    })
    expect(body.providers).toContainEqual(
      expect.objectContaining({ id: 'google', is_configured: false, missing: ['GOOGLE_API_KEY'], models: 0 }),
    )
    expect(text).not.toContain('planted-secret')
    expect(await find('openai/made-up')).toMatchObject({ list_price: null, own_price: null, unpriced: true })
  })

  test('take an own price in place of the list, here at once and on other servers when they look', async () => {
    const id = 'openai/gpt-5-mini'
    const other = await createTestApp(keys, { database: site.database })
    closeAfterTest(other)
    expect(costOf(site, id)).toBeCloseTo(2.25)
    await insertTestLog(site.database, { user_id: admin.id, model: id, input_tokens: 10, cost_usd: '0.75' })
    const set = await call(admin, 'PUT', path(id), { input_usd: 3, output_usd: 4.5 })
    expect(set).toMatchObject({
      status: 200,
      body: { id, own_price: { input_usd: 3, output_usd: 4.5 }, is_offered: true },
    })
    expect(costOf(site, id)).toBeCloseTo(7.5)
    expect(costOf(other, id)).toBeCloseTo(2.25)
    await refreshModelPrices(other.services)
    expect(costOf(other, id)).toBeCloseTo(7.5)
    expect(await find(id)).toMatchObject({
      list_price: { input_usd: 0.25, output_usd: 2 },
      own_price: { input_usd: 3, output_usd: 4.5 },
      ...{ runs: 1, input_tokens: 10, cost_usd: 0.75, unpriced: false },
    })
    expect((await call(admin, 'DELETE', path(id))).status).toBe(204)
    expect(costOf(site, id)).toBeCloseTo(2.25)
    expect((await call(admin, 'DELETE', path(id))).status).toBe(404)
    const { body } = await call(admin, 'GET', `/admin/audit-log?target_id=${encodeURIComponent(id)}`)
    expect(body.data.map(({ action, detail }: Record<string, unknown>) => [action, detail])).toEqual([
      ['model_price.reset', { from: { input_usd: 3, output_usd: 4.5 } }],
      ['model_price.set', { from: null, to: { input_usd: 3, output_usd: 4.5 } }],
    ])
  })

  test('refuse prices that nobody can mean', async () => {
    const put = async (id: string, input_usd: unknown, output_usd: unknown = 1) =>
      (await call(admin, 'PUT', path(id), { input_usd, output_usd })).status
    expect(await put('openai/made-up', -1)).toBe(400)
    expect(await put('openai/made-up', 1, 10_001)).toBe(400)
    expect(await put('openai/made-up', '1')).toBe(400)
    expect(await put('openai/made-up', 0.0000001)).toBe(400)
    expect(await put('no-provider', 1)).toBe(400)
    expect(await put('built-in/retrieval', 1)).toBe(409)
    expect(await put('openai/made-up', 0, 0)).toBe(200)
    expect(await find('openai/made-up')).toMatchObject({ unpriced: false })
    expect(costOf(site, 'openai/made-up')).toBe(0)
  })
})

describe('the system page', () => {
  test('says what runs, what is applied, what takes room, and no secret', async () => {
    await system((tx) => tx.insertInto('server_nodes').values({ id: site.services.nodeId }).execute())
    const { status, body, text } = await call(admin, 'GET', '/admin/system')
    expect(status, text).toBe(200)
    expect(body.migrations).toMatchObject({ pending: [], unknown: [] })
    expect(body.migrations.applied).toBeGreaterThan(15)
    expect(body.partitions).toMatchObject({ default_rows: 0 })
    expect(body.servers).toMatchObject([{ id: site.services.nodeId, is_alive: true, is_this: true }])
    expect(body.disk.database_bytes).toBeGreaterThan(1_000_000)
    expect(body.disk.tables).toHaveLength(10)
    expect(body.stripe).toMatchObject({ is_configured: false, waiting: 0, failed: 0, given_up: 0, last_event_at: null })
    expect(body).toMatchObject({ node_version: process.versions.node, reconciliation: null, errors: [] })
    expect(body.postgres_version).toMatch(/^\d+/)
    for (const secret of ['planted-secret', 'postgresql://', 'postgres:']) expect(text).not.toContain(secret)
  })

  test('remembers of each job its last success and failure, for all servers', async () => {
    const [here, there] = [0, 1].map(() => createJobRecords({ database: site.database, log: createLog('silent') }))
    if (!here || !there) throw new Error('There are two.')
    await here.run('counting stars', async () => {})
    await expect(
      here.run('counting stars', () => Promise.reject(new Error('too many at postgres://me:hunter2@host/x'))),
    ).rejects.toThrow('too many')
    expect(await there.list()).toMatchObject([
      {
        name: 'counting stars',
        failure: 'too many at postgres://[secret]@host/x',
        ...{ last_success_at: expect.any(Date), last_failure_at: expect.any(Date), is_running: false },
      },
    ])
    await there.run('counting stars', async () => {
      expect(await there.list()).toMatchObject([{ is_running: true }])
    })
    expect(await here.list()).toMatchObject([{ failure: null, last_failure_at: expect.any(Date) }])
  })

  test('keeps the last fifty errors of the log, without stacks and secrets', () => {
    const errors = createRecentErrors()
    const log = createLog('info', { write() {} }, errors.note)
    log.info({ err: new Error('no error') }, 'fine')
    log.warn('not yet')
    for (let n = 0; n < 60; n++)
      log.child({ reqId: 'r1' }).error({ err: new Error(`no ${n} sk-abcdef123456`) }, 'it broke')
    log.error({ password: 'hunter2' }, 'with Bearer abcdef.ghi and token=hunter22')
    expect(errors.list()).toHaveLength(50)
    expect(errors.list()[0]).toMatchObject({
      message: 'with [secret] and token=[secret]',
      error: null,
      request_id: null,
    })
    expect(errors.list()[1]).toMatchObject({ message: 'it broke', error: 'no 59 [secret]', request_id: 'r1' })
    expect(JSON.stringify(errors.list())).not.toMatch(/hunter2|\.ts:/)
  })

  test('names partitions that are missing', () => {
    const now = new Date('2026-11-30T23:59:59Z')
    const partitions = ['agent_logs_2026_11', 'agent_logs_2026_12', 'agent_logs_2027_02']
    expect(findPartitionFaults(partitions, 0, now)).toEqual([expect.stringContaining('agent_logs_2027_01 missing')])
    expect(findPartitionFaults([...partitions, 'agent_logs_2027_01'], 0, now)).toEqual([])
    expect(findPartitionFaults([...partitions, 'agent_logs_2027_01'], 3, now)).toHaveLength(1)
  })
})
