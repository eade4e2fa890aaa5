import { type LimitName, limitNames, switchNames } from '../plans/plan-features.ts'
import type { Standing } from './read-standing.ts'

interface LimitUse {
  name: LimitName | 'cost_cap'
  /** Null is no limit. */
  limit: number | null
  /** Null where nothing is counted. */
  used: number | null
  percent: number | null
  resets_at: Date | null
}

/** A standing as the API shows it. */
export function describeLimits(standing: Standing) {
  const { features, usage, cost_cap_usd, resets_at } = standing
  const { running, runs, input_tokens, output_tokens, cost_usd, ...counted } = usage
  const used: Record<LimitUse['name'], number | null> = {
    ...counted,
    runs_per_month: runs,
    tokens_per_month: input_tokens + output_tokens,
    cost_usd_per_month: cost_usd,
    concurrent_runs: running,
    log_retention_days: null,
    upload_kb: null,
    cost_cap: cost_usd,
  }
  const limits = [...limitNames, 'cost_cap' as const].map((name): LimitUse => {
    const limit = name === 'cost_cap' ? cost_cap_usd : (features?.limits[name] ?? null)
    const resetsAt = name === 'cost_cap' || name.endsWith('_per_month') ? resets_at : null
    return { name, limit, used: used[name], percent: toPercent(used[name], limit), resets_at: resetsAt }
  })
  return {
    ...standing,
    limits,
    switches: Object.fromEntries(switchNames.map((name) => [name, features?.switches[name] ?? true])),
    // Of the months alone: that all agents of a plan are in use is how it is meant to be.
    warnings: limits.flatMap(({ name, percent, resets_at: resets }) =>
      resets && percent !== null && percent >= 80
        ? [{ limit: name, threshold: percent >= 100 ? (100 as const) : (80 as const) }]
        : [],
    ),
  }
}

function toPercent(used: number | null, limit: number | null): number | null {
  if (used === null || limit === null) return null
  return limit === 0 ? 100 : Math.floor((used / limit) * 100)
}
