import pg from 'pg'
import type { PlanFeatures } from '../../server/src/plans/plan-features.ts'
import { unlimitedFeatures } from '../../server/src/plans/plan-testing.ts'
import { createIdAt, type LoggedUser, type ManyLogs } from './many-logs.ts'

/*
 * What gathers beside the logs of a year: further accounts, what they bought, what limits counted of them, and what was
 * asked, remembered, delivered and recorded. Of each table tens of thousands of rows where it grows for ever, as many as are
 * open at one time where it does not, and a handful that is due, so that every job finds something to do. In SQL, because
 * it is many rows of little content: it takes seconds. Benchmarks have nothing of it.
 */

/** Accounts altogether; those with logs are among them. */
export const accounts = 20_000
/** Runs that wait for an approval, and runs of this moment. */
export const waitingRuns = 3000
const runningRuns = 300
/** Entries of the audit log, a true chain. */
export const auditEntries = 20_000

export interface ManyOthers {
  /** One of those with a thousand logs; an admin, whom no plan limits. */
  admin: LoggedUser
  /** What most accounts have that bought nothing. */
  defaultPlanId: string
}

/** Needs a superuser, and what `fillManyLogs` made. */
export async function fillManyOthers(ownerUrl: string, filled: ManyLogs): Promise<ManyOthers> {
  const client = new pg.Client({ connectionString: ownerUrl })
  await client.connect()
  try {
    await client.query("set session_replication_role = replica; set timezone = 'UTC'")
    await client.query(functions)
    const admin = filled.others[5] ?? filled.heavy
    await fillAccounts(client, filled, admin)
    const defaultPlanId = await fillSubscriptions(client, filled.heavy)
    await fillMonths(client)
    await fillRuns(client, filled.heavy)
    await fillRecords(client, admin)
    await client.query(`vacuum (analyze) ${tables.join(', ')}`)
    return { admin, defaultPlanId }
  } finally {
    await client.end()
  }
}

const tables = [
  ...['users', 'sessions', 'sign_in_attempts', 'account_deletions', 'idempotency_keys', 'agents', 'agent_versions'],
  ...['plans', 'plan_offers', 'plan_requests', 'subscriptions', 'subscription_events', 'integrations', 'usage_hours'],
  ...['usage_months', 'run_reservations', 'limit_warnings', 'usage_reconciliations', 'approvals', 'waiting_runs'],
  ...['memories', 'webhook_deliveries', 'audit_log', 'stripe_customers', 'stripe_prices', 'stripe_events'],
]

// A UUIDv7 of any moment, as createIdAt makes it; and the chain of the audit log as app.record_audit makes it.
const functions = `
  create function pg_temp.id_at(at timestamptz) returns uuid language sql volatile as $$
    select overlay(overlay(md5(random()::text)
      placing lpad(to_hex((extract(epoch from at) * 1000)::bigint), 12, '0') || '7' from 1) placing '8' from 17)::uuid
  $$;
  create function pg_temp.fill_audit_log(admin uuid, entries integer) returns void language plpgsql as $$
  declare
    entry public.audit_log;
    last bytea := '\\x';
  begin
    for n in 1..entries loop
      entry.id := n;
      entry.created_at := now() - (entries - n) * interval '20 minutes';
      entry.actor_id := case when n % 3 > 0 then admin end;
      entry.action := (array['user.suspend', 'user.restore', 'subscription.assign', 'plan.change'])[1 + n % 4];
      entry.target_type := case when n % 4 = 3 then 'plan' else 'user' end;
      entry.target_id := (select id from accounts where accounts.n = 1 + (entry.id * 7) % ${accounts - 1});
      entry.detail := jsonb_build_object('reason', 'entry ' || n);
      entry.previous_hash := last;
      entry.hash := app.hash_audit_entry(entry);
      last := entry.hash;
      insert into public.audit_log select entry.*;
    end loop;
  end
  $$;`

