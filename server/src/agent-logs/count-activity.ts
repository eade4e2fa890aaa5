import type { Claims, Database } from '../database/database.ts'
import { countLogsByDay, type DayCount } from './agent-log-queries.ts'

const dayMs = 86_400_000

/** Runs on each of the last `days` UTC days, today included, also those without any. */
export async function countActivity(
  database: Database,
  claims: Claims,
  { days, userAgentId, now = Date.now() }: { days: number; userAgentId?: string; now?: number },
): Promise<DayCount[]> {
  const firstDay = Math.floor(now / dayMs) * dayMs - (days - 1) * dayMs
  const counted = await database.withUser(claims, (tx) => countLogsByDay(tx, userAgentId, new Date(firstDay)))
  const byDay = new Map(counted.map((row) => [row.day, row]))
  return Array.from({ length: days }, (_, index) => {
    const day = new Date(firstDay + index * dayMs).toISOString().slice(0, 10)
    return byDay.get(day) ?? { day, succeeded: 0, failed: 0, other: 0 }
  })
}
