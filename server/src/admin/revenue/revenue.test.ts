import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { insertTestLog } from '../../agent-logs/agent-log-testing.ts'
import type { Tx } from '../../database/database.ts'
import { createId } from '../../database/uuid-v7.ts'
import { subscribeTestUser } from '../../limits/limit-testing.ts'
import { limitNames, switchNames } from '../../plans/plan-features.ts'
import { applySubscription } from '../../subscriptions/apply-subscription.ts'
import { createTestDatabase, type TestDatabase } from '../../testing/test-app.ts'
import { rollUpUsage } from '../../usage/roll-up-usage.ts'
import { readRevenue } from './read-revenue.ts'
import { countStates } from './revenue-queries.ts'

let testDatabase: TestDatabase
beforeAll(async () => {
  testDatabase = await createTestDatabase()
})
afterAll(() => testDatabase.close())

const system = <T>(work: (tx: Tx) => Promise<T>) => testDatabase.database.asSystem('a test', work)
const now = new Date('2026-11-15T12:00:00Z')
const months = 6
const read = () => system((tx) => readRevenue(tx, { months, now }))
const hourMs = 3_600_000
const firstAt = Date.UTC(2026, 3, 20)

/** What a subscription became at a moment. */
interface Step {
  hoursLater: number
  status: 'trialing' | 'active' | 'past_due'
  cents: number
  interval: 'month' | 'year'
  plan: number
}
interface Life {
  currency: string
  source: 'manual' | 'stripe' | 'comp' | 'free'
  steps: Step[]
  /** Null: it goes on, or until the next one takes its place. */
  endsAfterHours: number | null
}

const step = fc.record<Step>({
  hoursLater: fc.integer({ min: 1, max: 1500 }),
  status: fc.constantFrom('trialing', 'active', 'active', 'past_due'),
  cents: fc.constantFrom(0, 999, 4900, 14_900, 100_001),
  interval: fc.constantFrom('month', 'year'),
  plan: fc.nat(1),
})
const life = fc.record<Life>({
  currency: fc.constantFrom('USD', 'EUR'),
  source: fc.constantFrom('manual', 'stripe', 'stripe', 'comp', 'free'),
  steps: fc.array(step, { minLength: 1, maxLength: 4 }),
  endsAfterHours: fc.option(fc.integer({ min: 1, max: 1500 })),
})

interface State extends Omit<Step, 'hoursLater'> {
  from: number
  until: number
  user: string
  currency: string
  source: string
}

/** When the steps of a life begin, and when it ends if it does; without lives that are still to begin. */
function layOut(lives: Life[]) {
  let at = firstAt
  const all = lives.map((one) => {
    const begins = one.steps.map(({ hoursLater, ...rest }) => {
      at += hoursLater * hourMs
      return { ...rest, from: at }
    })
    at += (one.endsAfterHours ?? 1) * hourMs
    return { one, begins, end: at }
  })
  return all.filter(({ begins }, n) => n === 0 || (begins[0]?.from ?? 0) < now.getTime())
}

/** Writes the lives of a user, one after the other, and answers who was what from when until when. */
async function writeUser(lives: Life[], planIds: string[]): Promise<State[]> {
  const { id: user } = await testDatabase.createUser()
  const states: State[] = []
  const all = layOut(lives)
  for (const [n, { one, begins, end }] of all.entries()) {
    const id = createId()
    const isLast = n === all.length - 1
    const endsAt = one.endsAfterHours !== null || !isLast ? end : Number.POSITIVE_INFINITY
    const [first, last] = [begins[0], begins.at(-1)]
    if (!first || !last) throw new Error('A life has a step.')
    const detailOf = ({ cents, interval }: { cents: number; interval: string }, isCurrent: boolean) =>
      JSON.stringify({
        price: (cents / 100).toFixed(2),
        billing_interval: interval,
        currency: one.currency,
        source: one.source,
        is_current: isCurrent,
      })
    const hasEnded = endsAt <= now.getTime()
    await system(async (tx) => {
      await tx
        .insertInto('subscriptions')
        .values({
          ...{ id, user_id: user, plan_id: planIds[last.plan] ?? '', source: one.source, currency: one.currency },
          status: hasEnded ? 'canceled' : last.status,
          price: (last.cents / 100).toFixed(2),
          billing_interval: last.interval,
          start_date: new Date(first.from),
          end_date: Number.isFinite(endsAt) ? new Date(endsAt) : null,
          is_current: isLast,
        })
        .execute()
      const event = { subscription_id: id, user_id: user, type: 'adjusted' }
      const rows = begins.map((begun) => ({
        ...{ ...event, id: createId(), to_status: begun.status as string, to_plan_id: planIds[begun.plan] ?? '' },
        ...{ detail: detailOf(begun, true), created_at: new Date(begun.from) },
      }))
      // An end to come is in the row alone.
      if (hasEnded)
        rows.push({
          ...{ ...event, id: createId(), to_status: 'canceled', to_plan_id: planIds[last.plan] ?? '' },
          ...{ detail: detailOf(last, isLast), created_at: new Date(endsAt) },
        })
      await tx.insertInto('subscription_events').values(rows).execute()
    })
    for (const [i, begun] of begins.entries())
      states.push({ ...begun, until: begins[i + 1]?.from ?? endsAt, user, currency: one.currency, source: one.source })
  }
  return states
}

