import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Tx } from '../database/database.ts'
import { createId } from '../database/uuid-v7.ts'
import { AppError } from '../errors.ts'
import type { PlanRow } from '../plans/plan-queries.ts'
import { createTestPlan } from '../plans/plan-testing.ts'
import type { DerivedSubscription } from '../stripe/derive-subscription.ts'
import { createTestDatabase, type TestDatabase } from '../testing/test-app.ts'
import { findDueChange } from './advance-subscriptions.ts'
import { type ApplySubscription, applySubscription } from './apply-subscription.ts'
import { findCurrentSubscription, listSubscriptionEvents, type SubscriptionRow } from './subscription-queries.ts'
import {
  endedStatuses,
  isAllowed,
  isEnded,
  livingStatuses,
  type SubscriptionCause,
  type SubscriptionEventType,
  type SubscriptionStatus,
  subscriptionCauses,
  subscriptionEventTypes,
  subscriptionStatuses,
  transitions,
} from './transitions.ts'
import { freeSubscription } from './write-subscription.ts'

let db: TestDatabase
let plans: PlanRow[]
beforeAll(async () => {
  db = await createTestDatabase()
  plans = [
    await createTestPlan(db, { name: 'Free', limits: { user_agents: 1 } }),
    await createTestPlan(db, { name: 'Starter', price: '49.00', yearly_price: '490.00' }),
    await createTestPlan(db, { name: 'Professional', price: '149.00' }),
  ]
})
afterAll(() => db.close())

const asTest = <T>(work: (tx: Tx) => Promise<T>) => db.database.asSystem('a test', work)
const dayMs = 86_400_000

test('nothing leads out of what has ended, and what has not begun is only ever what Stripe knows', () => {
  for (const from of endedStatuses)
    for (const event of subscriptionEventTypes)
      for (const to of subscriptionStatuses)
        for (const by of subscriptionCauses)
          if (isAllowed(event, from, to, by)) expect([event, to]).toEqual(['replaced', from])
  const incomplete = transitions.filter(({ from, to }) => from === 'incomplete' || to === 'incomplete')
  for (const { by, event } of incomplete)
    if (event !== 'canceled' && event !== 'expired') expect(by).toEqual(['stripe'])
  // A user begins nothing but what costs nothing, and puts nobody into arrears.
  expect(
    transitions
      .filter(({ by, to }) => by.includes('user') && (to === 'trialing' || to === 'past_due'))
      .every(({ from, to }) => from === to),
  ).toBe(true)
  expect(livingStatuses.every((status) => !isEnded(status))).toBe(true)
})

/** What a generated history is made of; numbers stand for a plan, a Stripe subscription, days. */
type Act =
  | { kind: 'free' | 'comp' | 'manual' | 'trial'; plan: number; days: number }
  | { kind: 'schedule' | 'take_back' | 'cancel' | 'resume' | 'end' | 'clock'; plan: number; days: number }
  | {
      kind: 'stripe'
      which: number
      status: SubscriptionStatus
      plan: number
      cancel: boolean
      next: boolean
      days: number
    }

const act: fc.Arbitrary<Act> = fc.oneof(
  fc.record({
    kind: fc.constantFrom(
      'free',
      'comp',
      'manual',
      'trial',
      'schedule',
      'take_back',
      'cancel',
      'resume',
      'end',
      'clock',
    ),
    plan: fc.nat(2),
    days: fc.nat(40),
  }) as fc.Arbitrary<Act>,
  fc.record({
    kind: fc.constant('stripe' as const),
    which: fc.nat(2),
    status: fc.constantFrom(...subscriptionStatuses),
    plan: fc.integer({ min: 1, max: 2 }),
    cancel: fc.boolean(),
    next: fc.boolean(),
    days: fc.nat(40),
  }),
)

const begin = new Date('2027-01-31T10:00:00Z')

function toStripeState(one: Act & { kind: 'stripe' }, userId: string, now: Date): DerivedSubscription {
  const start = new Date(begin.getTime() + one.which * dayMs)
  const isOver = isEnded(one.status)
  return {
    stripe_subscription_id: `sub_${one.which}_${userId}`,
    status: one.status,
    plan_id: plans[one.plan]!.id,
    billing_interval: 'month',
    price: plans[one.plan]!.price,
    currency: 'USD',
    start_date: start,
    end_date: isOver ? now : null,
    period_start: now,
    period_end: new Date(now.getTime() + 30 * dayMs),
    trial_end: null,
    cancel_at_period_end: one.cancel,
    canceled_at: null,
    grace_until: one.status === 'past_due' ? new Date(now.getTime() + 7 * dayMs) : null,
    next_plan_id: one.next ? plans[3 - one.plan]!.id : null,
    next_billing_interval: one.next ? 'month' : null,
  }
}

