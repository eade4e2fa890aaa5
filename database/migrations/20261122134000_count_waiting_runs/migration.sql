-- A run that waits for an approval has not ended: it is not among those whose price is not known.
create or replace function app.note_late_usage() returns trigger language plpgsql security definer
  set search_path = '' as $$
declare
  until timestamptz;
  checked text := coalesce(current_setting('request.account_checked', true), '');
begin
  perform pg_advisory_xact_lock_shared(72707372);
  perform set_config('request.account_checked', 'true', true);
  select rolled_until into strict until from public.usage_rollup;
  -- It cannot change while this transaction holds the lock: the conditions of the triggers spare it the next calls.
  perform set_config('app.usage_rolled_until', extract(epoch from until)::text, true);
  insert into public.usage_hours (user_id, hour, agent_id, user_agent_id, source, model, runs, succeeded, failed, cancelled,
    interrupted, input_tokens, output_tokens, cost_usd, unpriced_runs, latency_ms, timed_runs, is_correction)
  select new.user_id, date_trunc('hour', new."timestamp", 'UTC'), new.agent_id, new.user_agent_id, new.source, model, sign,
    sign * (status = 'succeeded')::integer, sign * (status = 'failed')::integer, sign * (status = 'cancelled')::integer,
    sign * (status = 'interrupted')::integer, sign * coalesce(input_tokens, 0), sign * coalesce(output_tokens, 0),
    sign * coalesce(cost_usd, 0), sign * (cost_usd is null and status not in ('running', 'waiting'))::integer, sign * coalesce(latency_ms, 0),
    sign * (latency_ms is not null)::integer, true
  from (values
    (1, new.status, new.model, new.input_tokens, new.output_tokens, new.cost_usd, new.latency_ms),
    (-1, old.status, old.model, old.input_tokens, old.output_tokens, old.cost_usd, old.latency_ms)
  ) change (sign, status, model, input_tokens, output_tokens, cost_usd, latency_ms)
  where new."timestamp" < until and (sign = 1 or tg_op = 'UPDATE');
  perform set_config('request.account_checked', checked, true);
  return null;
end
$$;

create or replace function app.keep_usage_of_deleted() returns trigger language plpgsql security definer
  set search_path = '' as $$
declare
  checked text := coalesce(current_setting('request.account_checked', true), '');
  violated text;
begin
  if not exists (select from deleted) then return null; end if;
  perform pg_advisory_xact_lock_shared(72707372);
  perform set_config('request.account_checked', 'true', true);
  insert into public.usage_hours (user_id, hour, agent_id, user_agent_id, source, model, runs, succeeded, failed, cancelled,
    interrupted, input_tokens, output_tokens, cost_usd, unpriced_runs, latency_ms, timed_runs, is_correction)
  select user_id, date_trunc('hour', "timestamp", 'UTC'), agent_id, user_agent_id, source, model, count(*),
    count(*) filter (where status = 'succeeded'), count(*) filter (where status = 'failed'),
    count(*) filter (where status = 'cancelled'), count(*) filter (where status = 'interrupted'),
    coalesce(sum(input_tokens), 0), coalesce(sum(output_tokens), 0), coalesce(sum(cost_usd), 0),
    count(*) filter (where cost_usd is null and status not in ('running', 'waiting')), coalesce(sum(latency_ms), 0), count(latency_ms), true
  from deleted
  where "timestamp" >= (select rolled_until from public.usage_rollup)
  group by 1, 2, 3, 4, 5, 6;
  perform set_config('request.account_checked', checked, true);
  return null;
exception
  -- Takes the setting back as well.
  when foreign_key_violation then
    get stacked diagnostics violated = constraint_name;
    -- An agent that goes at this moment: the deletion is to be tried again rather than not counted.
    if violated <> 'usage_hours_user_id_fkey' then raise; end if;
    return null;
end
$$;

-- What was counted the other way is corrected, so that the end of these runs finds what it takes back.
select pg_advisory_xact_lock(72707372);
select set_config('request.account_checked', 'true', true);
-- The owner of a table is under its policies as well, unless it is a superuser.
alter table public.waiting_runs no force row level security;
alter table public.agent_logs no force row level security;
insert into public.usage_hours (user_id, hour, agent_id, user_agent_id, source, model, runs, succeeded, failed, cancelled,
  interrupted, input_tokens, output_tokens, cost_usd, unpriced_runs, latency_ms, timed_runs, is_correction)
select l.user_id, date_trunc('hour', l."timestamp", 'UTC'), l.agent_id, l.user_agent_id, l.source, l.model, 0, 0, 0, 0,
  0, 0, 0, 0, -1, 0, 0, true
from public.waiting_runs w join public.agent_logs l on l.id = w.log_id and l."timestamp" = w.log_timestamp
where l.status = 'waiting' and l.cost_usd is null and l."timestamp" < (select rolled_until from public.usage_rollup);
alter table public.agent_logs force row level security;
alter table public.waiting_runs force row level security;
