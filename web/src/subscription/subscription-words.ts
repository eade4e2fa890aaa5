import { formatMoney } from '../plans/money.ts'
import { amountWords, type BillingInterval } from '../plans/plan-price.ts'
import type { Subscribed, Subscription } from './subscription-queries.ts'

export interface StateWords {
  /** One word for the badge. */
  label: string
  color: 'spruce' | 'honey' | 'red' | 'gray'
  /** Everything that matters, in one or two sentences. */
  sentence: string
  /** What to do, or what still works. */
  detail?: string
}

type State = Pick<Subscribed, 'subscription' | 'is_lapsed'> & {
  plan: { name: string } | null
  next_plan: { name: string } | null
}

export function longDate(value: string): string {
  return new Intl.DateTimeFormat(undefined, { dateStyle: 'long' }).format(new Date(value))
}

const keptWords = 'Nothing is lost: you can read, download and delete everything.'

/** How the subscription stands, for the one who has it. */
export function describeState({ subscription, plan, next_plan, is_lapsed }: State): StateWords {
  if (plan === null) {
    return { label: 'No plan', color: 'gray', sentence: 'No plan limits what you do on this site.' }
  }
  const { name } = plan
  if (subscription === null) return freeWords(name)
  if (is_lapsed) return lapsedWords(subscription, name)
  if (subscription.status === 'past_due') return pastDueWords(subscription, name)
  const end = endOf(subscription)
  if (subscription.status === 'trialing') return trialWords(subscription, name)
  // A change to a plan that is not paid at Stripe is a cancellation there, so this comes first.
  if (next_plan && end !== null) {
    const isSame = next_plan.name === name
    return {
      label: 'Changes soon',
      color: 'spruce',
      sentence: isSame
        ? `You have ${name}. From ${longDate(end)} on it is paid by the ${subscription.next_billing_interval ?? 'month'}.`
        : `You have ${name} until ${longDate(end)}. Then ${next_plan.name} begins.`,
      detail: 'You can take that back until then.',
    }
  }
  if (subscription.cancel_at_period_end && end !== null) {
    return {
      label: 'Ends soon',
      color: 'honey',
      sentence: `You have ${name} until ${longDate(end)}. Then it ends, and nothing more is charged.`,
      detail: 'You can take that back until then.',
    }
  }
  return runningWords(subscription, name)
}

function freeWords(name: string): StateWords {
  return { label: 'Active', color: 'spruce', sentence: `You have ${name}. It costs nothing and does not end.` }
}

function lapsedWords({ status, end_date, grace_until }: Subscription, name: string): StateWords {
  const goOn = 'Choose a plan and your agents go on at once.'
  if (status === 'past_due') {
    const until = grace_until === null ? '' : ` by ${longDate(grace_until)}`
    return {
      label: 'Payment failed',
      color: 'red',
      sentence: `The payment for ${name} did not go through${until}. Your agents are paused until it does.`,
      detail: `${keptWords} Check how you pay, and they go on.`,
    }
  }
  return {
    label: 'Ended',
    color: 'red',
    sentence: `${name} ended${end_date === null ? '' : ` on ${longDate(end_date)}`}. Your agents are paused.`,
    detail: `${keptWords} ${goOn}`,
  }
}

function pastDueWords({ grace_until }: Subscription, name: string): StateWords {
  const until = grace_until === null ? 'for now' : `until ${longDate(grace_until)}`
  return {
    label: 'Payment failed',
    color: 'red',
    sentence: `The last payment for ${name} did not go through. Everything goes on ${until}.`,
    detail: 'Please check how you pay before then. The payment is tried again by itself.',
  }
}

function trialWords(subscription: Subscription, name: string): StateWords {
  const end = subscription.trial_end ?? endOf(subscription)
  const until = end === null ? '' : ` until ${longDate(end)}`
  const begin = `You try ${name} for free${until}.`
  const isEnding = subscription.cancel_at_period_end || subscription.source !== 'stripe'
  return {
    label: 'Trial',
    color: subscription.cancel_at_period_end ? 'honey' : 'spruce',
    sentence: isEnding ? `${begin} Then it ends by itself.` : `${begin} Then it costs ${priceOf(subscription)}.`,
    detail: isEnding ? 'To keep it, choose it before then.' : 'If you cancel before then, nothing is charged.',
  }
}

function runningWords(subscription: Subscription, name: string): StateWords {
  const { source, period_end, end_date } = subscription
  if (source === 'free') return freeWords(name)
  if (source === 'comp') {
    const until = end_date === null ? 'It does not end.' : `It goes until ${longDate(end_date)}.`
    return { label: 'Active', color: 'spruce', sentence: `${name} is given to you for free. ${until}` }
  }
  const price = Number(subscription.price) === 0 ? '' : ` for ${priceOf(subscription)}`
  if (end_date !== null) {
    return { label: 'Active', color: 'spruce', sentence: `You have ${name}${price} until ${longDate(end_date)}.` }
  }
  const renews =
    period_end === null
      ? ''
      : source === 'stripe'
        ? ` It renews by itself on ${longDate(period_end)} for ${formatMoney(subscription.price, subscription.currency)}.`
        : ` The present period goes until ${longDate(period_end)}, then the next one begins.`
  return { label: 'Active', color: 'spruce', sentence: `You have ${name}${price}.${renews}` }
}

function priceOf({ price, currency, billing_interval }: Subscription): string {
  return billing_interval === null ? formatMoney(price, currency) : amountWords(price, currency, billing_interval)
}

/** When it changes or ends, whichever is said. */
export function endOf({ end_date, period_end, trial_end }: Subscription): string | null {
  return end_date ?? period_end ?? trial_end
}

/** What can be done with it besides choosing another plan. */
export function actionsOf({ subscription, is_lapsed }: Pick<Subscribed, 'subscription' | 'is_lapsed'>) {
  const isLiving = subscription !== null && ['trialing', 'active', 'past_due'].includes(subscription.status)
  const isPaidFor = isLiving && (subscription.source === 'stripe' || subscription.source === 'manual')
  return {
    canCancel: isPaidFor && !subscription.cancel_at_period_end && (!is_lapsed || subscription.status === 'past_due'),
    canResume: isLiving && !is_lapsed && subscription.cancel_at_period_end && subscription.next_plan_id === null,
    /** The other way to pay the same plan; null where it is not paid at Stripe, or something is to change already. */
    otherInterval:
      isLiving && !is_lapsed && subscription.source === 'stripe' && subscription.next_plan_id === null
        ? otherOf(subscription)
        : null,
    canTakeBack: isLiving && !is_lapsed && subscription.next_plan_id !== null,
    hasPortal: subscription?.source === 'stripe',
  }
}

function otherOf({ status, billing_interval, cancel_at_period_end }: Subscription): BillingInterval | null {
  // What has to be paid first is not changed before it is.
  if (status === 'past_due' || billing_interval === null || cancel_at_period_end) return null
  return billing_interval === 'month' ? 'year' : 'month'
}
