import type { Tx } from '../database/database.ts'
import { AppError } from '../errors.ts'
import { getPlan } from '../plans/plan-queries.ts'
import type { DerivedSubscription } from '../stripe/derive-subscription.ts'
import { applyStripe } from './apply-stripe.ts'
import { addInterval } from './billing-periods.ts'
import type { NextPlan } from './mirror-stripe.ts'
import {
  findCurrentSubscription,
  lockSubscription,
  type SubscriptionRow,
  type SubscriptionState,
  updateSubscription,
} from './subscription-queries.ts'
import type { BillingInterval, Keep } from './subscription-schemas.ts'
import { isLiving, type SubscriptionCause } from './transitions.ts'
import {
  begin,
  end,
  freeSubscription,
  isFree,
  type NewSubscription,
  noNextPlan,
  type Step,
  toNewRow,
  write,
} from './write-subscription.ts'

export type SubscriptionChange =
  | ({ kind: 'begin' } & NewSubscription)
  /** From the end of the period, or of the subscription, on. */
  | { kind: 'schedule_plan'; plan_id: string; billing_interval: BillingInterval | null; keep: Keep | null }
  | { kind: 'take_back_plan' }
  | { kind: 'cancel_at_period_end' }
  | { kind: 'resume' }
  | { kind: 'end'; status: 'canceled' | 'expired' }
  /** A period without payment is over, the next one begins. */
  | { kind: 'renew' }
  | { kind: 'take_next_plan' }
  /** What stays on when Stripe says that another plan has begun; writes no event. */
  | { kind: 'remember_keep'; keep: Keep | null }
  /** What Stripe has now, of one of its subscriptions. */
  | { kind: 'stripe'; state: DerivedSubscription; next?: NextPlan | undefined }

export interface ApplySubscription {
  userId: string
  change: SubscriptionChange
  cause: SubscriptionCause
  /** Id of the user or admin who did it; null: Stripe, or the server by the clock. */
  actor: string | null
  /** What the history is to say besides: a reason. */
  detail?: Record<string, unknown>
  now?: Date
}

/**
 * The only writer of subscriptions: changes the row, writes the history, and switches off what a smaller plan that takes
 * effect has no room for, all in the given transaction of the system. One change of a user at a time. Answers the
 * subscription as it is afterwards; null when there was nothing to do. Throws `subscription_change_not_allowed`.
 */
export async function applySubscription(
  tx: Tx,
  { change, detail = {}, now = new Date(), ...more }: ApplySubscription,
): Promise<SubscriptionRow | null> {
  const step: Step = { ...more, tx, detail, now }
  await lockSubscription(tx, step.userId)
  if (change.kind === 'stripe') return applyStripe(step, change.state, change.next)
  const current = await findCurrentSubscription(tx, step.userId)
  if (change.kind === 'begin') return begin(step, toNewRow(step, change), change.keep, current)
  if (!current) throw new AppError('subscription_change_not_allowed')
  return changeCurrent(step, current, change)
}

type ChangeOfCurrent = Exclude<SubscriptionChange, { kind: 'begin' | 'stripe' }>

async function changeCurrent(step: Step, row: SubscriptionRow, change: ChangeOfCurrent): Promise<SubscriptionRow> {
  switch (change.kind) {
    case 'schedule_plan':
      return write(step, row, 'change_scheduled', {
        next_plan_id: change.plan_id,
        next_billing_interval: change.billing_interval,
        next_keep: change.keep,
        // At Stripe a change to a plan that is not paid there is a cancellation.
        ...(row.source !== 'stripe' && { cancel_at_period_end: false, canceled_at: null }),
      })
    case 'take_back_plan':
      if (row.next_plan_id === null) throw new AppError('subscription_change_not_allowed')
      return write(step, row, 'change_taken_back', noNextPlan)
    case 'cancel_at_period_end':
      if (row.cancel_at_period_end && isLiving(row.status)) return row
      return write(step, row, 'cancel_scheduled', {
        ...noNextPlan,
        cancel_at_period_end: true,
        canceled_at: step.now,
      })
    case 'resume':
      if (!row.cancel_at_period_end) throw new AppError('subscription_change_not_allowed')
      return write(step, row, 'resumed', { cancel_at_period_end: false, canceled_at: null })
    case 'renew':
      return write(step, row, 'renewed', nextPeriod(row, step.now))
    case 'end':
      return end(step, row, change.status, step.now)
    case 'take_next_plan':
      return takeNextPlan(step, row)
    case 'remember_keep':
      return updateSubscription(step.tx, row.id, { next_keep: change.keep })
  }
}

/** The plan that was to follow takes the place of the present one. */
async function takeNextPlan(step: Step, row: SubscriptionRow): Promise<SubscriptionRow> {
  if (row.next_plan_id === null) throw new AppError('subscription_change_not_allowed')
  const plan = await getPlan(step.tx, row.next_plan_id)
  const interval = row.next_billing_interval
  if (isFree(plan)) return begin(step, toNewRow(step, freeSubscription(plan, row.next_keep)), row.next_keep, row)
  // What is paid at Stripe changes when Stripe says so.
  if (row.source === 'stripe') throw new AppError('subscription_change_not_allowed')
  const price = (interval === 'year' ? plan.yearly_price : null) ?? plan.price
  const next: NewSubscription = {
    plan_id: plan.id,
    source: row.source === 'free' ? 'manual' : row.source,
    billing_interval: interval,
    price: row.source === 'comp' ? '0.00' : price,
    currency: plan.currency,
    trial_end: null,
    end_date: null,
    keep: row.next_keep,
  }
  return begin(step, toNewRow(step, next), row.next_keep, row)
}

/** Periods that are over while the server was not running are skipped. */
function nextPeriod(row: SubscriptionRow, now: Date): Pick<SubscriptionState, 'period_start' | 'period_end'> {
  const interval = row.billing_interval
  if (row.period_end === null || interval === null) throw new AppError('subscription_change_not_allowed')
  let period_start = row.period_end
  let period_end = addInterval(period_start, interval, row.start_date)
  while (period_end <= now) {
    period_start = period_end
    period_end = addInterval(period_start, interval, row.start_date)
  }
  return { period_start, period_end }
}
