import fc from 'fast-check'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type Database, openDatabase } from '../database/database.ts'
import { AppError } from '../errors.ts'
import { createLog } from '../log.ts'
import { isLiving } from '../subscriptions/transitions.ts'
import { deriveSubscription } from './derive-subscription.ts'
import { openStripe } from './open-stripe.ts'
import { receiveWebhook } from './receive-webhook.ts'
import { refreshCustomer } from './refresh-customer.ts'
import type { StripeContext } from './stripe-context.ts'
import { historyStep, look, takeStep } from './stripe-history-testing.ts'
import { listPrices } from './stripe-queries.ts'
import { testStripeKeys } from './stripe-server-testing.ts'
import { createStripeSite, type StripeSite } from './stripe-site-testing.ts'
import { noteNight, reconcileType, workThroughEvents } from './work-through-events.ts'

let site: StripeSite
/** A second server on the same database. */
let otherDatabase: Database
const logged: string[] = []
beforeAll(async () => {
  site = await createStripeSite()
  const log = createLog('silent')
  otherDatabase = openDatabase({ url: site.serverUrl, poolSize: 3, usePreparedStatements: false, log })
})
afterAll(async () => {
  await otherDatabase.close()
  await site.close()
})
afterEach(() => {
  const { model, webhooks } = site.stripe
  site.stripe.isDown = false
  site.stripe.failures = []
  webhooks.isHolding = false
  webhooks.held.length = 0
  model.subscriptions.clear()
  model.invoices.clear()
})

const never = new AbortController().signal
const findEvent = (id: string) =>
  site.database.asSystem('a test looks', (tx) =>
    tx.selectFrom('stripe_events').selectAll().where('id', '=', id).executeTakeFirst(),
  )

/** An event that is true and was not delivered. */
async function holdCancellation() {
  const { id } = await site.subscribe('starter')
  site.stripe.webhooks.isHolding = true
  const subscription = [...site.stripe.model.subscriptions.values()].find(({ metadata }) => metadata.user_id === id)!
  site.stripe.model.cancel(subscription.id)
  const event = site.stripe.webhooks.held.at(-1)!
  expect(event.type).toBe('customer.subscription.deleted')
  return { userId: id, event }
}

describe('what is not from Stripe', () => {
  test('is refused: another secret, other words, too old, without a signature', async () => {
    const { userId, event } = await holdCancellation()
    const { webhooks } = site.stripe
    expect(await webhooks.deliver(event, { secret: 'whsec_of_somebody_else' })).toBe(400)
    expect(await webhooks.deliver(event, { at: Math.floor(Date.now() / 1000) - 301 })).toBe(400)
    const { body, signature } = webhooks.sign(event)
    const post = (payload: string, headers: Record<string, string>) =>
      site.app.inject({ method: 'POST', url: '/api/v1/stripe/webhook', payload, headers })
    const headers = { 'content-type': 'application/json', 'stripe-signature': signature }
    const refused = await post(body.replace('canceled', 'incomplete'), headers)
    expect([refused.statusCode, refused.json().code]).toEqual([400, 'webhook_signature_invalid'])
    expect((await post(body, { 'content-type': 'application/json' })).statusCode).toBe(400)
    expect((await post(`${body}${' '.repeat(1024 * 1024)}`, headers)).statusCode).toBe(413)
    expect(await findEvent(event.id)).toBeUndefined()
    expect(await site.current(userId)).toMatchObject({ status: 'active' })
    // The bytes as they came are what is signed: the very same ones are taken.
    expect((await post(body, headers)).statusCode).toBe(200)
    expect(await site.current(userId)).toMatchObject({ status: 'canceled' })
  })

  test('two secrets are good while one takes the place of the other', async () => {
    const { event } = await holdCancellation()
    const webhookSecrets = ['whsec_the_next_one', testStripeKeys.webhookSecret]
    const account = openStripe({ ...testStripeKeys, webhookSecrets, apiUrl: site.stripe.url })
    for (const [n, secret] of webhookSecrets.entries()) {
      const { body, signature } = site.stripe.webhooks.sign({ ...event, id: `${event.id}_${n}` }, { secret })
      expect(await receiveWebhook({ ...site.context, account }, Buffer.from(body), signature)).toMatchObject({
        isNew: true,
      })
    }
  })
})

