import { type RawBuilder, sql } from 'kysely'
import type { Tx } from '../../database/database.ts'
import { usageOfLog } from '../../usage/roll-up-queries.ts'
import type { Revenue, RevenueMonth } from './revenue-schemas.ts'

export interface RevenueRange {
  /** How many months, the present one among them. */
  months: number
  now: Date
}

/** The months asked for and the one before them (k = 0), each with the moment that counts as its end. */
const monthsOf = ({ months, now }: RevenueRange) => sql`
  select k, begin_at, next_at, least(next_at, ${now}::timestamptz) as end_at, to_char(local, 'YYYY-MM-DD') as month
  from (
    select k, local, local at time zone 'UTC' as begin_at, (local + interval '1 month') at time zone 'UTC' as next_at
    from generate_series(0, ${months}::int) k,
      lateral (select date_trunc('month', ${now}::timestamptz at time zone 'UTC') - make_interval(months => ${months}::int - k) as local) l
  ) m`

/** The first of the months asked for: what was over before is in none of them. */
const firstMoment = ({ months, now }: RevenueRange) =>
  new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - months + 1))

/**
 * From when until when each subscription was what, for moments after `from`: out of its history since then, with the last
 * event before. One to which nothing has happened since was all the time what it is now; so are those without a history
 * (from before there was one). What is cancelled for the end of the period is over then.
 */
const statesAfter = (from: Date) => sql`
  with recent as materialized (
    select id, subscription_id, user_id, to_status, to_plan_id, detail, created_at
    from public.subscription_events where created_at >= ${from}::timestamptz
  ),
  events as (
    select * from recent
    union all
    select former.* from (select distinct subscription_id from recent) changed, lateral (
      select id, subscription_id, user_id, to_status, to_plan_id, detail, created_at from public.subscription_events
      where subscription_id = changed.subscription_id and created_at < ${from}::timestamptz order by id desc limit 1
    ) former
  )
  select e.user_id, e.to_status as status, e.to_plan_id as plan_id, e.created_at as from_at,
    coalesce(lead(e.created_at) over history,
      least(s.end_date, case when s.cancel_at_period_end then s.period_end end), 'infinity') as until_at,
    coalesce(e.detail ->> 'source', s.source) as source, coalesce(e.detail ->> 'currency', s.currency) as currency,
    coalesce((e.detail ->> 'is_current')::boolean, s.is_current) as is_current,
    coalesce((e.detail ->> 'price')::numeric, s.price)
      / case when (case when e.detail ? 'billing_interval' then e.detail ->> 'billing_interval' else s.billing_interval end) = 'year'
        then 12 else 1 end as monthly
  from events e join public.subscriptions s on s.id = e.subscription_id
  window history as (partition by e.subscription_id order by e.created_at, e.id)
  union all
  select user_id, status, plan_id, start_date,
    coalesce(least(end_date, case when cancel_at_period_end then period_end end), 'infinity'), source, currency, is_current,
    price / case when billing_interval = 'year' then 12 else 1 end
  from public.subscriptions s where not exists (select from recent where recent.subscription_id = s.id)`

/** Trials, free plans and given ones earn nothing. */
const isPaid = sql`is_current and status in ('active', 'past_due') and source in ('manual', 'stripe') and monthly > 0`
const isAtEnd = sql`from_at < end_at and until_at >= end_at`

/** Who paid what at the end of each month. A year counts as twelve months, each in whole cents, so that sums are sums. */
const paidTables = (range: RevenueRange) => sql`
  months as materialized (${monthsOf(range)}),
  states as materialized (${statesAfter(firstMoment(range))}),
  paid as materialized (
    select k, user_id, currency, sum(round(monthly, 2)) as monthly
    from months join states on ${isAtEnd} where ${isPaid} group by k, user_id, currency
  )`

interface CountRow {
  k: number
  month: string
  paying: number
  new: number
  churned: number
  before: number
  trialing: number
  given: number
}

/** Users who pay, began to and stopped to, by month. */
export async function countSubscribers(tx: Tx, range: RevenueRange): Promise<CountRow[]> {
  const { rows } = await sql<CountRow>`
    with ${paidTables(range)},
    payers as (select distinct k, user_id from paid),
    moves as (
      select coalesce(now.k, before.k + 1) as k, count(now.user_id) as paying, count(before.user_id) as before,
        count(*) filter (where before.user_id is null) as new, count(*) filter (where now.user_id is null) as churned
      from payers now full join payers before on before.k = now.k - 1 and before.user_id = now.user_id group by 1
    )
    select months.k, month, coalesce(paying, 0) as paying, coalesce(new, 0) as new, coalesce(churned, 0) as churned,
      coalesce(before, 0) as before,
      (select count(distinct user_id) from states where ${isAtEnd} and is_current and status = 'trialing') as trialing,
      (select count(distinct user_id) from states
        where ${isAtEnd} and is_current and status in ('active', 'trialing') and source = 'comp') as given
    from months left join moves on moves.k = months.k where months.k > 0 order by months.k`.execute(tx)
  return rows
}

