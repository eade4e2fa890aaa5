import type { Tx } from '../database/database.ts'
import { createId } from '../database/uuid-v7.ts'
import { AppError } from '../errors.ts'
import { getPlan } from '../plans/plan-queries.ts'
import type { DerivedSubscription } from '../stripe/derive-subscription.ts'
import { addInterval } from './billing-periods.ts'
import { mirrorStripe } from './mirror-stripe.ts'
import {
  findCurrentSubscription,
  findSubscriptionAtStripe,
  insertSubscription,
  insertSubscriptionEvent,
  lockSubscription,
  type SubscriptionRow,
  type SubscriptionState,
  updateSubscription,
} from './subscription-queries.ts'
import type { BillingInterval, Keep, SubscriptionSource } from './subscription-schemas.ts'
import { switchOffBeyondPlan } from './switch-off-beyond-plan.ts'
import {
  isEnded,
  isLiving,
  requireTransition,
  type SubscriptionCause,
  type SubscriptionEventType,
  type SubscriptionStatus,
} from './transitions.ts'

/** A subscription that nobody pays by Stripe; it takes the place of whatever there is. */
export interface NewSubscription {
  plan_id: string
  source: Exclude<SubscriptionSource, 'stripe'>
  billing_interval: BillingInterval | null
  price: string
  currency: string
  /** Then it is a trial, and ends with it. */
  trial_end: Date | null
  end_date: Date | null
  keep: Keep | null
}

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
  | { kind: 'stripe'; state: DerivedSubscription }

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

type Step = Required<Omit<ApplySubscription, 'change'>> & { tx: Tx }

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
  if (change.kind === 'stripe') return applyStripe(step, change.state)
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

const noNextPlan = { next_plan_id: null, next_billing_interval: null, next_keep: null }

function toNewRow({ userId, now }: Step, change: NewSubscription): Omit<SubscriptionRow, 'updated_at'> {
  const { plan_id, source, billing_interval, price, currency, trial_end, end_date } = change
  const isPeriodic = billing_interval !== null && trial_end === null
  return {
    ...{ id: createId(), user_id: userId, plan_id, source, billing_interval, price, currency, trial_end, end_date },
    status: trial_end === null ? 'active' : 'trialing',
    is_current: true,
    start_date: now,
    period_start: isPeriodic ? now : null,
    period_end: isPeriodic ? addInterval(now, billing_interval) : null,
    cancel_at_period_end: false,
    canceled_at: null,
    grace_until: null,
    ...noNextPlan,
    stripe_subscription_id: null,
  }
}

/** Puts a new subscription in the place of the current one. */
async function begin(
  step: Step,
  row: Omit<SubscriptionRow, 'updated_at'>,
  keep: Keep | null,
  current: SubscriptionRow | null,
): Promise<SubscriptionRow> {
  requireTransition('begun', null, row.status, step.cause)
  if (current && row.is_current) await replace(step, current)
  const stored = await insertSubscription(step.tx, row)
  const off = row.is_current ? await switchOff(step, row.plan_id, keep) : {}
  await writeEvent(step, 'begun', null, stored, off)
  return stored
}

/** Another one is about to take its place. */
async function replace(step: Step, row: SubscriptionRow): Promise<void> {
  const ended = isLiving(row.status)
    ? { status: 'canceled' as const, canceled_at: step.now, end_date: notBefore(row.start_date, step.now) }
    : {}
  await write(step, row, 'replaced', { ...ended, ...noNextPlan, is_current: false })
}

/** It stays the current one: its user has lapsed, unless a plan that costs nothing was to follow. */
async function end(
  step: Step,
  row: SubscriptionRow,
  status: 'canceled' | 'expired',
  endDate: Date,
): Promise<SubscriptionRow> {
  const nextPlan = row.next_plan_id === null ? null : await getPlan(step.tx, row.next_plan_id)
  const ended = await write(step, row, status, {
    status,
    end_date: notBefore(row.start_date, endDate),
    grace_until: null,
    ...noNextPlan,
    ...(status === 'canceled' && { canceled_at: row.canceled_at ?? step.now }),
  })
  if (!nextPlan || !isFree(nextPlan) || !row.is_current || (step.cause !== 'server' && step.cause !== 'stripe'))
    return ended
  return begin(step, toNewRow(step, freeSubscription(nextPlan, row.next_keep)), row.next_keep, ended)
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

async function changePlan(
  step: Step,
  row: SubscriptionRow,
  patch: Partial<SubscriptionState> & { plan_id: string },
  keep: Keep | null,
): Promise<SubscriptionRow> {
  const off = row.is_current ? await switchOff(step, patch.plan_id, keep) : {}
  return write(step, row, 'plan_changed', patch, off)
}

async function applyStripe(step: Step, state: DerivedSubscription): Promise<SubscriptionRow | null> {
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
  for (const { event, patch } of mirrorStripe(row, state, now)) {
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

async function switchOff(step: Step, planId: string, keep: Keep | null): Promise<Record<string, unknown>> {
  const plan = await getPlan(step.tx, planId)
  const off = await switchOffBeyondPlan(step.tx, step.userId, plan.features, keep)
  return off.user_agent_ids.length + off.api_key_ids.length > 0 ? { switched_off: off } : {}
}

/** Writes a change that the table of transitions has, with its event. */
async function write(
  step: Step,
  row: SubscriptionRow,
  event: SubscriptionEventType,
  patch: Partial<SubscriptionState>,
  detail: Record<string, unknown> = {},
): Promise<SubscriptionRow> {
  requireTransition(event, row.status, patch.status ?? row.status, step.cause)
  const stored = await updateSubscription(step.tx, row.id, patch)
  await writeEvent(step, event, row, stored, detail)
  return stored
}

async function writeEvent(
  { tx, userId, actor, detail, now }: Step,
  type: SubscriptionEventType,
  before: { status: SubscriptionStatus; plan_id: string } | null,
  after: SubscriptionRow,
  more: Record<string, unknown>,
): Promise<void> {
  const { price, currency, billing_interval, source, is_current, next_plan_id } = after
  await insertSubscriptionEvent(tx, {
    subscription_id: after.id,
    user_id: userId,
    type,
    from_status: before?.status ?? null,
    to_status: after.status,
    from_plan_id: before?.plan_id ?? null,
    to_plan_id: after.plan_id,
    actor_id: actor,
    // What a later reader of the history needs to know of the time: what was earned, and which one counted.
    detail: {
      ...{ price, currency, billing_interval, source, is_current },
      ...(next_plan_id && { next_plan_id }),
      ...more,
      ...detail,
    },
    created_at: now,
  })
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

/** What choosing a plan that costs nothing begins. */
export function freeSubscription(plan: { id: string; currency: string }, keep: Keep | null): NewSubscription {
  return {
    plan_id: plan.id,
    source: 'free',
    billing_interval: null,
    price: '0.00',
    currency: plan.currency,
    trial_end: null,
    end_date: null,
    keep,
  }
}

/** Whether a plan can be had without paying or asking. */
export function isFree(plan: { price: string; is_by_arrangement: boolean }): boolean {
  return Number(plan.price) === 0 && !plan.is_by_arrangement
}

function notBefore(start: Date, moment: Date): Date {
  return moment < start ? start : moment
}
