import { type SelectQueryBuilder, sql } from 'kysely'
import type { Tx } from '../database/database.ts'
import type { Tables } from '../database/types.ts'
import { createId } from '../database/uuid-v7.ts'
import type { BillingInterval, Keep, SubscriptionSource } from './subscription-schemas.ts'
import type { SubscriptionEventType, SubscriptionStatus } from './transitions.ts'

/** What its user is given with the export of the account. */
export const toldColumns = [
  'id',
  'plan_id',
  'status',
  'source',
  'is_current',
  'billing_interval',
  'price',
  'currency',
  'start_date',
  'end_date',
  'period_start',
  'period_end',
  'trial_end',
  'cancel_at_period_end',
  'canceled_at',
  'grace_until',
  'next_plan_id',
  'next_billing_interval',
  'next_keep',
  'updated_at',
] as const

export const subscriptionColumns = [...toldColumns, 'user_id', 'stripe_subscription_id'] as const

/** What changes in the life of a subscription. */
export interface SubscriptionState {
  plan_id: string
  status: SubscriptionStatus
  is_current: boolean
  billing_interval: BillingInterval | null
  /** Decimal, in `currency`. */
  price: string
  currency: string
  end_date: Date | null
  period_start: Date | null
  period_end: Date | null
  trial_end: Date | null
  cancel_at_period_end: boolean
  canceled_at: Date | null
  grace_until: Date | null
  next_plan_id: string | null
  next_billing_interval: BillingInterval | null
  next_keep: Keep | null
  stripe_subscription_id: string | null
}

export interface SubscriptionRow extends SubscriptionState {
  id: string
  user_id: string
  source: SubscriptionSource
  start_date: Date
  updated_at: Date
}

/** One change of a user's subscription at a time. Take it before the statement that looks. */
export async function lockSubscription(tx: Tx, userId: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${lockName(userId)}, 0))`.execute(tx)
}

/** False when somebody else is at it. */
export async function tryLockSubscription(tx: Tx, userId: string): Promise<boolean> {
  const { rows } = await sql<{ locked: boolean }>`
    select pg_try_advisory_xact_lock(hashtextextended(${lockName(userId)}, 0)) as locked`.execute(tx)
  return rows[0]?.locked ?? false
}

const lockName = (userId: string) => `agentexpress:subscription:${userId}`

/** The one that counts now, or that counted last; null when there never was one. */
export function findCurrentSubscription(tx: Tx, userId: string): Promise<SubscriptionRow | null> {
  return findOne(selectSubscriptions(tx).where('user_id', '=', userId).where('is_current', '=', true))
}

export function findSubscriptionAtStripe(tx: Tx, userId: string, stripeId: string): Promise<SubscriptionRow | null> {
  return findOne(selectSubscriptions(tx).where('user_id', '=', userId).where('stripe_subscription_id', '=', stripeId))
}

export async function insertSubscription(
  tx: Tx,
  { next_keep, ...row }: Omit<SubscriptionRow, 'updated_at'>,
): Promise<SubscriptionRow> {
  const stored = await tx
    .insertInto('subscriptions')
    .values({ ...row, next_keep: toJson(next_keep) })
    .returning(subscriptionColumns)
    .executeTakeFirstOrThrow()
  return asSubscription(stored)
}

export async function updateSubscription(
  tx: Tx,
  id: string,
  { next_keep, ...patch }: Partial<SubscriptionState>,
): Promise<SubscriptionRow> {
  const stored = await tx
    .updateTable('subscriptions')
    .set({ ...patch, ...(next_keep !== undefined && { next_keep: toJson(next_keep) }) })
    .where('id', '=', id)
    .returning(subscriptionColumns)
    .executeTakeFirstOrThrow()
  return asSubscription(stored)
}

export interface NewSubscriptionEvent {
  subscription_id: string
  user_id: string
  type: SubscriptionEventType
  from_status: SubscriptionStatus | null
  to_status: SubscriptionStatus
  from_plan_id: string | null
  to_plan_id: string
  actor_id: string | null
  detail: Record<string, unknown>
  created_at: Date
}

export async function insertSubscriptionEvent(tx: Tx, { detail, ...event }: NewSubscriptionEvent): Promise<void> {
  await tx
    .insertInto('subscription_events')
    .values({ id: createId(), ...event, detail: JSON.stringify(detail) })
    .execute()
}

/** Newest first. */
export function listSubscriptionEvents(tx: Tx, userId: string, afterId: string | undefined, limit: number) {
  let statement = tx
    .selectFrom('subscription_events')
    .leftJoin('plans as from_plan', 'from_plan.id', 'from_plan_id')
    .leftJoin('plans as to_plan', 'to_plan.id', 'to_plan_id')
    .select([
      'subscription_events.id',
      'subscription_id',
      'type',
      'from_status',
      'to_status',
      'from_plan_id',
      'from_plan.name as from_plan_name',
      'to_plan_id',
      'to_plan.name as to_plan_name',
      'detail',
      'subscription_events.created_at',
    ])
    .where('user_id', '=', userId)
    .orderBy('subscription_events.id', 'desc')
    .limit(limit)
  if (afterId !== undefined) statement = statement.where('subscription_events.id', '<', afterId)
  return statement.execute()
}

/** Who did it, not which admin it was. For service_role: users cannot read whose id it is. */
export async function listEventActors(tx: Tx, eventIds: string[]): Promise<Map<string, 'me' | 'admin' | 'server'>> {
  const rows = await tx
    .selectFrom('subscription_events')
    .select('id')
    .select(
      sql<
        'me' | 'admin' | 'server'
      >`case when actor_id is null then 'server' when actor_id = user_id then 'me' else 'admin' end`.as('by'),
    )
    .where('id', '=', sql<string>`any(${eventIds}::uuid[])`)
    .execute()
  return new Map(rows.map(({ id, by }) => [id, by]))
}

/** Whether a user ever had a trial of a plan: there is one each. */
export async function hadTrial(tx: Tx, userId: string, planId: string): Promise<boolean> {
  const row = await tx
    .selectFrom('subscription_events')
    .select('id')
    .where('user_id', '=', userId)
    .where('to_plan_id', '=', planId)
    .where('to_status', '=', 'trialing')
    .limit(1)
    .executeTakeFirst()
  return row !== undefined
}

function selectSubscriptions(tx: Tx) {
  return tx.selectFrom('subscriptions').select(subscriptionColumns)
}

type StoredSubscription = Omit<
  SubscriptionRow,
  'status' | 'source' | 'billing_interval' | 'next_billing_interval' | 'next_keep'
> & {
  status: string
  source: string
  billing_interval: string | null
  next_billing_interval: string | null
  next_keep: unknown
}

async function findOne(
  statement: SelectQueryBuilder<Tables, 'subscriptions', StoredSubscription>,
): Promise<SubscriptionRow | null> {
  const row = await statement.executeTakeFirst()
  return row ? asSubscription(row) : null
}

// The columns are text with a CHECK, and next_keep is written here alone; the generated types know neither.
export function asSubscription(row: StoredSubscription): SubscriptionRow {
  return row as SubscriptionRow
}

function toJson(keep: Keep | null): string | null {
  return keep === null ? null : JSON.stringify(keep)
}
