import type { RequestOf } from '../../../../api-client/src/route-types.ts'
import { amountWords, type BillingInterval } from '../../plans/plan-price.ts'
import type { AdminPlan } from '../plans/plan-draft.ts'
import { shortDate } from '../subscriptions/subscription-line.ts'

type Assignment = RequestOf<'PUT /api/v1/admin/users/:id/subscription'>['body']

/** What an admin types to put somebody on a plan. */
export interface AssignmentDraft {
  plan_id: string
  source: 'comp' | 'manual'
  billing_interval: BillingInterval
  /** Empty: the price of the plan. */
  price: string
  /** Its last day, such as `2026-12-31`; empty: no end. */
  last_day: string
  /** Empty: none. */
  trial_days: string
  reason: string
}

export const freshAssignment: AssignmentDraft = {
  plan_id: '',
  source: 'comp',
  billing_interval: 'month',
  price: '',
  last_day: '',
  trial_days: '',
  reason: '',
}

const pricePattern = /^\d{1,7}([.,]\d{1,2})?$/

/** Fields that cannot be sent as they are, with what to correct. */
export function findAssignmentFaults(
  draft: AssignmentDraft,
  today: Date,
): Partial<Record<keyof AssignmentDraft, string>> {
  const days = draft.trial_days.trim()
  const isPast = draft.last_day !== '' && endOfDay(draft.last_day) <= today
  return {
    ...(draft.plan_id === '' && { plan_id: 'Choose a plan.' }),
    ...(draft.reason.trim() === '' && { reason: 'Say why; the user reads it.' }),
    ...(draft.source === 'manual' &&
      draft.price.trim() !== '' &&
      !pricePattern.test(draft.price.trim()) && { price: 'A price such as 39 or 39.50.' }),
    ...(days !== '' &&
      !(/^\d{1,3}$/.test(days) && Number(days) >= 1 && Number(days) <= 730) && { trial_days: 'From 1 to 730.' }),
    ...(isPast && { last_day: 'That day is over.' }),
  }
}

/** As the API takes it. A plan that is given has neither price nor trial: it costs nothing anyway. */
export function toAssignment(draft: AssignmentDraft): Assignment {
  const isPaid = draft.source === 'manual'
  return {
    plan_id: draft.plan_id,
    source: draft.source,
    billing_interval: isPaid ? draft.billing_interval : null,
    ...(isPaid && draft.price.trim() !== '' && { price: draft.price.trim().replace(',', '.') }),
    end_date: draft.last_day === '' ? null : endOfDay(draft.last_day).toISOString(),
    ...(isPaid && draft.trial_days.trim() !== '' && { trial_days: Number(draft.trial_days) }),
    reason: draft.reason.trim(),
  }
}

/** What pressing the button will do, in words. */
export function describeAssignment(
  draft: AssignmentDraft,
  plan: AdminPlan | undefined,
  present: string | null,
): string {
  if (!plan) return 'Choose a plan to see what will happen.'
  const end = draft.last_day === '' ? 'It has no end.' : `It ends after ${shortDate(`${draft.last_day}T12:00:00`)}.`
  const days = draft.trial_days.trim()
  const before = present === null ? '' : ` ${present} ends; where they pay by Stripe, that is cancelled first.`
  return `They have ${plan.name} at once, ${priceWordsOf(draft, plan)}${draft.source === 'manual' && days !== '' ? `, after ${days} days of trial` : ''}. ${end}${before} What does not fit into it is switched off, never deleted; the oldest stay.`
}

function priceWordsOf({ source, billing_interval, price }: AssignmentDraft, plan: AdminPlan): string {
  if (source === 'comp') return 'for nothing'
  const own = billing_interval === 'year' ? (plan.yearly_price ?? plan.price) : plan.price
  const amount = price.trim() === '' ? own : price.trim().replace(',', '.')
  if (Number(amount) === 0) return 'for nothing'
  return `for ${amountWords(amount, plan.currency, billing_interval)}, which you collect yourself`
}

/** The midnight after it, where the admin is. */
function endOfDay(day: string): Date {
  const end = new Date(`${day}T00:00:00`)
  end.setDate(end.getDate() + 1)
  return end
}