async function fillAccounts(client: pg.Client, { heavy }: ManyLogs, admin: LoggedUser): Promise<void> {
  await client.query(
    `insert into users (id, email, first_name, last_name, suspended_at, created_at)
     select pg_temp.id_at(at), 'more' || n || '@example.test', 'User', 'Number ' || n, case when n % 500 = 0 then at end, at
     from generate_series(1, ${accounts} - (select count(*) from users)) n, lateral (select now() - n * interval '35 minutes' as at) a`,
  )
  await client.query("update users set role = 'admin' where id = $1", [admin.id])
  // Everything below is spread over them by their number; the heavy user has a place of their own in each table.
  await client.query(
    `create temp table accounts as select id, row_number() over (order by md5(id::text))::integer as n from users where id <> '${heavy.id}'`,
  )
  await client.query('create unique index on accounts (n); analyze accounts')
  // Expired by now: fifty sessions, and more of what is forgotten after a day or a month.
  await client.query(
    `insert into sessions (id, user_id, refresh_token_hash, expires_at)
     select gen_random_uuid(), id, sha256(n::text::bytea), now() - interval '1 minute' from accounts where n <= 50`,
  )
  await client.query(
    `insert into idempotency_keys (user_id, key, request_hash, log_id, log_timestamp, created_at)
     select id, 'yesterday', '\\x00', gen_random_uuid(), now() - interval '25 hours', now() - interval '25 hours' from accounts where n <= 500`,
  )
  await client.query(
    `insert into sign_in_attempts (key_hash, failures, window_start)
     select sha256(n::text::bytea), 3, now() - case when n <= 100 then interval '25 hours' else interval '5 minutes' end from accounts where n <= 5000`,
  )
  await client.query(
    `insert into account_deletions (user_id, deleted_at)
     select gen_random_uuid(), now() - case when n <= 20 then interval '31 days' else n * interval '2 minutes' end from accounts where n <= 2000`,
  )
  // Agents that users made: a few are public, and thirty wait for an admin.
  await client.query(
    `insert into agents (id, name, description, type, capabilities, is_public, creator_id, publication_requested_at)
     select gen_random_uuid(), 'Own agent ' || n, 'What it does.', 'sales', capabilities, n % 20 = 0, accounts.id,
       case when n % 167 = 1 then now() - n * interval '1 minute' end
     from accounts, (select capabilities from agents limit 1) example where n <= 5000`,
  )
  await client.query(
    `insert into agent_versions (agent_id, version, name, description, capabilities)
     select id, 1, name, description, capabilities from agents on conflict do nothing`,
  )
}

const plan = (limits: Partial<PlanFeatures['limits']> = {}): string =>
  JSON.stringify({ ...unlimitedFeatures, limits: { ...unlimitedFeatures.limits, ...limits } })

