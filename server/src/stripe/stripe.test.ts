import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { testPassword } from '../auth/test-sessions.ts'
import { advanceSubscriptions } from '../subscriptions/advance-subscriptions.ts'
import { eraseUser } from '../users/delete-account.ts'
import { endPayments } from './end-payments.ts'
import { reconcileStripe } from './reconcile-stripe.ts'
import { refreshCustomer } from './refresh-customer.ts'
import { testCards } from './stripe-model-testing.ts'
import { createStripeSite, type StripeSite } from './stripe-site-testing.ts'

let site: StripeSite
beforeAll(async () => {
  site = await createStripeSite()
})
afterAll(() => site.close())
afterEach(() => {
  site.stripe.isDown = false
  site.stripe.failures = []
  // Time passes for all of them: those of other tests would only cost it.
  for (const known of [site.stripe.model.subscriptions, site.stripe.model.invoices]) known.clear()
})

const inDays = (days: number) => new Date(Date.now() + days * 86_400_000)
const choose = (plan: string, billingInterval: 'month' | 'year' = 'month') => ({
  planId: site.plans[plan] ?? '',
  billingInterval,
})
const onlySubscription = (userId: string) => {
  const all = [...site.stripe.model.subscriptions.values()].filter(({ metadata }) => metadata.user_id === userId)
  expect(all).toHaveLength(1)
  return all[0]!
}
const audited = (target: string) =>
  site.database.asSystem('a test looks', (tx) =>
    tx.selectFrom('audit_log').select('action').where('target_id', '=', target).execute(),
  )

describe('buying', () => {
  test('what was paid on the page of Stripe is active here, and the way back leads to the site', async () => {
    const { id } = await site.createUser()
    const { url } = await site.payments.startCheckout(id, { ...choose('starter'), trialDays: 0 })
    expect(await site.current(id)).toBeNull()
    const page = await (await fetch(url)).text()
    expect(page).toContain('49.00 USD')
    const pay = (fields: Record<string, string>) =>
      fetch(url, { method: 'POST', redirect: 'manual', body: new URLSearchParams(fields) })
    const email = 'buyer@example.test'
    expect((await pay({ action: 'cancel', email, card: '' })).headers.get('location')).toBe(
      'http://localhost:3000/plans?checkout=cancelled',
    )
    const refused = await pay({ action: 'pay', email, card: testCards.declined })
    expect(await refused.text()).toContain('Your card was declined.')
    expect(await site.current(id)).toBeNull()
    const paid = await pay({ action: 'pay', email, card: '4242 4242 4242 4242' })
    expect(paid.headers.get('location')).toBe('http://localhost:3000/subscription?checkout=done')
    await site.stripe.webhooks.settled()
    expect(await site.current(id)).toMatchObject({
      status: 'active',
      source: 'stripe',
      plan_id: site.plans.starter,
      price: '49.00',
      currency: 'USD',
      billing_interval: 'month',
      cancel_at_period_end: false,
    })
  })

  test('a trial costs nothing and is charged when it ends', async () => {
    const { id } = await site.subscribe('starter', { trialDays: 14 })
    expect(await site.current(id)).toMatchObject({ status: 'trialing' })
    await site.stripe.advance(15)
    expect(await site.current(id)).toMatchObject({ status: 'active', price: '49.00' })
  })

  test('nobody pays twice: an older page is closed, and who has one already changes that one', async () => {
    const { id } = await site.createUser()
    const first = await site.payments.startCheckout(id, { ...choose('starter'), trialDays: 0 })
    const second = await site.payments.startCheckout(id, { ...choose('professional'), trialDays: 0 })
    await expect(site.stripe.pay(first.url)).rejects.toThrow('No such checkout session')
    await site.stripe.pay(second.url)
    expect(await site.current(id)).toMatchObject({ plan_id: site.plans.professional })
    await expect(site.payments.startCheckout(id, { ...choose('starter'), trialDays: 0 })).rejects.toMatchObject({
      code: 'subscription_change_not_allowed',
    })
  })

  test('five clicks at once make one customer and one page', async () => {
    const { id } = await site.createUser()
    const pages = await Promise.all(
      Array.from({ length: 5 }, () => site.payments.startCheckout(id, { ...choose('starter'), trialDays: 0 })),
    )
    const customers = [...site.stripe.model.customers.values()].filter(({ metadata }) => metadata.user_id === id)
    expect(customers).toHaveLength(1)
    const open = [...site.stripe.model.checkouts.values()].filter(
      ({ data, status }) => data.user_id === id && status === 'open',
    )
    expect(open).toHaveLength(1)
    expect(pages.map(({ url }) => url)).toContain(open[0]?.url)
  })

  test('a plan that costs nothing or is by arrangement has no price', async () => {
    const { id } = await site.createUser()
    for (const plan of ['free', 'enterprise'])
      await expect(site.payments.startCheckout(id, { ...choose(plan), trialDays: 0 })).rejects.toMatchObject({
        code: 'plan_not_available',
      })
  })
})

