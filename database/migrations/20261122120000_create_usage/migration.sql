-- Usage by the hour: what charts, limits and bills read, and what stays of a run when its log is gone.
create table public.usage_hours (
  -- Rows are summed and never addressed: an id that the database can make by itself is enough.
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade,
  -- Begin of a whole UTC hour; runs count where they began.
  hour timestamptz(6) not null,
  agent_id uuid references public.agents (id) on delete set null,
  -- No foreign key: usage outlives the user agent, as logs do.
  user_agent_id uuid,
  source varchar(20) not null,
  model varchar(150),
  runs integer not null,
  succeeded integer not null,
  failed integer not null,
  cancelled integer not null,
  interrupted integer not null,
  input_tokens bigint not null,
  output_tokens bigint not null,
  cost_usd numeric(20, 8) not null,
  -- Ended runs whose price is not known: cost_usd is without them.
  unpriced_runs integer not null,
  -- Sum over timed_runs.
  latency_ms bigint not null,
  timed_runs integer not null,
  -- What came after the hour was rolled up; may be negative, and is added to the other rows of its hour in time.
  is_correction boolean not null default false,
  constraint usage_hours_hour_whole check (hour = date_trunc('hour', hour, 'UTC'))
);
create index usage_hours__user_id on public.usage_hours (user_id, hour);
create index usage_hours__agent_id on public.usage_hours (agent_id);
create index usage_hours__is_correction on public.usage_hours (hour) where is_correction;
comment on table public.usage_hours is 'Runs, tokens and cost of each hour; the rows of an hour are to be added up';
alter table public.usage_hours enable row level security;
alter table public.usage_hours force row level security;
create policy usage_hours_select_owner on public.usage_hours for select to authenticated using (user_id = (select auth.uid()));
create policy usage_hours_insert_definer on public.usage_hours for insert to current_user with check (true);
create policy usage_hours_select_system on public.usage_hours for select to service_role using (true);
create policy usage_hours_insert_system on public.usage_hours for insert to service_role with check (true);
create policy usage_hours_update_system on public.usage_hours for update to service_role using (true) with check (true);
create policy usage_hours_delete_system on public.usage_hours for delete to service_role using (true);
create policy usage_hours_all_active on public.usage_hours as restrictive for all to authenticated
  using ((select current_setting('request.account_checked', true) = 'true' or app.is_active_user()))
  with check ((select current_setting('request.account_checked', true) = 'true' or app.is_active_user()));
comment on policy usage_hours_insert_definer on public.usage_hours is 'What the triggers of agent_logs note';
revoke all on public.usage_hours from public, anon, authenticated, service_role;
grant select on public.usage_hours to authenticated;
grant select, insert, update, delete on public.usage_hours to service_role;

-- One row: every log before rolled_until is in usage_hours, every later one is not.
create table public.usage_rollup (
  id smallint primary key default 1,
  rolled_until timestamptz(6) not null,
  constraint usage_rollup_id_one check (id = 1)
);
comment on table public.usage_rollup is 'How far logs are counted in usage_hours';
insert into public.usage_rollup (rolled_until) values ('0001-01-01 00:00:00+00');
alter table public.usage_rollup enable row level security;
alter table public.usage_rollup force row level security;
create policy usage_rollup_select_user on public.usage_rollup for select to authenticated using ((select auth.uid()) is not null);
create policy usage_rollup_select_definer on public.usage_rollup for select to current_user using (true);
create policy usage_rollup_select_system on public.usage_rollup for select to service_role using (true);
create policy usage_rollup_insert_system on public.usage_rollup for insert to service_role with check (true);
create policy usage_rollup_update_system on public.usage_rollup for update to service_role using (true) with check (true);
create policy usage_rollup_delete_system on public.usage_rollup for delete to service_role using (true);
create policy usage_rollup_all_active on public.usage_rollup as restrictive for all to authenticated
  using ((select current_setting('request.account_checked', true) = 'true' or app.is_active_user()))
  with check ((select current_setting('request.account_checked', true) = 'true' or app.is_active_user()));
revoke all on public.usage_rollup from public, anon, authenticated, service_role;
grant select on public.usage_rollup to authenticated;
grant select, insert, update, delete on public.usage_rollup to service_role;

-- Advisory lock 72707372: whoever rolls up holds it alone, the triggers share it. So a change is either committed before
-- the roll-up looks, or sees how far it went.

-- A run that began or ended after its hour was rolled up. As definer: nobody but the server may write usage. On Supabase
-- the owner is a member of authenticated, hence under its restrictive policy, which account_checked satisfies; only a
-- superuser may put that setting into the head of a function.
create function app.note_late_usage() returns trigger language plpgsql security definer
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
    sign * coalesce(cost_usd, 0), sign * (cost_usd is null and status <> 'running')::integer, sign * coalesce(latency_ms, 0),
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
revoke execute on function app.note_late_usage() from public;
comment on function app.note_late_usage() is 'Corrects usage_hours for a run that changed after its hour was rolled up';

-- Deleting a log does not undo the run: what was not rolled up yet is counted now. A log whose user is no longer there
-- goes by the cascade of an account that is deleted, with its usage.
create function app.keep_usage_of_deleted() returns trigger language plpgsql security definer
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
    count(*) filter (where cost_usd is null and status <> 'running'), coalesce(sum(latency_ms), 0), count(latency_ms), true
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
revoke execute on function app.keep_usage_of_deleted() from public;
comment on function app.keep_usage_of_deleted() is 'Counts deleted runs whose hour is not rolled up yet';

-- An hour is rolled up two hours after its end at the earliest. The conditions let through one hour more than that, so
-- that a transaction may take an hour from here to its commit, and cost a run that ends in time next to nothing. Many old
-- logs at once, of an import, are compared with the setting that the first of them has left.
create trigger agent_logs_note_late_insert after insert on public.agent_logs for each row
  when (new."timestamp" < clock_timestamp() - interval '1 hour'
    and extract(epoch from new."timestamp")
      < coalesce(nullif(current_setting('app.usage_rolled_until', true), ''), 'infinity')::numeric)
  execute function app.note_late_usage();
create trigger agent_logs_note_late_update after update on public.agent_logs for each row
  when (new."timestamp" < clock_timestamp() - interval '1 hour'
    and extract(epoch from new."timestamp")
      < coalesce(nullif(current_setting('app.usage_rolled_until', true), ''), 'infinity')::numeric
    and (old.status, old.model, old.input_tokens, old.output_tokens, old.cost_usd, old.latency_ms)
      is distinct from (new.status, new.model, new.input_tokens, new.output_tokens, new.cost_usd, new.latency_ms))
  execute function app.note_late_usage();
create trigger agent_logs_keep_usage after delete on public.agent_logs referencing old table as deleted
  for each statement execute function app.keep_usage_of_deleted();
