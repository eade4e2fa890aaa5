-- A run asks for its model and the types of its integrations too, in the same one statement.
drop function app.reserve_run(uuid, timestamptz, uuid);

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

-- Whoever has no subscription has the default plan, shown in the list or not.
alter policy plans_select_public on public.plans using ((is_public or is_default) and archived_at is null);
