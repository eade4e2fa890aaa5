import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { insertTestLog } from '../agent-logs/agent-log-testing.ts'
import { loadCatalogue } from '../catalogue/load-catalogue.ts'
import { readCatalogue } from '../catalogue/read-catalogue.ts'
import { applySubscription } from '../subscriptions/apply-subscription.ts'
import { createTestApp, type TestApp, type TestUser } from '../testing/test-app.ts'
import { unlimitedFeatures } from './plan-testing.ts'

let site: TestApp
let admin: TestUser
beforeAll(async () => {
  site = await createTestApp()
  const { plans } = await readCatalogue(join(import.meta.dirname, '../../../catalogue'))
  await loadCatalogue(site.database, { agents: [], plans: plans.toReversed() })
  admin = await site.createUser('admin')
})
afterAll(() => site.close())

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
async function call(method: Method, path: string, payload?: object, who: { headers: object } | null = admin) {
  const response = await site.app.inject({
    method,
    url: `/api/v1${path}`,
    headers: { ...who?.headers },
    ...(payload && { payload }),
  })
  return { status: response.statusCode, body: response.body === '' ? null : response.json() }
}

const newPlan = (change: object = {}) => ({
  name: 'Studio',
  description: 'For studios.',
  price: '19',
  features: unlimitedFeatures,
  ...change,
})
const limited = (limits: object, change: object = {}) => ({
  ...unlimitedFeatures,
  ...change,
  limits: { ...unlimitedFeatures.limits, ...limits },
})
const create = async (change: object = {}) => (await call('POST', '/admin/plans', newPlan(change))).body
const pathsOf = async (change: object) =>
  (await call('POST', '/admin/plans', newPlan(change))).body.errors?.map(({ path }: { path: string }) => path)

async function subscribe(planId: string): Promise<TestUser> {
  const user = await site.createUser()
  const change = {
    kind: 'begin' as const,
    plan_id: planId,
    source: 'manual' as const,
    billing_interval: 'month' as const,
    price: '19.00',
    currency: 'USD',
    trial_end: null,
    end_date: null,
    keep: null,
  }
  await site.database.asSystem('a test', (tx) =>
    applySubscription(tx, { userId: user.id, change, cause: 'admin', actor: admin.id }),
  )
  return user
}

test('strangers see the plans of the catalogue in their order, admins also how many have them', async () => {
  const { plans } = await readCatalogue(join(import.meta.dirname, '../../../catalogue'))
  const { status, body } = await call('GET', '/plans', undefined, null)
  expect([status, body]).toEqual([200, { data: plans.map((plan) => ({ id: expect.any(String), ...plan })) }])
  const all = (await call('GET', '/admin/plans')).body.data
  expect(all).toMatchObject(plans.map(({ slug }) => ({ slug, subscribers: 0, archived_at: null })))
})

describe('a new plan', () => {
  test('is on the market at once, with the price as it was meant', async () => {
    const { status, body } = await call('POST', '/admin/plans', newPlan({ yearly_price: '190.5', position: 25 }))
    expect(status).toBe(201)
    expect(body).toMatchObject({ slug: null, price: '19.00', yearly_price: '190.50', currency: 'USD', subscribers: 0 })
    const names = (await call('GET', '/plans', undefined, null)).body.data.map(({ name }: { name: string }) => name)
    expect(names).toEqual(['Free', 'Starter', 'Studio', 'Professional', 'Enterprise'])
    const entry = await site.database.asSystem('a test looks', (tx) =>
      tx.selectFrom('audit_log').select(['action', 'actor_id']).where('target_id', '=', body.id).execute(),
    )
    expect(entry).toEqual([{ action: 'plan.create', actor_id: admin.id }])
    await call('POST', `/admin/plans/${body.id}/archive`)
  })

  test('is refused with everything that does not go together', async () => {
    expect(await pathsOf({ price: '-1' })).toEqual(['/price'])
    expect(await pathsOf({ price: '1.005' })).toEqual(['/price'])
    expect(await pathsOf({ currency: 'XYZ' })).toEqual(['/currency'])
    expect(await pathsOf({ currency: 'JPY', price: '500.50' })).toEqual(['/price'])
    expect(await pathsOf({ price: '0', trial_days: 5, yearly_price: '10' })).toEqual(['/yearly_price', '/trial_days'])
    expect(await pathsOf({ yearly_price: '0' })).toEqual(['/yearly_price'])
    expect(await pathsOf({ is_by_arrangement: true })).toEqual(['/price'])
    expect(await pathsOf({ is_default: true, is_public: false })).toEqual(['/price', '/is_public'])
    expect(await pathsOf({ features: limited({ user_agents: -1 }) })).toEqual(['/features/limits/user_agents'])
    expect(await pathsOf({ features: limited({ cost_usd_per_month: 0.001 }) })).toEqual([
      '/features/limits/cost_usd_per_month',
    ])
    expect(await pathsOf({ features: { ...unlimitedFeatures, extra: 1 } })).toEqual(['/features'])
    expect(await pathsOf({ slug: 'mine' })).toEqual(['/'])
  })
})

