import { type NewPrice, newInvoice, newPrice, newSubscription } from './stripe-builders-testing.ts'
import {
  type CheckoutObject,
  type CustomerObject,
  declined,
  type EventObject,
  endOfPeriod,
  type InvoiceObject,
  type ItemObject,
  missing,
  newId,
  type PriceObject,
  type ProductObject,
  StripeRefusal,
  type SubscriptionObject,
} from './stripe-objects-testing.ts'

/** Test cards of Stripe's documentation. */
export const testCards = {
  good: '4242424242424242',
  /** Can be attached, and every charge fails. */
  failsLater: '4000000000000341',
  declined: '4000000000000002',
} as const

export type TestCardName = keyof typeof testCards

const daySeconds = 86_400
/** After the first failure of an invoice. */
const retryDays = [3, 5, 7]

export interface Change {
  price?: string | undefined
  proration?: string | undefined
  payment?: string | undefined
  /** The trial is over now, and the first period begins. */
  endsTrial?: boolean | undefined
  cancelAtPeriodEnd?: boolean | undefined
  metadata?: Record<string, string> | undefined
}

/** What Stripe knows and does, without HTTP: customers pay, time passes, cards fail, and each change is an event. */
export class StripeModel {
  readonly customers = new Map<string, CustomerObject>()
  readonly products = new Map<string, ProductObject>()
  readonly prices = new Map<string, PriceObject>()
  readonly subscriptions = new Map<string, SubscriptionObject>()
  readonly invoices = new Map<string, InvoiceObject>()
  readonly checkouts = new Map<
    string,
    CheckoutObject & { price: string; quantity: number; trialDays: number; data: Record<string, string> }
  >()
  /** Numbers of cards, by payment method. */
  readonly cards = new Map<string, string>()
  readonly events: EventObject[] = []
  onEvent: (event: EventObject) => void = () => {}
  /** Called before it, also where nobody wants to have the event: putting it together takes most of the time. */
  onChange: () => void = () => {}
  keepsEvents = true
  /** What becomes of a subscription when the last retry has failed: a setting of the account at Stripe. */
  afterRetries: 'cancel' | 'unpaid' | 'past_due' = 'cancel'
  #clock: () => number
  #offset = 0
  #moment: number | null = null

  constructor(clock: () => number = () => Math.floor(Date.now() / 1000)) {
    this.#clock = clock
  }

  /** Seconds. */
  get now(): number {
    return this.#moment ?? this.#clock() + this.#offset
  }

  emit(type: string, object: { id: string; object: string }): void {
    this.onChange()
    if (!this.keepsEvents) return
    const event: EventObject = {
      id: newId('evt'),
      object: 'event',
      api_version: '2026-10-28.endive',
      created: this.now,
      type,
      data: { object: structuredClone(object) as EventObject['data']['object'] },
      livemode: false,
      pending_webhooks: 1,
      request: { id: null, idempotency_key: null },
    }
    this.events.push(event)
    this.onEvent(event)
  }

  get(id: string): SubscriptionObject {
    const subscription = this.subscriptions.get(id)
    if (!subscription) throw missing('subscription', id, 'id')
    return subscription
  }

  itemOf(subscription: SubscriptionObject): ItemObject {
    const [item] = subscription.items.data
    if (!item) throw new Error(`${subscription.id} has no item`)
    return item
  }

  addPrice(price: NewPrice): PriceObject {
    const object = newPrice(this.now, price)
    this.prices.set(object.id, object)
    this.emit('price.created', object)
    return object
  }

  addCustomer(customer: Pick<CustomerObject, 'email' | 'name' | 'metadata'>): CustomerObject {
    const object: CustomerObject = {
      id: newId('cus'),
      object: 'customer',
      created: this.now,
      ...customer,
      balance: 0,
      livemode: false,
      invoice_settings: { default_payment_method: null },
    }
    this.customers.set(object.id, object)
    this.emit('customer.created', object)
    return object
  }

  /** Ends what this customer pays for, as Stripe does. */
  deleteCustomer(id: string): void {
    const customer = this.customers.get(id)
    if (!customer) throw missing('customer', id, 'id')
    for (const subscription of this.subscriptions.values())
      if (subscription.customer === id && isLiving(subscription)) this.end(subscription, 'cancellation_requested')
    customer.deleted = true
    this.emit('customer.deleted', customer)
  }

  attachCard(customerId: string, number: string): void {
    const customer = this.customers.get(customerId)
    if (!customer) throw missing('customer', customerId, 'customer')
    if (number === testCards.declined) throw declined()
    if (number !== testCards.good && number !== testCards.failsLater)
      throw new StripeRefusal(402, 'card_error', 'Your card number is incorrect.', { code: 'incorrect_number' })
    const id = newId('pm')
    this.cards.set(id, number)
    customer.invoice_settings.default_payment_method = id
    this.emit('payment_method.attached', { id, object: 'payment_method' })
  }

