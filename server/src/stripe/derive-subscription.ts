import type Stripe from 'stripe'
import { fromCents } from './money.ts'
import type { BillingInterval } from './stripe-service.ts'

type Item = Pick<Stripe.SubscriptionItem, 'current_period_start' | 'current_period_end' | 'quantity'> & {
  price: Pick<Stripe.Price, 'id' | 'product' | 'unit_amount' | 'currency' | 'recurring'>
}

/** What is read of a subscription of Stripe. */
export type FetchedSubscription = Pick<
  Stripe.Subscription,
  | 'id'
  | 'created'
  | 'status'
  | 'start_date'
  | 'ended_at'
  | 'canceled_at'
  | 'cancel_at'
  | 'cancel_at_period_end'
  | 'trial_end'
  | 'metadata'
> & { items: { data: Item[] } }

/** A price of Stripe that buys a plan of ours. */
export interface KnownPrice {
  price_id: string
  product_id: string
  plan_id: string
  billing_interval: string
  amount_cents: number
  currency: string
}

export interface DerivedSubscription {
  stripe_subscription_id: string
  status: 'trialing' | 'active' | 'past_due' | 'canceled' | 'expired' | 'incomplete'
  plan_id: string
  billing_interval: BillingInterval
  price: string
  currency: string
  start_date: Date
  end_date: Date | null
  period_start: Date
  period_end: Date
  trial_end: Date | null
  cancel_at_period_end: boolean
  canceled_at: Date | null
  grace_until: Date | null
  next_plan_id: string | null
  next_billing_interval: BillingInterval | null
}

export interface DeriveOptions {
  prices: readonly KnownPrice[]
  now: Date
  graceDays: number
  /** When the oldest invoice that is not paid became due, in seconds. */
  unpaidSince?: number | null
}

/** Metadata of a scheduled downgrade, on the subscription at Stripe. */
export const downgradeKeys = {
  fromPlan: 'downgrade_from',
  fromPrice: 'downgrade_from_price',
  at: 'downgrade_at',
} as const

const dayMs = 86_400_000
const toDate = (seconds: number) => new Date(seconds * 1000)
const toDateOrNull = (seconds: number | null) => (seconds === null ? null : toDate(seconds))

/** Our columns for a subscription of Stripe; null when it buys nothing of ours. Reads nothing but what it is given. */
export function deriveSubscription(
  subscription: FetchedSubscription,
  options: DeriveOptions,
): DerivedSubscription | null {
  const [item] = subscription.items.data
  const billingInterval = readInterval(item?.price.recurring?.interval)
  const planId = item && findPlan(item.price, options.prices)
  if (!item || !billingInterval || !planId) return null
  const downgrade = readDowngrade(subscription)
  const graceUntil = readGrace(subscription, item, options)
  const endDate = subscription.ended_at ?? subscription.cancel_at
  return {
    stripe_subscription_id: subscription.id,
    status: readStatus(subscription, graceUntil, options.now),
    plan_id: downgrade?.fromPlanId ?? planId,
    billing_interval: billingInterval,
    ...readPrice(item, downgrade?.fromPriceId ?? null, options.prices),
    start_date: toDate(subscription.start_date),
    end_date: toDateOrNull(endDate) ?? (subscription.cancel_at_period_end ? toDate(item.current_period_end) : null),
    period_start: toDate(item.current_period_start),
    period_end: toDate(item.current_period_end),
    trial_end: toDateOrNull(subscription.trial_end),
    cancel_at_period_end: subscription.cancel_at_period_end || subscription.cancel_at !== null,
    canceled_at: toDateOrNull(subscription.canceled_at),
    grace_until: graceUntil,
    next_plan_id: downgrade ? planId : null,
    next_billing_interval: downgrade ? billingInterval : null,
  }
}

/** The plan a price buys; prices that were made at Stripe by hand count for the plan of their product. */
function findPlan({ id, product }: Item['price'], prices: readonly KnownPrice[]): string | null {
  const productId = typeof product === 'string' ? product : product.id
  const known = prices.find(({ price_id }) => price_id === id) ?? prices.find((each) => each.product_id === productId)
  return known?.plan_id ?? null
}

/** While a downgrade waits, what was paid for the period that runs. */
function readPrice({ price, quantity }: Item, paidPriceId: string | null, prices: readonly KnownPrice[]) {
  const paid = prices.find(({ price_id }) => price_id === paidPriceId)
  const { cents, currency } = paid
    ? { cents: paid.amount_cents, currency: paid.currency }
    : { cents: (price.unit_amount ?? 0) * (quantity ?? 1), currency: price.currency }
  return { price: fromCents(cents, currency), currency: currency.toUpperCase() }
}

function readInterval(interval: string | undefined): BillingInterval | null {
  return interval === 'month' || interval === 'year' ? interval : null
}

/**
 * Null once it has taken effect: then a period has begun that was paid with the new price. Compared with the period and not
 * with a clock, so that it does not matter when this is read.
 */
export function readDowngrade({ metadata, items }: Pick<FetchedSubscription, 'metadata' | 'items'>) {
  const at = Number(metadata[downgradeKeys.at])
  const fromPlanId = metadata[downgradeKeys.fromPlan]
  const [item] = items.data
  if (!fromPlanId || !(at > 0) || !item || item.current_period_start >= at) return null
  return { fromPlanId, fromPriceId: metadata[downgradeKeys.fromPrice] ?? null }
}

/** Null while nothing is owed. */
function readGrace(
  { status }: FetchedSubscription,
  item: Item,
  { unpaidSince, graceDays }: Pick<DeriveOptions, 'unpaidSince' | 'graceDays'>,
): Date | null {
  if (status !== 'past_due' && status !== 'unpaid' && status !== 'paused') return null
  return new Date((unpaidSince ?? item.current_period_start) * 1000 + graceDays * dayMs)
}

function readStatus(
  { status }: FetchedSubscription,
  graceUntil: Date | null,
  now: Date,
): DerivedSubscription['status'] {
  switch (status) {
    case 'trialing':
      return 'trialing'
    case 'active':
      return 'active'
    case 'canceled':
      return 'canceled'
    case 'incomplete':
      return 'incomplete'
    case 'incomplete_expired':
      return 'expired'
    // past_due, unpaid, paused, and what a later version of Stripe may call it: something is owed.
    default:
      return graceUntil !== null && graceUntil <= now ? 'expired' : 'past_due'
  }
}
