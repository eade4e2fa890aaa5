import type { Claims, Database } from '../database/database.ts'
import { AppError, type ErrorCode } from '../errors.ts'
import type { LimitName } from '../plans/plan-features.ts'
import { findUpgrade, type Lack, type Upgrade } from './find-upgrade.ts'
import { readStanding, type Standing, toLimitMonth } from './read-standing.ts'

/** What app.reserve_run answers. */
export interface TakenRun {
  /** Null when the run may begin. */
  refused: 'lapsed' | 'models' | 'cost_cap' | RunLimitName | null
  limit_value: string | null
  used: string | null
  /** Of the month; null: no limit. */
  runs_limit: number | null
  runs_used: number | null
  cost_left_usd: string | null
  cost_left_of: CostLimitName | null
  /** Types of integration that the plan includes; null: all. */
  types: string[] | null
}

type RunLimitName = LimitName & ('runs_per_month' | 'tokens_per_month' | 'cost_usd_per_month' | 'concurrent_runs')
type CostLimitName = 'cost_cap' | 'cost_usd_per_month'

/** What the limits leave to a run. */
export interface RunAllowance {
  /** Null: no limit of runs. */
  month: MonthlyRuns | null
  /** What it may cost at most; null: no limit. */
  cost: CostBudget | null
  types: readonly string[] | null
}

export interface MonthlyRuns {
  limit: number
  used: number
  resetsAt: Date
}

export interface CostBudget {
  leftUsd: number
  /** How a run ends that has used it up. */
  code: ErrorCode & ('cost_cap_reached' | 'plan_limit_reached')
}

export function readAllowance(taken: Partial<TakenRun>, at: Date): RunAllowance {
  const { cost_left_usd, cost_left_of, types } = taken
  return {
    month: toMonthlyRuns(taken, at),
    cost: typeof cost_left_usd === 'string' ? toBudget(Math.max(0, Number(cost_left_usd)), cost_left_of ?? null) : null,
    types: types ?? null,
  }
}

/** Of a run that goes on after it waited, whose unit is taken already. */
export function allowanceOf({ features, usage, cost_cap_usd, resets_at }: Standing): RunAllowance {
  const ofPlan = features?.limits.cost_usd_per_month ?? null
  const limit = Math.min(ofPlan ?? Number.POSITIVE_INFINITY, cost_cap_usd ?? Number.POSITIVE_INFINITY)
  const of = cost_cap_usd !== null && cost_cap_usd <= limit ? 'cost_cap' : 'cost_usd_per_month'
  const runs = features?.limits.runs_per_month ?? null
  return {
    month: runs === null ? null : { limit: runs, used: usage.runs, resetsAt: resets_at },
    cost: Number.isFinite(limit) ? toBudget(Math.max(0, limit - usage.cost_usd), of) : null,
    types: features?.integration_types ?? null,
  }
}

function toBudget(leftUsd: number, of: CostLimitName | null): CostBudget {
  return { leftUsd, code: of === 'cost_cap' ? 'cost_cap_reached' : 'plan_limit_reached' }
}

function toMonthlyRuns({ runs_limit, runs_used }: Partial<TakenRun>, at: Date): MonthlyRuns | null {
  if (typeof runs_limit !== 'number' || typeof runs_used !== 'number') return null
  return { limit: runs_limit, used: runs_used, resetsAt: toLimitMonth(at).resetsAt }
}

/** https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/ in the form with three fields. */
export function toRateLimitHeaders({ limit, used, resetsAt }: MonthlyRuns, now = Date.now()): Record<string, string> {
  return {
    'ratelimit-limit': String(limit),
    'ratelimit-remaining': String(Math.max(0, limit - used)),
    'ratelimit-reset': String(Math.max(0, Math.ceil((resetsAt.getTime() - now) / 1000))),
  }
}

/** The error for a run that the limits refused, with the plan that would let it begin. */
export async function describeRefusal(
  database: Database,
  claims: Claims,
  { refused, limit_value, used, ...taken }: Partial<TakenRun>,
  at: Date,
): Promise<AppError> {
  const month = toMonthlyRuns(taken, at)
  const headers = month ? toRateLimitHeaders(month) : undefined
  const upgradeFor = (lack: Lack): Promise<Upgrade | null> =>
    database.withUser(claims, (tx) => findUpgrade(tx, claims.sub, lack))
  const { resetsAt } = toLimitMonth(at)
  if (refused === 'lapsed') return new AppError('subscription_lapsed', { headers })
  if (refused === 'models')
    return new AppError('not_in_plan', {
      detail: 'Your plan includes the built-in model alone.',
      more: { feature: 'models', upgrade: await upgradeFor({ models: 'all' }) },
      headers,
    })
  const numbers = { limit_value: toNumber(limit_value), used: toNumber(used) }
  if (refused === 'cost_cap')
    return new AppError('cost_cap_reached', { more: { limit: 'cost_cap', ...numbers, resets_at: resetsAt }, headers })
  const limit = refused ?? 'concurrent_runs'
  const value = Math.max(numbers.limit_value ?? 0, numbers.used ?? 0)
  const upgrade = await upgradeFor({ limit, value })
  // How many there are at once does not wait for the month.
  const isOfMonth = limit !== 'concurrent_runs'
  return new AppError('plan_limit_reached', {
    more: { limit, ...numbers, resets_at: isOfMonth ? resetsAt : null, upgrade },
    headers,
    ...(!isOfMonth && { retryAfterSeconds: 2 }),
  })
}

/** The error of a run that ended, where limits ended it with what a refusal would say. */
export async function describeRunFailure(database: Database, claims: Claims, code: ErrorCode): Promise<AppError> {
  if (code !== 'plan_limit_reached' && code !== 'cost_cap_reached') return new AppError(code)
  return database.withUser(claims, async (tx) => {
    const { features, usage, cost_cap_usd, resets_at } = await readStanding(tx, claims.sub)
    const spent = { used: usage.cost_usd, resets_at }
    if (code === 'cost_cap_reached')
      return new AppError(code, { more: { limit: 'cost_cap', limit_value: cost_cap_usd, ...spent } })
    const limit = 'cost_usd_per_month'
    const limit_value = features?.limits[limit] ?? null
    const upgrade = await findUpgrade(tx, claims.sub, { limit, value: Math.max(limit_value ?? 0, usage.cost_usd) })
    return new AppError(code, { more: { limit, limit_value, ...spent, upgrade } })
  })
}

const toNumber = (text: string | null | undefined) => (typeof text === 'string' ? Number(text) : null)