  /** A paid checkout page, or a subscription made in the dashboard. The first payment has to succeed. */
  begin(
    customerId: string,
    priceId: string,
    {
      trialDays = 0,
      quantity = 1,
      metadata = {},
    }: { trialDays?: number; quantity?: number; metadata?: Record<string, string> } = {},
  ): SubscriptionObject {
    const price = this.getPrice(priceId)
    const amount = price.unit_amount * quantity
    if (trialDays === 0 && amount > 0 && !this.#canCharge(customerId)) throw declined()
    const subscription = newSubscription(price, {
      customer: customerId,
      method: this.customers.get(customerId)?.invoice_settings.default_payment_method ?? null,
      now: this.now,
      trialDays,
      quantity,
      metadata,
    })
    this.subscriptions.set(subscription.id, subscription)
    this.emit('customer.subscription.created', subscription)
    this.bill(subscription, trialDays > 0 ? 0 : amount, 'subscription_create')
    return subscription
  }

  getPrice(id: string): PriceObject {
    const price = this.prices.get(id)
    if (!price) throw missing('price', id, 'price', 400)
    if (!price.active)
      throw new StripeRefusal(
        400,
        'invalid_request_error',
        'The price specified is inactive. This field only accepts active prices.',
        { param: 'price' },
      )
    return price
  }

  /** What a change of price costs at once, in cents; below zero it is credit. */
  prorate(
    subscription: SubscriptionObject,
    price: PriceObject,
    proration: string,
    endsTrial = false,
  ): { due: number; isReset: boolean } {
    const item = this.itemOf(subscription)
    if (subscription.status === 'trialing')
      return endsTrial ? { due: price.unit_amount * item.quantity, isReset: true } : { due: 0, isReset: false }
    const { current_period_start: start, current_period_end: end } = item
    const left = Math.max(0, end - this.now) / (end - start)
    const isReset = price.recurring.interval !== item.price.recurring.interval
    const credit = proration === 'none' ? 0 : Math.round(item.price.unit_amount * item.quantity * left)
    const full = price.unit_amount * item.quantity
    const charge = isReset ? full : proration === 'none' ? 0 : Math.round(full * left)
    return { due: charge - credit, isReset }
  }

  update(id: string, change: Change): SubscriptionObject {
    const subscription = this.get(id)
    if (!isLiving(subscription))
      throw new StripeRefusal(
        400,
        'invalid_request_error',
        'A canceled subscription can only update its cancellation_details and metadata.',
      )
    if (change.price !== undefined) this.#changePrice(subscription, this.getPrice(change.price), change)
    for (const [key, value] of Object.entries(change.metadata ?? {})) {
      if (value === '') delete subscription.metadata[key]
      else subscription.metadata[key] = value
    }
    if (change.cancelAtPeriodEnd !== undefined && change.cancelAtPeriodEnd !== subscription.cancel_at_period_end) {
      subscription.cancel_at_period_end = change.cancelAtPeriodEnd
      subscription.canceled_at = change.cancelAtPeriodEnd ? this.now : null
      subscription.cancel_at = change.cancelAtPeriodEnd ? this.itemOf(subscription).current_period_end : null
      subscription.cancellation_details.reason = change.cancelAtPeriodEnd ? 'cancellation_requested' : null
    }
    this.emit('customer.subscription.updated', subscription)
    return subscription
  }

  #changePrice(
    subscription: SubscriptionObject,
    price: PriceObject,
    { proration = 'create_prorations', payment, endsTrial }: Change,
  ): void {
    const item = this.itemOf(subscription)
    const { due, isReset } = this.prorate(subscription, price, proration, endsTrial)
    const isBilled = isReset || proration === 'always_invoice'
    if (isBilled && due > 0 && payment === 'error_if_incomplete' && !this.#canCharge(subscription.customer))
      throw declined()
    item.price = price
    if (endsTrial && subscription.status === 'trialing')
      Object.assign(subscription, { status: 'active', trial_end: this.now })
    if (isReset) {
      subscription.billing_cycle_anchor = this.now
      item.current_period_start = this.now
      item.current_period_end = endOfPeriod(this.now, this.now, price.recurring.interval)
    }
    if (isBilled && subscription.status !== 'trialing') this.bill(subscription, due, 'subscription_update')
  }

  /** An invoice, paid by the card at once or to be tried again. */
  bill(subscription: SubscriptionObject, total: number, reason: string): InvoiceObject {
    const customer = this.customers.get(subscription.customer)
    const balance = customer?.balance ?? 0
    const due = Math.max(0, total + balance)
    if (customer) customer.balance = total + balance - due
    const number = `TEST-${String(this.invoices.size + 1).padStart(4, '0')}`
    const invoice = newInvoice(subscription, { number, now: this.now, total, due, reason })
    this.invoices.set(invoice.id, invoice)
    subscription.latest_invoice = invoice.id
    this.emit('invoice.created', invoice)
    this.collect(invoice)
    return invoice
  }

  /** Tries to charge what is open. True when it is paid. */
  collect(invoice: InvoiceObject): boolean {
    const subscription = this.get(invoice.parent.subscription_details.subscription)
    invoice.attempted = true
    invoice.attempt_count++
    invoice.next_payment_attempt = null
    if (invoice.amount_due === 0 || this.#canCharge(invoice.customer)) {
      Object.assign(invoice, { status: 'paid', amount_paid: invoice.amount_due, amount_remaining: 0 })
      this.emit('invoice.paid', invoice)
      this.emit('invoice.payment_succeeded', invoice)
      if (owes(subscription) && !this.openInvoices(subscription.id).length) this.#become(subscription, 'active')
      return true
    }
    const retry = retryDays[invoice.attempt_count - 1]
    if (retry !== undefined) invoice.next_payment_attempt = invoice.created + retry * daySeconds
    this.emit('invoice.payment_failed', invoice)
    if (!isLiving(subscription)) return false
    if (retry !== undefined) this.#become(subscription, subscription.status === 'unpaid' ? 'unpaid' : 'past_due')
    else if (this.afterRetries === 'cancel') this.end(subscription, 'payment_failed')
    else this.#become(subscription, this.afterRetries)
    return false
  }

  openInvoices(subscriptionId: string): InvoiceObject[] {
    return [...this.invoices.values()].filter(
      ({ status, parent }) => status === 'open' && parent.subscription_details.subscription === subscriptionId,
    )
  }

  #become(subscription: SubscriptionObject, status: SubscriptionObject['status']): void {
    if (subscription.status === status) return
    subscription.status = status
    this.emit('customer.subscription.updated', subscription)
  }

