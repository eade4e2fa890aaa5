-- Limits are never computed from what users can write: neither from their logs nor from usage, which follows the logs.

-- A cap that users set for themselves, in US dollars of model cost a month.
alter table public.users
  add column cost_cap_usd numeric(12, 2),
  add constraint users_cost_cap_not_negative check (cost_cap_usd >= 0);
grant select (cost_cap_usd), update (cost_cap_usd) on public.users to authenticated;

-- One row a user and UTC month: what limits compare with. Changed by app.reserve_run and app.settle_run alone. No index
-- holds a column that they change, so that these updates stay within their page (HOT).
create table public.usage_months (
  user_id uuid not null references public.users (id) on delete cascade,
  month date not null,
  -- Runs that count: those that succeeded or were cancelled, and those that still run or wait.
  runs integer not null default 0,
  running integer not null default 0,
  input_tokens bigint not null default 0,
  output_tokens bigint not null default 0,
  cost_usd numeric(20, 8) not null default 0,
  -- Set aside for runs that have not ended.
  reserved_cost_usd numeric(20, 8) not null default 0,
  primary key (user_id, month),
  constraint usage_months_month_whole check (extract(day from month) = 1),
  constraint usage_months_counts_not_negative check (runs >= 0 and running >= 0)
) with (fillfactor = 50);
create index usage_months__month on public.usage_months (month);
comment on table public.usage_months is 'Runs, tokens and cost of each user and month, as limits count them';
alter table public.usage_months enable row level security;
alter table public.usage_months force row level security;
create policy usage_months_select_owner on public.usage_months for select to authenticated using (user_id = (select auth.uid()));
create policy usage_months_select_definer on public.usage_months for select to current_user using (true);
create policy usage_months_insert_definer on public.usage_months for insert to current_user with check (true);
create policy usage_months_update_definer on public.usage_months for update to current_user using (true) with check (true);
create policy usage_months_select_system on public.usage_months for select to service_role using (true);
create policy usage_months_insert_system on public.usage_months for insert to service_role with check (true);
create policy usage_months_update_system on public.usage_months for update to service_role using (true) with check (true);
create policy usage_months_delete_system on public.usage_months for delete to service_role using (true);
create policy usage_months_all_active on public.usage_months as restrictive for all to authenticated
  using ((select current_setting('request.account_checked', true) = 'true' or app.is_active_user()))
  with check ((select current_setting('request.account_checked', true) = 'true' or app.is_active_user()));
revoke all on public.usage_months from public, anon, authenticated, service_role;
grant select on public.usage_months to authenticated;
grant select, insert, update, delete on public.usage_months to service_role;

-- What is taken from a limit and not settled yet: one row a run that has not ended.
create table public.run_reservations (
  log_id uuid primary key,
  user_id uuid not null references public.users (id) on delete cascade,
  month date not null,
  cost_usd numeric(20, 8) not null,
  -- Null while the run waits for an approval.
  node_id uuid,
  created_at timestamptz(6) not null default now()
);
create index run_reservations__user_id on public.run_reservations (user_id);
create index run_reservations__node_id on public.run_reservations (node_id);
comment on table public.run_reservations is 'Runs that count for a limit and have not ended';
alter table public.run_reservations enable row level security;
alter table public.run_reservations force row level security;
create policy run_reservations_select_definer on public.run_reservations for select to current_user using (true);
create policy run_reservations_insert_definer on public.run_reservations for insert to current_user with check (true);
create policy run_reservations_delete_definer on public.run_reservations for delete to current_user using (true);
create policy run_reservations_select_system on public.run_reservations for select to service_role using (true);
create policy run_reservations_insert_system on public.run_reservations for insert to service_role with check (true);
create policy run_reservations_update_system on public.run_reservations for update to service_role using (true) with check (true);
create policy run_reservations_delete_system on public.run_reservations for delete to service_role using (true);
revoke all on public.run_reservations from public, anon, authenticated, service_role;
grant select, insert, update, delete on public.run_reservations to service_role;

