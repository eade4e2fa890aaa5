import { shortDate } from '../subscriptions/subscription-line.ts'
import type { AdminUserDetail } from './user-queries.ts'

/** How somebody stands with their plan, in a sentence or two. */
export function standingWords({ plan, subscription, is_lapsed, role }: AdminUserDetail['user']): string {
  const words = planWords(plan, subscription, is_lapsed)
  return role === 'admin' ? `${words} As an admin nothing limits them.` : words
}

function planWords(
  plan: AdminUserDetail['user']['plan'],
  subscription: AdminUserDetail['user']['subscription'],
  isLapsed: boolean,
): string {
  if (subscription === null)
    return plan === null
      ? 'They never had a subscription, and there is no plan for users without one: nothing limits them.'
      : 'They never had a subscription; this is the plan of everybody without one.'
  const { status, end_date, period_end, cancel_at_period_end } = subscription
  const end = end_date ?? period_end
  if (isLapsed)
    return status === 'past_due'
      ? 'The payment failed and the time to pay is over: nothing runs until it is paid or they have another plan.'
      : `It ended${end_date ? ` on ${shortDate(end_date)}` : ''}: nothing runs until they have a plan. They keep all data.`
  if (status === 'past_due')
    return `The last payment failed. Runs go on ${subscription.grace_until ? `until ${shortDate(subscription.grace_until)}` : 'for some days'}.`
  if (cancel_at_period_end) return `Cancelled${end ? `, ends on ${shortDate(end)}` : ''}.`
  if (subscription.next_plan_name !== null)
    return `${subscription.next_plan_name} begins${end ? ` on ${shortDate(end)}` : ' with the next period'}.`
  if (status === 'trialing') return `On trial${end ? ` until ${shortDate(end)}` : ''}.`
  if (end_date !== null) return `Ends on ${shortDate(end_date)}.`
  if (subscription.source === 'stripe' && period_end !== null) return `Renews on ${shortDate(period_end)}.`
  return 'It has no end.'
}
