import type { Services } from '../app.ts'
import type { Claims, Tx } from '../database/database.ts'
import { AppError, type Fault } from '../errors.ts'
import type { PlanFeatures } from '../plans/plan-features.ts'
import { applySubscription } from './apply-subscription.ts'
import { createPlanRequest } from './plan-request-queries.ts'
import { findCurrentSubscription, lockSubscription, type SubscriptionRow } from './subscription-queries.ts'
import type { Keep } from './subscription-schemas.ts'
import { chooseWhatStays, fitsApiKeys, fitsUserAgents, type LiveItems } from './switch-off-beyond-plan.ts'
import { type Choice, type WeighedChoice, weighChoice } from './weigh-choice.ts'
import { freeSubscription } from './write-subscription.ts'

interface ChosenPlan extends Choice {
  keep?: Keep | undefined
  message?: string | undefined
}

interface Outcome {
  subscription?: SubscriptionRow
  checkout_url?: string
  request?: Awaited<ReturnType<typeof createPlanRequest>>
}

const reason = 'a user chooses a plan; nobody writes subscriptions but the server'

/**
 * Puts a user on a plan: at once, at the end of what is paid, by way of Stripe, or by asking an admin. Throws
 * `plan_not_available`, `plan_needs_less` when it has to be chosen what stays on, `subscription_change_not_allowed`.
 */
export async function choosePlan(
  services: Pick<Services, 'database' | 'stripe'>,
  claims: Claims,
  chosen: ChosenPlan,
): Promise<Outcome> {
  const { database, stripe } = services
  const weigh = async (tx: Tx) => {
    const asker = {
      userId: claims.sub,
      isAdmin: claims.user_role === 'admin',
      canPay: stripe !== null,
      now: new Date(),
    }
    const weighed = await weighChoice(tx, asker, chosen)
    if (weighed.way === 'none')
      throw new AppError('subscription_change_not_allowed', { detail: 'You have this plan already.' })
    if (!asker.isAdmin) checkKeep(weighed, chosen.keep)
    return weighed
  }
  const weighed = await database.withUser(claims, weigh)
  switch (weighed.way) {
    case 'checkout':
    case 'upgrade_at_stripe':
    case 'downgrade_at_stripe':
    case 'free_after_stripe':
      return chooseAtStripe(services, claims, weighed, chosen.keep ?? null)
    default:
      return database.asSystem(reason, async (tx) => {
        await lockSubscription(tx, claims.sub)
        // What was found before the lock may have changed meanwhile.
        return chooseHere(tx, claims, await weigh(tx), chosen)
      })
  }
}

async function chooseHere(tx: Tx, claims: Claims, weighed: WeighedChoice, chosen: ChosenPlan): Promise<Outcome> {
  const { plan, billingInterval, way } = weighed
  const keep = chosen.keep ?? null
  const apply = (change: Parameters<typeof applySubscription>[1]['change']) =>
    applySubscription(tx, { userId: claims.sub, change, cause: 'user', actor: claims.sub })
  switch (way) {
    case 'free_now':
      return toOutcome(await apply({ kind: 'begin', ...freeSubscription(plan, keep) }))
    case 'free_later':
      return toOutcome(await apply({ kind: 'schedule_plan', plan_id: plan.id, billing_interval: null, keep }))
    case 'ask_admin': {
      const { message = null } = chosen
      const request = { userId: claims.sub, planId: plan.id, billingInterval, message: message || null, keep }
      return { request: await createPlanRequest(tx, request) }
    }
    default:
      // A payment has arrived in between.
      throw new AppError('conflict')
  }
}

async function chooseAtStripe(
  { database, stripe }: Pick<Services, 'database' | 'stripe'>,
  claims: Claims,
  { plan, billingInterval, way, trialDays, current }: WeighedChoice,
  keep: Keep | null,
): Promise<Outcome> {
  const userId = claims.sub
  if (!stripe) throw new AppError('stripe_not_configured')
  const remember = (kept: Keep | null) =>
    database.asSystem('what a user chose to keep is there when Stripe says that the plan has begun', (tx) =>
      applySubscription(tx, { userId, change: { kind: 'remember_keep', keep: kept }, cause: 'user', actor: userId }),
    )
  // A page of Stripe may be left without paying: what was chosen for a change that is to come stays.
  const isRemembered = current !== null && !(way === 'checkout' && current.next_plan_id !== null)
  if (isRemembered) await remember(keep)
  try {
    if (way === 'free_after_stripe') {
      await stripe.cancelAtPeriodEnd(userId, { actor: userId, next: { plan_id: plan.id, keep } })
      // Where it was cancelled already, or a message of Stripe was quicker, the plan that follows is still to be written.
      const change = { kind: 'schedule_plan' as const, plan_id: plan.id, billing_interval: null, keep }
      await database.asSystem(reason, async (tx) => {
        await lockSubscription(tx, userId)
        const present = await findCurrentSubscription(tx, userId)
        if (present?.next_plan_id !== plan.id)
          await applySubscription(tx, { userId, change, cause: 'user', actor: userId })
      })
    } else {
      if (!billingInterval) throw new AppError('invalid_request')
      const choice = { planId: plan.id, billingInterval }
      if (way === 'checkout')
        return { checkout_url: (await stripe.startCheckout(userId, { ...choice, trialDays })).url }
      await (way === 'upgrade_at_stripe' ? stripe.upgrade(userId, choice) : stripe.downgrade(userId, choice))
    }
  } catch (error) {
    if (isRemembered) await remember(current.next_keep)
    throw error
  }
  return toOutcome(await database.withUser(claims, (tx) => findCurrentSubscription(tx, userId)))
}

const toOutcome = (subscription: SubscriptionRow | null): Outcome => (subscription ? { subscription } : {})

/** What does not fit has to be chosen by whoever it belongs to: nothing is switched off by guessing. */
function checkKeep({ plan, items, fits }: WeighedChoice, keep: Keep | undefined): void {
  if (!keep) {
    if (fits) return
    throw new AppError('plan_needs_less', { faults: listFaults(items, plan.features, 'keep') })
  }
  const kept: LiveItems = {
    userAgents: items.userAgents.filter(({ id }) => keep.user_agent_ids.includes(id)),
    apiKeys: items.apiKeys.filter(({ id }) => keep.api_key_ids.includes(id)),
  }
  const faults = listFaults(kept, plan.features, 'chosen')
  if (faults.length > 0) throw new AppError('plan_needs_less', { faults })
}

function listFaults(items: LiveItems, features: PlanFeatures, what: 'keep' | 'chosen'): Fault[] {
  const faults: Fault[] = []
  const { limits } = features
  const are = what === 'keep' ? 'are on' : 'are chosen'
  if (!fitsUserAgents(items.userAgents, features)) {
    const room = chooseWhatStays(items, features, null).user_agent_ids.length
    const count = items.userAgents.length
    faults.push({
      path: '/keep/user_agent_ids',
      message:
        limits.user_agents !== null && count > limits.user_agents
          ? `Choose which stay on: ${count} ${are}, ${limits.user_agents} can be.`
          : `Choose which stay on: together they have more connected accounts than ${limits.integrations}; of the oldest, ${room} can be on.`,
    })
  }
  if (!fitsApiKeys(items.apiKeys.length, features))
    faults.push({
      path: '/keep/api_key_ids',
      message: `Choose which go on working: ${items.apiKeys.length} keys ${what === 'keep' ? 'work' : 'are chosen'}, ${limits.api_keys} can.`,
    })
  return faults
}
