import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { PlanRow } from '../plans/plan-queries.ts'
import { createTestPlan } from '../plans/plan-testing.ts'
import type { DerivedSubscription } from '../stripe/derive-subscription.ts'
import { createTestDatabase, type TestDatabase } from '../testing/test-app.ts'
import { advanceSubscriptions } from './advance-subscriptions.ts'
import { applySubscription } from './apply-subscription.ts'
import { addInterval } from './billing-periods.ts'
import { findCurrentSubscription, listSubscriptionEvents } from './subscription-queries.ts'
import { freeSubscription, type NewSubscription } from './write-subscription.ts'

let db: TestDatabase
let free: PlanRow
let paid: PlanRow
beforeAll(async () => {
  db = await createTestDatabase()
  free = await createTestPlan(db, { name: 'Free' })
  paid = await createTestPlan(db, { name: 'Starter', price: '49.00' })
})
afterAll(() => db.close())

const begun = new Date('2027-01-31T10:00:00.000Z')
const at = (day: string) => new Date(`${day}T10:00:00.000Z`)
const advance = (day: string) => advanceSubscriptions(db.database, at(day))
const look = async (userId: string) => {
  const row = await db.database.asSystem('a test looks', (tx) => findCurrentSubscription(tx, userId))
  return row && { status: row.status, plan_id: row.plan_id, source: row.source, period_end: row.period_end }
}
const eventsOf = async (userId: string) => {
  const events = await db.database.asSystem('a test looks', (tx) => listSubscriptionEvents(tx, userId, undefined, 50))
  return events.map(({ type }) => type).reverse()
}

async function subscribe(terms: Partial<NewSubscription> = {}, change?: 'cancel' | 'free'): Promise<string> {
  const { id } = await db.createUser()
  const manual: NewSubscription = {
    plan_id: paid.id,
    source: 'manual',
    billing_interval: 'month',
    price: '49.00',
    currency: 'USD',
    trial_end: null,
    end_date: null,
    keep: null,
    ...terms,
  }
  await db.database.asSystem('a test subscribes', async (tx) => {
    const by = { userId: id, cause: 'admin' as const, actor: null, now: begun }
    await applySubscription(tx, { ...by, change: { kind: 'begin', ...manual } })
    if (change === 'cancel') await applySubscription(tx, { ...by, change: { kind: 'cancel_at_period_end' } })
    if (change === 'free')
      await applySubscription(tx, {
        ...by,
        cause: 'user',
        change: { kind: 'schedule_plan', plan_id: free.id, billing_interval: null, keep: null },
      })
  })
  return id
}

