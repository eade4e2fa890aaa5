import {
  endOfPeriod,
  type InvoiceObject,
  newId,
  type PriceObject,
  type SubscriptionObject,
} from './stripe-objects-testing.ts'

const daySeconds = 86_400

export type NewPrice = Pick<PriceObject, 'product' | 'currency' | 'unit_amount' | 'metadata'> & {
  interval: 'month' | 'year'
}

export function newPrice(now: number, { interval, ...rest }: NewPrice): PriceObject {
  return {
    id: newId('price'),
    object: 'price',
    created: now,
    active: true,
    ...rest,
    recurring: { interval, interval_count: 1, usage_type: 'licensed', meter: null, trial_period_days: null },
    lookup_key: null,
    type: 'recurring',
    billing_scheme: 'per_unit',
    livemode: false,
  }
}

interface NewSubscription {
  customer: string
  /** The card that is charged. */
  method: string | null
  now: number
  trialDays: number
  quantity: number
  metadata: Record<string, string>
}

export function newSubscription(
  price: PriceObject,
  { customer, method, now, trialDays, quantity, metadata }: NewSubscription,
): SubscriptionObject {
  const id = newId('sub')
  const trialEnd = trialDays > 0 ? now + trialDays * daySeconds : null
  const anchor = trialEnd ?? now
  return {
    id,
    object: 'subscription',
    created: now,
    start_date: now,
    billing_cycle_anchor: anchor,
    customer,
    currency: price.currency,
    status: trialEnd ? 'trialing' : 'active',
    cancel_at: null,
    cancel_at_period_end: false,
    canceled_at: null,
    cancellation_details: { comment: null, feedback: null, reason: null },
    ended_at: null,
    trial_start: trialEnd ? now : null,
    trial_end: trialEnd,
    default_payment_method: method,
    latest_invoice: null,
    metadata: { ...metadata },
    collection_method: 'charge_automatically',
    livemode: false,
    items: {
      object: 'list',
      data: [
        {
          id: newId('si'),
          object: 'subscription_item',
          created: now,
          current_period_start: now,
          current_period_end: trialEnd ?? endOfPeriod(now, now, price.recurring.interval),
          price,
          quantity,
          subscription: id,
          metadata: {},
        },
      ],
      has_more: false,
      url: `/v1/subscription_items?subscription=${id}`,
    },
  }
}

interface NewInvoice {
  number: string
  now: number
  total: number
  /** What is left of the total when credit was taken off. */
  due: number
  reason: string
}

export function newInvoice(
  subscription: SubscriptionObject,
  { number, now, total, due, reason }: NewInvoice,
): InvoiceObject {
  return {
    id: newId('in'),
    object: 'invoice',
    created: now,
    number,
    customer: subscription.customer,
    currency: subscription.currency,
    status: 'open',
    billing_reason: reason,
    subtotal: total,
    total,
    amount_due: due,
    amount_paid: 0,
    amount_remaining: due,
    attempt_count: 0,
    attempted: false,
    next_payment_attempt: null,
    hosted_invoice_url: null,
    invoice_pdf: null,
    parent: {
      type: 'subscription_details',
      quote_details: null,
      subscription_details: { subscription: subscription.id, metadata: { ...subscription.metadata } },
    },
    livemode: false,
  }
}
