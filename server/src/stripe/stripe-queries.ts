import { sql } from 'kysely'
import type { AuditAction } from '../audit-log/audit-actions.ts'
import type { Tx } from '../database/database.ts'
import type { KnownPrice } from './derive-subscription.ts'

export async function findCustomerId(tx: Tx, userId: string): Promise<string | null> {
  const row = await tx
    .selectFrom('stripe_customers')
    .select('customer_id')
    .where('user_id', '=', userId)
    .executeTakeFirst()
  return row?.customer_id ?? null
}

export async function findUserOfCustomer(tx: Tx, customerId: string): Promise<string | null> {
  const row = await tx
    .selectFrom('stripe_customers')
    .select('user_id')
    .where('customer_id', '=', customerId)
    .executeTakeFirst()
  return row?.user_id ?? null
}

/** In place of `before`. Answers the customer that counts: the one that another server saved first, if so. */
export async function saveCustomer(tx: Tx, userId: string, customerId: string, before: string | null): Promise<string> {
  await tx
    .insertInto('stripe_customers')
    .values({ user_id: userId, customer_id: customerId })
    .onConflict((conflict) =>
      conflict
        .column('user_id')
        .doUpdateSet({ customer_id: customerId })
        .where('stripe_customers.customer_id', '=', before ?? ''),
    )
    .execute()
  return (await findCustomerId(tx, userId)) ?? customerId
}

/** The customer with the next fetch number; null for somebody who never paid. */
export async function takeFetch(tx: Tx, userId: string): Promise<{ customerId: string; fetch: number } | null> {
  const row = await tx
    .updateTable('stripe_customers')
    .set({ last_fetch: sql<string>`last_fetch + 1` })
    .where('user_id', '=', userId)
    .returning(['customer_id', 'last_fetch'])
    .executeTakeFirst()
  return row ? { customerId: row.customer_id, fetch: Number(row.last_fetch) } : null
}

/** False when something newer was written: what came with this number is stale. Holds the customer until the transaction ends. */
export async function claimFetch(tx: Tx, customerId: string, fetch: number): Promise<boolean> {
  const { numUpdatedRows } = await tx
    .updateTable('stripe_customers')
    .set({ written_fetch: String(fetch) })
    .where('customer_id', '=', customerId)
    .where('written_fetch', '<', String(fetch))
    .executeTakeFirst()
  return Number(numUpdatedRows) === 1
}

/** A page of customers, by user. */
export function listCustomers(tx: Tx, { afterUserId, limit }: { afterUserId: string | null; limit: number }) {
  let query = tx.selectFrom('stripe_customers').select(['user_id', 'customer_id']).orderBy('user_id').limit(limit)
  if (afterUserId) query = query.where('user_id', '>', afterUserId)
  return query.execute()
}

export async function listPrices(tx: Tx): Promise<KnownPrice[]> {
  return await tx
    .selectFrom('stripe_prices')
    .select(['price_id', 'product_id', 'plan_id', 'billing_interval', 'amount_cents', 'currency'])
    .execute()
}

export async function findCurrentPrice(tx: Tx, planId: string, billingInterval: string) {
  const row = await tx
    .selectFrom('stripe_prices')
    .select(['price_id', 'amount_cents', 'currency'])
    .where('plan_id', '=', planId)
    .where('billing_interval', '=', billingInterval)
    .where('is_current', '=', true)
    .executeTakeFirst()
  return row ?? null
}

/** What new customers of a plan pay from now on; prices that are not named here are for those who pay them already. */
export async function saveCurrentPrices(
  tx: Tx,
  planId: string,
  prices: readonly Omit<KnownPrice, 'plan_id'>[],
): Promise<void> {
  // One server after the other: the unique index on current prices would refuse the second one.
  await tx.selectFrom('plans').select('id').where('id', '=', planId).forUpdate().execute()
  const ids = prices.map(({ price_id }) => price_id)
  let others = tx
    .updateTable('stripe_prices')
    .set({ is_current: false })
    .where('plan_id', '=', planId)
    .where('is_current', '=', true)
  if (ids.length > 0) others = others.where('price_id', 'not in', ids)
  await others.execute()
  for (const price of prices)
    await tx
      .insertInto('stripe_prices')
      .values({ ...price, plan_id: planId, is_current: true })
      .onConflict((conflict) => conflict.column('price_id').doUpdateSet({ is_current: true }))
      .execute()
}

/** Of every source, as they stand here. */
export function listSubscriptionsOfUser(tx: Tx, userId: string) {
  return tx
    .selectFrom('subscriptions')
    .select(['status', 'is_current', 'start_date', 'stripe_subscription_id'])
    .where('user_id', '=', userId)
    .execute()
}

export async function countSubscriptionEvents(tx: Tx, userId: string): Promise<number> {
  const { count } = await tx
    .selectFrom('subscription_events')
    .select((select) => select.fn.countAll<number>().as('count'))
    .where('user_id', '=', userId)
    .executeTakeFirstOrThrow()
  return count
}

export async function wasAudited(tx: Tx, action: AuditAction, targetId: string): Promise<boolean> {
  const row = await tx
    .selectFrom('audit_log')
    .select('id')
    .where('target_id', '=', targetId)
    .where('action', '=', action)
    .limit(1)
    .executeTakeFirst()
  return row !== undefined
}
