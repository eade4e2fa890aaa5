import { sql } from 'kysely'
import type { Tx } from '../database/database.ts'
import { AppError } from '../errors.ts'
import { findUpgrade } from './find-upgrade.ts'
import { readStanding } from './read-standing.ts'
import { allowanceOf, type RunAllowance } from './run-limit.ts'

/**
 * What the limits leave to a run that goes on after it waited, whose unit is taken already; to be asked once it counts as
 * running. Throws, as at the beginning of a run, where its user may run nothing (any more).
 */
export async function allowContinuedRun(
  tx: Tx,
  { log_id, user_id }: { log_id: string; user_id: string },
  { isBuiltInModel }: { isBuiltInModel: boolean },
): Promise<RunAllowance> {
  const standing = await readStanding(tx, user_id)
  const { features, usage } = standing
  if (standing.is_lapsed) throw new AppError('subscription_lapsed')
  if (features?.models === 'built_in' && !isBuiltInModel)
    throw new AppError('not_in_plan', {
      detail: 'Your plan includes the built-in model alone.',
      more: { feature: 'models', upgrade: await findUpgrade(tx, user_id, { models: 'all' }) },
    })
  const atOnce = features?.limits.concurrent_runs ?? null
  if (atOnce !== null && usage.running > atOnce)
    throw new AppError('plan_limit_reached', {
      more: {
        ...{ limit: 'concurrent_runs', limit_value: atOnce, used: usage.running - 1, resets_at: null },
        upgrade: await findUpgrade(tx, user_id, { limit: 'concurrent_runs', value: atOnce }),
      },
      retryAfterSeconds: 2,
    })
  const { cost_usd, set_aside_usd } = (await readCost(tx, log_id)) ?? { cost_usd: usage.cost_usd, set_aside_usd: 0 }
  const { cost, ...allowance } = allowanceOf({ ...standing, usage: { ...usage, cost_usd } })
  // As for runs that begin: many that go on at once cannot spend the same money.
  return { ...allowance, cost: cost && set_aside_usd >= cost.leftUsd ? { ...cost, leftUsd: 0 } : cost }
}

/** Of the month the run began in, where all of it counts, however long it waited; set aside for others. */
async function readCost(tx: Tx, logId: string): Promise<{ cost_usd: number; set_aside_usd: number } | null> {
  const { rows } = await sql<{ cost_usd: number; set_aside_usd: number }>`
    select m.cost_usd::float8 as cost_usd, (m.reserved_cost_usd - r.cost_usd)::float8 as set_aside_usd
    from public.run_reservations r join public.usage_months m on m.user_id = r.user_id and m.month = r.month
    where r.log_id = ${logId}::uuid`.execute(tx)
  return rows[0] ?? null
}
