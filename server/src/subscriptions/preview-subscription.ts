import type { Services } from '../app.ts'
import type { Claims } from '../database/database.ts'
import { toCents } from '../stripe/money.ts'
import type { SubscriptionPreview } from './subscription-schemas.ts'
import { type Choice, type WeighedChoice, weighChoice } from './weigh-choice.ts'

/** What choosing a plan would do. Changes nothing; asks Stripe what an upgrade costs. */
export async function previewSubscription(
  { database, stripe }: Pick<Services, 'database' | 'stripe'>,
  claims: Claims,
  choice: Choice,
): Promise<SubscriptionPreview> {
  const asker = {
    userId: claims.sub,
    isAdmin: claims.user_role === 'admin',
    canPay: stripe !== null,
    now: new Date(),
  }
  const weighed = await database.withUser(claims, (tx) => weighChoice(tx, asker, choice))
  const { plan, billingInterval } = weighed
  let due = { amountDueCents: amountDue(weighed), currency: plan.currency }
  if (weighed.way === 'upgrade_at_stripe' && billingInterval && stripe)
    due = await stripe.previewUpgrade(claims.sub, { planId: plan.id, billingInterval })
  return {
    kind: weighed.kind,
    takes_effect_at: weighed.takesEffectAt,
    amount_due_cents: due.amountDueCents,
    currency: due.currency,
    trial_days: weighed.trialDays,
    must_choose: weighed.fits || weighed.way === 'none' ? null : toMustChoose(weighed),
    ends: weighed.way === 'none' ? [] : weighed.ends,
  }
}

function amountDue({ way, plan, billingInterval, trialDays }: WeighedChoice): number | null {
  if (way === 'ask_admin') return null
  if (way !== 'checkout' || trialDays > 0) return 0
  return toCents((billingInterval === 'year' ? plan.yearly_price : null) ?? plan.price, plan.currency)
}

function toMustChoose({ plan, items }: WeighedChoice): NonNullable<SubscriptionPreview['must_choose']> {
  const { limits, switches } = plan.features
  return {
    user_agents: { limit: limits.user_agents, accounts_limit: limits.integrations, items: items.userAgents },
    api_keys: { limit: switches.api ? limits.api_keys : null, items: items.apiKeys },
  }
}
