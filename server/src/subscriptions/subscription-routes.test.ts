import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { signUpForTest, type TestSession } from '../auth/test-sessions.ts'
import type { PlanRow } from '../plans/plan-queries.ts'
import { createTestPlan, unlimitedFeatures } from '../plans/plan-testing.ts'
import { createAgentOf } from '../testing/agent-fixtures.ts'
import { createTestApp, type TestApp, type TestUser } from '../testing/test-app.ts'
import { advanceSubscriptions } from './advance-subscriptions.ts'

let site: TestApp
let admin: TestUser
let free: PlanRow
let starter: PlanRow
let professional: PlanRow
beforeAll(async () => {
  site = await createTestApp()
  await signUpForTest(site) // The very first becomes admin.
  admin = await site.createUser('admin')
  free = await createTestPlan(site, {
    name: 'Free',
    is_default: true,
    features: {
      ...unlimitedFeatures,
      limits: { ...unlimitedFeatures.limits, user_agents: 2, integrations: 1, api_keys: 1 },
      models: 'built_in',
    },
  })
  starter = await createTestPlan(site, { name: 'Starter', price: '49.00', yearly_price: '490.00', position: 1 })
  professional = await createTestPlan(site, { name: 'Professional', price: '149.00', position: 2 })
})
afterAll(() => site.close())

type Who = { headers: object }
type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
async function call(method: Method, path: string, who: Who | null, payload?: object) {
  const response = await site.app.inject({
    method,
    url: `/api/v1${path}`,
    headers: { ...who?.headers },
    ...(payload && { payload }),
  })
  return { status: response.statusCode, body: response.body === '' ? null : response.json() }
}
const mine = async (who: Who) => (await call('GET', '/me/subscription', who)).body
const choose = (who: Who, plan: PlanRow, more: object = {}) =>
  call('POST', '/me/subscription', who, { plan_id: plan.id, ...more })
const preview = async (who: Who, plan: PlanRow, more: object = {}) =>
  (await call('POST', '/me/subscription/preview', who, { plan_id: plan.id, ...more })).body
const assign = (userId: string, plan: PlanRow, more: object = {}) =>
  call('PUT', `/admin/users/${userId}/subscription`, admin, {
    plan_id: plan.id,
    source: 'manual',
    billing_interval: 'month',
    reason: 'Agreed on the phone',
    ...more,
  })
const inMonths = (months: number) => new Date(Date.now() + months * 31 * 86_400_000)
const auditOf = async (targetId: string) => {
  const rows = await site.database.asSystem('a test looks', (tx) =>
    tx.selectFrom('audit_log').select(['action', 'actor_id']).where('target_id', '=', targetId).orderBy('id').execute(),
  )
  return rows.map(({ action, actor_id }) => (actor_id === admin.id ? action : `${action} by somebody else`))
}

