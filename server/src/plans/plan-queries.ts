import { sql } from 'kysely'
import type { Tx } from '../database/database.ts'
import { AppError } from '../errors.ts'
import { type PlanFeatures, readPlanFeatures } from './plan-features.ts'

const columns = [
  'plans.id',
  'plans.slug',
  'plans.name',
  'plans.description',
  'plans.price',
  'plans.yearly_price',
  'plans.currency',
  'plans.trial_days',
  'plans.position',
  'plans.is_public',
  'plans.is_default',
  'plans.is_by_arrangement',
  'plans.features',
] as const

const allColumns = [...columns, 'plans.archived_at', 'plans.created_at', 'plans.updated_at'] as const

export type PlanRow = NonNullable<Awaited<ReturnType<typeof findPlan>>>

/** Those that anybody can choose, in their order. */
export async function listPublicPlans(tx: Tx) {
  const rows = await selectOnOffer(tx).where('is_public', '=', true).execute()
  return rows.map(withFeatures)
}

/** The same and those that were offered to this user. */
export async function listPlansFor(tx: Tx, userId: string) {
  const rows = await selectOnOffer(tx)
    .where((where) =>
      where.or([
        where('is_public', '=', true),
        where('id', 'in', tx.selectFrom('plan_offers').select('plan_id').where('user_id', '=', userId)),
      ]),
    )
    .execute()
  return rows.map(withFeatures)
}

const selectOnOffer = (tx: Tx) =>
  tx
    .selectFrom('plans')
    .select(columns)
    .where('archived_at', 'is', null)
    .orderBy('position')
    .orderBy('price')
    .orderBy('id')

/** Any plan that the transaction may see, archived ones too. */
export async function findPlan(tx: Tx, id: string) {
  const row = await tx.selectFrom('plans').select(allColumns).where('id', '=', id).executeTakeFirst()
  return row ? withFeatures(row) : null
}

export async function getPlan(tx: Tx, id: string): Promise<PlanRow> {
  const plan = await findPlan(tx, id)
  if (!plan) throw new AppError('not_found')
  return plan
}

/** What users without a subscription have; null: no limits. */
export async function findDefaultPlan(tx: Tx): Promise<PlanRow | null> {
  const row = await tx.selectFrom('plans').select(allColumns).where('is_default', '=', true).executeTakeFirst()
  return row ? withFeatures(row) : null
}

/** Whether a plan was meant for a user: for everybody, or offered to them. */
export async function isOffered(tx: Tx, plan: PlanRow, userId: string): Promise<boolean> {
  if (plan.is_public) return true
  const offer = await tx
    .selectFrom('plan_offers')
    .select('plan_id')
    .where('plan_id', '=', plan.id)
    .where('user_id', '=', userId)
    .executeTakeFirst()
  return offer !== undefined
}

const isSubscribed = sql`s.is_current and s.status in ('trialing', 'active', 'past_due')`

/** Archived ones last. */
export async function listAllPlans(tx: Tx) {
  // All at once: plan by plan, subscriptions would be gone through as often as there are plans.
  const counted = sql<{ plan_id: string; subscribers: number }>`(
    select plan_id, count(*) as subscribers from public.subscriptions s where ${isSubscribed} group by plan_id)`
  const rows = await tx
    .selectFrom('plans')
    .leftJoin(counted.as('counted'), 'counted.plan_id', 'plans.id')
    .select(allColumns)
    .select(sql<number>`coalesce(counted.subscribers, 0)`.as('subscribers'))
    .orderBy(sql`archived_at is not null`)
    .orderBy('position')
    .orderBy('price')
    .orderBy('plans.id')
    .execute()
  return rows.map(withFeatures)
}

/** Throws `not_found`. */
export async function getPlanForAdmin(tx: Tx, id: string) {
  const row = await tx
    .selectFrom('plans')
    .select(allColumns)
    .select(
      sql<number>`(select count(*) from public.subscriptions s where s.plan_id = plans.id and ${isSubscribed})`.as(
        'subscribers',
      ),
    )
    .where('id', '=', id)
    .executeTakeFirst()
  if (!row) throw new AppError('not_found')
  return withFeatures(row)
}

export interface PlanValues {
  name: string
  description: string
  price: string
  yearly_price: string | null
  currency: string
  trial_days: number
  position: number
  is_public: boolean
  is_default: boolean
  is_by_arrangement: boolean
  features: PlanFeatures
}

export async function createPlan(tx: Tx, id: string, { features, ...values }: PlanValues): Promise<void> {
  await tx
    .insertInto('plans')
    .values({ id, ...values, features: JSON.stringify(features) })
    .execute()
}

export async function updatePlan(tx: Tx, id: string, { features, ...values }: Partial<PlanValues>): Promise<void> {
  await tx
    .updateTable('plans')
    .set({ ...values, ...(features && { features: JSON.stringify(features) }) })
    .where('id', '=', id)
    .execute()
}

/** One admin at a time makes, changes or archives plans: only one of them can be the default. */
export async function lockPlans(tx: Tx): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended('agentexpress:plans', 0))`.execute(tx)
}

export async function archivePlan(tx: Tx, id: string): Promise<void> {
  await tx.updateTable('plans').set({ archived_at: new Date() }).where('id', '=', id).execute()
}

/** No plan is the default any more. */
export async function clearDefaultPlan(tx: Tx): Promise<void> {
  await tx.updateTable('plans').set({ is_default: false }).where('is_default', '=', true).execute()
}

export function listOffers(tx: Tx, planId: string) {
  return tx
    .selectFrom('plan_offers')
    .innerJoin('users', 'users.id', 'plan_offers.user_id')
    .select(['user_id', 'email', 'plan_offers.created_at'])
    .where('plan_id', '=', planId)
    .orderBy('plan_offers.created_at', 'desc')
    .orderBy('user_id')
    .limit(500)
    .execute()
}

/** False when it was offered to them before. */
export async function insertOffer(tx: Tx, planId: string, userId: string): Promise<boolean> {
  const { numInsertedOrUpdatedRows } = await tx
    .insertInto('plan_offers')
    .values({ plan_id: planId, user_id: userId })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst()
  return Number(numInsertedOrUpdatedRows) > 0
}

export async function deleteOffer(tx: Tx, planId: string, userId: string): Promise<boolean> {
  const { numDeletedRows } = await tx
    .deleteFrom('plan_offers')
    .where('plan_id', '=', planId)
    .where('user_id', '=', userId)
    .executeTakeFirst()
  return Number(numDeletedRows) > 0
}

/**
 * Writes a plan of the catalogue that is not there yet. What is there is the operator's: it is never changed. It becomes the
 * default only where no plan is and nobody can be taken by surprise: who was there before plans came along has no limits
 * until an admin makes a plan the default.
 */
export async function insertCataloguePlan(
  tx: Tx,
  id: string,
  { features, is_default, ...plan }: PlanValues & { slug: string },
): Promise<void> {
  const isDefault = is_default && (await findDefaultPlan(tx)) === null && !(await hasUsers(tx))
  await tx
    .insertInto('plans')
    .values({ ...plan, id, features: JSON.stringify(features), is_default: isDefault })
    .onConflict((conflict) => conflict.column('slug').doNothing())
    .execute()
}

async function hasUsers(tx: Tx): Promise<boolean> {
  const row = await tx.selectFrom('users').select('id').where('role', '<>', 'admin').limit(1).executeTakeFirst()
  return row !== undefined
}

function withFeatures<Row extends { features: unknown }>(row: Row): Omit<Row, 'features'> & { features: PlanFeatures } {
  return { ...row, features: readPlanFeatures(row.features) }
}
