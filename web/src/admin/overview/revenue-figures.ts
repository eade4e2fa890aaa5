import type { ResponseOf } from '../../../../api-client/src/route-types.ts'
import { formatMoney, toCents } from '../../plans/money.ts'
import { monthLabel } from '../chart-points.ts'

export type Revenue = ResponseOf<'GET /api/v1/admin/revenue'>
export type RevenueMonth = Revenue['months'][number]

/** Currencies with money in any month, the one with most of it now first. */
export function currenciesOf({ months }: Pick<Revenue, 'months'>): string[] {
  const now = months.at(-1)?.currencies ?? []
  const mrr = (code: string) => toCents(now.find(({ currency }) => currency === code)?.mrr ?? '0')
  const known = new Set(months.flatMap(({ currencies }) => currencies.map(({ currency }) => currency)))
  return [...known].sort((a, b) => mrr(b) - mrr(a) || a.localeCompare(b))
}

/** An amount of each month in one currency, 0 where there is none. */
export function amountIn(month: RevenueMonth, currency: string, name: 'mrr' | 'income'): number {
  return Number(month.currencies.find((one) => one.currency === currency)?.[name] ?? 0)
}

/** `$1,490 and €98`: money of several currencies is never added up. */
export function moneyWords(month: RevenueMonth | undefined, name: 'mrr' | 'income'): string {
  const amounts = month?.currencies.filter((one) => toCents(one[name]) > 0) ?? []
  if (amounts.length === 0) return formatMoney('0', month?.currencies[0]?.currency ?? 'USD')
  return amounts.map((one) => formatMoney(one[name], one.currency)).join(' and ')
}

/** How MRR moved against the month before: `+$149 since October`, or that it did not. */
export function mrrMove(months: readonly RevenueMonth[], currency: string): string {
  const [before, now] = months.slice(-2)
  if (!before || !now) return 'the first month'
  const cents = Math.round((amountIn(now, currency, 'mrr') - amountIn(before, currency, 'mrr')) * 100)
  const since = new Intl.DateTimeFormat(undefined, { month: 'long', timeZone: 'UTC' }).format(new Date(before.month))
  if (cents === 0) return `as at the end of ${since}`
  return `${cents > 0 ? '+' : '−'}${formatMoney(Math.abs(cents) / 100, currency)} since the end of ${since}`
}

export interface MonthPoint extends Record<string, number | string> {
  label: string
  new: number
  /** Below the line. */
  churned: number
  paying: number
  income: number
  cost: number
}

/** A point a month for the charts, with the money of one currency. */
export function toMonthPoints(months: readonly RevenueMonth[], currency: string): MonthPoint[] {
  return months.map((month) => ({
    label: monthLabel(month.month),
    new: month.new,
    churned: -month.churned,
    paying: month.paying,
    income: amountIn(month, currency, 'income'),
    cost: month.model_cost_usd,
  }))
}

/** `4 %`, of who paid a month before; a dash where nobody did. */
export function churnWords(month: RevenueMonth | undefined): string {
  if (!month || month.churn_rate === null) return '–'
  return `${(month.churn_rate * 100).toLocaleString('en-US', { maximumFractionDigits: 1 })} %`
}
