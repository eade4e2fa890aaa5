import { afterAll, beforeAll, expect, test } from 'vitest'
import { signUpForTest, type TestSession } from '../auth/test-sessions.ts'
import { createStripeSite, type StripeSite } from '../stripe/stripe-site-testing.ts'
import { createAgentOf } from '../testing/agent-fixtures.ts'
import type { TestUser } from '../testing/test-app.ts'

let site: StripeSite
let admin: TestUser
beforeAll(async () => {
  site = await createStripeSite()
  await signUpForTest(site) // The very first becomes admin.
  admin = await site.createUser('admin')
})
afterAll(() => site.close())

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE'
async function call(method: Method, path: string, who: { headers: object }, payload?: object) {
  const response = await site.app.inject({
    method,
    url: `/api/v1${path}`,
    headers: { ...who.headers },
    ...(payload && { payload }),
  })
  return response.body === '' ? null : response.json()
}
const choice = (plan: string, more: object = {}) => ({ plan_id: site.plans[plan], billing_interval: 'month', ...more })
const choose = (who: TestSession, plan: string, more?: object) =>
  call('POST', '/me/subscription', who, choice(plan, more))
const preview = (who: TestSession, plan: string, more?: object) =>
  call('POST', '/me/subscription/preview', who, choice(plan, more))
/** Somebody in a browser who has paid. */
async function subscribe(plan: string): Promise<TestSession> {
  const user = await site.signUp()
  await site.stripe.pay((await choose(user, plan)).checkout_url)
  return user
}
const mine = (who: TestSession) => call('GET', '/me/subscription', who)

async function makeUserAgents(user: TestSession, count: number): Promise<string[]> {
  const agent = await createAgentOf(site, user as unknown as TestUser)
  const ids: string[] = []
  for (let index = 0; index < count; index += 1) {
    const payload = { agent_id: agent.id, settings: { business_name: `Shop ${index}` } }
    ids.push((await call('POST', '/user-agents', user, payload)).id)
  }
  return ids
}

async function activeAgents(user: TestSession): Promise<string[]> {
  const { data } = (await call('GET', '/user-agents', user)) as { data: { id: string; is_active: boolean }[] }
  return data
    .filter((agent) => agent.is_active)
    .map(({ id }) => id)
    .sort()
}

test('bought, upgraded and changed to less: what is due is said before, and what was chosen stays on', async () => {
  const user = await site.signUp()
  expect(await mine(user)).toMatchObject({ plan: { slug: 'free' }, can_pay: true })
  expect(await preview(user, 'enterprise')).toMatchObject({ kind: 'request' })
  expect(await preview(user, 'starter')).toMatchObject({
    kind: 'begin',
    amount_due_cents: 4900,
    currency: 'USD',
    takes_effect_at: null,
  })
  const { checkout_url } = await choose(user, 'starter')
  expect(await mine(user)).toMatchObject({ subscription: null })
  await site.stripe.pay(checkout_url)
  expect(await mine(user)).toMatchObject({
    subscription: { status: 'active', source: 'stripe' },
    plan: { slug: 'starter' },
  })

  expect(await preview(user, 'professional')).toMatchObject({ kind: 'upgrade', amount_due_cents: 10_000, ends: [] })
  expect(await choose(user, 'professional')).toMatchObject({
    subscription: { plan_id: site.plans.professional, price: '149.00' },
  })
  const agents = await makeUserAgents(user, 3)

  const { subscription } = await mine(user)
  expect(await preview(user, 'starter')).toMatchObject({
    kind: 'downgrade',
    amount_due_cents: 0,
    takes_effect_at: subscription.period_end,
    must_choose: { user_agents: { limit: 2 } },
    ends: ['The API and API keys'],
  })
  expect((await choose(user, 'starter')).code).toBe('plan_needs_less')
  const keep = { user_agent_ids: [agents[0], agents[2]], api_key_ids: [] }
  expect(await choose(user, 'starter', { keep })).toMatchObject({
    subscription: { plan_id: site.plans.professional, next_plan_id: site.plans.starter, next_keep: keep },
  })
  expect(await activeAgents(user)).toEqual(agents)
  expect(await call('DELETE', '/me/subscription/next', user)).toMatchObject({ next_plan_id: null, next_keep: null })
  await choose(user, 'starter', { keep })
  await site.stripe.advance(32)
  expect(await mine(user)).toMatchObject({
    plan: { slug: 'starter' },
    next_plan: null,
    subscription: { price: '49.00' },
  })
  expect(await activeAgents(user)).toEqual([agents[0], agents[2]])
})

