import { createId } from '../database/uuid-v7.ts'
import type { DerivedSubscription } from '../stripe/derive-subscription.ts'
import { mirrorStripe, type NextPlan } from './mirror-stripe.ts'
import {
  findCurrentSubscription,
  findSubscriptionAtStripe,
  type SubscriptionRow,
  type SubscriptionState,
  updateSubscription,
} from './subscription-queries.ts'
import type { Keep } from './subscription-schemas.ts'
import { isEnded, isLiving } from './transitions.ts'
import { begin, end, replace, type Step, switchOff, write } from './write-subscription.ts'

/** Writes what Stripe has of one of its subscriptions; null when there is nothing to write. */
export async function applyStripe(
  step: Step,
  state: DerivedSubscription,
  next?: NextPlan,
): Promise<SubscriptionRow | null> {
  const { tx, userId, now } = step
  const row = await findSubscriptionAtStripe(tx, userId, state.stripe_subscription_id)
  if (row && isEnded(row.status)) {
    // Cancelled is final at Stripe too. What expired here because nobody paid may be paid after all: a new row.
    if (row.status !== 'expired' || (state.status !== 'active' && state.status !== 'trialing')) return null
    await updateSubscription(tx, row.id, { stripe_subscription_id: null })
    return beginAtStripe(step, state)
  }
  if (!row) return isEnded(state.status) ? null : beginAtStripe(step, state)
  let present = row
  for (const { event, patch } of mirrorStripe(row, state, now, next)) {
    if (event === 'plan_changed')
      present = await changePlan(step, present, { plan_id: state.plan_id, ...patch }, row.next_keep)
    else if (event === 'canceled' || event === 'expired')
      present = await end(step, present, event, state.end_date ?? now)
    else {
      if (event === 'completed') await makeWay(step)
      present = await write(step, present, event, patch)
      if (event === 'completed') await switchOff(step, present.plan_id, null)
    }
  }
  return present
}

async function makeWay(step: Step): Promise<SubscriptionRow | null> {
  const current = await findCurrentSubscription(step.tx, step.userId)
  if (current) await replace(step, current)
  return current
}

async function beginAtStripe(step: Step, state: DerivedSubscription): Promise<SubscriptionRow | null> {
  const current = await findCurrentSubscription(step.tx, step.userId)
  const isOlder = current?.source === 'stripe' && isLiving(current.status) && current.start_date > state.start_date
  // Two that are both paid: the newer one counts. Whoever fetched them says so in the log.
  if (isOlder) return null
  const row = {
    ...state,
    id: createId(),
    user_id: step.userId,
    source: 'stripe' as const,
    is_current: isLiving(state.status),
    next_keep: null,
  }
  // What is kept for a change to another plan was not chosen for this one.
  const keep = current && current.next_plan_id === null ? current.next_keep : null
  return begin(step, row, keep, current)
}

async function changePlan(
  step: Step,
  row: SubscriptionRow,
  patch: Partial<SubscriptionState> & { plan_id: string },
  keep: Keep | null,
): Promise<SubscriptionRow> {
  const off = row.is_current ? await switchOff(step, patch.plan_id, keep) : {}
  return write(step, row, 'plan_changed', patch, off)
}
