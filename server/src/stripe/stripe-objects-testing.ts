import { randomBytes } from 'node:crypto'

/** Shapes of Stripe's API, version 2026-10-28.endive, as far as this server has them. */
export interface CustomerObject {
  id: string
  object: 'customer'
  created: number
  email: string | null
  name: string | null
  metadata: Record<string, string>
  /** Negative: credit that goes into the next invoice. */
  balance: number
  livemode: false
  deleted?: true
  invoice_settings: { default_payment_method: string | null }
}

export interface ProductObject {
  id: string
  object: 'product'
  created: number
  name: string
  active: boolean
  metadata: Record<string, string>
  livemode: false
}

export interface PriceObject {
  id: string
  object: 'price'
  created: number
  active: boolean
  product: string
  currency: string
  unit_amount: number
  recurring: {
    interval: 'month' | 'year'
    interval_count: number
    usage_type: 'licensed'
    meter: null
    trial_period_days: null
  }
  metadata: Record<string, string>
  lookup_key: string | null
  type: 'recurring'
  billing_scheme: 'per_unit'
  livemode: false
}

export interface SubscriptionObject {
  id: string
  object: 'subscription'
  created: number
  start_date: number
  billing_cycle_anchor: number
  customer: string
  currency: string
  status: 'incomplete' | 'incomplete_expired' | 'trialing' | 'active' | 'past_due' | 'canceled' | 'unpaid' | 'paused'
  cancel_at: number | null
  cancel_at_period_end: boolean
  canceled_at: number | null
  cancellation_details: { comment: string | null; feedback: null; reason: string | null }
  ended_at: number | null
  trial_start: number | null
  trial_end: number | null
  default_payment_method: string | null
  latest_invoice: string | null
  metadata: Record<string, string>
  collection_method: 'charge_automatically'
  livemode: false
  items: { object: 'list'; data: ItemObject[]; has_more: false; url: string }
}

export interface ItemObject {
  id: string
  object: 'subscription_item'
  created: number
  current_period_start: number
  current_period_end: number
  price: PriceObject
  quantity: number
  subscription: string
  metadata: Record<string, string>
}

export interface InvoiceObject {
  id: string
  object: 'invoice'
  created: number
  number: string
  customer: string
  currency: string
  status: 'draft' | 'open' | 'paid' | 'uncollectible' | 'void'
  billing_reason: string
  subtotal: number
  total: number
  amount_due: number
  amount_paid: number
  amount_remaining: number
  attempt_count: number
  attempted: boolean
  next_payment_attempt: number | null
  hosted_invoice_url: string | null
  invoice_pdf: string | null
  parent: {
    type: 'subscription_details'
    quote_details: null
    subscription_details: { subscription: string; metadata: Record<string, string> }
  }
  livemode: false
}

export interface CheckoutObject {
  id: string
  object: 'checkout.session'
  created: number
  expires_at: number
  mode: 'subscription'
  status: 'open' | 'complete' | 'expired'
  payment_status: 'paid' | 'unpaid' | 'no_payment_required'
  customer: string
  client_reference_id: string | null
  subscription: string | null
  success_url: string
  cancel_url: string
  url: string | null
  amount_total: number
  currency: string
  allow_promotion_codes: boolean
  metadata: Record<string, string>
  livemode: false
}

export interface EventObject {
  id: string
  object: 'event'
  api_version: string
  created: number
  type: string
  data: { object: { id: string; object: string } & Record<string, unknown> }
  livemode: false
  pending_webhooks: number
  request: { id: string | null; idempotency_key: string | null }
}

/** An error as Stripe answers it. */
export class StripeRefusal extends Error {
  readonly status: number
  readonly body: Record<string, string>
  constructor(status: number, type: string, message: string, more: Record<string, string> = {}) {
    super(message)
    this.status = status
    this.body = { type, message, ...more }
  }
}

export const missing = (kind: string, id: string, param: string, status = 404) =>
  new StripeRefusal(status, 'invalid_request_error', `No such ${kind}: '${id}'`, { code: 'resource_missing', param })

export const declined = () =>
  new StripeRefusal(402, 'card_error', 'Your card was declined.', {
    code: 'card_declined',
    decline_code: 'generic_decline',
  })

export const newId = (prefix: string) => `${prefix}_${randomBytes(12).toString('hex')}`

/** The same day of a later month, or its last day where that month is shorter. */
export function addMonths(seconds: number, months: number): number {
  const date = new Date(seconds * 1000)
  const day = date.getUTCDate()
  date.setUTCDate(1)
  date.setUTCMonth(date.getUTCMonth() + months)
  const lastDay = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate()
  date.setUTCDate(Math.min(day, lastDay))
  return date.getTime() / 1000
}

/** The end of the period that begins at `start`: counted from the anchor, so that the 31st comes back after February. */
export function endOfPeriod(anchor: number, start: number, interval: 'month' | 'year'): number {
  const step = interval === 'month' ? 1 : 12
  for (let months = step; ; months += step) {
    const end = addMonths(anchor, months)
    if (end > start) return end
  }
}
