import { isDeepStrictEqual } from 'node:util'
import type { DerivedSubscription } from '../stripe/derive-subscription.ts'
import type { SubscriptionRow, SubscriptionState } from './subscription-queries.ts'
import type { Keep } from './subscription-schemas.ts'
import { isEnded, isLiving, type SubscriptionEventType, type SubscriptionStatus } from './transitions.ts'

export interface MirrorStep {
  event: SubscriptionEventType
  patch: Partial<SubscriptionState>
}

/** A plan that is not paid at Stripe, and follows there upon a cancellation. */
export interface NextPlan {
  plan_id: string
  keep: Keep | null
}

/**
 * What to write so that a row which has not ended says what Stripe has, in order, each with its event; nothing when it says
 * so already. Reads nothing but what it is given.
 */
export function mirrorStripe(
  row: SubscriptionRow,
  state: DerivedSubscription,
  now: Date,
  next?: NextPlan,
): MirrorStep[] {
  // Whatever else differs does not matter any more; what was planned for afterwards does.
  if (isEnded(state.status)) return [{ event: state.status === 'expired' ? 'expired' : 'canceled', patch: {} }]
  const steps: MirrorStep[] = []
  if (state.plan_id !== row.plan_id) steps.push({ event: 'plan_changed', patch: pick(state, paid, noNext) })
  const statusEvent = findStatusEvent(row.status, state.status)
  if (statusEvent)
    steps.push({
      event: statusEvent,
      patch: {
        status: state.status,
        grace_until: state.status === 'past_due' ? (state.grace_until ?? now) : null,
        trial_end: state.trial_end,
        ...(row.status === 'incomplete' && { is_current: true }),
      },
    })
  if (isLiving(state.status)) steps.push(...mirrorPeriod(row, state, next))
  const present: SubscriptionRow = Object.assign({}, row, ...steps.map(({ patch }) => patch))
  const rest = differences(present, state)
  if (Object.keys(rest).length > 0) {
    const last = steps.at(-1)
    if (last) last.patch = { ...last.patch, ...rest }
    else steps.push({ event: 'adjusted', patch: rest })
  }
  return steps
}

function mirrorPeriod(row: SubscriptionRow, state: DerivedSubscription, followedBy?: NextPlan): MirrorStep[] {
  const steps: MirrorStep[] = []
  // A period that nobody has paid for yet is no renewal; that it was paid later is said by `payment_recovered`.
  const isPaid = state.status !== 'past_due' && row.status !== 'past_due'
  if (isLater(state.period_start, row.period_start) && row.status !== 'incomplete' && isPaid)
    steps.push({ event: 'renewed', patch: pick(state, periods) })
  if (state.cancel_at_period_end && !row.cancel_at_period_end) steps.push(scheduleEnd(state, followedBy))
  if (!state.cancel_at_period_end && row.cancel_at_period_end)
    steps.push({ event: 'resumed', patch: pick(state, cancellation, state.next_plan_id === null ? noNext : {}) })
  const next = findNextChange(row, state, followedBy)
  return next ? [...steps, next] : steps
}

function scheduleEnd(state: DerivedSubscription, next: NextPlan | undefined): MirrorStep {
  const patch = pick(state, cancellation)
  if (!next) return { event: 'cancel_scheduled', patch }
  const { plan_id: next_plan_id, keep: next_keep } = next
  return { event: 'change_scheduled', patch: { ...patch, next_plan_id, next_billing_interval: null, next_keep } }
}

const noNext = { next_plan_id: null, next_billing_interval: null, next_keep: null }
const paid = ['billing_interval', 'price', 'currency'] as const
const periods = ['period_start', 'period_end'] as const
const cancellation = ['cancel_at_period_end', 'canceled_at', 'end_date'] as const
// Without the plans, which have steps of their own.
const mirrored = [...paid, ...periods, ...cancellation, 'trial_end', 'grace_until'] as const

function findStatusEvent(from: SubscriptionStatus, to: SubscriptionStatus): SubscriptionEventType | null {
  if (from === to) return null
  if (from === 'incomplete') return isLiving(to) ? 'completed' : null
  if (to === 'past_due') return 'payment_failed'
  if (to === 'trialing') return 'trial_begun'
  if (to === 'active') return from === 'trialing' ? 'trial_ended' : 'payment_recovered'
  return null
}

/** A change to a plan that is not paid at Stripe is a cancellation there: as long as that holds, the plan is ours to know. */
function findNextChange(row: SubscriptionRow, state: DerivedSubscription, followedBy?: NextPlan): MirrorStep | null {
  const planned = state.plan_id === row.plan_id ? row.next_plan_id : null
  if (state.next_plan_id === planned) return null
  if (state.cancel_at_period_end && (planned !== null || followedBy)) return null
  const { next_plan_id, next_billing_interval } = state
  if (next_plan_id !== null) return { event: 'change_scheduled', patch: { next_plan_id, next_billing_interval } }
  return state.cancel_at_period_end || row.cancel_at_period_end ? null : { event: 'change_taken_back', patch: noNext }
}

function differences(row: SubscriptionState, state: DerivedSubscription): Partial<SubscriptionState> {
  const different = mirrored.filter((name) => !isDeepStrictEqual(comparable(row[name]), comparable(state[name])))
  // Once it has failed, a payment is not late anew with every attempt.
  return pick(state, row.status === 'past_due' ? different.filter((name) => name !== 'grace_until') : different)
}

/** Prices come with and without their cents. */
function comparable(value: unknown): unknown {
  if (value instanceof Date) return value.getTime()
  return typeof value === 'string' && /^\d+(\.\d+)?$/.test(value) ? Number(value) : value
}

function isLater(moment: Date | null, than: Date | null): boolean {
  return moment !== null && than !== null && moment > than
}

function pick<Name extends keyof DerivedSubscription & keyof SubscriptionState>(
  state: DerivedSubscription,
  names: readonly Name[],
  more: Partial<SubscriptionState> = {},
): Partial<SubscriptionState> {
  return { ...Object.fromEntries(names.map((name) => [name, state[name]])), ...more }
}
