import pg from 'pg'
import type { LoggedUser, ManyLogs } from './many-logs.ts'
import { fillRuns } from './many-run-traces.ts'
import { fillSubscriptions } from './many-subscriptions.ts'

/*
 * What gathers beside the logs of a year: further accounts, what they bought, what limits counted of them, and what was
 * asked, remembered, delivered and recorded. Of each table tens of thousands of rows where it grows for ever, as many as are
 * open at one time where it does not, and a handful that is due, so that every job finds something to do. In SQL, because
 * it is many rows of little content: it takes seconds. Benchmarks have nothing of it.
 */

/** Accounts altogether; those with logs are among them. */
export const accounts = 10_000
/** Entries of the audit log, a true chain. */
const auditEntries = 5000

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
     from accounts, (select capabilities from agents limit 1) example where n <= 2000`,
  )
  await client.query(
    `insert into agent_versions (agent_id, version, name, description, capabilities)
     select id, 1, name, description, capabilities from agents on conflict do nothing`,
  )
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
     from generate_series(1, 20000) n, lateral (select now() - case when n > 18500 then interval '91 days' else n * interval '6 minutes' end as at) e`,
  )
}
