import type { ResponseOf } from '../../../api-client/src/route-types.ts'

export const usageRanges = ['week', 'month', 'quarter', 'year'] as const
export type UsageRange = (typeof usageRanges)[number]

export const rangeWords: Record<UsageRange, string> = {
  week: '7 days',
  month: '30 days',
  quarter: '90 days',
  year: '12 months',
}

export type Usage = ResponseOf<'GET /api/v1/usage'>

const days = { week: 7, month: 30, quarter: 90 } as const

/** What to ask the API for: whole days up to now, or whole months for a year. */
export function toUsageQuery(range: UsageRange, now: Date) {
  const timeZone = Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC'
  const from = new Date(now)
  if (range === 'year') {
    // The first of the month: from the 31st, eleven months back may be a day that month does not have.
    from.setDate(1)
    from.setMonth(from.getMonth() - 11)
  } else from.setDate(from.getDate() - days[range] + 1)
  return {
    from: from.toISOString(),
    to: now.toISOString(),
    by: range === 'year' ? 'month' : 'day',
    time_zone: timeZone,
  } as const
}

export interface UsagePoint extends Record<string, number | string> {
  /** Name of the period, unique in a chart. */
  label: string
  succeeded: number
  failed: number
  other: number
  input_tokens: number
  output_tokens: number
  cost_usd: number
}

/** One point a period, also where nothing ran. */
export function toPoints({ periods, data }: Pick<Usage, 'periods' | 'data'>, range: UsageRange): UsagePoint[] {
  const format = new Intl.DateTimeFormat(
    undefined,
    range === 'year' ? { month: 'short', year: '2-digit' } : { day: 'numeric', month: 'short' },
  )
  const points = new Map(
    periods.map((start) => [
      start,
      {
        label: format.format(new Date(start)),
        succeeded: 0,
        failed: 0,
        other: 0,
        input_tokens: 0,
        output_tokens: 0,
        cost_usd: 0,
      },
    ]),
  )
  for (const row of data) {
    const point = points.get(row.start)
    if (!point) continue
    point.succeeded += row.succeeded
    point.failed += row.failed
    point.other += row.runs - row.succeeded - row.failed
    point.input_tokens += row.input_tokens
    point.output_tokens += row.output_tokens
    point.cost_usd += row.cost_usd
  }
  return [...points.values()]
}
