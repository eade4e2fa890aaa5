import { AppError } from '../errors.ts'

export const subscriptionStatuses = ['trialing', 'active', 'past_due', 'canceled', 'expired', 'incomplete'] as const

export type SubscriptionStatus = (typeof subscriptionStatuses)[number]

/** Those whose plan counts. */
export const livingStatuses = ['trialing', 'active', 'past_due'] as const satisfies readonly SubscriptionStatus[]

/** Those that nothing ever leaves. */
export const endedStatuses = ['canceled', 'expired'] as const satisfies readonly SubscriptionStatus[]

export const isLiving = (status: string): boolean => (livingStatuses as readonly string[]).includes(status)
export const isEnded = (status: string): boolean => (endedStatuses as readonly string[]).includes(status)

/** Who may cause a change: the user, an admin, what Stripe says, or the server by the clock. */
export const subscriptionCauses = ['user', 'admin', 'stripe', 'server'] as const

export type SubscriptionCause = (typeof subscriptionCauses)[number]

export const subscriptionEventTypes = [
  'begun',
  'completed',
  'trial_begun',
  'trial_ended',
  'payment_failed',
  'payment_recovered',
  'renewed',
  'adjusted',
  'plan_changed',
  'change_scheduled',
  'change_taken_back',
  'cancel_scheduled',
  'resumed',
  'canceled',
  'expired',
  'replaced',
] as const

export type SubscriptionEventType = (typeof subscriptionEventTypes)[number]

interface Transition {
  event: SubscriptionEventType
  /** Null: there is no row yet. */
  from: SubscriptionStatus | null
  to: SubscriptionStatus
  by: readonly SubscriptionCause[]
}

const each = (
  event: SubscriptionEventType,
  from: readonly (SubscriptionStatus | null)[],
  to: SubscriptionStatus | 'same',
  by: readonly SubscriptionCause[],
): Transition[] =>
  from.flatMap((status) => {
    const target = to === 'same' ? status : to
    return target === null ? [] : [{ event, from: status, to: target, by }]
  })

const anybody = subscriptionCauses
const open = [...livingStatuses, 'incomplete'] as const

/** Every change of a subscription that there is. Nothing leads out of `canceled` and `expired`. */
export const transitions: readonly Transition[] = [
  ...each('begun', [null], 'active', anybody),
  ...each('begun', [null], 'trialing', ['admin', 'stripe']),
  ...each('begun', [null], 'past_due', ['stripe']),
  ...each('begun', [null], 'incomplete', ['stripe']),
  ...livingStatuses.flatMap((to) => each('completed', ['incomplete'], to, ['stripe'])),
  ...each('trial_begun', ['active', 'past_due'], 'trialing', ['stripe']),
  ...each('trial_ended', ['trialing'], 'active', ['stripe']),
  ...each('payment_failed', ['trialing', 'active'], 'past_due', ['stripe']),
  ...each('payment_recovered', ['past_due'], 'active', ['stripe']),
  ...each('renewed', livingStatuses, 'same', ['stripe', 'server']),
  ...each('adjusted', open, 'same', ['stripe']),
  // Where nothing is paid by Stripe, another plan is another subscription, which replaces this one.
  ...each('plan_changed', open, 'same', ['stripe']),
  ...each('change_scheduled', livingStatuses, 'same', ['user', 'stripe']),
  ...each('change_taken_back', livingStatuses, 'same', ['user', 'stripe']),
  ...each('cancel_scheduled', livingStatuses, 'same', ['user', 'admin', 'stripe']),
  ...each('resumed', livingStatuses, 'same', ['user', 'stripe']),
  ...each('canceled', open, 'canceled', anybody),
  ...each('expired', open, 'expired', ['stripe', 'server']),
  // Another one takes its place: one that still counted is over, one that had ended is only no longer the current one.
  ...each('replaced', livingStatuses, 'canceled', anybody),
  ...each('replaced', endedStatuses, 'same', anybody),
]

/** What decides whether a subscription still counts. */
export interface SubscriptionTimes {
  status: string
  end_date: Date | null
  grace_until: Date | null
}

/** Whether its user may run nothing any more; the same rule as in app.reserve_run. */
export function hasLapsed({ status, end_date, grace_until }: SubscriptionTimes, now: Date): boolean {
  if (!isLiving(status) || (end_date !== null && end_date <= now)) return true
  return status === 'past_due' && (grace_until === null || grace_until <= now)
}

export function isAllowed(
  event: SubscriptionEventType,
  from: SubscriptionStatus | null,
  to: SubscriptionStatus,
  by: SubscriptionCause,
): boolean {
  return transitions.some((row) => row.event === event && row.from === from && row.to === to && row.by.includes(by))
}

/** Throws `subscription_change_not_allowed` for what the table does not have. */
export function requireTransition(
  event: SubscriptionEventType,
  from: SubscriptionStatus | null,
  to: SubscriptionStatus,
  by: SubscriptionCause,
): void {
  if (!isAllowed(event, from, to, by)) throw new AppError('subscription_change_not_allowed')
}