async function toApply(tx: Tx, one: Act, userId: string, now: Date): Promise<ApplySubscription | null> {
  const plan = plans[one.plan]!
  const by = (cause: SubscriptionCause) => ({ userId, cause, actor: cause === 'user' ? userId : null, now })
  switch (one.kind) {
    case 'stripe':
      return { ...by('stripe'), change: { kind: 'stripe', state: toStripeState(one, userId, now) } }
    case 'free':
      return { ...by('user'), change: { kind: 'begin', ...freeSubscription(plans[0]!, null) } }
    case 'comp':
    case 'manual':
    case 'trial': {
      const later = new Date(now.getTime() + one.days * dayMs)
      const isComp = one.kind === 'comp'
      const terms = {
        plan_id: plan.id,
        source: isComp ? ('comp' as const) : ('manual' as const),
        billing_interval: isComp ? null : ('month' as const),
        price: isComp ? '0.00' : plan.price,
        currency: 'USD',
        trial_end: one.kind === 'trial' ? later : null,
        end_date: isComp && one.days > 20 ? later : null,
        keep: null,
      }
      return { ...by('admin'), change: { kind: 'begin', ...terms } }
    }
    case 'schedule':
      return {
        ...by('user'),
        change: { kind: 'schedule_plan', plan_id: plan.id, billing_interval: 'month', keep: null },
      }
    case 'take_back':
      return { ...by('user'), change: { kind: 'take_back_plan' } }
    case 'cancel':
      return { ...by('user'), change: { kind: 'cancel_at_period_end' } }
    case 'resume':
      return { ...by('user'), change: { kind: 'resume' } }
    case 'end':
      return { ...by('admin'), change: { kind: 'end', status: 'canceled' } }
    case 'clock': {
      const row = await findCurrentSubscription(tx, userId)
      const change = row && findDueChange(row, now)
      return change ? { ...by('server'), change } : null
    }
  }
}

test('whatever happens: one current row at most, no way around the table, nothing ended comes back, and the history tells it all', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(act, { minLength: 1, maxLength: 14 }), async (acts) => {
      const user = await db.createUser()
      let now = begin
      const ended = new Map<string, string>()
      for (const one of acts) {
        now = new Date(now.getTime() + one.days * dayMs + 1000)
        await asTest(async (tx) => {
          const step = await toApply(tx, one, user.id, now)
          if (step) await applySubscription(tx, step)
        }).catch((error: unknown) => {
          // Refused, with nothing written: that is what the table is for. Anything else is a fault.
          if (!(error instanceof AppError && error.code === 'subscription_change_not_allowed')) throw error
        })
        const rows = await asTest((tx) =>
          tx
            .selectFrom('subscriptions')
            .select(['id', 'status', 'plan_id', 'is_current', 'source', 'price'])
            .where('user_id', '=', user.id)
            .execute(),
        )
        expect(rows.filter((row) => row.is_current).length).toBeLessThanOrEqual(1)
        // What is not current gives nothing to anybody.
        expect(rows.filter((row) => !row.is_current && livingStatuses.includes(row.status as 'active'))).toEqual([])
        for (const row of rows) {
          if (ended.has(row.id)) expect(row.status).toBe(ended.get(row.id))
          if (isEnded(row.status)) ended.set(row.id, row.status)
        }
        expect(await replay(user.id)).toEqual(
          Object.fromEntries(rows.map(({ id, status, plan_id, is_current }) => [id, { status, plan_id, is_current }])),
        )
      }
    }),
    { numRuns: 60 },
  )
}, 120_000)

/** What the history alone says of the subscriptions of a user; throws where an event does not follow from the one before. */
async function replay(userId: string) {
  const events = await asTest((tx) => listSubscriptionEvents(tx, userId, undefined, 1000))
  const states: Record<string, { status: string; plan_id: string; is_current: boolean }> = {}
  for (const event of events.toReversed()) {
    const before = states[event.subscription_id]
    expect([event.from_status, event.from_plan_id]).toEqual([before?.status ?? null, before?.plan_id ?? null])
    const type = event.type as SubscriptionEventType
    const [from, to] = [event.from_status as SubscriptionStatus | null, event.to_status as SubscriptionStatus]
    expect(subscriptionCauses.some((by) => isAllowed(type, from, to, by))).toBe(true)
    const { is_current } = event.detail as { is_current: boolean }
    states[event.subscription_id] = { status: to, plan_id: event.to_plan_id, is_current }
  }
  return states
}

