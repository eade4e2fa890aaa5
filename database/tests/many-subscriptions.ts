import type pg from 'pg'
import type { PlanFeatures } from '../../server/src/plans/plan-features.ts'
import { unlimitedFeatures } from '../../server/src/plans/plan-testing.ts'
import { createIdAt, type LoggedUser } from './many-logs.ts'

// Of the retention of logs they say nothing, which leaves it to the operator.
const { log_retention_days: _, ...unlimited } = unlimitedFeatures.limits

const plan = (limits: Partial<PlanFeatures['limits']> = {}): string =>
  JSON.stringify({ ...unlimitedFeatures, limits: { ...unlimited, ...limits } })

/** Four plans on sale, thirty former ones, and who has or had which; answers the default one. */
export async function fillSubscriptions(client: pg.Client, heavy: LoggedUser): Promise<string> {
  const [free, starter, professional, enterprise] = Array.from({ length: 4 }, () => createIdAt(Date.now()))
  const plans: [string | undefined, string, number, string][] = [
    [free, 'Free', 0, plan({ runs_per_month: 200 })],
    [starter, 'Starter', 19, plan({ runs_per_month: 5000, cost_usd_per_month: 50 })],
    [professional, 'Professional', 49, plan({ runs_per_month: 25_000 })],
    [enterprise, 'Enterprise', 0, plan()],
  ]
  for (const [position, [id, name, price, features]] of plans.entries())
    await client.query(
      `insert into plans (id, name, description, price, yearly_price, features, position, is_default, is_by_arrangement)
       values ($1, $2, 'A plan.', $3, $4, $5, $6, $7, $8)`,
      [id, name, price, price * 10, features, position, position === 0, position === 3],
    )
  await client.query(
    `insert into plans (id, name, description, price, features, archived_at, is_public)
     select gen_random_uuid(), 'Plan of former years ' || n, 'A plan.', n, $1::jsonb, now(), n > 3 from generate_series(1, 30) n`,
    [plan()],
  )
  await client.query(
    `insert into plan_offers (plan_id, user_id)
     select (array(select id from plans where archived_at is not null order by price))[1 + n % 3], id from accounts where n <= 300`,
  )
  await client.query(
    `insert into subscriptions (id, user_id, plan_id, status, start_date, is_current, source)
     values (gen_random_uuid(), $1, $2, 'active', now() - interval '1 year', true, 'manual')`,
    [heavy.id, enterprise],
  )
  // Three of four have one, half of them paid at Stripe; of the others three have a period that is over, and wait for the server.
  await client.query(
    `insert into subscriptions (id, user_id, plan_id, status, start_date, end_date, is_current, billing_interval, price, currency,
       source, period_start, period_end, trial_end, grace_until, stripe_subscription_id)
     select pg_temp.id_at(start), id, case when n % 3 = 0 then $2::uuid else $1::uuid end, status, start,
       case when status in ('canceled', 'expired') then now() - interval '3 days' end, true,
       case when n % 5 = 0 then 'year' else 'month' end, case when n % 3 = 0 then 49 else 19 end, 'USD', source,
       now() - interval '20 days', case when n in (101, 203, 307) then now() - interval '1 hour' else now() + (1 + n % 9) * interval '1 day' end,
       case when status = 'trialing' then now() + interval '5 days' end, case when status = 'past_due' then now() + interval '4 days' end,
       case when source = 'stripe' then 'sub_' || n end
     from accounts, lateral (select now() - (30 + n % 400) * interval '1 day' as start, case when n % 2 = 0 then 'stripe' else 'manual' end as source,
       case when n % 10 = 9 then (array['canceled', 'expired'])[1 + n % 20 / 10] when n % 50 = 2 then 'past_due'
         when n % 33 = 1 then 'trialing' else 'active' end as status) s
     where n % 4 > 0`,
    [starter, professional],
  )
  // Former ones, of every other account.
  await client.query(
    `insert into subscriptions (id, user_id, plan_id, status, start_date, end_date, is_current, billing_interval, price, source)
     select pg_temp.id_at(start), id, $1::uuid, 'canceled', start, start + interval '60 days', false, 'month', 19, 'manual'
     from accounts, generate_series(1, n % 2) k, lateral (select now() - (440 + n % 200 + k * 100) * interval '1 day' as start) s`,
    [starter],
  )
  // The history of them all; three payments failed just now, and their users are still to be told.
  const detail = `jsonb_build_object('price', price, 'currency', currency, 'billing_interval', billing_interval, 'source', source, 'is_current', true)`
  await client.query(
    `insert into subscription_events (id, subscription_id, user_id, type, from_status, to_status, to_plan_id, detail, created_at)
     select pg_temp.id_at(at), id, user_id, case when k = 0 then 'begun' when last and status <> 'active' then
         case status when 'past_due' then 'payment_failed' when 'trialing' then 'adjusted' else status end else 'renewed' end,
       case when k > 0 then 'active' end, case when last then status else 'active' end, plan_id, ${detail}, at
     from subscriptions, generate_series(0, 2) k,
       lateral (select start_date + k * interval '15 days' as at, k = 2 as last) e
     where at < now()`,
  )
  await client.query(
    `insert into subscription_events (id, subscription_id, user_id, type, from_status, to_status, to_plan_id, detail, created_at)
     select pg_temp.id_at(at), id, user_id, 'payment_failed', 'active', 'past_due', plan_id, ${detail}, at
     from subscriptions, lateral (select now() - interval '10 minutes' as at) e
     where status = 'past_due' order by user_id limit 3`,
  )
  await client.query(
    `insert into plan_requests (id, user_id, plan_id, status, decided_at, created_at)
     select pg_temp.id_at(at), id, $1::uuid, status, case when status in ('accepted', 'refused') then at + interval '1 hour' end, at
     from accounts, lateral (select now() - n * interval '3 hours' - interval '2 days' as at,
       case when n % 50 = 0 then 'open' else (array['accepted', 'accepted', 'refused', 'withdrawn'])[1 + n % 4] end as status) r where n <= 5000
     union all
     select gen_random_uuid(), id, $1::uuid, 'accepted', now() - interval '10 minutes', now() - interval '1 hour' from accounts where n between 6001 and 6002`,
    [professional],
  )
  return free ?? ''
}