/** Four plans on sale, thirty former ones, and who has or had which; answers the default one. */
async function fillSubscriptions(client: pg.Client, heavy: LoggedUser): Promise<string> {
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
  // Former ones, of two of three accounts.
  await client.query(
    `insert into subscriptions (id, user_id, plan_id, status, start_date, end_date, is_current, billing_interval, price, source)
     select pg_temp.id_at(start), id, $1::uuid, 'canceled', start, start + interval '60 days', false, 'month', 19, 'manual'
     from accounts, generate_series(1, n % 3) k, lateral (select now() - (440 + n % 200 + k * 100) * interval '1 day' as start) s`,
    [starter],
  )
  // The history of them all; three payments failed just now, and their users are still to be told.
  const detail = `jsonb_build_object('price', price, 'currency', currency, 'billing_interval', billing_interval, 'source', source, 'is_current', true)`
  await client.query(
    `insert into subscription_events (id, subscription_id, user_id, type, from_status, to_status, to_plan_id, detail, created_at)
     select pg_temp.id_at(at), id, user_id, case when k = 0 then 'begun' when last and status <> 'active' then
         case status when 'past_due' then 'payment_failed' when 'trialing' then 'adjusted' else status end else 'renewed' end,
       case when k > 0 then 'active' end, case when last then status else 'active' end, plan_id, ${detail}, at
     from subscriptions, generate_series(0, 3) k,
       lateral (select start_date + k * interval '15 days' as at, k = 3 as last) e
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

/** What limits counted in each month, and whom they warned: of each two hundredth account the present month is nearly used up. */
async function fillMonths(client: pg.Client): Promise<void> {
  await client.query(
    `insert into usage_months (user_id, month, runs, input_tokens, output_tokens, cost_usd)
     select user_id, date_trunc('month', hour)::date, sum(runs), sum(input_tokens), sum(output_tokens), sum(cost_usd)
     from usage_hours group by 1, 2`,
  )
  await client.query(
    `insert into usage_months (user_id, month, runs, input_tokens, output_tokens, cost_usd)
     select id, (date_trunc('month', now()) - k * interval '1 month')::date, case when n % 200 = 0 then 170 else n % 60 end, 5000, 900, 0.5
     from accounts, generate_series(0, 5) k on conflict (user_id, month) do update set
       runs = case when excluded.runs = 170 then 170 else usage_months.runs end`,
  )
  // One in twenty of those is not warned yet; three more are still to get their e-mail.
  await client.query(
    `insert into limit_warnings (user_id, month, limit_name, threshold, limit_value, created_at, emailed_at)
     select id, (date_trunc('month', now()) - k * interval '1 month')::date, 'runs_per_month', 80, 200, at,
       case when k > 0 or n not in (200, 400, 600) then at end
     from accounts, generate_series(0, 6) k, lateral (select case when k = 0 and n in (200, 400, 600) then now() - interval '10 minutes'
       else now() - k * interval '1 month' - interval '2 days' end as at) w
     where case when k = 0 then n % 200 = 0 and n % 4000 > 0 else n % 4 = 1 end`,
  )
  await client.query(
    `insert into usage_reconciliations (id, month, users, created_at)
     select gen_random_uuid(), date_trunc('month', at)::date, 5000, at
     from generate_series(2, 420) n, lateral (select now() - n * interval '1 day' as at) d`,
  )
  // What came after its hour was counted.
  await client.query(
    `insert into usage_hours (user_id, hour, source, runs, succeeded, failed, cancelled, interrupted, input_tokens, output_tokens,
       cost_usd, unpriced_runs, latency_ms, timed_runs, is_correction)
     select id, date_trunc('hour', now() - n * interval '5 hours'), 'api', 0, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0, true from accounts where n between 10 and 30`,
  )
}

/** What runs leave beside their logs: approvals of one in sixteen, deliveries of a month, memories; and what is under way. */
async function fillRuns(client: pg.Client, heavy: LoggedUser): Promise<void> {
  await client.query(
    `insert into integrations (id, user_agent_id, type, settings)
     select gen_random_uuid(), id, 'webhook', '{"url": "https://example.test/hook"}' from user_agents`,
  )
  await client.query(
    `insert into memories (id, user_id, user_agent_id, content, is_untrusted, created_at)
     select pg_temp.id_at(at), user_id, id, 'Fact ' || n || ': prefers to be called in the morning.', n % 9 = 0, at
     from user_agents, generate_series(1, 20) n, lateral (select now() - n * interval '3 days' as at) m`,
  )
  await client.query(
    `insert into approvals (id, user_id, user_agent_id, log_id, log_timestamp, integration_id, tool_call_id, tool, title, description, input,
       reason, status, created_at, expires_at, decided_at)
     select pg_temp.id_at(l."timestamp"), l.user_id, l.user_agent_id, l.id, l."timestamp", i.id, 'call_1', 'slack__send', 'Send', 'Send a message',
       '{"text": "Your order was sent today."}', 'writes', case n % 20 when 0 then 'refused' when 1 then 'expired' else 'approved' end,
       l."timestamp", l."timestamp" + interval '7 days', l."timestamp" + interval '5 minutes'
     from (select id, "timestamp", user_id, user_agent_id, row_number() over () as n from agent_logs
         where right(id::text, 1) = '0' and "timestamp" < now() - interval '10 days') l
       join integrations i on i.user_agent_id = l.user_agent_id and i.type = 'slack'`,
  )
  await client.query(
    `insert into webhook_deliveries (id, integration_id, user_id, log_id, event, payload, status, attempts, next_attempt_at, created_at, delivered_at)
     select pg_temp.id_at(l."timestamp"), i.id, l.user_id, l.id, 'run.ended', '{"status": "succeeded", "output": "Your order was sent today."}',
       status, 1, case when status = 'pending' then now() + interval '1 hour' end, l."timestamp", case when status = 'delivered' then l."timestamp" end
     from (select id, "timestamp", user_id, user_agent_id, row_number() over (order by "timestamp" desc) as n
         from agent_logs where "timestamp" > now() - interval '31 days') l
       join integrations i on i.user_agent_id = l.user_agent_id and i.type = 'webhook',
       lateral (select case when n <= 200 then 'pending' when n % 100 = 0 then 'failed' else 'delivered' end as status) s`,
  )
  await client.query(
    `update webhook_deliveries set next_attempt_at = now() - interval '1 second'
     where id in (select id from webhook_deliveries where status = 'pending' order by id limit 5)`,
  )
  // Of runs whose month was dropped long ago.
  await client.query(
    `insert into approvals (id, user_id, user_agent_id, log_id, log_timestamp, tool_call_id, tool, title, description, input, reason, status,
       expires_at, decided_at)
     select gen_random_uuid(), user_id, id, pg_temp.id_at(at), at, 'call_1', 'slack__send', 'Send', 'Send', '{}', 'writes', 'approved', at, at
     from user_agents, lateral (select now() - interval '3 years' as at) a limit 10`,
  )
  await fillWaitingRuns(client, heavy)
  await fillReservations(client)
}

/** The newest runs wait, at most ninety of one user; three of them too long, and two for a user agent that is gone. */
async function fillWaitingRuns(client: pg.Client, heavy: LoggedUser): Promise<void> {
  await client.query(
    `create temp table waiting as
     select *, case when n <= 3 then now() - interval '1 minute' else now() + n * interval '3 minutes' end as expires_at
     from (
       select id, "timestamp", user_id, user_agent_id, pg_temp.id_at("timestamp") as approval_id,
         row_number() over (order by "timestamp" desc) as n, row_number() over (partition by user_id order by "timestamp" desc) as of_user
       from agent_logs where "timestamp" > now() - interval '10 days' and status = 'succeeded'
     ) newest where of_user <= case when user_id = '${heavy.id}' then 90 else 30 end order by n limit ${waitingRuns}`,
  )
  await client.query(
    `update agent_logs set status = 'waiting' from waiting
     where agent_logs.id = waiting.id and agent_logs."timestamp" = waiting."timestamp" and agent_logs."timestamp" > now() - interval '10 days'`,
  )
  await client.query(
    `insert into waiting_runs (log_id, log_timestamp, user_id, user_agent_id, state, expires_at)
     select id, "timestamp", user_id, case when n in (4, 5) then gen_random_uuid() else user_agent_id end,
       json_build_object('version', 1, 'messages', repeat(md5(id::text), 50),
         'approvals', json_build_array(json_build_object('id', approval_id, 'input_schema', '{"type": "object"}'::json))), expires_at
     from waiting`,
  )
  await client.query(
    `insert into approvals (id, user_id, user_agent_id, log_id, log_timestamp, tool_call_id, tool, title, description, input, reason, created_at, expires_at)
     select approval_id, user_id, user_agent_id, id, "timestamp", 'call_1', 'slack__send', 'Send', 'Send a message', '{"text": "Sent."}', 'writes',
       "timestamp", expires_at from waiting on conflict do nothing`,
  )
}

/** One for each run that waits or runs; three belong to a server that is gone, two to runs whose logs are. */
async function fillReservations(client: pg.Client): Promise<void> {
  await client.query('insert into server_nodes (id) values (gen_random_uuid())')
  await client.query(
    `insert into run_reservations (log_id, user_id, month, cost_usd, node_id, created_at)
     select id, user_id, date_trunc('month', "timestamp")::date, 0, null::uuid, "timestamp" from waiting
     union all
     select pg_temp.id_at(at), id, date_trunc('month', at)::date, 0.01,
       case when n <= 3 then gen_random_uuid() when n > 5 then (select id from server_nodes limit 1) end, at
     from accounts, lateral (select now() - interval '3 minutes' as at) a where n <= ${runningRuns}`,
  )
  await client.query(
    `insert into usage_months as m (user_id, month, runs, running, reserved_cost_usd)
     select user_id, month, count(*), count(node_id), sum(cost_usd) from run_reservations group by 1, 2
     on conflict (user_id, month) do update set runs = m.runs + excluded.runs, running = excluded.running,
       reserved_cost_usd = excluded.reserved_cost_usd`,
  )
}

/** The audit log, and what is known of Stripe: events of ninety days, three of them due, and some that are too old. */
async function fillRecords(client: pg.Client, admin: LoggedUser): Promise<void> {
  await client.query('select pg_temp.fill_audit_log($1, $2)', [admin.id, auditEntries])
  await client.query(
    `insert into stripe_customers (user_id, customer_id) select id, 'cus_' || n from accounts where n % 4 > 0 and n % 2 = 0`,
  )
  await client.query(
    `insert into stripe_prices (price_id, product_id, plan_id, billing_interval, amount_cents, currency, is_current)
     select 'price_' || name || billing_interval || k, 'prod_' || name, id, billing_interval, 1900 + k, 'USD', k = 0
     from plans, unnest(array['month', 'year']) billing_interval, generate_series(0, 5) k where price > 0 and archived_at is null`,
  )
  await client.query(
    `insert into stripe_events (id, type, object_id, customer_id, created_at, received_at, handled_at, attempts, next_attempt_at)
     select 'evt_' || n, 'invoice.paid', 'in_' || n, 'cus_' || 2 + n % 9000, at, at, case when n > 3 then at end, 1,
       case when n <= 3 then now() - interval '1 second' end
     from generate_series(1, 40000) n, lateral (select now() - case when n > 38500 then interval '91 days' else n * interval '3 minutes' end as at) e`,
  )
}
