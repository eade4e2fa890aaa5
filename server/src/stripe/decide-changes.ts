import { isEnded, isLiving } from '../subscriptions/transitions.ts'
import type { DerivedSubscription } from './derive-subscription.ts'

/** A subscription as it stands here. */
export interface StoredSubscription {
  status: string
  is_current: boolean
  start_date: Date
  stripe_subscription_id: string | null
}

export interface SubscriptionDecision {
  /** What is to be written, in this order: the one that counts comes last. */
  changes: DerivedSubscription[]
  /** Alive at Stripe and good for nothing here: somebody pays for them. */
  surplus: DerivedSubscription[]
}

/**
 * What is to be written, given all rows of a user and everything Stripe has of them. The newest living subscription counts.
 * What ended because Stripe said so stays ended, whatever an answer that is late says; what ended here because nobody paid
 * in time comes back when it was paid after all.
 */
export function decideChanges(
  stored: readonly StoredSubscription[],
  fetched: readonly DerivedSubscription[],
): SubscriptionDecision {
  const decision: SubscriptionDecision = { changes: [], surplus: [] }
  const oldestFirst = fetched.toSorted(
    (one, other) =>
      one.start_date.getTime() - other.start_date.getTime() ||
      (one.stripe_subscription_id < other.stripe_subscription_id ? -1 : 1),
  )
  const newest = oldestFirst.findLast(({ status }) => isLiving(status))
  for (const derived of oldestFirst) {
    if (derived === newest) continue
    const row = rowOf(stored, derived)
    if (isLiving(derived.status)) decision.surplus.push(derived)
    else if (row && !isEnded(row.status)) decision.changes.push(derived)
  }
  if (newest) {
    const ending = new Set(decision.changes.map((each) => each.stripe_subscription_id))
    const others = stored.filter(
      (row) =>
        row.is_current &&
        isLiving(row.status) &&
        row.stripe_subscription_id !== newest.stripe_subscription_id &&
        !ending.has(row.stripe_subscription_id ?? ''),
    )
    if (canCount(rowOf(stored, newest), newest, others)) decision.changes.push(newest)
    // Nothing is paid for one that is past due.
    else if (newest.status !== 'past_due') decision.surplus.push(newest)
  }
  return decision
}

function canCount(
  row: StoredSubscription | undefined,
  newest: DerivedSubscription,
  others: readonly StoredSubscription[],
): boolean {
  // A newer one is known here: this answer is from before it began.
  if (!row) return !others.some((each) => each.stripe_subscription_id !== null && each.start_date >= newest.start_date)
  if (!isEnded(row.status)) return true
  return row.status === 'expired' && newest.status !== 'past_due' && others.length === 0
}

function rowOf(stored: readonly StoredSubscription[], { stripe_subscription_id }: DerivedSubscription) {
  return stored.find((row) => row.stripe_subscription_id === stripe_subscription_id)
}
