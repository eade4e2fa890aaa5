import { type RawBuilder, sql } from 'kysely'
import type { Tx } from '../../database/database.ts'
import { toLimitMonth } from '../../limits/read-standing.ts'
import { usageOfLog } from '../../usage/roll-up-queries.ts'
import type { AdminUser, AdminUserDetail, AdminUserQuery } from './admin-user-schemas.ts'

type Filter = Pick<AdminUserQuery, 'search' | 'plan_id' | 'status' | 'is_suspended' | 'role'>

interface UserRow extends Omit<AdminUser, 'plan' | 'subscription'> {
  plan_id: string | null
  plan_name: string | null
  subscription_id: string | null
  status: string | null
  source: string | null
  billing_interval: string | null
  period_end: Date | null
  end_date: Date | null
  cancel_at_period_end: boolean | null
  grace_until: Date | null
  price: string | null
  currency: string | null
  next_plan_name: string | null
}

/**
 * Newest first, with plan and usage, in one statement: of the joined tables each has at most one row a user, found by its
 * key once the page is cut.
 */
export async function listAdminUsers(
  tx: Tx,
  filter: Filter,
  { afterId, limit }: { afterId: string | undefined; limit: number },
): Promise<AdminUser[]> {
  const conditions = toConditions(filter)
  if (afterId !== undefined) conditions.push(sql`u.id < ${afterId}::uuid`)
  return selectUsers(tx, conditions, limit)
}

export async function findAdminUser(tx: Tx, id: string): Promise<AdminUser | null> {
  const [user] = await selectUsers(tx, [sql`u.id = ${id}::uuid`], 1)
  return user ?? null
}

function toConditions({ search, plan_id, status, is_suspended, role }: Filter): RawBuilder<unknown>[] {
  const conditions: RawBuilder<unknown>[] = [sql`true`]
  if (search) {
    const pattern = `%${search.replace(/[\\%_]/g, '\\$&')}%`
    conditions.push(sql`(u.email ilike ${pattern} or u.first_name ilike ${pattern} or u.last_name ilike ${pattern}
      or u.first_name || ' ' || u.last_name ilike ${pattern})`)
  }
  if (plan_id !== undefined) conditions.push(sql`p.id = ${plan_id}::uuid`)
  if (status === 'none') conditions.push(sql`s.id is null`)
  else if (status !== undefined) conditions.push(sql`s.status = ${status}`)
  if (is_suspended !== undefined)
    conditions.push(is_suspended ? sql`u.suspended_at is not null` : sql`u.suspended_at is null`)
  if (role !== undefined) conditions.push(sql`u.role = ${role}`)
  return conditions
}

async function selectUsers(tx: Tx, conditions: RawBuilder<unknown>[], limit: number): Promise<AdminUser[]> {
  const month = `${toLimitMonth(new Date()).month}-01`
  // is_lapsed: as app.reserve_run decides it.
  const { rows } = await sql<UserRow>`
    select u.id, u.email, u.first_name, u.last_name, u.avatar_url, u.role, u.suspended_at, u.created_at, u.updated_at,
      p.id as plan_id, p.name as plan_name, s.id as subscription_id, s.status, s.source, s.billing_interval, s.period_end,
      s.end_date, s.cancel_at_period_end, s.grace_until, s.price::text as price, s.currency,
      (select name from public.plans where id = s.next_plan_id) as next_plan_name,
      coalesce(u.role <> 'admin' and (s.status not in ('trialing', 'active', 'past_due') or s.end_date <= now()
        or (s.status = 'past_due' and coalesce(s.grace_until, '-infinity') <= now())), false) as is_lapsed,
      coalesce(m.runs, 0) as runs, coalesce(m.cost_usd, 0)::float8 as cost_usd
    from public.users u
    left join public.subscriptions s on s.user_id = u.id and s.is_current
    left join public.plans p on p.id = coalesce(s.plan_id, (select id from public.plans where is_default))
    left join public.usage_months m on m.user_id = u.id and m.month = ${month}::date
    where ${sql.join(conditions, sql` and `)}
    order by u.id desc limit ${limit}`.execute(tx)
  return rows.map(toAdminUser)
}

function toAdminUser({ plan_id, plan_name, subscription_id, ...row }: UserRow): AdminUser {
  const { status, source, billing_interval, period_end, end_date, cancel_at_period_end, ...rest } = row
  const { grace_until, price, currency, next_plan_name, ...user } = rest
  return {
    ...user,
    plan: plan_id !== null && plan_name !== null ? { id: plan_id, name: plan_name } : null,
    subscription:
      subscription_id === null
        ? null
        : // The columns are text with a CHECK.
          ({
            id: subscription_id,
            ...{ status, source, billing_interval, price, currency, period_end, end_date, grace_until, next_plan_name },
            cancel_at_period_end: cancel_at_period_end === true,
          } as AdminUser['subscription']),
  }
}

/** Runs, tokens and cost of one user by UTC day, those without runs too. */
export async function readUserDays(tx: Tx, userId: string, days: number): Promise<AdminUserDetail['days']> {
  const { rows } = await sql<AdminUserDetail['days'][number]>`
    with begin as (
      select date_trunc('day', now(), 'UTC') - make_interval(days => ${days - 1}) as at
    ),
    entries as (
      select hour, runs, failed, input_tokens, output_tokens, cost_usd from public.usage_hours
      where user_id = ${userId}::uuid and hour >= (select at from begin)
      union all
      select hour, runs, failed, input_tokens, output_tokens, cost_usd from (
        select ${usageOfLog} from public.agent_logs where user_id = ${userId}::uuid
          and "timestamp" >= greatest((select at from begin), (select rolled_until from public.usage_rollup))
      ) logs
    )
    select to_char(day at time zone 'UTC', 'YYYY-MM-DD') as day, coalesce(sum(runs), 0)::bigint as runs,
      coalesce(sum(failed), 0)::bigint as failed, coalesce(sum(input_tokens + output_tokens), 0)::bigint as tokens,
      coalesce(sum(cost_usd), 0)::float8 as cost_usd
    from begin, generate_series(0, ${days - 1}) n, lateral (select at + make_interval(days => n) as day) d
      left join entries on hour >= day and hour < day + interval '1 day'
    group by day order by day`.execute(tx)
  return rows
}

export async function countSessions(tx: Tx, userId: string): Promise<number> {
  const { sessions } = await tx
    .selectFrom('sessions')
    .select((select) => select.fn.countAll<number>().as('sessions'))
    .where('user_id', '=', userId)
    .where('expires_at', '>', sql<Date>`now()`)
    .executeTakeFirstOrThrow()
  return sessions
}