describe('changing', () => {
  test('an upgrade is charged at once, for what is left', async () => {
    const { id } = await site.subscribe('starter')
    const preview = await site.payments.previewUpgrade(id, choose('professional'))
    expect(preview).toEqual({ amountDueCents: 10_000, currency: 'USD' })
    await site.payments.upgrade(id, choose('professional'))
    expect(await site.current(id)).toMatchObject({
      plan_id: site.plans.professional,
      price: '149.00',
      status: 'active',
    })
    const [newest] = await site.payments.listInvoices(id)
    expect(newest).toMatchObject({ total_cents: 10_000, total: '100.00', currency: 'USD', status: 'paid' })
  })

  test('a card that is declined changes nothing, and a downgrade that waited goes on waiting', async () => {
    const { id } = await site.subscribe('professional')
    await site.payments.downgrade(id, choose('starter'))
    const { customer } = onlySubscription(id)
    site.stripe.model.attachCard(customer, testCards.failsLater)
    await expect(site.payments.upgrade(id, choose('professional', 'year'))).rejects.toMatchObject({
      code: 'subscription_change_not_allowed',
      message: expect.stringContaining('declined'),
    })
    expect(await site.current(id)).toMatchObject({
      plan_id: site.plans.professional,
      next_plan_id: site.plans.starter,
      price: '149.00',
    })
  })

  test('a downgrade costs and gives nothing now, and holds from the next payment on', async () => {
    const { id } = await site.subscribe('professional')
    await site.payments.downgrade(id, choose('starter'))
    expect(await site.current(id)).toMatchObject({
      plan_id: site.plans.professional,
      price: '149.00',
      next_plan_id: site.plans.starter,
    })
    expect(await site.payments.listInvoices(id)).toHaveLength(1)
    await site.stripe.advance(32)
    expect(await site.current(id)).toMatchObject({ plan_id: site.plans.starter, price: '49.00', next_plan_id: null })
    expect((await site.payments.listInvoices(id))[0]).toMatchObject({ total: '49.00', status: 'paid' })
  })

  test('a downgrade can be taken back, and an upgrade in its place credits what was really paid', async () => {
    const { id } = await site.subscribe('professional')
    await site.payments.downgrade(id, choose('starter'))
    await site.payments.takeBackDowngrade(id)
    expect(await site.current(id)).toMatchObject({ plan_id: site.plans.professional, next_plan_id: null })
    await site.payments.downgrade(id, choose('starter'))
    const { amountDueCents } = await site.payments.previewUpgrade(id, choose('professional', 'year'))
    await site.payments.upgrade(id, choose('professional', 'year'))
    const [newest] = await site.payments.listInvoices(id)
    expect(newest?.total_cents).toBe(149_000 - 14_900)
    expect(amountDueCents).toBe(149_000 - 14_900)
    expect(await site.current(id)).toMatchObject({ billing_interval: 'year', next_plan_id: null, price: '1490.00' })
  })

  test('a trial is of one plan: another one is charged at once, the same by the year when the trial is over', async () => {
    const { id } = await site.subscribe('starter', { trialDays: 14 })
    expect(await site.payments.previewUpgrade(id, choose('starter', 'year'))).toMatchObject({ amountDueCents: 0 })
    expect(await site.payments.previewUpgrade(id, choose('professional'))).toMatchObject({ amountDueCents: 14_900 })
    const { customer } = onlySubscription(id)
    site.stripe.model.attachCard(customer, testCards.failsLater)
    await expect(site.payments.upgrade(id, choose('professional'))).rejects.toMatchObject({
      code: 'subscription_change_not_allowed',
    })
    expect(await site.current(id)).toMatchObject({ status: 'trialing', plan_id: site.plans.starter })
    site.stripe.model.attachCard(customer, testCards.good)
    await site.payments.upgrade(id, choose('professional'))
    expect(await site.current(id)).toMatchObject({ status: 'active', plan_id: site.plans.professional })
    expect((await site.payments.listInvoices(id))[0]).toMatchObject({ total: '149.00', status: 'paid' })
  })

  test('a period that begins while a change is on its way has the plan that was paid for it', async () => {
    const { id } = await site.subscribe('professional')
    const periodBeginsBeforeUpdate = () => {
      site.stripe.beforeAnswer = (request) => {
        if (!request.startsWith('POST /v1/subscriptions/')) return
        site.stripe.beforeAnswer = () => {}
        site.stripe.model.advance(31)
      }
    }
    periodBeginsBeforeUpdate()
    await site.payments.downgrade(id, choose('starter'))
    expect(await site.current(id)).toMatchObject({ plan_id: site.plans.professional, next_plan_id: site.plans.starter })
    periodBeginsBeforeUpdate()
    await expect(site.payments.takeBackDowngrade(id)).rejects.toMatchObject({ code: 'conflict' })
    expect(await site.current(id)).toMatchObject({ plan_id: site.plans.starter, next_plan_id: null, price: '49.00' })
  })

  test('what was paid for a year does not become a month before it is over', async () => {
    const { id } = await site.subscribe('professional', { interval: 'year' })
    await expect(site.payments.downgrade(id, choose('starter', 'month'))).rejects.toMatchObject({
      code: 'subscription_change_not_allowed',
    })
    expect(await site.current(id)).toMatchObject({ plan_id: site.plans.professional, next_plan_id: null })
  })

  test('cancelled it goes on to the end of the period, unless it is resumed', async () => {
    const { id } = await site.subscribe('starter')
    await site.payments.cancelAtPeriodEnd(id)
    expect(await site.current(id)).toMatchObject({ status: 'active', cancel_at_period_end: true })
    await site.payments.resume(id)
    expect(await site.current(id)).toMatchObject({ status: 'active', cancel_at_period_end: false, end_date: null })
    await site.payments.cancelAtPeriodEnd(id)
    await site.stripe.advance(32)
    expect(await site.current(id)).toMatchObject({ status: 'canceled', is_current: true })
  })

  test('what a customer does in the portal of Stripe arrives here', async () => {
    const { id } = await site.subscribe('starter')
    const { url } = await site.payments.openPortal(id)
    const press = async (fields: Record<string, string>) => {
      await fetch(url, { method: 'POST', redirect: 'manual', body: new URLSearchParams(fields) })
      await site.stripe.webhooks.settled()
    }
    const subscription = onlySubscription(id).id
    await press({ action: 'cancel', subscription })
    expect(await site.current(id)).toMatchObject({ cancel_at_period_end: true })
    await press({ action: 'resume', subscription })
    expect(await site.current(id)).toMatchObject({ cancel_at_period_end: false })
  })
})