test('from what is paid to what is free at the end of the period, and not before', async () => {
  const user = await subscribe('professional')
  const agents = await makeUserAgents(user, 3)
  const keep = { user_agent_ids: [agents[1]], api_key_ids: [] }
  expect(await preview(user, 'free')).toMatchObject({ kind: 'downgrade', must_choose: { user_agents: { limit: 2 } } })
  expect(await choose(user, 'free', { keep })).toMatchObject({
    subscription: { cancel_at_period_end: true, next_plan_id: site.plans.free, next_keep: keep },
  })
  expect(await call('DELETE', '/me/subscription/next', user)).toMatchObject({
    cancel_at_period_end: false,
    next_plan_id: null,
  })
  await choose(user, 'free', { keep })
  const { data: events } = await call('GET', '/me/subscription/events', user)
  // One event for each thing that was done.
  expect(events.map(({ type }: { type: string }) => type)).toEqual([
    'change_scheduled',
    'resumed',
    'change_scheduled',
    'begun',
  ])
  expect(events[0]).toMatchObject({ by: 'me' })
  expect(await activeAgents(user)).toEqual(agents)
  await site.stripe.advance(32)
  expect(await mine(user)).toMatchObject({
    subscription: { status: 'active', source: 'free' },
    plan: { slug: 'free' },
    is_lapsed: false,
  })
  expect(await activeAgents(user)).toEqual([agents[1]])
})

test('what is free follows also in place of a smaller plan that was to follow', async () => {
  const user = await subscribe('professional')
  await choose(user, 'starter')
  expect(await choose(user, 'free')).toMatchObject({ subscription: { next_plan_id: site.plans.free } })
  await site.payments.refresh(user.id)
  expect(await mine(user)).toMatchObject({ next_plan: { slug: 'free' }, subscription: { cancel_at_period_end: true } })
  await site.stripe.advance(32)
  expect(await mine(user)).toMatchObject({ plan: { slug: 'free' }, is_lapsed: false })
})

test('cancelled and resumed; cancelled for good its user has lapsed, and can pay again', async () => {
  const user = await subscribe('starter')
  expect(await call('POST', '/me/subscription/cancel', user)).toMatchObject({ cancel_at_period_end: true })
  expect(await call('POST', '/me/subscription/resume', user)).toMatchObject({ cancel_at_period_end: false })
  await call('POST', '/me/subscription/cancel', user)
  await site.stripe.advance(32)
  expect(await mine(user)).toMatchObject({ subscription: { status: 'canceled' }, is_lapsed: true })
  expect(await preview(user, 'starter')).toMatchObject({ kind: 'begin', amount_due_cents: 4900 })
  const { checkout_url } = await choose(user, 'starter')
  await site.stripe.pay(checkout_url)
  expect(await mine(user)).toMatchObject({ subscription: { status: 'active' }, is_lapsed: false })
})

test('from the month to the year at once; back only when the year is over', async () => {
  const user = await subscribe('starter')
  expect(await preview(user, 'starter')).toMatchObject({ kind: 'same' })
  const yearly = { billing_interval: 'year' }
  expect(await preview(user, 'starter', yearly)).toMatchObject({ kind: 'upgrade', amount_due_cents: 44_100 })
  expect(await choose(user, 'starter', yearly)).toMatchObject({
    subscription: { billing_interval: 'year', price: '490.00' },
  })
  for (const answer of [await preview(user, 'starter'), await choose(user, 'starter')])
    expect(answer).toMatchObject({ code: 'subscription_change_not_allowed', title: expect.stringContaining('a year') })
})

