import { amountWords } from '../plans/plan-price.ts'
import type { SubscriptionEvent } from './subscription-queries.ts'

type Told = Pick<SubscriptionEvent, 'type' | 'from_plan_name' | 'to_plan_name' | 'to_status' | 'by' | 'detail'>

/** One change of a subscription, for the one who has it. `nameOf` knows the plans that can be seen now. */
export function describeEvent(event: Told, nameOf: (planId: string) => string | undefined): string {
  const next = typeof event.detail.next_plan_id === 'string' ? nameOf(event.detail.next_plan_id) : undefined
  const plan = event.to_plan_name ?? 'A plan'
  const sentence: Record<Told['type'], string> = {
    begun: event.to_status === 'trialing' ? `The trial of ${plan} began` : `${plan} began`,
    completed: `${plan} was paid and began`,
    trial_begun: `A trial of ${plan} began`,
    trial_ended: `The trial ended and ${plan} went on`,
    payment_failed: `A payment for ${plan} did not go through`,
    payment_recovered: `The payment for ${plan} went through`,
    renewed: `${plan} was renewed`,
    adjusted: `${plan} was adjusted`,
    plan_changed: event.from_plan_name ? `${event.from_plan_name} became ${plan}` : `The plan became ${plan}`,
    change_scheduled: `A change ${next ? `to ${next}` : 'of plan'} was set for the end of the period`,
    change_taken_back: 'The change of plan was taken back',
    cancel_scheduled: `${plan} was cancelled for the end of the period`,
    resumed: `The cancellation of ${plan} was taken back`,
    canceled: `${plan} ended`,
    expired: `${plan} ran out`,
    replaced: `Another plan took the place of ${event.from_plan_name ?? plan}`,
  }
  return sentence[event.type]
}

/** `by you`, `by the operator`; nothing where it went by itself. */
export function actorWords({ by }: Pick<Told, 'by'>): string | null {
  return { me: 'by you', admin: 'by the operator', server: null }[by]
}

const pricedTypes = ['begun', 'completed', 'trial_ended', 'renewed', 'adjusted', 'plan_changed']

/** What it costs since then; null where nothing does, or where nothing about it changed. */
export function eventPrice({ type, detail }: Pick<Told, 'type' | 'detail'>): string | null {
  if (!pricedTypes.includes(type)) return null
  const { price, currency, billing_interval: interval } = detail
  if (typeof price !== 'string' || typeof currency !== 'string' || Number(price) === 0) return null
  return interval === 'month' || interval === 'year' ? amountWords(price, currency, interval) : null
}

/** What an admin gave as the reason. */
export function eventReason({ detail }: Pick<Told, 'detail'>): string | null {
  return typeof detail.reason === 'string' && detail.reason !== '' ? detail.reason : null
}
