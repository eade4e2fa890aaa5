export const runStatuses = ['succeeded', 'failed', 'running', 'waiting', 'cancelled', 'interrupted'] as const
export type RunStatus = (typeof runStatuses)[number]

export const timeRanges = ['hour', 'day', 'week', 'month', 'custom', 'all'] as const
export type TimeRange = (typeof timeRanges)[number]

/** The filters of the list of logs, as they stand in the address of the page: a link shows the same list to its reader. */
export interface LogFilters {
  agent_id?: string
  user_agent_id?: string
  conversation_id?: string
  status?: RunStatus
  range?: TimeRange
  /** Days such as `2026-11-22` in the reader's time zone; only with the range `custom`. Both are included. */
  from?: string
  to?: string
  search?: string
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i
const day = /^\d{4}-\d{2}-\d{2}$/

/** Reads the filters of an address; what is not a filter or not valid is left out, so that an old link still opens. */
export function readFilters(params: Record<string, unknown>): LogFilters {
  const text = (name: string, fits: (value: string) => boolean) => {
    const value = params[name]
    // The router reads `?search=42` as a number.
    const asText = typeof value === 'number' || typeof value === 'boolean' ? String(value) : value
    return typeof asText === 'string' && asText !== '' && fits(asText) ? asText : undefined
  }
  const isDay = (value: string) => day.test(value) && !Number.isNaN(new Date(`${value}T00:00:00`).getTime())
  const range = timeRanges.find((known) => known === params.range)
  return withoutEmpty({
    agent_id: text('agent_id', (value) => uuid.test(value)),
    user_agent_id: text('user_agent_id', (value) => uuid.test(value)),
    conversation_id: text('conversation_id', (value) => uuid.test(value)),
    status: runStatuses.find((known) => known === params.status),
    range: range === 'all' ? undefined : range,
    from: range === 'custom' ? text('from', isDay) : undefined,
    to: range === 'custom' ? text('to', isDay) : undefined,
    search: text('search', (value) => value.length <= 200),
  })
}

export function hasFilters(filters: LogFilters): boolean {
  return Object.values(withoutEmpty(filters)).length > 0
}

const rangeMs = { hour: 3_600_000, day: 86_400_000, week: 7 * 86_400_000, month: 30 * 86_400_000 }

/** The filters as the query of a request, for the links that download. */
export function toSearchString(query: LogQuery): string {
  return new URLSearchParams(withoutEmpty(query) as Record<string, string>).toString()
}

export interface LogQuery {
  agent_id?: string
  user_agent_id?: string
  conversation_id?: string
  status?: RunStatus
  from?: string
  to?: string
  search?: string
}

/**
 * The same filters as the API takes them. `now` is the moment that a range such as `day` counts back from;
 * it must stay the same for all pages of one list.
 */
export function toQuery(filters: LogFilters, now: Date): LogQuery {
  const { range, from, to, ...rest } = filters
  const query: LogQuery = { ...rest }
  if (range === 'custom') {
    if (from) query.from = new Date(`${from}T00:00:00`).toISOString()
    if (to) query.to = endOfDay(to).toISOString()
  } else if (range && range !== 'all') {
    query.from = new Date(now.getTime() - rangeMs[range]).toISOString()
  }
  return withoutEmpty(query)
}

// The day after at midnight, not plus 24 hours: a day of a clock change has 23 or 25.
function endOfDay(text: string): Date {
  const end = new Date(`${text}T00:00:00`)
  end.setDate(end.getDate() + 1)
  return end
}

function withoutEmpty<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, part]) => part !== undefined && part !== '')) as T
}
