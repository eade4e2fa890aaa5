import type { Claims, Database } from '../database/database.ts'
import { readUsage } from '../usage/usage-queries.ts'

const dayMs = 86_400_000

export interface DayCount {
  day: string
  succeeded: number
  failed: number
  other: number
}

/** Runs on each of the last `days` UTC days, today included, also those without any and those whose logs were deleted. */
export async function countActivity(
  database: Database,
  claims: Claims,
  { days, userAgentId, now = new Date() }: { days: number; userAgentId?: string; now?: Date },
): Promise<DayCount[]> {
  const from = new Date(now.getTime() - (days - 1) * dayMs)
  // A millisecond on, so that a range of no length at midnight is a day.
  const range = { from, to: new Date(now.getTime() + 1), by: 'day' as const, time_zone: 'UTC' }
  const { periods, data } = await database.withUser(claims, (tx) =>
    readUsage(tx, { ...range, user_agent_id: userAgentId }),
  )
  const byStart = new Map(data.map((row) => [row.start.getTime(), row]))
  return periods.map((start) => {
    const { runs = 0, succeeded = 0, failed = 0 } = byStart.get(start.getTime()) ?? {}
    return { day: start.toISOString().slice(0, 10), succeeded, failed, other: runs - succeeded - failed }
  })
}