create policy subscriptions_select_definer on public.subscriptions for select to current_user using (user_id = (select auth.uid()));
create policy plans_select_definer on public.plans for select to current_user using (true);
comment on policy subscriptions_select_definer on public.subscriptions is 'What app.reserve_run() may see';
comment on policy plans_select_definer on public.plans is 'What app.reserve_run() may see';

/*
 * Takes one run from the limits of whoever the transaction acts for, in the transaction that writes the run's log; one
 * conditional update, so that of any number of runs on any number of servers exactly as many begin as the limit has.
 * `refused` is null when it did, else what was in the way: lapsed, models, runs_per_month, tokens_per_month,
 * cost_usd_per_month, cost_cap or concurrent_runs. `types` are the types of integration that the plan includes, null for
 * all; `cost_left_of` is the limit that `cost_left_usd` belongs to. Admins have no plan's limits. For the server alone:
 * PostgREST sets no account_checked.
 */
create function app.reserve_run(run_id uuid, run_at timestamptz, node uuid, asks_model boolean, out refused text,
  out limit_value numeric, out used numeric, out runs_limit integer, out runs_used integer, out cost_left_usd numeric,
  out cost_left_of text, out types jsonb)
language plpgsql security definer set search_path = '' as $$
declare
  uid uuid := (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid;
  this_month date := date_trunc('month', run_at at time zone 'UTC')::date;
  account record;
  included jsonb;
  tokens_limit bigint;
  cost_limit numeric;
  concurrent_limit integer;
  present public.usage_months;
  running_before integer := 0;
begin
  if current_setting('request.account_checked', true) is distinct from 'true' then
    raise exception 'Only the server reserves runs.' using errcode = 'insufficient_privilege';
  end if;
  -- One statement, because every run goes through it.
  select u.role, u.cost_cap_usd, s.id as subscription_id, s.status, s.end_date, s.grace_until, p.features into account
  from public.users u
    left join public.subscriptions s on s.user_id = u.id and s.is_current
    left join public.plans p on p.id = coalesce(s.plan_id, (select d.id from public.plans d where d.is_default))
  where u.id = uid;
  if account.role is distinct from 'admin' then
    if account.subscription_id is not null and (account.status not in ('trialing', 'active', 'past_due')
      or account.end_date <= now()
      or (account.status = 'past_due' and coalesce(account.grace_until, '-infinity') <= now())) then
      refused := 'lapsed';
      return;
    end if;
    included := account.features;
    if asks_model and included ->> 'models' = 'built_in' then
      refused := 'models';
      return;
    end if;
    types := nullif(included -> 'integration_types', 'null');
    runs_limit := (included -> 'limits' ->> 'runs_per_month')::integer;
    tokens_limit := (included -> 'limits' ->> 'tokens_per_month')::bigint;
    cost_limit := (included -> 'limits' ->> 'cost_usd_per_month')::numeric;
    concurrent_limit := (included -> 'limits' ->> 'concurrent_runs')::integer;
  end if;
  if concurrent_limit is not null then
    -- A run over the end of a month still runs in the next one.
    select coalesce(sum(running), 0) into running_before from public.usage_months
    where user_id = uid and month = (this_month - interval '1 month')::date;
  end if;

  -- The first run of a month finds no row; and what was in the way may be given back before we look what it was.
  for attempt in 1..4 loop
    -- A run may cost what runs of this user cost on average, a cent at least: many at once cannot slip under the limit.
    update public.usage_months m set runs = m.runs + 1, running = m.running + 1,
      reserved_cost_usd = m.reserved_cost_usd + greatest(0.01, m.cost_usd / greatest(m.runs, 1))
    where m.user_id = uid and m.month = this_month
      and (runs_limit is null or m.runs < runs_limit)
      and (tokens_limit is null or m.input_tokens + m.output_tokens < tokens_limit)
      and (cost_limit is null or m.cost_usd + m.reserved_cost_usd < cost_limit)
      and (account.cost_cap_usd is null or m.cost_usd + m.reserved_cost_usd < account.cost_cap_usd)
      and (concurrent_limit is null or m.running + running_before < concurrent_limit)
    returning * into present;
    if found then
      -- As it was before: the same average.
      insert into public.run_reservations (log_id, user_id, month, cost_usd, node_id)
      values (run_id, uid, this_month, greatest(0.01, present.cost_usd / greatest(present.runs - 1, 1)), node);
      used := present.runs;
      runs_used := present.runs;
      limit_value := runs_limit;
      cost_left_usd := least(cost_limit, account.cost_cap_usd) - present.cost_usd;
      cost_left_of := case
        when account.cost_cap_usd <= coalesce(cost_limit, account.cost_cap_usd) then 'cost_cap'
        when cost_limit is not null then 'cost_usd_per_month' end;
      return;
    end if;
    insert into public.usage_months (user_id, month) values (uid, this_month) on conflict do nothing;
    select * into strict present from public.usage_months m where m.user_id = uid and m.month = this_month;
    select r.name, r.of, r.used into refused, limit_value, used
    from (values
      ('cost_cap', account.cost_cap_usd, present.cost_usd + present.reserved_cost_usd, 1),
      ('runs_per_month', runs_limit::numeric, present.runs::numeric, 2),
      ('tokens_per_month', tokens_limit::numeric, (present.input_tokens + present.output_tokens)::numeric, 3),
      ('cost_usd_per_month', cost_limit, present.cost_usd + present.reserved_cost_usd, 4),
      ('concurrent_runs', concurrent_limit::numeric, (present.running + running_before)::numeric, 5)
    ) r (name, "of", used, rank) where r.used >= r.of order by r.rank limit 1;
    runs_used := present.runs;
    exit when refused is not null;
  end loop;
  refused := coalesce(refused, 'concurrent_runs');
end
$$;
revoke execute on function app.reserve_run(uuid, timestamptz, uuid, boolean) from public;
grant execute on function app.reserve_run(uuid, timestamptz, uuid, boolean) to authenticated;
comment on function app.reserve_run(uuid, timestamptz, uuid, boolean) is 'Takes one run from the limits of the present user, or says which limit is reached';

/*
 * Settles a run that has ended: tokens and cost are added, what was set aside is free, and the run is given back unless it
 * keeps. Once: the row of the reservation is there only once. `corrects` says that a run which another server had taken
 * for interrupted ended after all, with its reservation given back already.
 */
create function app.settle_run(run_id uuid, run_at timestamptz, of_user uuid, keeps boolean, more_input_tokens bigint,
  more_output_tokens bigint, more_cost_usd numeric, corrects boolean) returns void
language plpgsql security definer set search_path = '' as $$
declare
  checked text := coalesce(current_setting('request.account_checked', true), '');
  reservation public.run_reservations;
begin
  if current_setting('role') <> 'service_role' and (checked <> 'true'
    or of_user is distinct from (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid) then
    raise exception 'Only the server settles runs.' using errcode = 'insufficient_privilege';
  end if;
  -- On Supabase the owner is a member of authenticated, hence under its restrictive policy.
  perform set_config('request.account_checked', 'true', true);
  delete from public.run_reservations where log_id = run_id and user_id = of_user returning * into reservation;
  if found then
    update public.usage_months set
      runs = runs - (not keeps)::integer,
      running = running - (reservation.node_id is not null)::integer,
      input_tokens = input_tokens + coalesce(more_input_tokens, 0),
      output_tokens = output_tokens + coalesce(more_output_tokens, 0),
      cost_usd = cost_usd + coalesce(more_cost_usd, 0),
      reserved_cost_usd = greatest(0, reserved_cost_usd - reservation.cost_usd)
    where user_id = of_user and month = reservation.month;
  elsif corrects then
    update public.usage_months set
      runs = runs + keeps::integer,
      input_tokens = input_tokens + coalesce(more_input_tokens, 0),
      output_tokens = output_tokens + coalesce(more_output_tokens, 0),
      cost_usd = cost_usd + coalesce(more_cost_usd, 0)
    where user_id = of_user and month = date_trunc('month', run_at at time zone 'UTC')::date;
  end if;
  perform set_config('request.account_checked', checked, true);
end
$$;
revoke execute on function app.settle_run(uuid, timestamptz, uuid, boolean, bigint, bigint, numeric, boolean) from public;
grant execute on function app.settle_run(uuid, timestamptz, uuid, boolean, bigint, bigint, numeric, boolean) to authenticated, service_role;
comment on function app.settle_run(uuid, timestamptz, uuid, boolean, bigint, bigint, numeric, boolean) is 'Settles what app.reserve_run took for a run that has ended';

-- What users were told of their limits: once a month, limit and threshold.
create table public.limit_warnings (
  user_id uuid not null references public.users (id) on delete cascade,
  month date not null,
  limit_name varchar(40) not null,
  -- Percent.
  threshold smallint not null,
  created_at timestamptz(6) not null default now(),
  emailed_at timestamptz(6),
  attempts integer not null default 0,
  primary key (user_id, month, limit_name, threshold),
  constraint limit_warnings_threshold_known check (threshold in (80, 100))
);
create index limit_warnings__created_at on public.limit_warnings (created_at);
comment on table public.limit_warnings is 'Warnings that a limit is near or reached';
alter table public.limit_warnings enable row level security;
alter table public.limit_warnings force row level security;
create policy limit_warnings_select_owner on public.limit_warnings for select to authenticated using (user_id = (select auth.uid()));
create policy limit_warnings_select_system on public.limit_warnings for select to service_role using (true);
create policy limit_warnings_insert_system on public.limit_warnings for insert to service_role with check (true);
create policy limit_warnings_update_system on public.limit_warnings for update to service_role using (true) with check (true);
create policy limit_warnings_delete_system on public.limit_warnings for delete to service_role using (true);
create policy limit_warnings_all_active on public.limit_warnings as restrictive for all to authenticated
  using ((select current_setting('request.account_checked', true) = 'true' or app.is_active_user()))
  with check ((select current_setting('request.account_checked', true) = 'true' or app.is_active_user()));
revoke all on public.limit_warnings from public, anon, authenticated, service_role;
grant select on public.limit_warnings to authenticated;
grant select, insert, update, delete on public.limit_warnings to service_role;

-- What the nightly comparison of usage_months with the logs found.
create table public.usage_reconciliations (
  id uuid primary key,
  month date not null,
  users integer not null,
  released_reservations integer not null default 0,
  differences jsonb not null default '[]',
  created_at timestamptz(6) not null default now()
);
create index usage_reconciliations__created_at on public.usage_reconciliations (created_at);
comment on table public.usage_reconciliations is 'Comparisons of what limits counted with what the logs say';
alter table public.usage_reconciliations enable row level security;
alter table public.usage_reconciliations force row level security;
create policy usage_reconciliations_select_system on public.usage_reconciliations for select to service_role using (true);
create policy usage_reconciliations_insert_system on public.usage_reconciliations for insert to service_role with check (true);
create policy usage_reconciliations_update_system on public.usage_reconciliations for update to service_role using (true) with check (true);
create policy usage_reconciliations_delete_system on public.usage_reconciliations for delete to service_role using (true);
revoke all on public.usage_reconciliations from public, anon, authenticated, service_role;
grant select, insert, update, delete on public.usage_reconciliations to service_role;

-- What models cost here, in place of the list prices that the program knows.
create table public.model_prices (
  model varchar(150) primary key,
  -- US dollars per million tokens.
  input_usd numeric(12, 6) not null,
  output_usd numeric(12, 6) not null,
  updated_at timestamptz(6) not null default now(),
  constraint model_prices_not_negative check (input_usd >= 0 and output_usd >= 0)
);
create trigger model_prices_set_updated_at before update on public.model_prices for each row execute function app.set_updated_at();
comment on table public.model_prices is 'Prices of models that an admin has set';
alter table public.model_prices enable row level security;
alter table public.model_prices force row level security;
create policy model_prices_select_system on public.model_prices for select to service_role using (true);
create policy model_prices_insert_system on public.model_prices for insert to service_role with check (true);
create policy model_prices_update_system on public.model_prices for update to service_role using (true) with check (true);
create policy model_prices_delete_system on public.model_prices for delete to service_role using (true);
revoke all on public.model_prices from public, anon, authenticated, service_role;
grant select, insert, update, delete on public.model_prices to service_role;
