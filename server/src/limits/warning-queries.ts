import { type RawBuilder, sql } from 'kysely'
import type { Tx } from '../database/database.ts'
import { isMailDue, lockMailTurns, maxMailAttempts } from '../mail/mail-turns.ts'

/** First day of the UTC month, as usage_months writes it. */
export const monthOf = (moment: Date) => `${moment.toISOString().slice(0, 7)}-01`

/**
 * Each limit of a month by user, with what is used of it: of the plan that counts, as app.reserve_run decides it, and the
 * cap of one's own. What is set aside for runs that still run does not count: it is mostly given back.
 */
const usedOfLimits = (month: string, now: Date, users: RawBuilder<unknown>, fromPercent = 0) => sql`
  select standing.user_id, plan, name, used, "of"
  from (
    select m.user_id, p.name as plan, m.runs, m.input_tokens + m.output_tokens as tokens, m.cost_usd, u.cost_cap_usd,
      p.most_runs, p.most_tokens, p.most_cost_usd,
      u.role <> 'admin' and (s.id is null or (s.status in ('trialing', 'active', 'past_due')
        and coalesce(s.end_date > ${now}, true)
        and (s.status <> 'past_due' or coalesce(s.grace_until > ${now}, false)))) as has_plan
    from usage_months m join users u on u.id = m.user_id
    left join subscriptions s on s.user_id = m.user_id and s.is_current
    left join (
      -- Once for each plan, not for each user.
      select id, name, (features -> 'limits' ->> 'runs_per_month')::numeric as most_runs,
        (features -> 'limits' ->> 'tokens_per_month')::numeric as most_tokens,
        (features -> 'limits' ->> 'cost_usd_per_month')::numeric as most_cost_usd
      from plans offset 0
    ) p on p.id = coalesce(s.plan_id, (select id from plans where is_default))
    where m.month = ${month}::date and ${users}
  ) standing, lateral (
    -- VALUES would prepare its expressions anew for each user, which took half of the time.
    select 'cost_cap' as name, cost_usd as used, cost_cap_usd as "of", true as counts
    union all select 'runs_per_month', runs, most_runs, has_plan
    union all select 'tokens_per_month', tokens, most_tokens, has_plan
    union all select 'cost_usd_per_month', cost_usd, most_cost_usd, has_plan
  ) v
  -- Before the four lines are made; nobody has to be told that nothing of nothing is left.
  where (cost_usd * 100 >= cost_cap_usd * ${fromPercent}::integer or runs::bigint * 100 >= most_runs * ${fromPercent}::integer
    or tokens * 100 >= most_tokens * ${fromPercent}::integer or cost_usd * 100 >= most_cost_usd * ${fromPercent}::integer)
    and counts and "of" > 0`

/**
 * Notes which limits are near or reached, each threshold once a month; 80 % not beside 100 %. A limit that was raised
 * since begins anew. What falls below a threshold because a run was given back stays noted.
 */
export async function noteLimitWarnings(tx: Tx, now: Date): Promise<void> {
  const month = monthOf(now)
  await sql`
    delete from limit_warnings w where month = ${month}::date and not exists (
      select from (${usedOfLimits(month, now, sql`m.user_id in (select user_id from limit_warnings where month = ${month}::date)`)}) u
      where u.user_id = w.user_id and u.name = w.limit_name and (u."of" <= coalesce(w.limit_value, u."of") or u.used * 100 >= u."of" * w.threshold))`.execute(
    tx,
  )
  await sql`
    insert into limit_warnings (user_id, month, limit_name, threshold, limit_value, created_at)
    select user_id, ${month}::date, name, case when used >= "of" then 100 else 80 end, "of", ${now}::timestamptz
    from (${usedOfLimits(month, now, sql`true`, 80)}) u
    where used * 100 >= "of" * 80 and not exists (
      select from limit_warnings w where w.user_id = u.user_id and w.month = ${month}::date and w.limit_name = u.name
        and w.threshold = 100)
    on conflict do nothing`.execute(tx)
}

export interface TakenWarning {
  name: string
  threshold: number
  attempts: number
}

/**
 * Takes what one user is to be told by e-mail, as if it were sent already: a server that dies before it sends loses an
 * e-mail, and no two send the same. Null when nothing waits.
 */
export async function takeWarningsOfOneUser(
  tx: Tx,
  now: Date,
): Promise<{ user_id: string; taken: TakenWarning[] } | null> {
  await lockMailTurns(tx)
  const isDue = sql`emailed_at is null and month = ${monthOf(now)}::date
    and ${isMailDue(sql.ref('created_at'), sql.ref('attempts'), now)}`
  const { rows } = await sql<TakenWarning & { user_id: string }>`
    with oldest as (
      select user_id from limit_warnings where ${isDue} order by created_at, user_id limit 1
    ),
    due as (
      select user_id, limit_name, threshold from limit_warnings
      where ${isDue} and user_id = (select user_id from oldest)
    )
    update limit_warnings w set emailed_at = ${now}::timestamptz, attempts = attempts + 1 from due
    where w.user_id = due.user_id and w.month = ${monthOf(now)}::date and w.limit_name = due.limit_name
      and w.threshold = due.threshold
    returning w.user_id, w.limit_name as name, w.threshold, w.attempts`.execute(tx)
  const [first] = rows
  return first ? { user_id: first.user_id, taken: rows } : null
}

/** Surely not sent: later again, or never where another try would end the same way. */
export async function giveWarningsBack(
  tx: Tx,
  now: Date,
  { userId, taken, isFinal }: { userId: string; taken: readonly TakenWarning[]; isFinal: boolean },
): Promise<void> {
  for (const { name, threshold, attempts } of taken)
    await sql`
      update limit_warnings set emailed_at = null, attempts = ${isFinal ? maxMailAttempts : attempts}
      where user_id = ${userId}::uuid and month = ${monthOf(now)}::date and limit_name = ${name}
        and threshold = ${threshold} and attempts = ${attempts}`.execute(tx)
}

export interface UserOfWarnings {
  id: string
  email: string
  first_name: string | null
  plan: string | null
  /** What is used of each limit at this moment. */
  limits: { name: string; used: number; of: number }[]
}

/** With their limits; null for who may not sign in, or has no limits any more. */
export async function findUserOfWarnings(tx: Tx, now: Date, userId: string): Promise<UserOfWarnings | null> {
  const { rows } = await sql<UserOfWarnings>`
    select u.id, u.email, u.first_name, min(l.plan) as plan,
      json_agg(json_build_object('name', l.name, 'used', l.used, 'of', l."of")) as limits
    from users u join (${usedOfLimits(monthOf(now), now, sql`m.user_id = ${userId}::uuid`)}) l on l.user_id = u.id
    where u.id = ${userId}::uuid and u.suspended_at is null group by u.id`.execute(tx)
  return rows[0] ?? null
}
