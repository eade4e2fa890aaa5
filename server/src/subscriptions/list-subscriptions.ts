import type { Tx } from '../database/database.ts'
import { asSubscription, subscriptionColumns } from './subscription-queries.ts'
import type { SubscriptionStatus } from './transitions.ts'

interface SubscriptionPage {
  status: SubscriptionStatus | undefined
  planId: string | undefined
  search: string | undefined
  afterId: string | undefined
  limit: number
}

/** The current ones, newest first, with whose they are. `search` is looked for in e-mail and names. */
export async function listSubscriptions(tx: Tx, { status, planId, search, afterId, limit }: SubscriptionPage) {
  let statement = tx
    .selectFrom('subscriptions')
    .innerJoin('plans', 'plans.id', 'subscriptions.plan_id')
    .innerJoin('users', 'users.id', 'subscriptions.user_id')
    .select(subscriptionColumns.map((name) => `subscriptions.${name}` as const))
    .select(['plans.name as plan_name', 'users.email', 'users.first_name', 'users.last_name'])
    .where('is_current', '=', true)
    .orderBy('subscriptions.id', 'desc')
    .limit(limit)
  if (status !== undefined) statement = statement.where('subscriptions.status', '=', status)
  if (planId !== undefined) statement = statement.where('subscriptions.plan_id', '=', planId)
  if (afterId !== undefined) statement = statement.where('subscriptions.id', '<', afterId)
  if (search) {
    const pattern = `%${search.replace(/[\\%_]/g, '\\$&')}%`
    statement = statement.where((where) =>
      where.or([
        where('users.email', 'ilike', pattern),
        where('users.first_name', 'ilike', pattern),
        where('users.last_name', 'ilike', pattern),
      ]),
    )
  }
  const rows = await statement.execute()
  return rows.map(({ plan_name, email, first_name, last_name, ...row }) => ({
    ...asSubscription(row),
    plan_name,
    user: { id: row.user_id, email, first_name, last_name },
  }))
}
