import type { Tx } from '../../database/database.ts'
import {
  countStates,
  countSubscribers,
  listPayingPlans,
  type RevenueRange,
  sumCosts,
  sumDays,
  sumRevenue,
} from './revenue-queries.ts'
import type { Revenue } from './revenue-schemas.ts'

const daysShown = 30

/**
 * Subscribers, money and cost by month. Of each month the last one who stands at its end counts: who came and left within
 * a month is in its income, and neither new nor churned. So `paying` is always the month before, plus new, less churned.
 */
export async function readRevenue(tx: Tx, range: RevenueRange): Promise<Revenue> {
  const subscribers = await countSubscribers(tx, range)
  const money = Map.groupBy(await sumRevenue(tx, range), ({ k }) => k)
  const costs = new Map((await sumCosts(tx, range)).map((row) => [row.k, row]))
  return {
    at: range.now,
    months: subscribers.map(({ k, before, ...counts }) => {
      const { runs = 0, unpriced_runs = 0, model_cost_usd = 0 } = costs.get(k) ?? {}
      return {
        ...counts,
        churn_rate: before === 0 ? null : counts.churned / before,
        currencies: (money.get(k) ?? []).map(({ k: _, ...row }) => row),
        ...{ runs, unpriced_runs, model_cost_usd },
      }
    }),
    states: await countStates(tx, range.now),
    plans: await listPayingPlans(tx, range),
    days: await sumDays(tx, range.now, daysShown),
  }
}