describe('when a payment fails', () => {
  test('there are days of grace, and then it has expired', async () => {
    const { id } = await site.subscribe('starter', { trialDays: 7, card: 'failsLater' })
    await site.stripe.advance(7.5)
    const failed = await site.current(id)
    expect(failed).toMatchObject({ status: 'past_due' })
    const invoice = site.stripe.model.openInvoices(onlySubscription(id).id)[0]!
    expect(failed?.grace_until).toEqual(new Date((invoice.created + 7 * 86_400) * 1000))
    // A second attempt that fails does not begin the days anew.
    await site.stripe.advance(3)
    expect((await site.current(id))?.grace_until).toEqual(failed?.grace_until)
    await refreshCustomer(site.context, id, { now: failed?.grace_until ?? new Date(0) })
    expect(await site.current(id)).toMatchObject({ status: 'expired', is_current: true })
  })

  test('paid within the grace it goes on as if nothing had been', async () => {
    const { id } = await site.subscribe('starter', { trialDays: 7, card: 'failsLater' })
    await site.stripe.advance(8)
    expect(await site.current(id)).toMatchObject({ status: 'past_due' })
    const { url } = await site.payments.openPortal(id)
    for (const fields of [{ action: 'card', card: testCards.good }, { action: 'pay' }])
      await fetch(url, { method: 'POST', redirect: 'manual', body: new URLSearchParams(Object.entries(fields)) })
    await site.stripe.webhooks.settled()
    expect(await site.current(id)).toMatchObject({ status: 'active', grace_until: null })
  })

  test('paid after the grace it begins anew, because it is paid', async () => {
    const { id } = await site.subscribe('starter', { trialDays: 7, card: 'failsLater' })
    site.stripe.model.afterRetries = 'past_due'
    await site.stripe.advance(8)
    await advanceSubscriptions(site.database, inDays(1000))
    expect(await site.current(id)).toMatchObject({ status: 'expired' })
    site.stripe.model.attachCard(onlySubscription(id).customer, testCards.good)
    site.stripe.model.collect(site.stripe.model.openInvoices(onlySubscription(id).id)[0]!)
    await site.stripe.webhooks.settled()
    site.stripe.model.afterRetries = 'cancel'
    expect(await site.current(id)).toMatchObject({ status: 'active' })
  })

  test('money that is owed is paid before anything changes', async () => {
    const { id } = await site.subscribe('starter', { trialDays: 7, card: 'failsLater' })
    await site.stripe.advance(8)
    await expect(site.payments.upgrade(id, choose('professional'))).rejects.toMatchObject({
      code: 'subscription_change_not_allowed',
    })
  })
})

