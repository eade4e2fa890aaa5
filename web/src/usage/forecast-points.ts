import type { ResponseOf } from '../../../api-client/src/route-types.ts'
import { formatCost, formatCount } from '../agent-logs/format-run.ts'
import type { Usage } from './usage-ranges.ts'

export type Forecast = ResponseOf<'GET /api/v1/usage/forecast'>
export type Measure = 'runs' | 'cost_usd'

export interface ForecastPoint {
  /** Day of the month. */
  label: string
  /** Added up since the month began; null for days to come. */
  so_far: number | null
  /** The same from today to the end of the month; null for days that are over. */
  expected: number | null
}

type Row = Pick<Usage['data'][number], 'start' | 'runs' | 'failed' | 'interrupted' | 'cost_usd'>

/** The month added up day by day, and where it leads when it goes on like this. Rows are days of UTC. */
export function toForecastPoints(forecast: Forecast, rows: readonly Row[], measure: Measure): ForecastPoint[] {
  const days = daysOf(forecast.month)
  const today = days - forecast.days_left + 1
  const now = forecast[measure]
  const end = measure === 'runs' ? forecast.runs_at_month_end : forecast.cost_usd_at_month_end
  const byDay = new Map<number, number>()
  for (const row of rows) {
    if (!row.start.startsWith(forecast.month.slice(0, 7))) continue
    // As limits count: what failed or was cut off is given back, what it cost is not.
    const amount = measure === 'runs' ? row.runs - row.failed - row.interrupted : row.cost_usd
    const day = Number(row.start.slice(8, 10))
    byDay.set(day, (byDay.get(day) ?? 0) + amount)
  }
  let sum = 0
  return Array.from({ length: days }, (_, index) => {
    const day = index + 1
    sum += byDay.get(day) ?? 0
    return {
      label: String(day),
      // The counter is exact to the moment; the hours that it is compared with may be a step behind.
      so_far: day > today ? null : day === today ? now : Math.min(sum, now),
      expected: day < today ? null : now + (day === today ? 0 : ((end - now) * (day - today)) / (days - today)),
    }
  })
}

function daysOf(month: string): number {
  const [year = 0, number = 1] = month.split('-').map(Number)
  return new Date(Date.UTC(year, number, 0)).getUTCDate()
}

export function monthName(month: string): string {
  return new Intl.DateTimeFormat(undefined, { month: 'long', timeZone: 'UTC' }).format(new Date(`${month}T00:00:00Z`))
}

function dayName(date: string): string {
  const options = { day: 'numeric', month: 'long', timeZone: 'UTC' } as const
  return new Intl.DateTimeFormat(undefined, options).format(new Date(`${date}T00:00:00Z`))
}

/** The same in words; `runsLimit` is that of the plan, null without one. */
export function describeForecast(forecast: Forecast, runsLimit: number | null): { sentence: string; isShort: boolean } {
  const { month, runs, runs_at_month_end, cost_usd_at_month_end, limit_reached_on } = forecast
  if (runs === 0) return { sentence: `Nothing has run in ${monthName(month)} yet.`, isShort: false }
  const cost = cost_usd_at_month_end > 0 ? ` for ${formatCost(cost_usd_at_month_end)} of model cost` : ''
  const sentence = `If it goes on like this, ${monthName(month)} ends with about ${formatCount(runs_at_month_end)} runs${cost}.`
  if (runsLimit === null) return { sentence, isShort: false }
  const limit = formatCount(runsLimit)
  if (runs >= runsLimit) return { sentence: `All ${limit} runs of your plan are used.`, isShort: true }
  if (limit_reached_on !== null) {
    return {
      sentence: `${sentence} Your plan has ${limit}: they last until ${dayName(limit_reached_on)}.`,
      isShort: true,
    }
  }
  return { sentence: `${sentence} Your plan has ${limit}: that is enough.`, isShort: false }
}