test('the database itself refuses a second current one, and to bring back what has ended', async () => {
  const user = await db.createUser()
  const change = { kind: 'begin' as const, ...freeSubscription(plans[0]!, null) }
  const row = await asTest((tx) => applySubscription(tx, { userId: user.id, change, cause: 'user', actor: user.id }))
  const second = { id: createId(), user_id: user.id, plan_id: plans[1]!.id, status: 'active', is_current: true }
  await expect(
    asTest((tx) =>
      tx
        .insertInto('subscriptions')
        .values({ ...second, start_date: new Date() })
        .execute(),
    ),
  ).rejects.toThrow()
  const end = { kind: 'end' as const, status: 'canceled' as const }
  await asTest((tx) => applySubscription(tx, { userId: user.id, change: end, cause: 'user', actor: user.id }))
  await expect(
    asTest((tx) => tx.updateTable('subscriptions').set({ status: 'active' }).where('id', '=', row!.id).execute()),
  ).rejects.toThrow()
})

test('two changes of one user at the same moment leave one current subscription, however often', async () => {
  const user = await db.createUser()
  const starts = Array.from({ length: 12 }, (_, index) => {
    const isAdmin = index % 2 === 0
    const change = {
      kind: 'begin' as const,
      ...freeSubscription(plans[0]!, null),
      ...(isAdmin && { source: 'comp' as const, plan_id: plans[2]!.id }),
    }
    const cause = isAdmin ? ('admin' as const) : ('user' as const)
    return asTest((tx) => applySubscription(tx, { userId: user.id, change, cause, actor: null }))
  })
  const ends = Array.from({ length: 4 }, () =>
    asTest((tx) =>
      applySubscription(tx, {
        userId: user.id,
        change: { kind: 'end', status: 'canceled' },
        cause: 'user',
        actor: null,
      }),
    ).catch(() => null),
  )
  await Promise.all([...starts, ...ends])
  const rows = await asTest((tx) =>
    tx.selectFrom('subscriptions').select(['is_current']).where('user_id', '=', user.id).execute(),
  )
  expect(rows.map((row) => row.is_current).sort()).toEqual([...Array.from({ length: 11 }, () => false), true])
  await replay(user.id)
})

test('Stripe may repeat itself: the same state twice writes nothing', async () => {
  const user = await db.createUser()
  const stripe = { kind: 'stripe' as const, which: 0, plan: 1, days: 0 }
  const state = toStripeState({ ...stripe, status: 'active', cancel: false, next: false }, user.id, begin)
  const apply = (change: DerivedSubscription): Promise<SubscriptionRow | null> =>
    asTest((tx) =>
      applySubscription(tx, {
        userId: user.id,
        change: { kind: 'stripe', state: change },
        cause: 'stripe',
        actor: null,
        now: begin,
      }),
    )
  await apply(state)
  await apply(state)
  // The same with its cents left out, as another server may write it.
  await apply({ ...state, price: '49' })
  const events = await asTest((tx) => listSubscriptionEvents(tx, user.id, undefined, 100))
  expect(events.map(({ type }) => type)).toEqual(['begun'])
  await apply({ ...state, status: 'canceled', end_date: begin })
  expect(await apply(state)).toBeNull()
  expect((await asTest((tx) => findCurrentSubscription(tx, user.id)))?.status).toBe('canceled')
})

test('a period that nobody has paid for is no renewal, and that it was paid later is said once', async () => {
  const user = await db.createUser()
  const stripe = { kind: 'stripe' as const, which: 0, plan: 1, days: 0, cancel: false, next: false }
  const become = (status: SubscriptionStatus, days: number) => {
    const now = new Date(begin.getTime() + days * dayMs)
    const state = toStripeState({ ...stripe, status }, user.id, now)
    return asTest((tx) =>
      applySubscription(tx, { userId: user.id, change: { kind: 'stripe', state }, cause: 'stripe', actor: null, now }),
    )
  }
  await become('active', 0)
  await become('active', 30)
  await become('past_due', 60)
  await become('past_due', 90)
  const paid = await become('active', 120)
  expect(paid).toMatchObject({ status: 'active', period_start: new Date(begin.getTime() + 120 * dayMs) })
  const events = await asTest((tx) => listSubscriptionEvents(tx, user.id, undefined, 100))
  const types = ['begun', 'renewed', 'payment_failed', 'adjusted', 'payment_recovered']
  expect(events.map(({ type }) => type).toReversed()).toEqual(types)
})
