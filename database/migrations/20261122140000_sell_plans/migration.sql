-- What an operator sells, and who has bought what.

-- Plans of the first catalogue that nobody has go; the catalogue brings its new ones at the next start. Those that
-- somebody has are kept, archived, with what they include in the new form.
delete from public.plans where slug is not null and not exists (select from public.subscriptions where plan_id = plans.id);

alter table public.plans
  add column currency char(3) not null default 'USD',
  -- For a whole year; null: only by the month.
  add column yearly_price numeric(12, 2),
  add column trial_days integer not null default 0,
  add column position integer not null default 0,
  -- False: only for those it was offered to, and those who have it.
  add column is_public boolean not null default true,
  -- What users without a subscription have; at most one.
  add column is_default boolean not null default false,
  -- The price is talked about, not shown.
  add column is_by_arrangement boolean not null default false,
  -- Nobody can choose it any more; who has it keeps it.
  add column archived_at timestamptz(6),
  add constraint plans_currency_code check (currency ~ '^[A-Z]{3}$'),
  add constraint plans_yearly_price_not_negative check (yearly_price >= 0),
  add constraint plans_trial_days_in_range check (trial_days between 0 and 730),
  add constraint plans_default_is_open check (not is_default or (archived_at is null and price = 0));
create unique index plans__is_default on public.plans (is_default) where is_default;
update public.plans set archived_at = now(), slug = null,
  features = jsonb_build_object(
    'limits', jsonb_build_object(
      'user_agents', features -> 'user_agents', 'runs_per_month', features -> 'runs_per_month', 'tokens_per_month', null,
      'cost_usd_per_month', null, 'integrations', null, 'api_keys', null, 'concurrent_runs', null,
      'log_retention_days', features -> 'log_retention_days', 'upload_kb', null),
    'switches', jsonb_build_object('api', true, 'widget', true, 'schedules', true, 'publishing', true, 'own_model_keys', true),
    'integration_types', null, 'models', coalesce(features -> 'models', '"all"'), 'support', coalesce(features -> 'support', '"email"'),
    'highlights', coalesce(features -> 'highlights', '[]'))
where not features ? 'limits';

-- A plan that is not public, for single customers.
create table public.plan_offers (
  plan_id uuid not null references public.plans (id) on delete cascade,
  user_id uuid not null references public.users (id) on delete cascade,
  created_at timestamptz(6) not null default now(),
  primary key (plan_id, user_id)
);
create index plan_offers__user_id on public.plan_offers (user_id);
comment on table public.plan_offers is 'To whom plans that are not public were offered';
alter table public.plan_offers enable row level security;
alter table public.plan_offers force row level security;
create policy plan_offers_select_owner on public.plan_offers for select to authenticated
  using (user_id = (select auth.uid()) or (select app.is_admin()));
create policy plan_offers_select_system on public.plan_offers for select to service_role using (true);
create policy plan_offers_insert_system on public.plan_offers for insert to service_role with check (true);
create policy plan_offers_update_system on public.plan_offers for update to service_role using (true) with check (true);
create policy plan_offers_delete_system on public.plan_offers for delete to service_role using (true);
create policy plan_offers_all_active on public.plan_offers as restrictive for all to authenticated
  using ((select current_setting('request.account_checked', true) = 'true' or app.is_active_user()))
  with check ((select current_setting('request.account_checked', true) = 'true' or app.is_active_user()));
revoke all on public.plan_offers from public, anon, authenticated, service_role;
grant select on public.plan_offers to authenticated;
grant select, insert, update, delete on public.plan_offers to service_role;

drop policy plans_select_all on public.plans;
-- Whoever has no subscription has the default plan, shown in the list or not.
create policy plans_select_public on public.plans for select to anon, authenticated
  using ((is_public or is_default) and archived_at is null);
create policy plans_select_customer on public.plans for select to authenticated using (
  (select app.is_admin())
  or id in (select plan_id from public.subscriptions where user_id = (select auth.uid()))
  or id in (select plan_id from public.plan_offers where user_id = (select auth.uid())));

alter table public.subscriptions drop constraint subscriptions_status_known;
update public.subscriptions set status = 'canceled' where status = 'cancelled';
alter table public.subscriptions
  -- The one that counts now; ended ones stay so until another takes their place.
  add column is_current boolean not null default false,
  -- What is paid for: a month or a year; null where nothing is paid.
  add column billing_interval varchar(10),
  add column price numeric(12, 2) not null default 0,
  add column currency char(3) not null default 'USD',
  -- Where it came from: free, manual (an admin put it there), comp (given), stripe.
  add column source varchar(20) not null default 'manual',
  add column period_start timestamptz(6),
  add column period_end timestamptz(6),
  add column trial_end timestamptz(6),
  add column cancel_at_period_end boolean not null default false,
  add column canceled_at timestamptz(6),
  -- After a payment failed: until when runs go on.
  add column grace_until timestamptz(6),
  -- A change that waits for the end of the period, and which agents and keys are to stay on then.
  add column next_plan_id uuid references public.plans (id),
  add column next_billing_interval varchar(10),
  add column next_keep jsonb,
  add column stripe_subscription_id varchar(255),
  add constraint subscriptions_status_known check (status in ('trialing', 'active', 'past_due', 'canceled', 'expired', 'incomplete')),
  add constraint subscriptions_source_known check (source in ('free', 'manual', 'comp', 'stripe')),
  add constraint subscriptions_billing_interval_known check (billing_interval in ('month', 'year')),
  add constraint subscriptions_next_billing_interval_known check (next_billing_interval in ('month', 'year')),
  add constraint subscriptions_price_not_negative check (price >= 0),
  -- What has not begun yet takes nothing from anybody.
  add constraint subscriptions_incomplete_not_current check (status <> 'incomplete' or not is_current);