  end(subscription: SubscriptionObject, reason: string): void {
    Object.assign(subscription, {
      status: 'canceled',
      ended_at: this.now,
      canceled_at: subscription.canceled_at ?? this.now,
    })
    subscription.cancellation_details.reason = reason
    for (const invoice of this.openInvoices(subscription.id)) invoice.next_payment_attempt = null
    this.emit('customer.subscription.deleted', subscription)
  }

  cancel(id: string): SubscriptionObject {
    const subscription = this.get(id)
    if (!isLiving(subscription)) throw missing('subscription', id, 'id')
    this.end(subscription, 'cancellation_requested')
    return subscription
  }

  /** Everything that is due until then happens in its order. */
  advance(days: number): void {
    const target = this.now + Math.round(days * daySeconds)
    for (let due = this.#nextDue(target); due; due = this.#nextDue(target)) {
      this.#moment = due.at
      due.happen()
    }
    this.#moment = null
    this.#offset = target - this.#clock()
  }

  #nextDue(target: number): { at: number; happen: () => void } | null {
    const all: { at: number; happen: () => void }[] = []
    for (const subscription of this.subscriptions.values())
      if (isLiving(subscription)) {
        const at = this.itemOf(subscription).current_period_end
        all.push({ at, happen: () => this.#beginPeriod(subscription) })
      }
    for (const invoice of this.invoices.values())
      if (invoice.status === 'open' && invoice.next_payment_attempt !== null)
        all.push({ at: invoice.next_payment_attempt, happen: () => this.collect(invoice) })
    for (const checkout of this.checkouts.values())
      if (checkout.status === 'open') all.push({ at: checkout.expires_at, happen: () => this.expireCheckout(checkout) })
    const [first] = all.filter(({ at }) => at <= target).sort((one, other) => one.at - other.at)
    return first ?? null
  }

  #beginPeriod(subscription: SubscriptionObject): void {
    if (subscription.cancel_at_period_end) {
      this.end(subscription, 'cancellation_requested')
      return
    }
    const item = this.itemOf(subscription)
    item.current_period_start = item.current_period_end
    item.current_period_end = endOfPeriod(
      subscription.billing_cycle_anchor,
      item.current_period_start,
      item.price.recurring.interval,
    )
    if (subscription.status === 'trialing') subscription.status = 'active'
    this.emit('customer.subscription.updated', subscription)
    if (subscription.status !== 'unpaid')
      this.bill(subscription, item.price.unit_amount * item.quantity, 'subscription_cycle')
  }

  expireCheckout(checkout: CheckoutObject): void {
    Object.assign(checkout, { status: 'expired', url: null })
    this.emit('checkout.session.expired', checkout)
  }

  #canCharge(customerId: string): boolean {
    const customer = this.customers.get(customerId)
    const method = customer?.deleted ? null : customer?.invoice_settings.default_payment_method
    return method != null && this.cards.get(method) === testCards.good
  }
}

export const isLiving = ({ status }: Pick<SubscriptionObject, 'status'>) =>
  status !== 'canceled' && status !== 'incomplete_expired'
const owes = ({ status }: SubscriptionObject) => status === 'past_due' || status === 'unpaid' || status === 'incomplete'
