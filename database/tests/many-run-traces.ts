import type pg from 'pg'
import type { LoggedUser } from './many-logs.ts'

/** Runs that wait for an approval. */
export const waitingRuns = 3000
/** Runs of this moment. */
const runningRuns = 300

/** What runs leave beside their logs: approvals of one in sixteen, deliveries of a month, memories; and what is under way. */
export async function fillRuns(client: pg.Client, heavy: LoggedUser): Promise<void> {
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
       s.status, 1, case when s.status = 'pending' then now() + interval '1 hour' end, l."timestamp", case when s.status = 'delivered' then l."timestamp" end
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