update public.subscriptions set is_current = true where id in (
  select distinct on (user_id) id from public.subscriptions
  order by user_id, status in ('active', 'trialing', 'past_due') desc, start_date desc, id desc);
create unique index subscriptions__current on public.subscriptions (user_id) where is_current;
create unique index subscriptions__stripe_subscription_id on public.subscriptions (stripe_subscription_id);
create index subscriptions__next_plan_id on public.subscriptions (next_plan_id);
create index subscriptions__period_end on public.subscriptions (period_end);

-- Whatever reaches us late: what has ended stays ended. A new subscription is a new row.
create function app.keep_subscription_ended() returns trigger language plpgsql set search_path = '' as $$
begin
  raise exception 'This subscription has ended; it cannot become % again.', new.status using errcode = 'check_violation',
    constraint = 'subscriptions_ended_stay_ended';
end
$$;
revoke execute on function app.keep_subscription_ended() from public;
comment on function app.keep_subscription_ended() is 'Refuses to bring a subscription that has ended back to life';
create trigger subscriptions_keep_ended before update on public.subscriptions for each row
  when (old.status in ('canceled', 'expired') and new.status <> old.status)
  execute function app.keep_subscription_ended();

create table public.subscription_events (
  id uuid primary key,
  subscription_id uuid not null references public.subscriptions (id) on delete cascade,
  user_id uuid not null references public.users (id) on delete cascade,
  type varchar(40) not null,
  from_status varchar(50),
  to_status varchar(50) not null,
  from_plan_id uuid,
  to_plan_id uuid not null,
  -- Who did it; null: the server by itself, or Stripe.
  actor_id uuid,
  detail jsonb not null default '{}',
  created_at timestamptz(6) not null default now()
);
create index subscription_events__subscription_id on public.subscription_events (subscription_id, id);
create index subscription_events__user_id on public.subscription_events (user_id, id desc);
create index subscription_events__created_at on public.subscription_events (created_at);
comment on table public.subscription_events is 'The history of subscriptions: every change, by whom and why';
alter table public.subscription_events enable row level security;
alter table public.subscription_events force row level security;
create policy subscription_events_select_owner on public.subscription_events for select to authenticated
  using (user_id = (select auth.uid()) or (select app.is_admin()));
create policy subscription_events_select_system on public.subscription_events for select to service_role using (true);
create policy subscription_events_insert_system on public.subscription_events for insert to service_role with check (true);
create policy subscription_events_update_system on public.subscription_events for update to service_role using (true) with check (true);
create policy subscription_events_delete_system on public.subscription_events for delete to service_role using (true);
create policy subscription_events_all_active on public.subscription_events as restrictive for all to authenticated
  using ((select current_setting('request.account_checked', true) = 'true' or app.is_active_user()))
  with check ((select current_setting('request.account_checked', true) = 'true' or app.is_active_user()));
revoke all on public.subscription_events from public, anon, authenticated, service_role;
grant select on public.subscription_events to authenticated;
grant select, insert, update, delete on public.subscription_events to service_role;

-- What users ask an admin for where plans are not sold by Stripe.
create table public.plan_requests (
  id uuid primary key,
  user_id uuid not null references public.users (id) on delete cascade,
  plan_id uuid not null references public.plans (id) on delete cascade,
  billing_interval varchar(10),
  message varchar(2000),
  keep jsonb,
  status varchar(20) not null default 'open',
  answer varchar(2000),
  decided_by uuid,
  decided_at timestamptz(6),
  created_at timestamptz(6) not null default now(),
  constraint plan_requests_status_known check (status in ('open', 'accepted', 'refused', 'withdrawn')),
  constraint plan_requests_billing_interval_known check (billing_interval in ('month', 'year'))
);
create index plan_requests__user_id on public.plan_requests (user_id, id desc);
create index plan_requests__plan_id on public.plan_requests (plan_id);
create index plan_requests__status on public.plan_requests (status, id);
create unique index plan_requests__open on public.plan_requests (user_id) where status = 'open';
comment on table public.plan_requests is 'Plans that users ask for; an admin answers';
alter table public.plan_requests enable row level security;
alter table public.plan_requests force row level security;
create policy plan_requests_select_owner on public.plan_requests for select to authenticated
  using (user_id = (select auth.uid()) or (select app.is_admin()));
create policy plan_requests_select_system on public.plan_requests for select to service_role using (true);
create policy plan_requests_insert_system on public.plan_requests for insert to service_role with check (true);
create policy plan_requests_update_system on public.plan_requests for update to service_role using (true) with check (true);
create policy plan_requests_delete_system on public.plan_requests for delete to service_role using (true);
create policy plan_requests_all_active on public.plan_requests as restrictive for all to authenticated
  using ((select current_setting('request.account_checked', true) = 'true' or app.is_active_user()))
  with check ((select current_setting('request.account_checked', true) = 'true' or app.is_active_user()));
revoke all on public.plan_requests from public, anon, authenticated, service_role;
grant select on public.plan_requests to authenticated;
grant select, insert, update, delete on public.plan_requests to service_role;
