import fc from 'fast-check'
import type { KnownPrice } from './derive-subscription.ts'
import { downgradeKeys, readDowngrade } from './derive-subscription.ts'
import { isLiving, type StripeModel, testCards } from './stripe-model-testing.ts'
import { StripeRefusal, type SubscriptionObject } from './stripe-objects-testing.ts'
import { payOpenInvoices } from './stripe-pages-testing.ts'

/** Something that a customer, this server, an admin at Stripe or the time does. */
export type HistoryStep =
  | { kind: 'buy'; price: number; trialDays: number }
  | { kind: 'upgrade' | 'downgrade' | 'portal_change'; price: number }
  | { kind: 'take_back' | 'cancel' | 'resume' | 'cancel_now' | 'pay_invoice' }
  | { kind: 'card'; card: 'good' | 'failsLater' }
  | { kind: 'wait'; days: number }

export const priceCount = 6

export const historyStep: fc.Arbitrary<HistoryStep> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('buy' as const),
      price: fc.nat(priceCount - 1),
      trialDays: fc.constantFrom(0, 0, 7),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constantFrom('upgrade' as const, 'downgrade' as const, 'portal_change' as const),
      price: fc.nat(priceCount - 1),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constantFrom(
        'take_back' as const,
        'cancel' as const,
        'resume' as const,
        'cancel_now' as const,
        'pay_invoice' as const,
      ),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('card' as const),
      card: fc.constantFrom('good' as const, 'failsLater' as const),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constant('wait' as const), days: fc.constantFrom(1, 4, 8, 16, 31, 62) }),
  },
)

/** Three plans by the month and by the year. */
export function addTestPrices(model: StripeModel): KnownPrice[] {
  return [1, 2, 3].flatMap((plan) =>
    (['month', 'year'] as const).map((interval) => {
      const unit_amount = plan * (interval === 'month' ? 1000 : 10_000)
      const product = `prod_${plan}`
      const price = model.addPrice({ product, currency: 'usd', unit_amount, interval, metadata: {} })
      return {
        price_id: price.id,
        product_id: product,
        plan_id: `plan_${plan}`,
        billing_interval: interval,
        amount_cents: unit_amount,
        currency: 'USD',
      }
    }),
  )
}

/** Does it as the server would ask for it; what Stripe refuses, and what nobody could ask for, does not happen. */
export function takeStep(
  model: StripeModel,
  step: HistoryStep,
  {
    customer,
    prices,
    metadata = {},
  }: { customer: string; prices: readonly KnownPrice[]; metadata?: Record<string, string> },
): void {
  const living = [...model.subscriptions.values()].find((each) => each.customer === customer && isLiving(each))
  try {
    if (step.kind === 'wait') model.advance(step.days)
    else if (step.kind === 'card') model.attachCard(customer, testCards[step.card])
    else if (step.kind === 'pay_invoice') {
      model.attachCard(customer, testCards.good)
      payOpenInvoices(model, customer)
    } else if (step.kind === 'buy') {
      // Whoever has one is not let onto the page.
      if (!living) model.begin(customer, priceAt(prices, step.price).price_id, { trialDays: step.trialDays, metadata })
    } else if (living) change(model, living, step, prices)
  } catch (error) {
    if (!(error instanceof StripeRefusal)) throw error
  }
}

function change(
  model: StripeModel,
  subscription: SubscriptionObject,
  step: Exclude<HistoryStep, { kind: 'wait' | 'card' | 'buy' | 'pay_invoice' }>,
  prices: readonly KnownPrice[],
): void {
  const { id } = subscription
  const item = model.itemOf(subscription)
  const waiting = readDowngrade(subscription)
  const cleared = Object.fromEntries(Object.values(downgradeKeys).map((key) => [key, '']))
  const restore = () =>
    model.update(id, { price: waiting?.fromPriceId ?? undefined, proration: 'none', metadata: cleared })
  switch (step.kind) {
    case 'upgrade':
      if (waiting) restore()
      model.update(id, {
        price: priceAt(prices, step.price).price_id,
        proration: 'always_invoice',
        payment: 'error_if_incomplete',
        cancelAtPeriodEnd: false,
        metadata: cleared,
      })
      break
    case 'downgrade': {
      const price = priceAt(prices, step.price)
      if (price.billing_interval !== item.price.recurring.interval) return
      const from = prices.find(({ price_id }) => price_id === item.price.id)
      model.update(id, {
        price: price.price_id,
        proration: 'none',
        cancelAtPeriodEnd: false,
        metadata: {
          [downgradeKeys.fromPlan]: waiting?.fromPlanId ?? from?.plan_id ?? '',
          [downgradeKeys.fromPrice]: waiting?.fromPriceId ?? item.price.id,
          [downgradeKeys.at]: String(item.current_period_end),
        },
      })
      break
    }
    case 'portal_change':
      model.update(id, { price: priceAt(prices, step.price).price_id })
      break
    case 'take_back':
      if (waiting) restore()
      break
    case 'cancel':
    case 'resume':
      model.update(id, { cancelAtPeriodEnd: step.kind === 'cancel' })
      break
    case 'cancel_now':
      model.cancel(id)
  }
}

function priceAt(prices: readonly KnownPrice[], index: number): KnownPrice {
  const price = prices[index % prices.length]
  if (!price) throw new Error('There are no prices.')
  return price
}

/** What Stripe has of a customer now. To be kept, it has to be cloned. */
export function look(model: StripeModel, customer: string) {
  const subscriptions = [...model.subscriptions.values()].filter((each) => each.customer === customer)
  return subscriptions.map((subscription) => {
    const times = model.openInvoices(subscription.id).map(({ created }) => created)
    return {
      subscription,
      unpaidSince: times.length > 0 ? Math.min(...times) : null,
    }
  })
}