describe('the ledger', () => {
  test('an event is handled once, however often and wherever it comes at the same time', async () => {
    const { userId, event } = await holdCancellation()
    const { body, signature } = site.stripe.webhooks.sign(event)
    const other: StripeContext = { ...site.context, database: otherDatabase }
    const received = await Promise.all(
      Array.from({ length: 12 }, (_, n) =>
        receiveWebhook(n % 2 === 0 ? site.context : other, Buffer.from(body), signature),
      ),
    )
    expect(received.filter(({ isNew }) => isNew)).toHaveLength(1)
    expect(await findEvent(event.id)).toMatchObject({ attempts: 1, failure: null, next_attempt_at: null })
    expect(await site.current(userId)).toMatchObject({ status: 'canceled' })
    const asked = site.stripe.requests.length
    expect(await site.stripe.webhooks.deliver(event)).toBe(200)
    expect(site.stripe.requests).toHaveLength(asked)
  })

  test('while the database is away Stripe is told to send it again', async () => {
    const { event } = await holdCancellation()
    const { body, signature } = site.stripe.webhooks.sign(event)
    const asSystem = () => Promise.reject(new AppError('unavailable', { retryAfterSeconds: 2 }))
    const context = { ...site.context, database: { ...site.database, asSystem } }
    await expect(receiveWebhook(context, Buffer.from(body), signature)).rejects.toMatchObject({ status: 503 })
    expect(await site.stripe.webhooks.deliver(event)).toBe(200)
  })

  test('what fails because Stripe is away is taken up again by whichever server comes first', async () => {
    const { userId, event } = await holdCancellation()
    site.stripe.isDown = true
    expect(await site.stripe.webhooks.deliver(event)).toBe(200)
    await expect.poll(async () => (await findEvent(event.id))?.failure).toContain('Stripe cannot be reached')
    expect(await site.current(userId)).toMatchObject({ status: 'active' })
    site.stripe.isDown = false
    await workThroughEvents(site.context, never)
    expect(await site.current(userId)).toMatchObject({ status: 'active' })
    await site.database.asSystem('a test lets time pass', (tx) =>
      tx
        .updateTable('stripe_events')
        .set({ next_attempt_at: new Date(0) })
        .where('id', '=', event.id)
        .execute(),
    )
    await Promise.all([
      workThroughEvents(site.context, never),
      workThroughEvents({ ...site.context, database: otherDatabase }, never),
    ])
    expect(await findEvent(event.id)).toMatchObject({ attempts: 2, failure: null, next_attempt_at: null })
    expect(await site.current(userId)).toMatchObject({ status: 'canceled' })
  })

  test('events of unknown kinds and of customers of somebody else are noted, and that is all', async () => {
    const { event } = await holdCancellation()
    const unknown = { ...event, id: 'evt_unknown_kind', type: 'treasury.something.happened' }
    const strangers = {
      ...event,
      id: 'evt_strangers',
      data: { object: { ...event.data.object, customer: 'cus_of_another' } },
    }
    const asked = site.stripe.requests.length
    for (const each of [unknown, strangers]) {
      expect(await site.stripe.webhooks.deliver(each)).toBe(200)
      expect(await findEvent(each.id)).toMatchObject({
        next_attempt_at: null,
        failure: null,
        handled_at: expect.any(Date),
      })
    }
    expect(site.stripe.requests).toHaveLength(asked)
  })

  test('the night comes once a day on any number of servers, and old events are forgotten', async () => {
    const { event } = await holdCancellation()
    await site.stripe.webhooks.deliver(event)
    const later = new Date(Date.now() + 91 * 86_400_000)
    const other: StripeContext = { ...site.context, database: otherDatabase }
    const nights = await Promise.all([
      noteNight(site.context, later),
      noteNight(other, later),
      noteNight(site.context, later),
    ])
    expect(nights.filter(Boolean)).toHaveLength(1)
    expect(await findEvent(event.id)).toBeUndefined()
    await workThroughEvents(site.context, never)
    const done = await findEvent(`reconcile_${later.toISOString().slice(0, 10)}`)
    expect(done).toMatchObject({ type: reconcileType, failure: null, next_attempt_at: null })
  })
})