describe('without Stripe', () => {
  test('who never chose has the default plan; a paid one is asked for, refused, asked for again and accepted', async () => {
    const user = await signUpForTest(site)
    expect(await mine(user)).toMatchObject({
      subscription: null,
      plan: { id: free.id },
      is_lapsed: false,
      can_pay: false,
      request: null,
    })
    expect(await preview(user, free)).toMatchObject({ kind: 'same', ends: [], must_choose: null })
    expect((await choose(user, free)).body.code).toBe('subscription_change_not_allowed')
    expect((await choose(user, starter)).body.errors).toEqual([
      { path: '/billing_interval', message: 'Choose to pay by the month or by the year.' },
    ])
    expect(await preview(user, starter, { billing_interval: 'year' })).toMatchObject({
      kind: 'request',
      takes_effect_at: null,
      amount_due_cents: null,
    })
    const asked = await choose(user, starter, { billing_interval: 'year', message: 'A shop of three.' })
    expect(asked).toMatchObject({
      status: 200,
      body: { request: { plan_name: 'Starter', status: 'open', billing_interval: 'year' } },
    })
    expect(asked.body).not.toHaveProperty('subscription')
    expect((await choose(user, professional, { billing_interval: 'month' })).body.code).toBe('plan_request_open')
    const withdrawn = await call('DELETE', `/me/plan-requests/${asked.body.request.id}`, user)
    expect([withdrawn.status, (await mine(user)).request]).toEqual([204, null])

    const second = (await choose(user, starter, { billing_interval: 'year' })).body.request.id
    const refused = await call('POST', `/admin/plan-requests/${second}/refuse`, admin, { answer: 'By the month only.' })
    expect(refused.body).toMatchObject({ status: 'refused', user: { id: user.id, email: user.email } })
    expect((await mine(user)).request).toMatchObject({ status: 'refused', answer: 'By the month only.' })
    expect((await call('POST', `/admin/plan-requests/${second}/accept`, admin, {})).body.code).toBe('conflict')

    const third = (await choose(user, starter, { billing_interval: 'month' })).body.request.id
    const open = (await call('GET', '/admin/plan-requests?status=open', admin)).body.data
    expect(open.map(({ id }: { id: string }) => id)).toEqual([third])
    const accepted = await call('POST', `/admin/plan-requests/${third}/accept`, admin, {
      price: '39',
      answer: 'Welcome!',
    })
    expect(accepted.body).toMatchObject({ status: 'accepted', answer: 'Welcome!' })
    expect(await mine(user)).toMatchObject({
      subscription: { status: 'active', source: 'manual', price: '39.00', billing_interval: 'month' },
      plan: { id: starter.id },
      request: { status: 'accepted' },
    })
    const events = (await call('GET', '/me/subscription/events', user)).body.data
    expect(events).toMatchObject([{ type: 'begun', by: 'admin', to_plan_name: 'Starter', detail: { price: '39.00' } }])
    expect(JSON.stringify(events)).not.toContain(admin.id)
    expect(await auditOf(second)).toEqual(['plan_request.refuse'])
    expect(await auditOf(third)).toEqual(['plan_request.accept'])
    expect(await auditOf(user.id)).toEqual(['subscription.assign'])
  })

  test('what was given and costs nothing is not taken again once it is over; a key of a program withdraws nothing', async () => {
    const user = await signUpForTest(site)
    const partner = await createTestPlan(site, { name: 'Partner', is_public: false })
    await assign(user.id, partner, { source: 'comp', billing_interval: null })
    const { key } = (await call('POST', '/api-keys', user, { name: 'Shop' })).body
    expect(
      (await call('DELETE', `/admin/users/${user.id}/subscription`, admin, { at: 'now', reason: 'Over' })).status,
    ).toBe(200)
    expect((await choose(user, partner)).body.code).toBe('not_found')
    const asked = (await choose(user, starter, { billing_interval: 'month' })).body.request.id
    const program = { headers: { authorization: `Bearer ${key}` } }
    expect((await call('DELETE', `/me/plan-requests/${asked}`, program)).body.code).toBe('forbidden')
  })

  test('a smaller plan waits for the end of the period, and then only what was chosen stays on', async () => {
    const user = await signUpForTest(site)
    expect((await assign(user.id, starter)).status).toBe(200)
    const agents = await makeUserAgents(user, 3)
    const keys = await makeKeys(user, 2)
    const seen = await preview(user, free)
    expect(seen).toMatchObject({
      kind: 'downgrade',
      amount_due_cents: 0,
      must_choose: { user_agents: { limit: 2, accounts_limit: 1 }, api_keys: { limit: 1 } },
      ends: ['Language models: only the built-in model answers'],
    })
    expect(seen.must_choose.user_agents.items).toMatchObject(agents.map((id) => ({ id, is_active: true, accounts: 0 })))
    expect(seen.must_choose.api_keys.items).toMatchObject(keys.map((id) => ({ id })))
    const { subscription } = await mine(user)
    expect(seen.takes_effect_at).toBe(subscription.period_end)

    const unchosen = await choose(user, free)
    expect(unchosen.body).toMatchObject({ code: 'plan_needs_less' })
    expect(unchosen.body.errors.map(({ path }: { path: string }) => path)).toEqual([
      '/keep/user_agent_ids',
      '/keep/api_key_ids',
    ])
    const all = { user_agent_ids: agents, api_key_ids: keys }
    expect((await choose(user, free, { keep: all })).body.code).toBe('plan_needs_less')
    const keep = { user_agent_ids: [agents[2]], api_key_ids: [keys[1]] }
    const chosen = await choose(user, free, { keep })
    expect(chosen.body.subscription).toMatchObject({ plan_id: starter.id, next_plan_id: free.id, next_keep: keep })
    expect(await mine(user)).toMatchObject({ plan: { id: starter.id }, next_plan: { id: free.id } })
    expect(await activeAgents(user)).toEqual(agents)

    expect((await call('DELETE', '/me/subscription/next', user)).body).toMatchObject({ next_plan_id: null })
    expect((await call('DELETE', '/me/subscription/next', user)).body.code).toBe('subscription_change_not_allowed')
    await choose(user, free, { keep })
    await advanceSubscriptions(site.database, inMonths(1))
    expect(await mine(user)).toMatchObject({
      subscription: { status: 'active', source: 'free', price: '0.00' },
      plan: { id: free.id },
      next_plan: null,
    })
    expect(await activeAgents(user)).toEqual([agents[2]])
    const listed = (await call('GET', '/api-keys', user)).body.data as { id: string; revoked_at: string | null }[]
    expect(listed.filter((key) => key.revoked_at === null).map(({ id }) => id)).toEqual([keys[1]])
    const [begun] = (await call('GET', '/me/subscription/events', user)).body.data
    expect(begun.detail.switched_off).toEqual({ user_agent_ids: agents.slice(0, 2), api_key_ids: [keys[0]] })
  })

  test('cancelled it goes on to the end of its period, can be resumed until then, and lapsed keeps everything', async () => {
    const user = await signUpForTest(site)
    await assign(user.id, starter)
    const agents = await makeUserAgents(user, 3)
    const cancelled = await call('POST', '/me/subscription/cancel', user)
    expect(cancelled.body).toMatchObject({ status: 'active', cancel_at_period_end: true })
    expect((await call('POST', '/me/subscription/resume', user)).body).toMatchObject({ cancel_at_period_end: false })
    expect((await call('POST', '/me/subscription/resume', user)).body.code).toBe('subscription_change_not_allowed')
    await call('POST', '/me/subscription/cancel', user)
    await advanceSubscriptions(site.database, inMonths(1))
    expect(await mine(user)).toMatchObject({ subscription: { status: 'canceled' }, is_lapsed: true })
    for (const path of ['cancel', 'resume'])
      expect((await call('POST', `/me/subscription/${path}`, user)).body.code).toBe('subscription_change_not_allowed')
    // Nothing is switched off, everything can be read and taken along.
    expect(await activeAgents(user)).toEqual(agents)
    const file = (await call('GET', '/me/export', user)).body
    expect(file.user_agents).toHaveLength(3)
    expect(file.subscriptions).toMatchObject([{ status: 'canceled', price: '49.00' }])
    expect(file.subscription_events.map(({ type }: { type: string }) => type)).toEqual([
      'begun',
      'cancel_scheduled',
      'resumed',
      'cancel_scheduled',
      'canceled',
    ])

    expect(await preview(user, free)).toMatchObject({ kind: 'begin', must_choose: { user_agents: { limit: 2 } } })
    const keep = { user_agent_ids: agents.slice(1), api_key_ids: [] }
    expect((await choose(user, free, { keep })).body.subscription).toMatchObject({ status: 'active', source: 'free' })
    expect(await mine(user)).toMatchObject({ is_lapsed: false, plan: { id: free.id } })
    expect(await activeAgents(user)).toEqual(agents.slice(1))
    // Free has no period to wait for: it ends at once, and says so.
    expect((await call('POST', '/me/subscription/cancel', user)).body).toMatchObject({ status: 'canceled' })
    expect((await mine(user)).is_lapsed).toBe(true)
  })

  test('money is for who is signed in, not for keys of programs; strangers learn nothing', async () => {
    const { headers } = await site.createUser()
    for (const [method, path, payload] of [
      ['POST', '/me/subscription', { plan_id: free.id }],
      ['POST', '/me/subscription/cancel', undefined],
      ['POST', '/me/subscription/resume', undefined],
      ['DELETE', '/me/subscription/next', undefined],
    ] as const) {
      expect([path, (await call(method, path, { headers }, payload)).status]).toEqual([path, 403])
      expect([path, (await call(method, path, null, payload)).status]).toEqual([path, 401])
    }
    for (const path of ['/me/subscription', '/me/subscription/events', '/admin/subscriptions', '/admin/plan-requests'])
      expect([path, (await call('GET', path, null)).status]).toEqual([path, 401])
    for (const path of ['/admin/subscriptions', '/admin/plan-requests'])
      expect([path, (await call('GET', path, { headers })).status]).toEqual([path, 403])
  })
})

