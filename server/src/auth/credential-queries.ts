import { sql } from 'kysely'
import type { Tx } from '../database/database.ts'

/** Whether the plan of `users` has the API. Admins, and sites without plans, have it. */
const isApiInPlan = sql<boolean>`(users.role = 'admin' or coalesce((select (p.features -> 'switches' ->> 'api')::boolean
  from public.plans p where p.id = coalesce(
    (select s.plan_id from public.subscriptions s where s.user_id = users.id and s.is_current),
    (select d.id from public.plans d where d.is_default))), true))`

/** The account an unrevoked, unexpired key belongs to; notes the use at most once a minute. */
export async function findUserByApiKey(tx: Tx, keyHash: Buffer) {
  const row = await tx
    .selectFrom('api_keys')
    .innerJoin('users', 'users.id', 'api_keys.user_id')
    .select(['api_keys.id', 'api_keys.user_id', 'api_keys.last_used_at', 'users.role', 'users.suspended_at'])
    .select(isApiInPlan.as('is_api_in_plan'))
    .where('api_keys.key_hash', '=', keyHash)
    .where('api_keys.revoked_at', 'is', null)
    .where((where) =>
      where.or([where('api_keys.expires_at', 'is', null), where('api_keys.expires_at', '>', sql<Date>`now()`)]),
    )
    .executeTakeFirst()
  if (row && (row.last_used_at === null || Date.now() - row.last_used_at.getTime() > 60_000)) {
    await tx.updateTable('api_keys').set({ last_used_at: sql`now()` }).where('id', '=', row.id).execute()
  }
  return row ?? null
}

/** The account of a session that has not ended; null when it is not this user's. */
export async function findUserBySession(tx: Tx, { sessionId, userId }: { sessionId: string; userId: string }) {
  const row = await tx
    .selectFrom('sessions')
    .innerJoin('users', 'users.id', 'sessions.user_id')
    .select(['sessions.id', 'sessions.user_id', 'users.role', 'users.suspended_at'])
    .where('sessions.id', '=', sessionId)
    .where('sessions.user_id', '=', userId)
    .where('sessions.expires_at', '>', sql<Date>`now()`)
    .executeTakeFirst()
  return row ?? null
}