/** How the subscriptions of all users stand now; who has lapsed as app.reserve_run decides it. */
export async function countStates(tx: Tx, now: Date): Promise<Revenue['states']> {
  const { rows } = await sql<Revenue['states']>`
    select count(*) filter (where not has_lapsed and status = 'trialing') as trialing,
      count(*) filter (where not has_lapsed and status = 'active') as active,
      count(*) filter (where not has_lapsed and status = 'past_due') as past_due,
      count(*) filter (where has_lapsed) as lapsed,
      count(*) filter (where not has_lapsed and source = 'comp') as comp
    from (
      select status, source, status not in ('trialing', 'active', 'past_due') or coalesce(end_date <= ${now}, false)
        or (status = 'past_due' and coalesce(grace_until, '-infinity') <= ${now}) as has_lapsed
      from public.subscriptions where is_current
    ) current`.execute(tx)
  const [states] = rows
  if (!states) throw new Error('Nothing was counted.')
  return states
}

type MoneyRow = RevenueMonth['currencies'][number] & { k: number }

/** Monthly recurring revenue and how it moved, and what was earned, by month and currency. */
export async function sumRevenue(tx: Tx, range: RevenueRange): Promise<MoneyRow[]> {
  const cents = (amount: RawBuilder<unknown>) => sql`coalesce(${amount}, 0)::numeric(20, 2)::text`
  const { rows } = await sql<MoneyRow>`
    with ${paidTables(range)},
    moves as (
      select coalesce(now.k, before.k + 1) as k, coalesce(now.currency, before.currency) as currency,
        now.monthly as present, before.monthly as former
      from paid now full join paid before
        on before.k = now.k - 1 and before.user_id = now.user_id and before.currency = now.currency
    ),
    recurring as (
      select k, currency, sum(present) as mrr, sum(present) filter (where former is null) as new,
        sum(present - former) filter (where present > former) as expansion,
        sum(former - present) filter (where present < former) as contraction,
        sum(former) filter (where present is null) as churned
      from moves group by k, currency
    ),
    earned as (
      select k, currency, sum(monthly * extract(epoch from least(until_at, next_at) - greatest(from_at, begin_at))
        / extract(epoch from next_at - begin_at)) as income
      from months join states on from_at < next_at and until_at > begin_at
      where ${isPaid} and greatest(from_at, begin_at) < least(until_at, next_at)
      group by k, currency
    )
    select k, currency, ${cents(sql`mrr`)} as mrr, ${cents(sql`new`)} as mrr_new,
      ${cents(sql`expansion`)} as mrr_expansion, ${cents(sql`contraction`)} as mrr_contraction,
      ${cents(sql`churned`)} as mrr_churned, ${cents(sql`income`)} as income
    from recurring full join earned using (k, currency)
    where k between 1 and ${range.months}::int order by k, currency`.execute(tx)
  return rows
}

/** Who pays for what now, most money first. */
export async function listPayingPlans(tx: Tx, range: RevenueRange): Promise<Revenue['plans']> {
  const { rows } = await sql<Revenue['plans'][number]>`
    with months as materialized (${monthsOf(range)}),
    states as materialized (${statesAfter(range.now)}),
    by_plan as (
      select plan_id, currency, count(distinct user_id) as paying, sum(round(monthly, 2)) as mrr
      from months join states on ${isAtEnd} where k = ${range.months}::int and ${isPaid} group by plan_id, currency
    )
    select plan_id, coalesce(plans.name, '') as name, by_plan.currency, paying, mrr::numeric(20, 2)::text as mrr
    from by_plan left join public.plans on plans.id = plan_id order by by_plan.mrr desc, name, plan_id`.execute(tx)
  return rows
}

const usageFrom = (from: RawBuilder<unknown>) => sql`
  select user_id, hour, runs, failed, unpriced_runs, cost_usd from public.usage_hours where hour >= ${from}
  union all
  select user_id, hour, runs, failed, unpriced_runs, cost_usd from (
    select ${usageOfLog} from public.agent_logs
    where "timestamp" >= greatest(${from}, (select rolled_until from public.usage_rollup))
  ) logs`

interface CostRow {
  k: number
  runs: number
  unpriced_runs: number
  model_cost_usd: number
}

/** Runs of everybody and what models cost, by month. */
export async function sumCosts(tx: Tx, range: RevenueRange): Promise<CostRow[]> {
  const { rows } = await sql<CostRow>`
    with months as materialized (${monthsOf(range)}),
    entries as (${usageFrom(sql`(select min(begin_at) from months where k > 0)`)})
    select k, coalesce(sum(runs), 0)::bigint as runs, coalesce(sum(unpriced_runs), 0)::bigint as unpriced_runs,
      coalesce(sum(cost_usd), 0)::float8 as model_cost_usd
    from months left join entries on hour >= begin_at and hour < next_at where k > 0 group by k order by k`.execute(tx)
  return rows
}

/** Runs and cost of the last days (UTC), those without runs too. */
export async function sumDays(tx: Tx, now: Date, days: number): Promise<Revenue['days']> {
  const { rows } = await sql<Revenue['days'][number]>`
    with days as materialized (
      select day, to_char(day at time zone 'UTC', 'YYYY-MM-DD') as name from generate_series(0, ${days}::int - 1) n,
        lateral (select date_trunc('day', ${now}::timestamptz, 'UTC') - n * interval '24 hours' as day) d
    ),
    entries as (${usageFrom(sql`(select min(day) from days)`)})
    select name as day, coalesce(sum(runs), 0)::bigint as runs, coalesce(sum(failed), 0)::bigint as failed,
      count(distinct user_id) as users, coalesce(sum(cost_usd), 0)::float8 as cost_usd
    from days left join entries on hour >= day and hour < day + interval '24 hours'
    group by name order by name`.execute(tx)
  return rows
}
