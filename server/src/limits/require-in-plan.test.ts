import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { signUpForTest, type TestSession, waitForCredentials } from '../auth/test-sessions.ts'
import type { Tx } from '../database/database.ts'
import { createAgentOf, exampleAgent } from '../testing/agent-fixtures.ts'
import { createTestApp, type TestApp } from '../testing/test-app.ts'
import { configureTestAgent, eventually } from '../user-agents/run-testing.ts'
import { findUpgrade } from './find-upgrade.ts'
import { insertTestPlan, subscribeTestUser, type TestPlan } from './limit-testing.ts'
import { lockLimits } from './require-in-plan.ts'

let site: TestApp
let user: TestSession

beforeAll(async () => {
  site = await createTestApp({ COMPATIBLE_BASE_URL: 'http://127.0.0.1:9/v1', COMPATIBLE_MODELS: 'large' })
  // Whoever comes first is an admin, whom no plan limits.
  await signUpForTest(site)
})
afterAll(() => site.close())
beforeEach(async () => {
  await asSystem((tx) => tx.updateTable('plans').set({ is_public: false }).execute())
  user = await signUpForTest(site)
})

const asSystem = <T>(work: (tx: Tx) => Promise<T>) => site.database.asSystem('a test', work)
const subscribe = (plan: TestPlan, more = {}) => subscribeTestUser(site.database, user.id, plan, more)
async function call(
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE',
  path: string,
  payload?: object,
  as: Pick<TestSession, 'headers'> = user,
) {
  const response = await site.app.inject({
    method,
    url: `/api/v1${path}`,
    headers: as.headers,
    ...(payload && { payload }),
  })
  return { status: response.statusCode, body: response.body === '' ? null : response.json() }
}

/** An agent in the catalogue that takes one text. */
async function publishedAgent(): Promise<string> {
  const id = await configureTestAgent(site.database, { id: user.id }, { is_active: false })
  const row = await asSystem((tx) =>
    tx.selectFrom('user_agents').select('agent_id').where('id', '=', id).executeTakeFirstOrThrow(),
  )
  return row.agent_id
}
const configure = (agentId: string, more = {}) =>
  call('POST', '/user-agents', { agent_id: agentId, settings: { business_name: 'Lamps' }, ...more })
const webhook = { type: 'webhook', settings: { url: 'https://example.com/hook' }, credentials: {} }

describe('room for user agents', () => {
  test('of ten that are configured at once as many are made as fit', async () => {
    const upgrade = await insertTestPlan(site.database, { name: 'Three', is_public: true, limits: { user_agents: 3 } })
    await subscribe({ limits: { user_agents: 2 } })
    const agentId = await publishedAgent()
    const answers = await Promise.all(Array.from({ length: 10 }, () => configure(agentId)))
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(2)
    const refused = answers.filter(({ status }) => status === 429)
    expect(refused).toHaveLength(8)
    expect(refused[0]?.body).toMatchObject({
      code: 'plan_limit_reached',
      limit: 'user_agents',
      limit_value: 2,
      used: 2,
      resets_at: null,
      upgrade: { plan_id: upgrade, name: 'Three' },
    })
  })

  test('those that are off take none; switched on at once, as many are on as fit, with their accounts', async () => {
    await subscribe({ limits: { user_agents: 1, integrations: 1 } })
    const off = []
    for (let i = 0; i < 4; i++) off.push(await configureTestAgent(site.database, user, { is_active: false }))
    const switchOn = (id: string) => call('PATCH', `/user-agents/${id}`, { is_active: true })
    const answers = await Promise.all(off.map(switchOn))
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 429, 429, 429])
    const on = off[answers.findIndex(({ status }) => status === 200)] ?? ''
    expect((await call('PATCH', `/user-agents/${on}`, { is_active: true, name: 'Still on' })).status).toBe(200)
    expect((await call('PATCH', `/user-agents/${on}`, { is_active: false })).status).toBe(200)
    const [first = '', second = ''] = off
    // To one that is off nothing counts, until it is switched on.
    expect((await call('POST', `/user-agents/${first}/integrations`, webhook)).status).toBe(201)
    expect((await call('POST', `/user-agents/${first}/integrations`, webhook)).status).toBe(201)
    expect((await switchOn(first)).body).toMatchObject({ limit: 'integrations', limit_value: 1, used: 0 })
    expect((await switchOn(second)).status).toBe(200)
  })
})

test('room for accounts is taken by one of several at once', async () => {
  await subscribe({ limits: { integrations: 1 } })
  const id = await configureTestAgent(site.database, user)
  const answers = await Promise.all(
    Array.from({ length: 5 }, () => call('POST', `/user-agents/${id}/integrations`, webhook)),
  )
  expect(answers.map(({ status }) => status).toSorted()).toEqual([201, 429, 429, 429, 429])
})

