import type { Tx } from '../database/database.ts'
import { AppError } from '../errors.ts'
import type { PlanFeatures, SwitchName } from '../plans/plan-features.ts'
import { findDefaultPlan, findPlan, isOffered, type PlanRow } from '../plans/plan-queries.ts'
import { findCurrentSubscription, hadTrial, type SubscriptionRow } from './subscription-queries.ts'
import type { BillingInterval, SubscriptionPreview } from './subscription-schemas.ts'
import { fitsApiKeys, fitsUserAgents, type LiveItems, listLiveItems } from './switch-off-beyond-plan.ts'
import { hasLapsed } from './transitions.ts'
import { isFree } from './write-subscription.ts'

export interface Choice {
  plan_id: string
  billing_interval: BillingInterval | null
}

/** How a choice is carried out. */
type Way =
  | 'none'
  | 'ask_admin'
  /** Costs nothing and begins at once, or when what is paid for is over. */
  | 'free_now'
  | 'free_later'
  | 'checkout'
  | 'upgrade_at_stripe'
  | 'downgrade_at_stripe'
  | 'free_after_stripe'

export interface WeighedChoice {
  plan: PlanRow
  billingInterval: BillingInterval | null
  current: SubscriptionRow | null
  kind: SubscriptionPreview['kind']
  way: Way
  takesEffectAt: Date | null
  trialDays: number
  /** What there is that counts for the limits of the plan. */
  items: LiveItems
  fits: boolean
  /** What the plan does not have that the present one has. */
  ends: string[]
}

interface Asker {
  userId: string
  isAdmin: boolean
  /** Whether Stripe is set up. */
  canPay: boolean
  now: Date
}

/**
 * What choosing a plan comes to for a user. Throws `not_found` for plans that they cannot see, `plan_not_available` for what
 * is not on the market any more.
 */
export async function weighChoice(tx: Tx, asker: Asker, choice: Choice): Promise<WeighedChoice> {
  const { userId, now } = asker
  const current = await findCurrentSubscription(tx, userId)
  const plan = await findPlan(tx, choice.plan_id)
  const living = current && !hasLapsed(current, now) ? current : null
  // Who had a plan may buy it again. One that costs nothing, and was given until some day, is not taken by oneself.
  const isTheirs = plan?.id === current?.plan_id && plan !== null && (living !== null || !isFree(plan))
  if (!plan || !(isTheirs || (await isOffered(tx, plan, userId)))) throw new AppError('not_found')
  const present = current ? await findPlan(tx, current.plan_id) : await findDefaultPlan(tx)
  const isPresent = living ? plan.id === living.plan_id : !current && plan.is_default
  if (plan.archived_at !== null && !isPresent) throw new AppError('plan_not_available')
  const billingInterval = isFree(plan) || plan.is_by_arrangement ? null : readInterval(plan, choice.billing_interval)
  const decision = decide(asker, { plan, present, living, isPresent, billingInterval })
  const items = await listLiveItems(tx, userId)
  const getsTrial = decision.way === 'checkout' && plan.trial_days > 0 && !(await hadTrial(tx, userId, plan.id))
  return {
    ...decision,
    plan,
    billingInterval,
    current,
    trialDays: getsTrial ? plan.trial_days : 0,
    items,
    fits:
      asker.isAdmin ||
      (fitsUserAgents(items.userAgents, plan.features) && fitsApiKeys(items.apiKeys.length, plan.features)),
    ends: listEnds(asker.isAdmin ? null : (present?.features ?? null), plan.features),
  }
}

interface Situation {
  plan: PlanRow
  present: PlanRow | null
  living: SubscriptionRow | null
  isPresent: boolean
  billingInterval: BillingInterval | null
}

function decide(
  { canPay, now }: Asker,
  { plan, present, living, isPresent, billingInterval }: Situation,
): Pick<WeighedChoice, 'kind' | 'way' | 'takesEffectAt'> {
  const isPaidAtStripe = living?.source === 'stripe'
  if (isPresent && !(isPaidAtStripe && billingInterval !== living.billing_interval))
    return { kind: 'same', way: 'none', takesEffectAt: null }
  const kind = !living ? 'begin' : isLarger(plan, billingInterval, present, living) ? 'upgrade' : 'downgrade'
  if (isFree(plan)) {
    const until = living && findPaidUntil(living, now)
    if (living && isPaidAtStripe) return { kind, way: 'free_after_stripe', takesEffectAt: until ?? now }
    return { kind, way: until ? 'free_later' : 'free_now', takesEffectAt: until ?? now }
  }
  if (plan.is_by_arrangement || !canPay) return { kind: 'request', way: 'ask_admin', takesEffectAt: null }
  if (!isPaidAtStripe) return { kind, way: 'checkout', takesEffectAt: null }
  if (kind === 'upgrade') return { kind, way: 'upgrade_at_stripe', takesEffectAt: now }
  // At Stripe a period of another length would begin at once, and what was paid would be lost.
  if (billingInterval !== living.billing_interval)
    throw new AppError('subscription_change_not_allowed', {
      detail: 'You have paid for a year: cancel, and choose this plan when the year is over, or choose it by the year.',
    })
  return { kind, way: 'downgrade_at_stripe', takesEffectAt: findPaidUntil(living, now) }
}

/** Until when a subscription goes on by itself: the end of its trial, period or time. Null: it has no end to wait for. */
export function findPaidUntil(row: SubscriptionRow, now: Date): Date | null {
  const ends = [row.status === 'trialing' ? row.trial_end : row.period_end, row.end_date]
  const [first] = ends.filter((end) => end !== null && end > now).sort((one, other) => Number(one) - Number(other))
  return first ?? null
}

/** By the price of a month; of plans that cost the same, the one that is listed later. A year is more than a month. */
function isLarger(plan: PlanRow, interval: BillingInterval | null, present: PlanRow | null, living: SubscriptionRow) {
  if (!present) return true
  if (present.id === plan.id) return interval === 'year' && living.billing_interval !== 'year'
  const size = (of: PlanRow) => (of.is_by_arrangement ? Number.POSITIVE_INFINITY : Number(of.price))
  return size(plan) === size(present) ? plan.position > present.position : size(plan) > size(present)
}

function readInterval(plan: PlanRow, interval: BillingInterval | null): BillingInterval {
  const faulty = (message: string) =>
    new AppError('invalid_request', { faults: [{ path: '/billing_interval', message }] })
  if (interval === null) throw faulty('Choose to pay by the month or by the year.')
  if (interval === 'year' && plan.yearly_price === null) throw faulty('This plan is paid by the month.')
  return interval
}

// What nobody can use yet is nothing that ends.
const switchTexts: Partial<Record<SwitchName, string>> = {
  api: 'The API and API keys',
  publishing: 'Publishing agents in the catalogue',
}

function listEnds(present: PlanFeatures | null, next: PlanFeatures): string[] {
  const ends = Object.entries(switchTexts)
    .filter(([name]) => (present?.switches[name as SwitchName] ?? true) && !next.switches[name as SwitchName])
    .map(([, text]) => text)
  if ((present?.models ?? 'all') === 'all' && next.models === 'built_in')
    ends.push('Language models: only the built-in model answers')
  const types = next.integration_types
  if (types && (!present?.integration_types || present.integration_types.some((type) => !types.includes(type))))
    ends.push(types.length === 0 ? 'Connected accounts' : `Connected accounts of other kinds than ${types.join(', ')}`)
  return ends
}
