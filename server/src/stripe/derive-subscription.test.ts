import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { deriveSubscription, downgradeKeys, type FetchedSubscription, type KnownPrice } from './derive-subscription.ts'
import { fromCents, toCents } from './money.ts'
import { StripeModel } from './stripe-model-testing.ts'
import { waitAfter } from './work-through-events.ts'

const start = Date.UTC(2026, 10, 1) / 1000
const day = 86_400
const at = (seconds: number) => new Date(seconds * 1000)

function subscribe(more: Partial<FetchedSubscription> = {}) {
  const model = new StripeModel(() => start)
  const metadata = { plan_id: 'starter' }
  const price = model.addPrice({ product: 'prod_1', currency: 'usd', unit_amount: 4900, interval: 'month', metadata })
  const { id } = model.addCustomer({ email: null, name: null, metadata: {} })
  model.attachCard(id, '4242424242424242')
  const subscription: FetchedSubscription = Object.assign(model.begin(id, price.id), more)
  const known: KnownPrice = {
    price_id: price.id,
    product_id: 'prod_1',
    plan_id: 'starter',
    billing_interval: 'month',
    amount_cents: 4900,
    currency: 'USD',
  }
  const professional = {
    ...known,
    price_id: 'price_2',
    product_id: 'prod_2',
    plan_id: 'professional',
    amount_cents: 14_900,
  }
  const prices = [known, professional]
  return {
    subscription,
    derive: (now: number, unpaidSince: number | null = null) =>
      deriveSubscription(subscription, { prices, now: at(now), graceDays: 7, unpaidSince }),
  }
}

describe('what a subscription of Stripe is here', () => {
  test('an active one has the plan of its price and the period of its item', () => {
    const { derive } = subscribe()
    expect(derive(start)).toMatchObject({
      status: 'active',
      plan_id: 'starter',
      price: '49.00',
      currency: 'USD',
      billing_interval: 'month',
      start_date: at(start),
      end_date: null,
      period_start: at(start),
      period_end: new Date('2026-12-01T00:00:00Z'),
      grace_until: null,
      next_plan_id: null,
    })
  })

  test.each([
    ['trialing', 'trialing', 'trialing'],
    ['past_due', 'past_due', 'expired'],
    ['unpaid', 'past_due', 'expired'],
    ['paused', 'past_due', 'expired'],
    ['canceled', 'canceled', 'canceled'],
    ['incomplete', 'incomplete', 'incomplete'],
    ['incomplete_expired', 'expired', 'expired'],
  ] as const)('%s is %s, and %s when the grace is over', (status, before, after) => {
    const { derive } = subscribe({ status })
    expect(derive(start + 7 * day - 1)?.status).toBe(before)
    expect(derive(start + 7 * day)?.status).toBe(after)
  })

  test('the grace begins with the oldest invoice that is not paid', () => {
    const { derive } = subscribe({ status: 'past_due' })
    expect(derive(start, start + 3 * day)?.grace_until).toEqual(at(start + 10 * day))
  })

  test('a price that was made by hand counts for the plan of its product; one of something else for none', () => {
    const { subscription, derive } = subscribe()
    const [item] = subscription.items.data
    item!.price = { ...item!.price, id: 'price_by_hand', unit_amount: 1200 }
    item!.quantity = 2
    expect(derive(start)).toMatchObject({ plan_id: 'starter', price: '24.00' })
    item!.price.product = 'prod_of_a_book'
    expect(derive(start)).toBeNull()
  })

  test('a downgrade waits until a period begins that it was paid for, whatever the clock says', () => {
    const end = Date.UTC(2026, 11, 1) / 1000
    const { subscription, derive } = subscribe({
      metadata: {
        [downgradeKeys.fromPlan]: 'professional',
        [downgradeKeys.fromPrice]: 'price_2',
        [downgradeKeys.at]: String(end),
      },
    })
    const waiting = {
      plan_id: 'professional',
      price: '149.00',
      next_plan_id: 'starter',
      next_billing_interval: 'month',
    }
    expect(derive(start)).toMatchObject(waiting)
    expect(derive(end + day)).toMatchObject(waiting)
    Object.assign(subscription.items.data[0]!, { current_period_start: end, current_period_end: end + 31 * day })
    expect(derive(start)).toMatchObject({ plan_id: 'starter', price: '49.00', next_plan_id: null })
  })

  test('one that is cancelled says when it ends', () => {
    const end = Date.UTC(2026, 11, 1) / 1000
    const cancelled = subscribe({ cancel_at_period_end: true, cancel_at: end, canceled_at: start + day }).derive(start)
    expect(cancelled).toMatchObject({ cancel_at_period_end: true, end_date: at(end), canceled_at: at(start + day) })
    // With another date than the end of the period, as the dashboard of Stripe allows.
    const dated = subscribe({ cancel_at: start + 5 * day }).derive(start)
    expect(dated).toMatchObject({ status: 'active', cancel_at_period_end: true, end_date: at(start + 5 * day) })
  })
})

describe('money', () => {
  test.each([
    ['49.00', 'USD', 4900],
    ['0.07', 'EUR', 7],
    ['490', 'USD', 49_000],
    ['4900.00', 'JPY', 4900],
    ['4.90', 'KWD', 4900],
    ['999999.99', 'USD', 99_999_999],
  ])('%s %s is %i of the smallest unit, and back', (price, currency, cents) => {
    expect(toCents(price, currency)).toBe(cents)
    expect(Number(fromCents(cents, currency))).toBe(Number(price))
  })

  test.each([
    ['4900.50', 'JPY'],
    ['1000000.00', 'USD'],
    ['500.00', 'UGX'],
    ['-1.00', 'USD'],
    ['1e3', 'USD'],
  ])('%s %s cannot be charged', (price, currency) => {
    expect(toCents(price, currency)).toBeNull()
  })

  test('no cent is lost or won on the way', () => {
    fc.assert(
      fc.property(fc.nat(99_999_999), (cents) => {
        expect(toCents(fromCents(cents, 'USD'), 'USD')).toBe(cents)
      }),
    )
    expect(fromCents(-14_905, 'USD')).toBe('-149.05')
  })
})

test('what fails waits longer each time, six hours at most', () => {
  expect([1, 2, 3, 12, 13, 20].map((attempts) => waitAfter(attempts, 0))).toEqual([10, 20, 40, 20_480, 21_600, 21_600])
  expect(waitAfter(1, 1)).toBe(12)
})