test('an account that is connected while its agent is switched on counts', async () => {
  await subscribe({ limits: { integrations: 0 } })
  const id = await configureTestAgent(site.database, user, { is_active: false })
  const connecting = await asSystem(async (tx) => {
    await lockLimits(tx, user.id)
    await tx.updateTable('user_agents').set({ is_active: true }).where('id', '=', id).execute()
    const answer = call('POST', `/user-agents/${id}/integrations`, webhook)
    await eventually('it waits for the other one', async () => {
      const { rows } = await asSystem((other) =>
        sql`select from pg_locks where not granted and locktype = 'advisory'
        and database = (select oid from pg_database where datname = current_database())`.execute(other),
      )
      return rows.length > 0
    })
    return { answer }
  })
  expect((await connecting.answer).body).toMatchObject({ code: 'plan_limit_reached', limit: 'integrations' })
})

test('a type of integration that is not in the plan is not connected', async () => {
  await subscribe({ integration_types: ['slack'] })
  const upgrade = await insertTestPlan(site.database, { is_public: true, integration_types: ['webhook'] })
  const id = await configureTestAgent(site.database, user)
  const refused = await call('POST', `/user-agents/${id}/integrations`, webhook)
  expect([refused.status, refused.body.code]).toEqual([403, 'not_in_plan'])
  expect(refused.body).toMatchObject({ feature: 'webhook', upgrade: { plan_id: upgrade } })
})

test('settings are as large as the plan takes, when they are made and when they are changed', async () => {
  await subscribe({ limits: { upload_kb: 1 } })
  const agentId = await publishedAgent()
  const settings = { business_name: 'Lamps', faq: [{ question: 'Why?', answer: 'x'.repeat(1100) }] }
  const refused = await configure(agentId, { settings })
  expect(refused.body).toMatchObject({ code: 'plan_limit_reached', limit: 'upload_kb', limit_value: 1, used: 2 })
  const { body } = await configure(agentId)
  expect((await call('PATCH', `/user-agents/${body.id}`, { settings })).body).toMatchObject({ limit: 'upload_kb' })
  expect((await call('PATCH', `/user-agents/${body.id}`, { name: 'Short' })).status).toBe(200)
})

test('a plan of the built-in model configures it, and refuses others', async () => {
  await subscribe({ models: 'built_in' })
  const agentId = await publishedAgent()
  const made = await configure(agentId)
  expect(made.body).toMatchObject({ model: 'built-in/retrieval' })
  expect((await configure(agentId, { model: 'compatible/large' })).body).toMatchObject({ code: 'not_in_plan' })
  const change = await call('PATCH', `/user-agents/${made.body.id}`, { model: 'compatible/large' })
  expect(change.body).toMatchObject({ code: 'not_in_plan', feature: 'models' })
})

describe('API keys', () => {
  test('are made as many as the plan has, by one of several requests at once', async () => {
    await subscribe({ limits: { api_keys: 1 } })
    const answers = await Promise.all(Array.from({ length: 5 }, () => call('POST', '/api-keys', { name: 'Shop' })))
    expect(answers.map(({ status }) => status).toSorted()).toEqual([201, 429, 429, 429, 429])
  })

  test('are neither made nor of any use without the API in the plan; sessions are, but not at OpenAI’s door', async () => {
    const { body } = await call('POST', '/api-keys', { name: 'Shop' })
    const key = { headers: { authorization: `Bearer ${body.key}` } }
    expect((await call('GET', '/me', undefined, key)).status).toBe(200)
    await subscribe({ switches: { api: false } })
    await waitForCredentials()
    const refused = await call('GET', '/me', undefined, key)
    expect([refused.status, refused.body.code]).toEqual([403, 'not_in_plan'])
    const models = await site.app.inject({ url: '/v1/models', headers: key.headers })
    expect([models.statusCode, models.json().error.code]).toEqual([403, 'not_in_plan'])
    const bySession = await site.app.inject({
      method: 'POST',
      url: '/v1/chat/completions',
      headers: user.headers,
      payload: { model: user.id, messages: [{ role: 'user', content: 'Hello' }] },
    })
    expect([bySession.statusCode, bySession.json().error.code]).toEqual([403, 'not_in_plan'])
    expect((await call('POST', '/api-keys', { name: 'Shop' })).body).toMatchObject({
      code: 'not_in_plan',
      feature: 'api',
    })
    expect((await call('GET', '/api-keys')).status).toBe(200)
    await asSystem((tx) => tx.updateTable('users').set({ role: 'admin' }).where('id', '=', user.id).execute())
    await waitForCredentials()
    expect((await call('GET', '/me', undefined, key)).status).toBe(200)
  })
})

