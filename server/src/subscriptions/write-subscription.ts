import type { Tx } from '../database/database.ts'
import { createId } from '../database/uuid-v7.ts'
import { getPlan } from '../plans/plan-queries.ts'
import { addInterval } from './billing-periods.ts'
import {
  insertSubscription,
  insertSubscriptionEvent,
  type SubscriptionRow,
  type SubscriptionState,
  updateSubscription,
} from './subscription-queries.ts'
import type { BillingInterval, Keep, SubscriptionSource } from './subscription-schemas.ts'
import { switchOffBeyondPlan } from './switch-off-beyond-plan.ts'
import {
  isLiving,
  requireTransition,
  type SubscriptionCause,
  type SubscriptionEventType,
  type SubscriptionStatus,
} from './transitions.ts'

/** One change on its way. Only apply-subscription.ts makes one: it holds the lock of the user. */
export interface Step {
  tx: Tx
  userId: string
  cause: SubscriptionCause
  actor: string | null
  detail: Record<string, unknown>
  now: Date
}

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

export const noNextPlan = { next_plan_id: null, next_billing_interval: null, next_keep: null }

export function toNewRow({ userId, now }: Step, change: NewSubscription): Omit<SubscriptionRow, 'updated_at'> {
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
export async function begin(
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
export async function replace(step: Step, row: SubscriptionRow): Promise<void> {
  const ended = isLiving(row.status)
    ? { status: 'canceled' as const, canceled_at: step.now, end_date: notBefore(row.start_date, step.now) }
    : {}
  await write(step, row, 'replaced', { ...ended, ...noNextPlan, is_current: false })
}

/** It stays the current one: its user has lapsed, unless a plan that costs nothing was to follow. */
export async function end(
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

/** What a plan that takes effect has no room for; for the detail of its event. */
export async function switchOff(step: Step, planId: string, keep: Keep | null): Promise<Record<string, unknown>> {
  const plan = await getPlan(step.tx, planId)
  const off = await switchOffBeyondPlan(step.tx, step.userId, plan.features, keep)
  return off.user_agent_ids.length + off.api_key_ids.length > 0 ? { switched_off: off } : {}
}

/** Writes a change that the table of transitions has, with its event. */
export async function write(
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