describe('what events did not say', () => {
  test('the nightly comparison repairs, and says what', async () => {
    const { id } = await site.subscribe('starter')
    const before = await reconcileStripe(site.context)
    expect(before).toMatchObject({ repaired: [], failed: 0, without_customer: 0 })
    site.stripe.webhooks.isHolding = true
    site.stripe.model.cancel(onlySubscription(id).id)
    site.stripe.webhooks.held.length = 0
    site.stripe.webhooks.isHolding = false
    expect(await site.current(id)).toMatchObject({ status: 'active' })
    expect((await reconcileStripe(site.context)).repaired).toEqual([id])
    expect(await site.current(id)).toMatchObject({ status: 'canceled' })
  })

  test('a customer that was deleted at Stripe has nothing any more, and can buy again', async () => {
    const { id } = await site.subscribe('starter')
    site.stripe.model.deleteCustomer(onlySubscription(id).customer)
    await site.stripe.webhooks.settled()
    expect(await site.current(id)).toMatchObject({ status: 'canceled' })
    const { url } = await site.payments.startCheckout(id, { ...choose('starter'), trialDays: 0 })
    await site.stripe.pay(url)
    expect(await site.current(id)).toMatchObject({ status: 'active' })
  })

  test('with the keys of another account of Stripe nothing that is paid for ends, and others can buy', async () => {
    const { id } = await site.subscribe('starter')
    const { id: other } = await site.subscribe('starter')
    await site.payments.cancelNow(other)
    for (const known of [site.stripe.model.subscriptions, site.stripe.model.customers]) known.clear()
    await expect(reconcileStripe(site.context)).rejects.toThrow('could not be compared')
    expect(await site.current(id)).toMatchObject({ status: 'active' })
    await expect(endPayments(site.database, site.payments, id)).rejects.toMatchObject({ code: 'stripe_error' })
    const { url } = await site.payments.startCheckout(other, { ...choose('starter'), trialDays: 0 })
    await site.stripe.pay(url)
    expect(await site.current(other)).toMatchObject({ status: 'active' })
  })

  test('of two that are paid the newer counts, and the other one is reported', async () => {
    const { id } = await site.subscribe('starter')
    const older = onlySubscription(id)
    site.stripe.model.advance(1)
    const [, price] = [...site.stripe.model.prices.values()].filter(({ recurring }) => recurring.interval === 'month')
    const newer = site.stripe.model.begin(older.customer, price!.id)
    await site.stripe.webhooks.settled()
    expect(await site.current(id)).toMatchObject({ stripe_subscription_id: newer.id, status: 'active' })
    expect(await audited(older.id)).toEqual([{ action: 'stripe.surplus_subscription' }])
    site.stripe.model.cancel(newer.id)
    await site.stripe.webhooks.settled()
    expect(await site.current(id)).toMatchObject({ status: 'canceled' })
    expect(await audited(older.id)).toHaveLength(1)
  })

  test('an answer of Stripe that comes after a newer one changes nothing', async () => {
    const { id } = await site.subscribe('starter')
    const { promise: isGone, resolve: letGo } = Promise.withResolvers<void>()
    const { promise: isAsked, resolve: asked } = Promise.withResolvers<void>()
    site.stripe.beforeAnswer = async (request) => {
      if (!request.startsWith('GET /v1/subscriptions')) return
      site.stripe.beforeAnswer = () => {}
      asked()
      await isGone
    }
    // The first one has its number, and waits with its answer until the second one has written.
    const late = refreshCustomer(site.context, id)
    await isAsked
    site.stripe.model.cancel(onlySubscription(id).id)
    await site.stripe.webhooks.settled()
    expect(await site.current(id)).toMatchObject({ status: 'canceled' })
    letGo()
    expect(await late).toBe('stale')
  })
})