const isPaid = ({ status, source, cents }: State) =>
  status !== 'trialing' && (source === 'manual' || source === 'stripe') && cents > 0
const monthly = ({ cents, interval }: State) => cents / (interval === 'year' ? 12 : 1)
const begin = (k: number) => Date.UTC(2026, 10 - months + k, 1)
const stateAt = (states: State[], at: number) => states.filter(({ from, until }) => from < at && until >= at)
const payersAt = (states: State[], at: number) =>
  new Map(
    stateAt(states, at)
      .filter(isPaid)
      .map((state) => [state.user, { currency: state.currency, cents: Math.round(monthly(state)) }]),
  )
const features = JSON.stringify({
  limits: Object.fromEntries(limitNames.map((name) => [name, null])),
  switches: Object.fromEntries(switchNames.map((name) => [name, true])),
  ...{ integration_types: null, models: 'all', support: 'email', highlights: [] },
})
const toCents = (text: string) => Math.round(Number(text) * 100)

test('of any history, every month is what the history says, and its totals add up', { timeout: 240_000 }, async () => {
  const planIds = [createId(), createId()]
  await system((tx) =>
    tx
      .insertInto('plans')
      .values(planIds.map((id, n) => ({ id, name: `Plan ${n}`, description: '', price: '1.00', features })))
      .execute(),
  )
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(life, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 6 }),
      async (users) => {
        await system((tx) => tx.deleteFrom('users').execute())
        const states: State[] = []
        for (const lives of users) states.push(...(await writeUser(lives, planIds)))
        const revenue = await read()
        expect(revenue.months.map(({ month }) => month)).toEqual(
          Array.from({ length: months }, (_, n) => new Date(begin(n + 1)).toISOString().slice(0, 10)),
        )
        let former = payersAt(states, begin(1))
        for (const [n, found] of revenue.months.entries()) {
          const end = Math.min(begin(n + 2), now.getTime())
          const present = payersAt(states, end)
          const stayed = [...present.keys()].filter((user) => former.has(user)).length
          expect(found).toMatchObject({
            paying: present.size,
            new: present.size - stayed,
            churned: former.size - stayed,
            churn_rate: former.size === 0 ? null : (former.size - stayed) / former.size,
            trialing: new Set(stateAt(states, end).flatMap((s) => (s.status === 'trialing' ? [s.user] : []))).size,
          })
          for (const currency of ['USD', 'EUR']) {
            const sum = (payers: typeof present) =>
              [...payers.values()].reduce((total, one) => total + (one.currency === currency ? one.cents : 0), 0)
            const row = found.currencies.find((one) => one.currency === currency)
            const [mrr, more, up, down, less] = [
              row?.mrr ?? '0',
              row?.mrr_new ?? '0',
              row?.mrr_expansion ?? '0',
              row?.mrr_contraction ?? '0',
              row?.mrr_churned ?? '0',
            ].map(toCents) as [number, number, number, number, number]
            expect([n, currency, mrr]).toEqual([n, currency, sum(present)])
            expect(mrr).toBe(sum(former) + more + up - down - less)
            const earned = states.reduce((total, state) => {
              if (!isPaid(state) || state.currency !== currency) return total
              const ms = Math.min(state.until, begin(n + 2)) - Math.max(state.from, begin(n + 1))
              return total + (monthly(state) * Math.max(0, ms)) / (begin(n + 2) - begin(n + 1))
            }, 0)
            expect(Math.abs(toCents(row?.income ?? '0') - earned)).toBeLessThan(1)
          }
          former = present
        }
        const last = revenue.months.at(-1)
        expect(revenue.plans.reduce((total, { paying }) => total + paying, 0)).toBe(last?.paying)
        for (const { currency, mrr } of last?.currencies ?? []) {
          const ofPlans = revenue.plans.filter((plan) => plan.currency === currency)
          expect(ofPlans.reduce((total, plan) => total + toCents(plan.mrr), 0)).toBe(toCents(mrr))
        }
      },
    ),
    { numRuns: 15 },
  )
})