describe('a change of a plan', () => {
  test('says first whom it affects, and changes nothing until it is meant', async () => {
    const plan = await create({ name: 'Team' })
    const users = [await subscribe(plan.id), await subscribe(plan.id)]
    const old = new Date(Date.now() - 100 * 86_400_000)
    await insertTestLog(site.database, { user_id: users[0]!.id, timestamp: old })
    const change = {
      updated_at: plan.updated_at,
      price: '29.00',
      // Each of the test users has one key.
      features: limited({ api_keys: 0, log_retention_days: 30, user_agents: 5 }),
    }
    const dry = await call('PATCH', `/admin/plans/${plan.id}?dry_run=true`, change)
    expect(dry.body.impact).toEqual({
      subscribers: 2,
      on_default: 0,
      over_limit: { api_keys: 2, log_retention_days: 1 },
      takes_effect: 'now',
      sentence:
        '2 users have this plan by a subscription. What it includes changes at once for everybody who has it. ' +
        'The new prices are for who subscribes from now on; everybody else keeps the price they pay. ' +
        '2 users have more than 0 API keys: they go on working, none can be added. ' +
        '1 user has runs in the log that are older than 30 days: these are deleted within the hour.',
    })
    expect(dry.body.plan).toMatchObject({ price: '29.00', updated_at: plan.updated_at })
    expect((await call('GET', `/admin/plans/${plan.id}`)).body).toMatchObject({ price: '19.00', offers: [] })

    const done = await call('PATCH', `/admin/plans/${plan.id}`, change)
    expect(done.body.impact).toEqual(dry.body.impact)
    expect(done.body.plan).toMatchObject({ price: '29.00', subscribers: 2, features: change.features })
    // Who subscribed before keeps the price.
    const kept = (await call('GET', '/me/subscription', undefined, users[0]!)).body
    expect([kept.subscription.price, kept.plan.price]).toEqual(['19.00', '29.00'])
    // Somebody who saw the plan before that changes nothing.
    expect((await call('PATCH', `/admin/plans/${plan.id}`, { ...change, name: 'Stale' })).body.code).toBe('conflict')
    const entries = await site.database.asSystem('a test looks', (tx) =>
      tx.selectFrom('audit_log').select(['action', 'detail']).where('target_id', '=', plan.id).orderBy('id').execute(),
    )
    expect(entries.map(({ action }) => action)).toEqual(['plan.create', 'plan.change'])
    expect(entries[1]?.detail).toMatchObject({ from: { price: '19.00' }, to: { price: '29.00' } })
  })

  test('of the price alone takes effect with the payments to come, and of the name alone hurts nobody', async () => {
    const plan = await create({ name: 'Solo' })
    const dry = (change: object) =>
      call('PATCH', `/admin/plans/${plan.id}?dry_run=true`, { ...change, updated_at: plan.updated_at })
    expect((await dry({ price: '20.00' })).body.impact.takes_effect).toBe('next_payment')
    expect((await dry({ name: 'Soloist' })).body.impact).toMatchObject({ takes_effect: 'now', over_limit: {} })
    expect((await dry({ name: 'Soloist' })).body.impact.sentence).toBe('Nobody has a subscription to this plan.')
  })

  test('by two admins at once: one of them is told to look again', async () => {
    const plan = await create({ name: 'Race' })
    const answers = await Promise.all(
      ['One', 'Other'].map((name) => call('PATCH', `/admin/plans/${plan.id}`, { name, updated_at: plan.updated_at })),
    )
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409])
  })
})

test('there is one default plan: another takes its place, and it cannot be archived', async () => {
  const free = (await call('GET', '/admin/plans')).body.data.find((plan: { slug: string }) => plan.slug === 'free')
  expect((await call('POST', `/admin/plans/${free.id}/archive`)).body.code).toBe('plan_in_use')
  const other = await create({
    name: 'Gratis',
    price: '0',
    features: limited({ runs_per_month: 5 }, { models: 'built_in' }),
  })
  const person = await site.createUser()
  const change = { is_default: true, updated_at: other.updated_at }
  const dry = (await call('PATCH', `/admin/plans/${other.id}?dry_run=true`, change)).body.impact
  expect(dry.on_default).toBeGreaterThan(0)
  expect(dry.sentence).toContain(`It holds for ${dry.on_default} user`)
  await call('PATCH', `/admin/plans/${other.id}`, change)
  const defaults = (await call('GET', '/admin/plans')).body.data.filter(
    (plan: { is_default: boolean }) => plan.is_default,
  )
  expect(defaults.map(({ name }: { name: string }) => name)).toEqual(['Gratis'])
  expect((await call('GET', '/me/subscription', undefined, person)).body.plan.name).toBe('Gratis')
  expect((await call('POST', `/admin/plans/${free.id}/archive`)).body).toMatchObject({
    archived_at: expect.any(String),
  })
})

test('plans are for admins to make: everybody else is refused', async () => {
  const { id, updated_at } = await create({ name: 'Shut' })
  const user = await site.createUser()
  const offer = `/admin/plans/${id}/offers/${user.id}`
  for (const [method, path, payload] of [
    ['GET', '/admin/plans', undefined],
    ['POST', '/admin/plans', newPlan()],
    ['GET', `/admin/plans/${id}`, undefined],
    ['PATCH', `/admin/plans/${id}`, { name: 'Mine', updated_at }],
    ['POST', `/admin/plans/${id}/archive`, undefined],
    ['PUT', offer, undefined],
    ['DELETE', offer, undefined],
  ] as const) {
    expect([path, (await call(method, path, payload, user)).status]).toEqual([path, 403])
    expect([path, (await call(method, path, payload, null)).status]).toEqual([path, 401])
  }
  expect((await call('GET', `/admin/plans/${id}`)).body).toMatchObject({ name: 'Shut', archived_at: null, updated_at })
  expect((await call('PUT', `/admin/plans/${id}/offers/${id}`)).status).toBe(404)
  expect((await call('DELETE', offer)).status).toBe(404)
})
