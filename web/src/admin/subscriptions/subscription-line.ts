import type { ResponseOf } from '../../../../api-client/src/route-types.ts'
import { formatMoney } from '../../plans/money.ts'
import { amountWords } from '../../plans/plan-price.ts'

export type AdminSubscription = ResponseOf<'GET /api/v1/admin/subscriptions'>['data'][number]
export type SubscriptionStatus = AdminSubscription['status']

export const statusLooks: Record<SubscriptionStatus, { label: string; color: string }> = {
  trialing: { label: 'Trial', color: 'blue' },
  active: { label: 'Active', color: 'spruce' },
  past_due: { label: 'Payment failed', color: 'red' },
  canceled: { label: 'Cancelled', color: 'gray' },
  expired: { label: 'Expired', color: 'gray' },
  incomplete: { label: 'Not begun', color: 'gray' },
}

/** To filter by; what has not begun is nobody's subscription yet. */
export const statusOptions = Object.entries(statusLooks)
  .map(([value, { label }]) => ({ value, label }))
  .filter(({ value }) => value !== 'incomplete')

export const sourceWords: Record<AdminSubscription['source'], string> = {
  free: 'Free plan',
  manual: 'By hand',
  comp: 'Given',
  stripe: 'Stripe',
}

type Line = Pick<
  AdminSubscription,
  | 'status'
  | 'source'
  | 'billing_interval'
  | 'price'
  | 'currency'
  | 'start_date'
  | 'end_date'
  | 'period_end'
  | 'trial_end'
  | 'cancel_at_period_end'
  | 'grace_until'
  | 'next_plan_id'
>

/** What is paid, and how: `$49 a month, Stripe`, `Given`. */
export function paidWords({ source, price, currency, billing_interval }: Line): string {
  if (source === 'comp' || source === 'free' || Number(price) === 0) return sourceWords[source]
  const amount =
    billing_interval === null ? formatMoney(price, currency) : amountWords(price, currency, billing_interval)
  return `${amount}, ${source === 'manual' ? 'by hand' : sourceWords[source]}`
}

/** What comes next, for the operator: a renewal, an end, a deadline. */
export function nextWords(line: Line): string {
  const { status, end_date, period_end, trial_end, grace_until } = line
  const on = (moment: string | null) => (moment === null ? '' : ` ${shortDate(moment)}`)
  if (status === 'canceled' || status === 'expired') return end_date === null ? 'Ended' : `Ended on${on(end_date)}`
  if (status === 'incomplete') return 'Not paid yet'
  if (status === 'past_due')
    return grace_until === null ? 'Payment failed; nothing runs' : `Payment failed; runs until${on(grace_until)}`
  if (line.cancel_at_period_end) return `Cancelled, ends on${on(end_date ?? period_end ?? trial_end)}`
  if (status === 'trialing') return trial_end === null ? 'On trial' : `On trial until${on(trial_end)}`
  if (line.next_plan_id !== null) return `Changes to another plan on${on(period_end)}`
  if (end_date !== null) return `Ends on${on(end_date)}`
  if (line.source === 'comp' || line.source === 'free' || period_end === null)
    return `Since${on(line.start_date)}, no end`
  return `Renews on${on(period_end)}`
}

export function shortDate(moment: string): string {
  return new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' }).format(new Date(moment))
}
