import type { Plan } from '../../../api-client/src/api-types.ts'
import { countOf } from '../agent-logs/format-run.ts'
import { limitFigure } from '../limits/limit-words.ts'
import { formatCents } from '../plans/money.ts'
import { type BillingInterval, isFree, priceWords } from '../plans/plan-price.ts'
import type { Preview } from './subscription-queries.ts'
import { longDate } from './subscription-words.ts'

export interface PreviewWords {
  /** What is paid now, in large: `$49`, `Nothing`. Null where an admin is asked. */
  dueNow: string | null
  /** What happens, when, and what it costs then. */
  lines: string[]
  /** What the button does. */
  button: string
}

type Chosen = Pick<Plan, 'name' | 'price' | 'yearly_price' | 'currency' | 'is_by_arrangement'>

/** What choosing a plan would do, before it is done. */
export function describePreview(
  preview: Preview,
  plan: Chosen,
  interval: BillingInterval,
  present: string | null,
  now: Date,
): PreviewWords {
  const price = priceWords(plan, interval)
  const due = preview.amount_due_cents === null ? null : formatCents(preview.amount_due_cents, preview.currency)
  if (preview.kind === 'request') {
    return {
      dueNow: null,
      lines: [
        'The operator of this site puts you on this plan. Your wish goes to them, and the answer comes here.',
        plan.is_by_arrangement ? 'The price is talked about first.' : `It costs ${price}. You pay nothing now.`,
      ],
      button: 'Send the request',
    }
  }
  const isLater = preview.takes_effect_at !== null && new Date(preview.takes_effect_at) > addMinute(now)
  if (preview.kind === 'downgrade' && isLater && preview.takes_effect_at !== null) {
    return {
      dueNow: 'Nothing',
      lines: [
        `${present ?? 'Your plan'} stays as it is until ${longDate(preview.takes_effect_at)}: that is paid for.`,
        isFree(plan)
          ? `Then ${plan.name} begins, and nothing more is charged.`
          : `Then ${plan.name} begins for ${price}.`,
        'You can take this back until then.',
      ],
      button: `Change to ${plan.name}`,
    }
  }
  if (isFree(plan)) {
    return { dueNow: 'Nothing', lines: [`${plan.name} begins at once.`], button: `Take ${plan.name}` }
  }
  if (preview.trial_days > 0) {
    return {
      dueNow: 'Nothing',
      lines: [
        `${countOf(preview.trial_days, 'day')} for free, then ${price}. Cancel before that and nothing is charged.`,
        ...(preview.takes_effect_at === null ? [paymentPage] : []),
      ],
      button: preview.takes_effect_at === null ? 'Go to payment' : 'Start the trial',
    }
  }
  if (preview.takes_effect_at === null) {
    return {
      dueNow: due ?? price,
      lines: [`${plan.name} begins as soon as it is paid. It costs ${price}, until you cancel.`, paymentPage],
      button: 'Go to payment',
    }
  }
  return {
    dueNow: due ?? 'What is left of this period',
    lines: [
      `${plan.name} begins at once. It costs ${price}.`,
      ...(preview.kind === 'upgrade' ? ['What you have paid for the present period is taken off.'] : []),
    ],
    button: preview.amount_due_cents ? `Change now and pay ${due}` : 'Change now',
  }
}

/** That a plan deletes logs which the present one keeps, or null: nobody should lose them by a click that did not say so. */
export function forgetsLogs(
  plan: Pick<Plan, 'name' | 'features'>,
  present: Pick<Plan, 'features'> | null,
): string | null {
  const days = plan.features.limits.log_retention_days
  const presentDays = present?.features.limits.log_retention_days ?? Number.POSITIVE_INFINITY
  if (days === null || days >= presentDays) return null
  const age = limitFigure('log_retention_days', days)
  return `With ${plan.name}, conversations older than ${age} are deleted. Download what you want to keep under “Logs” before it begins.`
}

/** The clocks of browser and server are seldom quite the same. */
function addMinute(now: Date): Date {
  return new Date(now.getTime() + 60_000)
}

const paymentPage = 'You pay on a page of Stripe and come back here. Your card is never seen by this site.'