test('what admins assign, change and end is in it as it happened; given plans and free ones earn nothing', async () => {
  await system((tx) => tx.deleteFrom('users').execute())
  const [plan] = await system((tx) => tx.selectFrom('plans').select('id').limit(1).execute())
  const [ada, bob, eve] = [
    await testDatabase.createUser(),
    await testDatabase.createUser(),
    await testDatabase.createUser(),
  ]
  const begun = (userId: string, at: string, change: object) =>
    system((tx) =>
      applySubscription(tx, {
        userId,
        ...{ cause: 'admin', actor: null, now: new Date(at) },
        change: {
          ...{ kind: 'begin', plan_id: plan?.id ?? '', source: 'manual', billing_interval: 'month', price: '49.00' },
          ...{ currency: 'USD', trial_end: null, end_date: null, keep: null, ...change },
        },
      }),
    )
  await begun(ada.id, '2026-08-10T00:00:00Z', {})
  await begun(ada.id, '2026-10-01T00:00:00Z', { price: '149.00' })
  await begun(bob.id, '2026-09-01T00:00:00Z', { billing_interval: 'year', price: '588.00' })
  await begun(eve.id, '2026-09-01T00:00:00Z', { source: 'comp', billing_interval: null, price: '0.00' })
  await system((tx) =>
    applySubscription(tx, {
      userId: bob.id,
      ...{ cause: 'admin', actor: null, now: new Date('2026-10-16T12:00:00Z') },
      change: { kind: 'end', status: 'canceled' },
    }),
  )
  const { months: rows } = await read()
  const summary = rows.map(({ month, paying, new: more, churned, given, currencies: [usd] }) => [
    month,
    ...[paying, more, churned, given, usd?.mrr ?? null, usd?.mrr_expansion ?? null, usd?.income ?? null],
  ])
  expect(summary).toEqual([
    ['2026-06-01', 0, 0, 0, 0, null, null, null],
    ['2026-07-01', 0, 0, 0, 0, null, null, null],
    // 22 of 31 days.
    ['2026-08-01', 1, 1, 0, 0, '49.00', '0.00', '34.77'],
    ['2026-09-01', 2, 1, 0, 1, '98.00', '0.00', '98.00'],
    // Half of October of the second one.
    ['2026-10-01', 1, 0, 1, 1, '149.00', '100.00', '173.50'],
    ['2026-11-01', 1, 0, 0, 1, '149.00', '0.00', '149.00'],
  ])
})

test('runs and cost are those of the logs and of the hours that were counted', async () => {
  const user = await testDatabase.createUser()
  const moment = new Date()
  const at = (hours: number) => new Date(moment.getTime() - hours * hourMs)
  const present = () => system((tx) => readRevenue(tx, { months: 2, now: moment }))
  const run = { user_id: user.id, cost_usd: '0.25' }
  await insertTestLog(testDatabase.database, { ...run, timestamp: at(0) })
  await insertTestLog(testDatabase.database, { ...run, timestamp: at(30), status: 'failed' })
  await insertTestLog(testDatabase.database, { ...run, timestamp: at(50), cost_usd: undefined as never })
  const before = await present()
  await rollUpUsage(testDatabase.database)
  expect(await present()).toEqual(before)
  const sum = (of: (row: (typeof before.months)[number]) => number) =>
    before.months.reduce((total, row) => total + of(row), 0)
  expect(sum(({ runs }) => runs)).toBe(3)
  expect(sum(({ unpriced_runs }) => unpriced_runs)).toBe(1)
  expect(sum(({ model_cost_usd }) => model_cost_usd)).toBe(0.5)
  expect(before.days).toHaveLength(30)
  expect(before.days.at(-1)).toEqual({
    day: moment.toISOString().slice(0, 10),
    runs: 1,
    failed: 0,
    users: 1,
    cost_usd: 0.25,
  })
  expect(before.days.reduce((total, { failed }) => total + failed, 0)).toBe(1)
})

test('how all subscriptions stand now is counted exactly, an end that has passed as lapsed', async () => {
  const moment = new Date()
  const countNow = () => system((tx) => countStates(tx, moment))
  const before = await countNow()
  const past = new Date(moment.getTime() - hourMs)
  const later = new Date(moment.getTime() + hourMs)
  const write = async (row: {
    status: string
    source?: string
    end_date?: Date
    grace_until?: Date
    is_current?: boolean
  }) => subscribeTestUser(testDatabase.database, (await testDatabase.createUser()).id, {}, row)
  await write({ status: 'trialing' })
  await write({ status: 'trialing', end_date: past })
  await write({ status: 'active', end_date: later })
  await write({ status: 'active', source: 'comp' })
  await write({ status: 'past_due', grace_until: later })
  await write({ status: 'past_due', grace_until: past })
  await write({ status: 'canceled', source: 'comp' })
  await write({ status: 'expired', is_current: false })
  const states = await countNow()
  const added = Object.entries(states).map(([name, count]) => [name, count - before[name as keyof typeof before]])
  expect(Object.fromEntries(added)).toEqual({ trialing: 1, active: 2, past_due: 1, lapsed: 3, comp: 1 })
})
