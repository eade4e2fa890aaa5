import type { Plan } from '../../../api-client/src/api-types.ts'
import { formatMoney, toCents } from './money.ts'

export type BillingInterval = 'month' | 'year'

type Priced = Pick<Plan, 'price' | 'yearly_price' | 'currency' | 'is_by_arrangement'>

export function isFree(plan: Priced): boolean {
  return !plan.is_by_arrangement && toCents(plan.price) === 0
}

/** By which it can be paid: a plan without a yearly price is paid by the month whatever the switch says. */
export function intervalOf(plan: Priced, wanted: BillingInterval): BillingInterval {
  return wanted === 'year' && plan.yearly_price !== null ? 'year' : 'month'
}

/** `Free`, `$49 a month`, `$490 a year`, `By arrangement`. */
export function priceWords(plan: Priced, wanted: BillingInterval): string {
  if (plan.is_by_arrangement) return 'By arrangement'
  if (isFree(plan)) return 'Free'
  const interval = intervalOf(plan, wanted)
  return amountWords(interval === 'year' ? (plan.yearly_price ?? plan.price) : plan.price, plan.currency, interval)
}

export function amountWords(amount: string, currency: string, interval: BillingInterval): string {
  return `${formatMoney(amount, currency)} a ${interval}`
}

/** What paying by the year saves against twelve months; null when it saves nothing or cannot be had. */
export function yearlySaving(plan: Priced): { amount: string; percent: number } | null {
  if (plan.yearly_price === null || plan.is_by_arrangement) return null
  const months = 12 * toCents(plan.price)
  const saved = months - toCents(plan.yearly_price)
  if (saved <= 0) return null
  return { amount: formatMoney(saved / 100, plan.currency), percent: Math.floor((saved / months) * 100) }
}

/** The most that any of them saves, for the switch above them. */
export function bestSaving(plans: readonly Priced[]): number {
  return Math.max(0, ...plans.map((plan) => yearlySaving(plan)?.percent ?? 0))
}
