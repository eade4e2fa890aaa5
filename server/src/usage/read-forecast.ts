import { sql } from 'kysely'
import type { Tx } from '../database/database.ts'
import { findPlanStanding } from '../limits/read-standing.ts'
import { forecastMonth, historyDays } from './forecast-month.ts'
import { readUsage } from './usage-queries.ts'
import type { UsageForecast } from './usage-schemas.ts'

const dayMs = 86_400_000

/** What the present month of the user of this transaction will come to. */
export async function readForecast(tx: Tx, userId: string, now = new Date()): Promise<UsageForecast> {
  const today = Math.floor(now.getTime() / dayMs) * dayMs
  const monthBegin = Date.UTC(now.getUTCFullYear(), now.getUTCMonth())
  const { data } = await readUsage(tx, {
    from: new Date(Math.min(monthBegin, today - historyDays * dayMs)),
    to: now,
    by: 'day',
    group: undefined,
    time_zone: 'UTC',
    user_agent_id: undefined,
  })
  const standing = await findPlanStanding(tx, userId)
  return forecastMonth({
    now,
    days: data.map(({ start, runs, failed, interrupted, cost_usd }) => ({
      date: start.toISOString().slice(0, 10),
      runs: runs - failed - interrupted,
      cost_usd,
    })),
    runsLimit: standing?.is_lapsed ? null : (standing?.features?.limits.runs_per_month ?? null),
    runsUsed: await countRunsOfMonth(tx, userId, new Date(monthBegin)),
  })
}

async function countRunsOfMonth(tx: Tx, userId: string, monthBegin: Date): Promise<number> {
  const { rows } = await sql<{ runs: number }>`
    select runs from usage_months
    where user_id = ${userId}::uuid and month = ${monthBegin.toISOString().slice(0, 10)}::date`.execute(tx)
  return rows[0]?.runs ?? 0
}