test('a key is in no error, no answer and no log, whatever Stripe sends back', async () => {
  const log = createLog('trace', { write: (line: string) => void logged.push(line) })
  const { id, headers } = await site.signUp()
  await site.payments.startCheckout(id, { planId: site.plans.starter ?? '', billingInterval: 'month', trialDays: 0 })
  site.stripe.failures = Array.from({ length: 40 }, () => 500)
  const answer = await site.app.inject({ url: '/api/v1/me/invoices', headers })
  expect([answer.statusCode, answer.json().code]).toEqual([502, 'stripe_error'])
  const error = await refreshCustomer({ ...site.context, log }, id).catch((caught: unknown) => caught)
  expect(error).toBeInstanceOf(AppError)
  log.error({ err: error, cause: (error as AppError).cause }, 'as the server logs it')
  expect(logged.join('')).toContain('Something went wrong with the request of Bearer')
  site.stripe.failures = []
  const wrong = openStripe({
    secretKey: 'sk_test_wrongButSecret42',
    webhookSecrets: ['whsec_x'],
    apiUrl: site.stripe.url,
  })
  const refused = await wrong.ask((client) => client.products.retrieve('x')).catch((caught: unknown) => caught)
  log.error({ err: refused, cause: (refused as AppError).cause }, 'as the server logs it')
  expect(logged.join('')).toContain('Invalid API Key provided')
  for (const secret of [...Object.values(testStripeKeys), 'sk_test_wrongButSecret42'])
    expect([answer.body, ...logged].join('\n')).not.toContain(secret)
})

test('histories told in any order, twice, at the same time and not at all end in the database as Stripe has them', async () => {
  const prices = await site.database.asSystem('a test looks', listPrices)
  const { model, webhooks } = site.stripe
  await fc.assert(
    fc.asyncProperty(
      fc.array(historyStep, { minLength: 2, maxLength: 8 }),
      fc.array(fc.nat(3), { minLength: 3, maxLength: 9 }),
      async (steps, fates) => {
        model.subscriptions.clear()
        model.invoices.clear()
        const { id } = await site.subscribe('starter')
        const customer = [...model.subscriptions.values()][0]!.customer
        webhooks.isHolding = true
        for (const step of steps) {
          takeStep(model, step, { customer, prices, metadata: { user_id: id } })
          // Some are lost, some come several times, the newest first; what is left over stays for the next step.
          const told = webhooks.held.filter((_, n) => fates[n % fates.length] === 1)
          await Promise.all([...told.toReversed(), ...told].map((event) => webhooks.deliver(event)))
          webhooks.held.splice(0, Math.floor(webhooks.held.length / 2))
        }
        webhooks.held.length = 0
        webhooks.isHolding = false
        const now = new Date()
        await refreshCustomer(site.context, id, { now })
        const living = look(model, customer)
          .flatMap(
            ({ subscription, unpaidSince }) =>
              deriveSubscription(subscription, { prices, now, graceDays: 7, unpaidSince }) ?? [],
          )
          .filter(({ status }) => isLiving(status))
        const row = await site.current(id)
        if (living.length === 0) expect(isLiving(row?.status ?? '')).toBe(false)
        for (const { start_date, grace_until, ...state } of living) expect(row).toMatchObject({ ...state, start_date })
      },
    ),
    { numRuns: 25 },
  )
})
