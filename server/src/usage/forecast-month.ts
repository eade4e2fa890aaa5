import type { UsageForecast } from './usage-schemas.ts'

export interface UsageOfDay {
  /** `2026-11-22`, of UTC. */
  date: string
  runs: number
  cost_usd: number
}

export interface ForecastInput {
  now: Date
  /** Days with usage, in any order, from `historyDays` before today or the begin of the month on, whichever is earlier. */
  days: readonly UsageOfDay[]
  /** Runs of the plan in a month; null: no limit. */
  runsLimit: number | null
  /** What of them is used, as limits count. */
  runsUsed: number
}

/** Four weeks: a weekday is compared with at most its last four. */
export const historyDays = 28
const dayMs = 86_400_000

interface Pace {
  runs: number
  cost_usd: number
}

/** What the month of `now` (UTC) will come to when it goes on like this. */
export function forecastMonth({ now, days, runsLimit, runsUsed }: ForecastInput): UsageForecast {
  const today = Math.floor(now.getTime() / dayMs)
  const [year, month] = [now.getUTCFullYear(), now.getUTCMonth()]
  const [first, next] = [Date.UTC(year, month, 1) / dayMs, Date.UTC(year, month + 1, 1) / dayMs]
  const paceOf = createPace(now, today, days)
  const sofar = sumOf(days.filter(({ date }) => dayNumber(date) >= first && dayNumber(date) <= today))
  const atEnd = { ...sofar }
  let used = runsUsed
  let reachedOn = runsLimit !== null && used >= runsLimit ? today : null
  for (let day = today; day < next; day++) {
    const pace = paceOf(day)
    const share = day === today ? 1 - (now.getTime() / dayMs - today) : 1
    atEnd.runs += pace.runs * share
    atEnd.cost_usd += pace.cost_usd * share
    used += pace.runs * share
    // Sums of many small shares fall short of whole numbers by next to nothing.
    if (reachedOn === null && runsLimit !== null && used + 1e-9 >= runsLimit) reachedOn = day
  }
  return {
    month: dateOf(first),
    days_left: next - today,
    runs: sofar.runs,
    runs_at_month_end: Math.round(atEnd.runs),
    cost_usd: round(sofar.cost_usd),
    cost_usd_at_month_end: round(atEnd.cost_usd),
    limit_reached_on: reachedOn === null ? null : dateOf(reachedOn),
  }
}

/** How much a day brings: what it brought lately on average, and on the same weekday where there are two weeks or more. */
function createPace(now: Date, today: number, days: readonly UsageOfDay[]): (day: number) => Pace {
  const byDay = new Map(days.map((day) => [dayNumber(day.date), day]))
  const begun = [...byDay].filter(([day, { runs, cost_usd }]) => day <= today && (runs > 0 || cost_usd > 0))
  if (begun.length === 0) return () => ({ runs: 0, cost_usd: 0 })
  const firstDay = Math.max(Math.min(...begun.map(([day]) => day)), today - historyDays)
  const of = (from: number, count: number, step = 1) =>
    Array.from({ length: count }, (_, n) => byDay.get(from - n * step) ?? { runs: 0, cost_usd: 0 })
  const fullDays = today - firstDay
  if (fullDays < 7) {
    // The first hours of somebody's first day say nothing of a whole one.
    const elapsed = Math.max(1, now.getTime() / dayMs - firstDay)
    const pace = divide(sumOf(of(today, fullDays + 1)), elapsed)
    return () => pace
  }
  const lately = divide(sumOf(of(today - 1, 7)), 7)
  const weeks = Math.floor(fullDays / 7)
  if (weeks < 2) return () => lately
  const ofWeekdays = Array.from({ length: 7 }, (_, n) => divide(sumOf(of(today - 7 + n, weeks, 7)), weeks))
  return (day) => {
    const weekday = ofWeekdays[(day - today) % 7] ?? lately
    return divide(sumOf([lately, weekday]), 2)
  }
}

const dayNumber = (date: string) => Date.parse(date) / dayMs
const dateOf = (day: number) => new Date(day * dayMs).toISOString().slice(0, 10)
// Money of models has eight digits; sums of floats have more, which mean nothing.
const round = (amount: number) => Math.round(amount * 1e8) / 1e8
const divide = ({ runs, cost_usd }: Pace, by: number): Pace => ({ runs: runs / by, cost_usd: cost_usd / by })

function sumOf(all: readonly Pace[]): Pace {
  return all.reduce((sum, { runs, cost_usd }) => ({ runs: sum.runs + runs, cost_usd: sum.cost_usd + cost_usd }), {
    runs: 0,
    cost_usd: 0,
  } as Pace)
}
