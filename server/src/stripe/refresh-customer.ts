import type Stripe from 'stripe'
import { recordAudit } from '../audit-log/record-audit.ts'
import type { Tx } from '../database/database.ts'
import { applySubscription } from '../subscriptions/apply-subscription.ts'
import type { NextPlan } from '../subscriptions/mirror-stripe.ts'
import { lockSubscription } from '../subscriptions/subscription-queries.ts'
import { isLiving } from '../subscriptions/transitions.ts'
import { decideChanges } from './decide-changes.ts'
import { type DerivedSubscription, deriveSubscription, type KnownPrice } from './derive-subscription.ts'
import { isDeleted } from './ensure-customer.ts'
import type { StripeContext } from './stripe-context.ts'
import {
  claimFetch,
  countSubscriptionEvents,
  findUserOfCustomer,
  listPrices,
  listSubscriptionsOfUser,
  takeFetch,
  wasAudited,
} from './stripe-queries.ts'

export interface RefreshOptions {
  now?: Date
  /** Who caused it; null: Stripe. */
  actor?: string | null
  /** What is to follow where it is found to be cancelled just now. */
  next?: NextPlan | undefined
}

export type RefreshResult = 'written' | 'unchanged' | 'stale' | 'no_customer'

const reason = 'what Stripe has of a customer is written, whoever asked for it'

/**
 * Asks Stripe anew for everything a user pays for, and writes it. Whoever asked first writes last in vain: the number taken
 * before asking orders the answers, so that events may come late, twice, in any order or not at all.
 */
export async function refreshCustomer(
  context: StripeContext,
  userId: string,
  { now = new Date(), actor = null, next }: RefreshOptions = {},
): Promise<RefreshResult> {
  const { database, log } = context
  const taken = await database.asSystem(reason, (tx) => takeFetch(tx, userId))
  if (!taken) return 'no_customer'
  const fetched = await fetchSubscriptions(context, taken.customerId, userId)
  return await database.asSystem(reason, async (tx) => {
    if (!(await claimFetch(tx, taken.customerId, taken.fetch))) return 'stale'
    await lockSubscription(tx, userId)
    const derived = deriveAll(fetched, await listPrices(tx), { now, graceDays: context.graceDays, log })
    const before = await countSubscriptionEvents(tx, userId)
    const stored = await listSubscriptionsOfUser(tx, userId)
    const { changes, surplus } = decideChanges(stored, derived)
    for (const state of changes)
      await applySubscription(tx, { userId, change: { kind: 'stripe', state, next }, cause: 'stripe', actor, now })
    await reportSurplus(tx, context, userId, surplus)
    return (await countSubscriptionEvents(tx, userId)) > before ? 'written' : 'unchanged'
  })
}

/** The same for whoever this customer of Stripe is; nothing for a customer of somebody else's. */
export async function refreshByCustomer(
  context: StripeContext,
  customerId: string,
  options: RefreshOptions = {},
): Promise<RefreshResult> {
  const userId = await context.database.asSystem(reason, (tx) => findUserOfCustomer(tx, customerId))
  return userId ? refreshCustomer(context, userId, options) : 'no_customer'
}

interface Fetched {
  subscriptions: Stripe.Subscription[]
  /** When the oldest invoice that is not paid became due, by subscription. */
  unpaidSince: Map<string, number>
}

async function fetchSubscriptions(
  { account, database }: StripeContext,
  customer: string,
  userId: string,
): Promise<Fetched> {
  const subscriptions = (await isDeleted({ account }, customer))
    ? await fetchKnown({ account, database }, userId)
    : await account.ask((client) =>
        client.subscriptions.list({ customer, status: 'all', limit: 100 }).autoPagingToArray({ limit: 10_000 }),
      )
  const unpaidSince = new Map<string, number>()
  for (const { id, status } of subscriptions)
    if (status === 'past_due' || status === 'unpaid') {
      const invoices = await account.ask((client) =>
        client.invoices.list({ subscription: id, status: 'open', limit: 100 }).autoPagingToArray({ limit: 1000 }),
      )
      const times = invoices.map(({ created }) => created)
      if (times.length > 0) unpaidSince.set(id, Math.min(...times))
    }
  return { subscriptions, unpaidSince }
}

/** Of a customer that was deleted Stripe answers single subscriptions alone. */
async function fetchKnown({ account, database }: Pick<StripeContext, 'account' | 'database'>, userId: string) {
  const stored = await database.asSystem(reason, (tx) => listSubscriptionsOfUser(tx, userId))
  const subscriptions: Stripe.Subscription[] = []
  for (const { stripe_subscription_id: id, status } of stored)
    if (id !== null && isLiving(status))
      subscriptions.push(await account.ask((client) => client.subscriptions.retrieve(id)))
  return subscriptions
}

function deriveAll(
  { subscriptions, unpaidSince }: Fetched,
  prices: readonly KnownPrice[],
  { now, graceDays, log }: { now: Date; graceDays: number; log: StripeContext['log'] },
): DerivedSubscription[] {
  return subscriptions.flatMap((subscription) => {
    const derived = deriveSubscription(subscription, {
      prices,
      now,
      graceDays,
      unpaidSince: unpaidSince.get(subscription.id) ?? null,
    })
    if (derived) return [derived]
    log.warn({ subscription: subscription.id }, 'a subscription at Stripe buys no plan of this site')
    return []
  })
}

/** Each once in the audit log; in the server's log as often as it is seen. */
async function reportSurplus(
  tx: Tx,
  { log }: StripeContext,
  userId: string,
  surplus: readonly DerivedSubscription[],
): Promise<void> {
  for (const { stripe_subscription_id: subscription } of surplus) {
    log.error(
      { user_id: userId, subscription },
      'a subscription at Stripe is paid for and counts for nothing here: cancel it there, and give the money back',
    )
    if (await wasAudited(tx, 'stripe.surplus_subscription', subscription)) continue
    await recordAudit(tx, {
      actor: null,
      action: 'stripe.surplus_subscription',
      target: { type: 'stripe_subscription', id: subscription },
      detail: { user_id: userId },
    })
  }
}
