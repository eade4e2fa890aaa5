import type Stripe from 'stripe'
import type { RefreshOptions } from './refresh-customer.ts'

export type BillingInterval = 'month' | 'year'

/** A plan at Stripe: what is bought, and how often it is paid. */
export interface PlanChoice {
  planId: string
  billingInterval: BillingInterval
}

export interface StripeInvoice {
  id: string
  number: string | null
  created_at: Date
  /** In the smallest unit of the currency. */
  total_cents: number
  /** The same as people read it, such as `49.00`. */
  total: string
  currency: string
  status: 'open' | 'paid' | 'void' | 'uncollectible'
  hosted_url: string | null
  pdf_url: string | null
}

/**
 * Payments by Stripe. Each change asks Stripe first and then writes what Stripe has from then on, so that whoever awaits
 * it reads the new state. Throws `stripe_error` when Stripe is away or refuses, `subscription_change_not_allowed` when the
 * present state or the card does not allow it, and `plan_not_available` for a plan that has no such price.
 */
export interface StripeService {
  /** Where to pay. Nothing is bought until then. An older page of the same user is closed. */
  startCheckout(userId: string, choice: PlanChoice & { trialDays: number }): Promise<{ url: string }>
  /** Where to see invoices, change the card, cancel. Throws `not_found` for somebody who never paid. */
  openPortal(userId: string): Promise<{ url: string }>
  /** What an upgrade would charge at once; nothing changes. */
  previewUpgrade(userId: string, choice: PlanChoice): Promise<{ amountDueCents: number; currency: string }>
  /** Takes effect and is charged at once, with what is left of the present plan counted in. Also from a month to a year. */
  upgrade(userId: string, choice: PlanChoice): Promise<void>
  /** Takes effect with the next payment. Refused from a year to a month: what was paid ends first. */
  downgrade(userId: string, choice: PlanChoice): Promise<void>
  /** Takes a scheduled downgrade back; without one nothing happens. */
  takeBackDowngrade(userId: string): Promise<void>
  /** `actor` is who the history says did it, `next` the plan that follows, which is not paid at Stripe. */
  cancelAtPeriodEnd(userId: string, as?: Pick<RefreshOptions, 'actor' | 'next'>): Promise<void>
  resume(userId: string): Promise<void>
  /** Ends everything this user pays for, at once and without a refund, and closes open checkout pages. */
  cancelNow(userId: string): Promise<void>
  /** Newest first; empty for somebody who never paid. */
  listInvoices(userId: string): Promise<StripeInvoice[]>
  /** Product and prices of a plan at Stripe as they are here; call it after the transaction that changed the plan. */
  syncPlan(planId: string): Promise<void>
  /** Asks Stripe anew what this user has and writes it. */
  refresh(userId: string): Promise<void>
  /** An event as it came, with its `Stripe-Signature`. Throws `webhook_signature_invalid`. */
  receiveWebhook(body: Buffer, signature: string | undefined): Promise<void>
  /** Handles what is left of events, and compares everything once a day, until it is stopped. */
  startWorker(): { stop(): Promise<void> }
}

/** The client with what is needed to check what Stripe sends. */
export interface StripeAccount {
  client: Stripe
  webhookSecrets: readonly string[]
  /** Calls Stripe. Throws `stripe_error` with neither keys nor headers in it; a declined card is `subscription_change_not_allowed`. */
  ask<T>(call: (client: Stripe) => Promise<T>): Promise<T>
}
