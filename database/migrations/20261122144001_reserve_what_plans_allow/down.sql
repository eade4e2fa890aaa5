-- Loses: the refusal of models and types of integration that a plan does not include.
-- Keeps: everything else.
alter policy plans_select_public on public.plans using (is_public and archived_at is null);
drop function app.reserve_run(uuid, timestamptz, uuid, boolean);
create function app.reserve_run(run_id uuid, run_at timestamptz, node uuid, out refused text, out limit_value numeric,
  out used numeric, out runs_limit integer, out cost_left_usd numeric)
language plpgsql security definer set search_path = '' as $$
declare
  uid uuid := (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid;
  this_month date := date_trunc('month', run_at at time zone 'UTC')::date;
  account record;
  subscription record;
  limits jsonb;
  tokens_limit bigint;
  cost_limit numeric;
  concurrent_limit integer;
  present public.usage_months;
  running_before integer;
begin
  if current_setting('request.account_checked', true) is distinct from 'true' then
    raise exception 'Only the server reserves runs.' using errcode = 'insufficient_privilege';
  end if;
  select role, cost_cap_usd into account from public.users where id = uid;
  if account.role is distinct from 'admin' then
    select s.status, s.end_date, s.grace_until, p.features into subscription
    from public.subscriptions s join public.plans p on p.id = s.plan_id where s.user_id = uid and s.is_current;
    if found then
      if subscription.status not in ('trialing', 'active', 'past_due') or subscription.end_date <= now()
        or (subscription.status = 'past_due' and coalesce(subscription.grace_until, '-infinity') <= now()) then
        refused := 'lapsed';
        return;
      end if;
      limits := subscription.features -> 'limits';
    else
      select features -> 'limits' into limits from public.plans where is_default;
    end if;
    runs_limit := (limits ->> 'runs_per_month')::integer;
    tokens_limit := (limits ->> 'tokens_per_month')::bigint;
    cost_limit := (limits ->> 'cost_usd_per_month')::numeric;
    concurrent_limit := (limits ->> 'concurrent_runs')::integer;
  end if;
  -- A run over the end of a month still runs in the next one.
  select coalesce(sum(running), 0) into running_before from public.usage_months
  where user_id = uid and month = (this_month - interval '1 month')::date;

  for attempt in 1..2 loop
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
      limit_value := runs_limit;
      cost_left_usd := greatest(0, least(cost_limit, account.cost_cap_usd) - present.cost_usd);
      return;
    end if;
    insert into public.usage_months (user_id, month) values (uid, this_month) on conflict do nothing;
  end loop;

  select * into strict present from public.usage_months m where m.user_id = uid and m.month = this_month;
  select r.name, r.of, r.used into refused, limit_value, used
  from (values
    ('cost_cap', account.cost_cap_usd, present.cost_usd + present.reserved_cost_usd, 1),
    ('runs_per_month', runs_limit::numeric, present.runs::numeric, 2),
    ('tokens_per_month', tokens_limit::numeric, (present.input_tokens + present.output_tokens)::numeric, 3),
    ('cost_usd_per_month', cost_limit, present.cost_usd + present.reserved_cost_usd, 4),
    ('concurrent_runs', concurrent_limit::numeric, (present.running + running_before)::numeric, 5)
  ) r (name, "of", used, rank) where r.used >= r.of order by r.rank limit 1;
  -- What was in the way a moment ago has been given back meanwhile.
  if refused is null then
    refused := 'concurrent_runs';
    limit_value := concurrent_limit;
    used := concurrent_limit;
  end if;
end
$$;
revoke execute on function app.reserve_run(uuid, timestamptz, uuid) from public;
grant execute on function app.reserve_run(uuid, timestamptz, uuid) to authenticated;
comment on function app.reserve_run(uuid, timestamptz, uuid) is 'Takes one run from the limits of the present user, or says which limit is reached';