describe('prices', () => {
  test('a new price is for new customers; who pays the old one goes on doing so', async () => {
    const { id } = await site.subscribe('starter')
    const planId = site.plans.starter ?? ''
    const setPrice = async (price: string) => {
      await site.database.asSystem('a test changes a price', (tx) =>
        tx.updateTable('plans').set({ price }).where('id', '=', planId).execute(),
      )
      await site.payments.syncPlan(planId)
    }
    await setPrice('59.00')
    await site.payments.syncPlan(planId)
    const other = await site.subscribe('starter')
    expect(await site.current(other.id)).toMatchObject({ price: '59.00' })
    await site.stripe.advance(32)
    expect(await site.current(id)).toMatchObject({ price: '49.00', status: 'active' })
    await setPrice('49.00')
    const monthly = [...site.stripe.model.prices.values()].filter(
      ({ metadata, recurring }) => metadata.plan_id === planId && recurring.interval === 'month',
    )
    expect(monthly.map(({ unit_amount }) => unit_amount).toSorted()).toEqual([4900, 5900])
  })
})

test('the portal and the invoices are for whoever is signed in, and nobody sees those of another', async () => {
  const session = await site.signUp()
  const url = '/api/v1/me/subscription/portal'
  const call = (method: 'GET' | 'POST', path: string, headers = {}) => site.app.inject({ method, url: path, headers })
  expect((await call('POST', url)).statusCode).toBe(401)
  expect((await call('POST', url, session.headers)).statusCode).toBe(404)
  expect((await call('GET', '/api/v1/me/invoices', session.headers)).json()).toEqual({ data: [] })
  const page = await site.payments.startCheckout(session.id, { ...choose('starter'), trialDays: 0 })
  await site.stripe.pay(page.url)
  const opened = await call('POST', url, session.headers)
  expect(opened.json()).toEqual({ url: expect.stringContaining(`${site.stripe.url}/p/session/`) })
  const { data } = (await call('GET', '/api/v1/me/invoices', session.headers)).json()
  expect(data).toMatchObject([{ total_cents: 4900, total: '49.00', currency: 'USD', status: 'paid' }])
  const { headers } = await site.createUser()
  expect((await call('GET', '/api/v1/me/invoices', headers)).statusCode).toBe(403)
  const stranger = await site.signUp()
  expect((await call('GET', '/api/v1/me/invoices', stranger.headers)).json()).toEqual({ data: [] })
})

describe('an account that goes', () => {
  const remove = (headers: { authorization: string }) =>
    site.app.inject({ method: 'DELETE', url: '/api/v1/me', headers, payload: { password: testPassword } })

  const subscribe = async () => {
    const session = await site.signUp()
    const { url } = await site.payments.startCheckout(session.id, { ...choose('starter'), trialDays: 0 })
    await site.stripe.pay(url)
    return session
  }

  test('is not paid for any more', async () => {
    const session = await subscribe()
    expect((await remove(session.headers)).statusCode).toBe(204)
    expect(onlySubscription(session.id).status).toBe('canceled')
    await site.stripe.webhooks.settled()
  })

  test('is not paid for either when somebody pays while it goes, or is about to', async () => {
    const { id } = await site.createUser()
    const buy = (userId: string) => site.payments.startCheckout(userId, { ...choose('starter'), trialDays: 0 })
    await eraseUser(site.database, id, {
      endPayments: () => endPayments(site.database, site.payments, id),
      beforeErasing: async () => site.stripe.pay((await buy(id)).url),
    })
    expect(onlySubscription(id).status).toBe('canceled')
    const { id: other } = await site.createUser()
    site.stripe.beforeAnswer = async (request) => {
      if (request !== 'POST /v1/checkout/sessions') return
      site.stripe.beforeAnswer = () => {}
      await eraseUser(site.database, other)
    }
    await expect(buy(other)).rejects.toMatchObject({ code: 'not_found' })
    const pages = [...site.stripe.model.checkouts.values()].filter((page) => page.data.user_id === other)
    expect(pages.map(({ status }) => status)).toEqual(['expired'])
  })

  test('stays where Stripe is not set up any more, and somebody pays for it', async () => {
    const { id } = await site.subscribe('starter')
    await expect(endPayments(site.database, null, id)).rejects.toMatchObject({ code: 'stripe_not_configured' })
    await endPayments(site.database, null, (await site.createUser()).id)
  })

  test('stays while Stripe is away, with everything it has', async () => {
    const session = await subscribe()
    site.stripe.isDown = true
    const refused = await remove(session.headers)
    expect([refused.statusCode, refused.json().code]).toEqual([502, 'stripe_error'])
    site.stripe.isDown = false
    expect(await site.current(session.id)).toMatchObject({ status: 'active' })
    expect((await remove(session.headers)).statusCode).toBe(204)
  })
})