test('publication is asked for where the plan has it', async () => {
  await subscribe({ switches: { publishing: false } })
  const agent = await createAgentOf(site, { ...user, claims: { sub: user.id, user_role: 'user' } })
  const refused = await call('POST', `/agents/${agent.id}/publication`)
  expect(refused.body).toMatchObject({ code: 'not_in_plan', feature: 'publishing' })
  await subscribe({})
  expect((await call('POST', `/agents/${agent.id}/publication`)).status).toBe(200)
})

test('who has lapsed adds nothing, and reads, exports, switches off, deletes', async () => {
  const agentId = await publishedAgent()
  const [on, off] = [
    await configureTestAgent(site.database, user),
    await configureTestAgent(site.database, user, { is_active: false }),
  ]
  await subscribe({}, { status: 'canceled' })
  const refused = [
    await configure(agentId),
    await call('PATCH', `/user-agents/${off}`, { is_active: true }),
    await call('POST', `/user-agents/${on}/integrations`, webhook),
    await call('POST', '/api-keys', { name: 'Shop' }),
    await call('POST', '/agents', exampleAgent()),
    await call('POST', `/user-agents/${on}/runs`, { input: 'Hello' }),
  ]
  for (const { status, body } of refused) expect([status, body.code]).toEqual([402, 'subscription_lapsed'])
  expect((await call('GET', '/me/limits')).body).toMatchObject({
    is_lapsed: true,
    subscription: { status: 'canceled' },
  })
  expect((await call('GET', '/agent-logs')).status).toBe(200)
  expect((await call('GET', '/me/export')).status).toBe(200)
  expect((await call('PATCH', `/user-agents/${on}`, { is_active: false, name: 'Off' })).status).toBe(200)
  expect((await call('DELETE', `/user-agents/${on}`)).status).toBe(204)
})

test('one’s limits show every limit with what is used of it', async () => {
  await subscribe({ limits: { user_agents: 4, runs_per_month: 10, upload_kb: 500 }, switches: { widget: false } })
  await configureTestAgent(site.database, user)
  const { body } = await call('GET', '/me/limits')
  const limitOf = (name: string) => body.limits.find((limit: { name: string }) => limit.name === name)
  expect(limitOf('user_agents')).toEqual({ name: 'user_agents', limit: 4, used: 1, percent: 25, resets_at: null })
  expect(limitOf('runs_per_month')).toMatchObject({ limit: 10, used: 0, percent: 0, resets_at: body.resets_at })
  expect(limitOf('upload_kb')).toMatchObject({ limit: 500, used: null, percent: null })
  expect(limitOf('cost_cap')).toMatchObject({ limit: null, percent: null })
  expect(body.switches).toMatchObject({ widget: false, api: true })
  expect(body.warnings).toEqual([])
  const admin = await site.createUser('admin')
  expect((await call('GET', '/me/limits', undefined, admin)).body).toMatchObject({ features: null, is_lapsed: false })
})

describe('the plan that lifts a limit', () => {
  const offer = async () => (await call('POST', '/user-agents', { agent_id: await publishedAgent() })).body.upgrade
  const insert = (name: string, price: string, is_by_arrangement = false) =>
    insertTestPlan(site.database, { name, price, is_by_arrangement, is_public: true, limits: { user_agents: 9 } })

  test('costs no less than the present one, and comes by arrangement only where nothing else does', async () => {
    await subscribe({ name: 'Present', price: '49.00', is_public: true, limits: { user_agents: 0 } })
    await insert('Cheaper', '19.00')
    expect(await offer()).toBeNull()
    await insert('Arranged', '0.00', true)
    expect(await offer()).toMatchObject({ name: 'Arranged' })
    await insert('Dearer', '149.00')
    expect(await offer()).toMatchObject({ name: 'Dearer' })
    await insert('As dear', '49.00')
    expect(await offer()).toMatchObject({ name: 'As dear' })
  })

  test('is never the present one, whatever is asked for', async () => {
    const present = await subscribe({ name: 'Present', is_public: true })
    const find = () => asSystem((tx) => findUpgrade(tx, user.id, { switch: 'api' }))
    expect(await find()).toBeNull()
    const stranger = await signUpForTest(site)
    expect(await asSystem((tx) => findUpgrade(tx, stranger.id, { switch: 'api' }))).toMatchObject({ plan_id: present })
  })
})