describe('as time goes by', () => {
  test('months that nobody pays by Stripe go on, on the day they began, also after the server was away', async () => {
    const user = await subscribe()
    expect((await look(user))?.period_end).toEqual(at('2027-02-28'))
    await advance('2027-02-27')
    expect(await eventsOf(user)).toEqual(['begun'])
    await advance('2027-03-01')
    expect((await look(user))?.period_end).toEqual(at('2027-03-31'))
    await advance('2027-06-15')
    expect(await look(user)).toMatchObject({ status: 'active', period_end: at('2027-06-30') })
    await advance('2027-06-15')
    expect(await eventsOf(user)).toEqual(['begun', 'renewed', 'renewed'])
  })

  test('what was cancelled ends with its period, and stays so', async () => {
    const user = await subscribe({}, 'cancel')
    await advance('2027-02-20')
    expect(await look(user)).toMatchObject({ status: 'active' })
    await advance('2027-03-01')
    await advance('2027-04-01')
    expect(await look(user)).toMatchObject({ status: 'canceled', plan_id: paid.id })
    expect(await eventsOf(user)).toEqual(['begun', 'cancel_scheduled', 'canceled'])
  })

  test('a smaller plan that was chosen begins when the period is over', async () => {
    const user = await subscribe({}, 'free')
    await advance('2027-02-20')
    expect(await look(user)).toMatchObject({ plan_id: paid.id })
    await advance('2027-03-01')
    expect(await look(user)).toMatchObject({ status: 'active', plan_id: free.id, source: 'free', period_end: null })
    expect(await eventsOf(user)).toEqual(['begun', 'change_scheduled', 'replaced', 'begun'])
  })

  test('trials and what was given for a time end; what was given without an end, and what is free, do not', async () => {
    const trial = await subscribe({ trial_end: at('2027-02-14') })
    const trialThenFree = await subscribe({ trial_end: at('2027-02-14') }, 'free')
    const given = await subscribe({ source: 'comp', billing_interval: null, price: '0.00', end_date: at('2027-02-14') })
    const forGood = await subscribe({ source: 'comp', billing_interval: null, price: '0.00' })
    const gratis = await subscribe(freeSubscription(free, null))
    await advance('2027-02-13')
    expect((await look(trial))?.status).toBe('trialing')
    await advance('2027-02-15')
    const states = await Promise.all([trial, trialThenFree, given, forGood, gratis].map(look))
    expect(states.map((state) => [state?.status, state?.plan_id])).toEqual([
      ['expired', paid.id],
      ['active', free.id],
      ['expired', paid.id],
      ['active', paid.id],
      ['active', free.id],
    ])
  })

  test('who does not pay has the days of grace; what else Stripe has is left to Stripe', async () => {
    const { id } = await db.createUser()
    const state: DerivedSubscription = {
      stripe_subscription_id: 'sub_grace',
      status: 'past_due',
      plan_id: paid.id,
      billing_interval: 'month',
      price: '49.00',
      currency: 'USD',
      start_date: begun,
      end_date: null,
      period_start: begun,
      period_end: at('2027-02-28'),
      trial_end: null,
      cancel_at_period_end: false,
      canceled_at: null,
      grace_until: at('2027-03-07'),
      next_plan_id: null,
      next_billing_interval: null,
    }
    const apply = (now: Date, change: Partial<DerivedSubscription> = {}) =>
      db.database.asSystem('a test plays Stripe', (tx) =>
        applySubscription(tx, {
          userId: id,
          change: { kind: 'stripe', state: { ...state, ...change } },
          cause: 'stripe',
          actor: null,
          now,
        }),
      )
    await apply(begun, { status: 'active', grace_until: null })
    await advance('2027-03-05')
    expect(await look(id)).toMatchObject({ status: 'active', period_end: at('2027-02-28') })
    await apply(at('2027-02-28'))
    // A later attempt to collect the money lengthens nothing.
    await apply(at('2027-03-03'), { grace_until: at('2027-03-10') })
    await advance('2027-03-06')
    expect((await look(id))?.status).toBe('past_due')
    await advance('2027-03-07')
    expect((await look(id))?.status).toBe('expired')
    // Still owed; then paid after all: a new subscription, the old one stays what it was.
    expect(await apply(at('2027-03-08'))).toBeNull()
    await apply(at('2027-03-09'), { status: 'active', grace_until: null })
    expect((await look(id))?.status).toBe('active')
    expect(await eventsOf(id)).toEqual(['begun', 'payment_failed', 'expired', 'replaced', 'begun'])
  })

  test('servers that do it at the same moment do it once', async () => {
    const users = await Promise.all([subscribe(), subscribe({}, 'cancel'), subscribe({}, 'free')])
    const changed = await Promise.all(Array.from({ length: 5 }, () => advance('2027-03-02')))
    // Whom one has locked, another leaves alone; a last look finds nothing left to do.
    expect(changed.reduce((sum, count) => sum + count, 0)).toBe(3)
    expect(await advance('2027-03-02')).toBe(0)
    expect(await Promise.all(users.map(eventsOf))).toEqual([
      ['begun', 'renewed'],
      ['begun', 'cancel_scheduled', 'canceled'],
      ['begun', 'change_scheduled', 'replaced', 'begun'],
    ])
  })
})

test.each([
  ['2027-01-31', 'month', '2027-02-28'],
  ['2027-02-15', 'month', '2027-03-15'],
  ['2027-12-31', 'month', '2028-01-31'],
  ['2028-02-29', 'year', '2029-02-28'],
  ['2027-03-01', 'year', '2028-03-01'],
] as const)('from %s a %s leads to %s', (from, interval, to) => {
  expect(addInterval(at(from), interval)).toEqual(at(to))
})