describe('admins', () => {
  test('give, assign and end subscriptions, with a reason that stands in the history', async () => {
    const user = await signUpForTest(site)
    const given = await assign(user.id, professional, { source: 'comp', billing_interval: null, end_date: inMonths(2) })
    expect(given.body).toMatchObject({ status: 'active', source: 'comp', price: '0.00', billing_interval: null })
    const trial = await assign(user.id, starter, { trial_days: 14, billing_interval: 'year' })
    expect(trial.body).toMatchObject({ status: 'trialing', price: '490.00', trial_end: expect.any(String) })
    const ended = await call('DELETE', `/admin/users/${user.id}/subscription`, admin, {
      at: 'period_end',
      reason: 'Asked',
    })
    expect(ended.body).toMatchObject({ status: 'trialing', cancel_at_period_end: true })
    const now = await call('DELETE', `/admin/users/${user.id}/subscription`, admin, {
      at: 'now',
      reason: 'Asked again',
    })
    expect(now.body).toMatchObject({ status: 'canceled' })
    const events = (await call('GET', '/me/subscription/events?limit=2', user)).body
    expect(
      events.data.map(({ type, detail }: { type: string; detail: { reason: string } }) => [type, detail.reason]),
    ).toEqual([
      ['canceled', 'Asked again'],
      ['cancel_scheduled', 'Asked'],
    ])
    const more = (await call('GET', `/me/subscription/events?limit=9&cursor=${events.next_cursor}`, user)).body.data
    expect(more.map(({ type }: { type: string }) => type)).toEqual(['begun', 'replaced', 'begun'])
    const forAdmin = (await call('GET', `/admin/users/${user.id}/subscription/events?limit=2`, admin)).body
    expect(forAdmin).toEqual(events)
    expect(await auditOf(user.id)).toEqual([
      'subscription.comp',
      'subscription.assign',
      'subscription.end',
      'subscription.end',
    ])
    const found = (await call('GET', `/admin/subscriptions?status=canceled&search=${user.email}`, admin)).body.data
    expect(found).toMatchObject([{ plan_name: 'Starter', user: { id: user.id, email: user.email } }])
    expect((await call('GET', `/admin/subscriptions?status=active&search=${user.email}`, admin)).body.data).toEqual([])
  })

  test('put nobody on what makes no sense', async () => {
    const { id } = await site.createUser()
    const archived = await createTestPlan(site, { name: 'Old', price: '5.00' })
    await call('POST', `/admin/plans/${archived.id}/archive`, admin)
    const pathsOf = async (plan: PlanRow, more: object) =>
      (await assign(id, plan, more)).body.errors?.map(({ path }: { path: string }) => path)
    expect(await pathsOf(starter, { end_date: '2020-01-01T00:00:00Z' })).toEqual(['/end_date'])
    expect(await pathsOf(starter, { source: 'comp', trial_days: 3 })).toEqual(['/billing_interval', '/trial_days'])
    expect(await pathsOf(starter, { billing_interval: null })).toEqual(['/billing_interval'])
    expect(await pathsOf(professional, { billing_interval: 'year' })).toEqual(['/price'])
    expect(await pathsOf(free, { billing_interval: null, price: '3' })).toEqual(['/price'])
    expect(await pathsOf(starter, { reason: ' ' })).toEqual(['/reason'])
    expect((await assign(id, archived)).body.code).toBe('plan_not_available')
    expect((await assign(archived.id, starter)).status).toBe(404)
    expect(await auditOf(id)).toEqual([])
  })

  test('and users at the same moment leave one current subscription, which the history explains', async () => {
    const user = await signUpForTest(site)
    await assign(user.id, starter)
    await Promise.all([
      assign(user.id, professional, { source: 'comp', billing_interval: null }),
      call('POST', '/me/subscription/cancel', user),
      choose(user, free),
      choose(user, free),
      call('POST', '/me/subscription/resume', user),
      assign(user.id, starter, { billing_interval: 'year' }),
    ])
    const rows = await site.database.asSystem('a test looks', (tx) =>
      tx.selectFrom('subscriptions').select(['id', 'status', 'is_current']).where('user_id', '=', user.id).execute(),
    )
    expect(rows.filter((row) => row.is_current)).toHaveLength(1)
    expect(rows.filter((row) => row.status === 'active')).toHaveLength(1)
    const events = (await call('GET', '/me/subscription/events', user)).body.data
    expect(new Set(events.map((event: { subscription_id: string }) => event.subscription_id)).size).toBe(rows.length)
  })
})