test('what lapsed users chose to keep holds when they have paid', async () => {
  const user = await subscribe('professional')
  const agents = await makeUserAgents(user, 3)
  await site.payments.cancelNow(user.id)
  expect((await choose(user, 'starter')).code).toBe('plan_needs_less')
  const keep = { user_agent_ids: [agents[2]], api_key_ids: [] }
  const { checkout_url } = await choose(user, 'starter', { keep })
  expect(await activeAgents(user)).toEqual(agents)
  await site.stripe.pay(checkout_url)
  expect(await activeAgents(user)).toEqual([agents[2]])
})

test('while Stripe is away nothing changes, and it is said', async () => {
  const user = await subscribe('starter')
  const before = await mine(user)
  site.stripe.isDown = true
  for (const [path, payload] of [
    ['/me/subscription', choice('professional')],
    ['/me/subscription', choice('free', { keep: { user_agent_ids: [], api_key_ids: [] } })],
    ['/me/subscription/cancel', undefined],
  ] as const)
    expect((await call('POST', path, user, payload)).code).toBe('stripe_error')
  const give = { plan_id: site.plans.professional, source: 'comp', reason: 'A gift' }
  expect((await call('PUT', `/admin/users/${user.id}/subscription`, admin, give)).code).toBe('stripe_error')
  site.stripe.isDown = false
  const { subscription, ...rest } = await mine(user)
  expect({ ...subscription, updated_at: null }).toEqual({ ...before.subscription, updated_at: null })
  expect(rest).toMatchObject({ plan: before.plan, next_plan: null })
})

test('what an admin gives ends what is paid, so that nobody pays for nothing', async () => {
  const user = await subscribe('starter')
  const give = { plan_id: site.plans.professional, source: 'comp', reason: 'A gift' }
  expect(await call('PUT', `/admin/users/${user.id}/subscription`, admin, give)).toMatchObject({
    source: 'comp',
    status: 'active',
  })
  const statuses = () =>
    [...site.stripe.model.subscriptions.values()]
      .filter(({ metadata }) => metadata.user_id === user.id)
      .map(({ status }) => status)
  expect(statuses()).toEqual(['canceled'])
  // Whatever Stripe says of the old one late, the gift stays.
  await site.payments.refresh(user.id)
  expect(await mine(user)).toMatchObject({ subscription: { source: 'comp' } })

  const paying = await subscribe('starter')
  const path = `/admin/users/${paying.id}/subscription`
  expect(await call('DELETE', path, admin, { at: 'period_end', reason: 'Asked' })).toMatchObject({
    cancel_at_period_end: true,
  })
  expect(await call('DELETE', path, admin, { at: 'now', reason: 'Asked' })).toMatchObject({ status: 'canceled' })
})

test('a new price is for who subscribes from now on', async () => {
  const user = await subscribe('starter')
  const { data } = await call('GET', '/admin/plans', admin)
  const starter = data.find((plan: { slug: string }) => plan.slug === 'starter')
  const changed = await site.app.inject({
    method: 'PATCH',
    url: `/api/v1/admin/plans/${starter.id}`,
    headers: admin.headers,
    payload: { price: '59.00', updated_at: starter.updated_at },
  })
  expect(changed.json()).toMatchObject({ plan: { price: '59.00' }, impact: { takes_effect: 'next_payment' } })
  await site.stripe.advance(32)
  expect(await mine(user)).toMatchObject({ subscription: { price: '49.00', status: 'active' } })
  const later = await site.signUp()
  expect(await preview(later, 'starter')).toMatchObject({ amount_due_cents: 5900 })
  const { checkout_url } = await choose(later, 'starter')
  await site.stripe.pay(checkout_url)
  expect(await mine(later)).toMatchObject({ subscription: { price: '59.00' } })
})
