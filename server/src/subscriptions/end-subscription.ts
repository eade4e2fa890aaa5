import type { Services } from '../app.ts'
import type { Claims, Tx } from '../database/database.ts'
import { AppError } from '../errors.ts'
import type { StripeService } from '../stripe/stripe-service.ts'
import { applySubscription, type SubscriptionChange } from './apply-subscription.ts'
import { findCurrentSubscription, lockSubscription, type SubscriptionRow } from './subscription-queries.ts'
import { hasLapsed } from './transitions.ts'
import { findPaidUntil } from './weigh-choice.ts'

type Needed = Pick<Services, 'database' | 'stripe'>

const reason = 'a user ends or keeps their subscription; nobody writes subscriptions but the server'

/** With the end of its period, trial or time; at once where there is none to wait for. */
export function cancelSubscription(services: Needed, claims: Claims): Promise<SubscriptionRow> {
  return changeOwn(services, claims, {
    atStripe: (stripe) => stripe.cancelAtPeriodEnd(claims.sub),
    here: (row) => findCancellation(row, new Date()),
  })
}

/** What cancelling comes to. */
export function findCancellation(row: SubscriptionRow, now: Date): SubscriptionChange {
  return findPaidUntil(row, now) ? { kind: 'cancel_at_period_end' } : { kind: 'end', status: 'canceled' }
}

export function resumeSubscription(services: Needed, claims: Claims): Promise<SubscriptionRow> {
  return changeOwn(services, claims, {
    atStripe: (stripe, row) => {
      if (!row.cancel_at_period_end) throw new AppError('subscription_change_not_allowed')
      return stripe.resume(claims.sub)
    },
    here: () => ({ kind: 'resume' }),
  })
}

export function takeBackPlanChange(services: Needed, claims: Claims): Promise<SubscriptionRow> {
  return changeOwn(services, claims, {
    atStripe: (stripe, row) => {
      if (row.next_plan_id === null) throw new AppError('subscription_change_not_allowed')
      // At Stripe a change to a plan that costs nothing is a cancellation.
      return row.cancel_at_period_end ? stripe.resume(claims.sub) : stripe.takeBackDowngrade(claims.sub)
    },
    here: () => ({ kind: 'take_back_plan' }),
  })
}

interface OwnChange {
  atStripe(stripe: StripeService, row: SubscriptionRow): Promise<void>
  here(row: SubscriptionRow): SubscriptionChange
}

async function changeOwn({ database, stripe }: Needed, claims: Claims, change: OwnChange): Promise<SubscriptionRow> {
  const userId = claims.sub
  const found = await database.withUser(claims, (tx) => getLiving(tx, userId))
  if (found.source === 'stripe') {
    if (!stripe) throw new AppError('stripe_not_configured')
    await change.atStripe(stripe, found)
    const after = await database.withUser(claims, (tx) => findCurrentSubscription(tx, userId))
    return after ?? found
  }
  return database.asSystem(reason, async (tx) => {
    await lockSubscription(tx, userId)
    const row = await getLiving(tx, userId)
    // A payment has arrived in between.
    if (row.source === 'stripe') throw new AppError('conflict')
    const more = { userId, cause: 'user' as const, actor: userId }
    return (await applySubscription(tx, { ...more, change: change.here(row) })) ?? row
  })
}

/** Throws `subscription_change_not_allowed` when there is none, or it has ended. */
async function getLiving(tx: Tx, userId: string): Promise<SubscriptionRow> {
  const row = await findCurrentSubscription(tx, userId)
  if (!row || hasLapsed(row, new Date()))
    throw new AppError('subscription_change_not_allowed', { detail: 'You have no subscription that goes on.' })
  return row
}