test('a hidden plan is there for whom it was offered alone, an old one for who has it', async () => {
  const [invited, other] = [await signUpForTest(site), await signUpForTest(site)]
  const hidden = await createTestPlan(site, { name: 'For one', is_public: false })
  const names = async (who: Who | null) =>
    (await call('GET', '/plans', who)).body.data.map(({ name }: { name: string }) => name)
  expect((await call('PUT', `/admin/plans/${hidden.id}/offers/${invited.id}`, admin)).status).toBe(204)
  expect(await names(invited)).toEqual(['Free', 'For one', 'Starter', 'Professional'])
  for (const who of [other, admin, null]) expect(await names(who)).toEqual(['Free', 'Starter', 'Professional'])
  expect((await choose(other, hidden)).status).toBe(404)
  expect((await choose(invited, hidden)).body.subscription).toMatchObject({ plan_id: hidden.id, source: 'free' })

  expect((await call('DELETE', `/admin/plans/${hidden.id}/offers/${invited.id}`, admin)).status).toBe(204)
  expect((await call('POST', `/admin/plans/${hidden.id}/archive`, admin)).status).toBe(200)
  expect(await mine(invited)).toMatchObject({ plan: { id: hidden.id }, is_lapsed: false })
  expect(await names(invited)).toEqual(['Free', 'Starter', 'Professional'])
  expect((await preview(invited, hidden)).kind).toBe('same')
  // Once left there is no way back.
  await choose(invited, free)
  expect((await choose(invited, hidden)).status).toBe(404)
  expect(await auditOf(hidden.id)).toEqual(['plan.offer', 'plan.offer_end', 'plan.archive'])
})

async function makeUserAgents(user: TestSession, count: number): Promise<string[]> {
  const agent = await createAgentOf(site, user as unknown as TestUser)
  const ids: string[] = []
  for (let index = 0; index < count; index += 1) {
    const payload = { agent_id: agent.id, settings: { business_name: `Shop ${index}` } }
    ids.push((await call('POST', '/user-agents', user, payload)).body.id)
  }
  return ids
}

async function makeKeys(user: TestSession, count: number): Promise<string[]> {
  const ids: string[] = []
  for (let index = 0; index < count; index += 1)
    ids.push((await call('POST', '/api-keys', user, { name: `Key ${index}` })).body.id)
  return ids
}

async function activeAgents(user: Who): Promise<string[]> {
  const { data } = (await call('GET', '/user-agents', user)).body as { data: { id: string; is_active: boolean }[] }
  return data
    .filter((agent) => agent.is_active)
    .map(({ id }) => id)
    .sort()
}
