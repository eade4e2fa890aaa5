import type { Limit } from '../../limits/limit-queries.ts'
import type { AdminUserDetail } from './user-queries.ts'

const ofMonth = ['runs_per_month', 'tokens_per_month', 'cost_usd_per_month']

/** The limits of somebody as the bars of one's own take them: how full, and when they begin anew (the next UTC month). */
export function toLimits(limits: AdminUserDetail['limits'], now: Date): Limit[] {
  const resetsAt = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1, 1)).toISOString()
  return limits.map(({ name, limit, used }) => ({
    name,
    limit,
    used,
    percent: limit === null ? null : limit === 0 ? 100 : Math.floor((used / limit) * 100),
    resets_at: ofMonth.includes(name) ? resetsAt : null,
  }))
}
