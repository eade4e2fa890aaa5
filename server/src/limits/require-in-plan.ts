import { sql } from 'kysely'
import type { Claims, Tx } from '../database/database.ts'
import { AppError } from '../errors.ts'
import type { LimitName, PlanFeatures, SwitchName } from '../plans/plan-features.ts'
import { findUpgrade, type Lack } from './find-upgrade.ts'
import { type CountedLimit, countUsed, findPlanStanding } from './read-standing.ts'

/** Who adds something for a user, or switches it on, comes one after the other: each would count the same. Until the transaction ends. */
export async function lockLimits(tx: Tx, userId: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`agentexpress:limits:${userId}`}, 0))`.execute(tx)
}

/**
 * What the plan of whoever asks includes; null: no limits. Throws `subscription_lapsed` when the subscription has ended,
 * so only for what lapsed users may not do: run, create, switch on, connect.
 */
export async function requirePlan(tx: Tx, { sub, user_role }: Claims): Promise<PlanFeatures | null> {
  if (user_role === 'admin') return null
  const standing = await findPlanStanding(tx, sub)
  if (standing?.is_lapsed) throw new AppError('subscription_lapsed')
  return standing?.features ?? null
}

/** Throws `not_in_plan` when the plan is without it. */
export async function requireSwitch(tx: Tx, claims: Claims, name: SwitchName): Promise<void> {
  const features = await requirePlan(tx, claims)
  if (features && !features.switches[name]) throw await notInPlan(tx, claims, { switch: name })
}

/** Throws `not_in_plan` when the plan is for the built-in model alone. */
export async function requireModels(tx: Tx, claims: Claims): Promise<void> {
  const features = await requirePlan(tx, claims)
  if (features && features.models !== 'all') throw await notInPlan(tx, claims, { models: 'all' })
}

/** Throws `not_in_plan` when accounts of this type are not for this plan. */
export async function requireIntegrationType(tx: Tx, claims: Claims, type: string): Promise<void> {
  const features = await requirePlan(tx, claims)
  if (features?.integration_types && !features.integration_types.includes(type))
    throw await notInPlan(tx, claims, { integration_type: type })
}

/**
 * Throws `plan_limit_reached` when `more` of them do not fit. Holds the lock of the user's limits until the transaction
 * ends, so whatever takes the room has to be written in it.
 */
export async function requireRoom(tx: Tx, claims: Claims, name: CountedLimit, more = 1): Promise<void> {
  // First: a smaller plan may be about to take effect, under the same lock.
  await lockLimits(tx, claims.sub)
  const features = await requirePlan(tx, claims)
  const limit = features?.limits[name] ?? null
  if (limit === null || more < 1) return
  const used = await countUsed(tx, claims.sub, name)
  if (used + more > limit)
    throw await limitReached(tx, claims, { limit: name, limit_value: limit, used, wanted: used + more })
}

/** Throws `plan_limit_reached` when a text or a file is larger than the plan takes. */
export async function requireUpload(tx: Tx, claims: Claims, bytes: number): Promise<void> {
  const features = claims.user_role === 'admin' ? null : (await findPlanStanding(tx, claims.sub))?.features
  const limit = features?.limits.upload_kb ?? null
  const kilobytes = Math.ceil(bytes / 1024)
  if (limit !== null && kilobytes > limit)
    throw await limitReached(tx, claims, { limit: 'upload_kb', limit_value: limit, used: kilobytes, wanted: kilobytes })
}

async function notInPlan(tx: Tx, { sub }: Claims, lack: Exclude<Lack, { limit: LimitName }>): Promise<AppError> {
  const upgrade = await findUpgrade(tx, sub, lack)
  const what = 'switch' in lack ? lack.switch : 'models' in lack ? 'models' : lack.integration_type
  return new AppError('not_in_plan', { more: { feature: what, upgrade } })
}

async function limitReached(
  tx: Tx,
  { sub }: Claims,
  { wanted, ...reached }: { limit: LimitName; limit_value: number; used: number; wanted: number },
): Promise<AppError> {
  const upgrade = await findUpgrade(tx, sub, { limit: reached.limit, value: Math.max(reached.limit_value, wanted - 1) })
  return new AppError('plan_limit_reached', { more: { ...reached, resets_at: null, upgrade } })
}
