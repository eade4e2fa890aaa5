create table public.plans (
  id uuid primary key,
  name varchar(100) not null,
  description text not null,
  price numeric(12, 2) not null,
  features jsonb not null default '{}',
  -- Name of the entry in catalogue/plans.json; null for plans that an admin made.
  slug varchar(100),
  created_at timestamptz(6) not null default now(),
  updated_at timestamptz(6) not null default now(),
  constraint plans_price_not_negative check (price >= 0),
  constraint plans_features_object check (jsonb_typeof(features) = 'object')
);
create unique index plans__slug on public.plans (slug);
create trigger plans_set_updated_at before update on public.plans for each row execute function app.set_updated_at();
comment on table public.plans is 'Subscription plans';
alter table public.plans enable row level security;
alter table public.plans force row level security;
create policy plans_select_all on public.plans for select to anon, authenticated using (true);
create policy plans_insert_admin on public.plans for insert to authenticated with check ((select app.is_admin()));
create policy plans_update_admin on public.plans for update to authenticated
  using ((select app.is_admin())) with check ((select app.is_admin()));
create policy plans_delete_admin on public.plans for delete to authenticated using ((select app.is_admin()));
create policy plans_select_system on public.plans for select to service_role using (true);
create policy plans_insert_system on public.plans for insert to service_role with check (true);
create policy plans_update_system on public.plans for update to service_role using (true) with check (true);
create policy plans_delete_system on public.plans for delete to service_role using (true);
revoke all on public.plans from public, anon, authenticated, service_role;
grant select on public.plans to anon;
grant select, insert, update, delete on public.plans to authenticated, service_role;

create table public.subscriptions (
  id uuid primary key,
  user_id uuid not null references public.users (id) on delete cascade,
  plan_id uuid not null references public.plans (id),
  status varchar(50) not null,
  start_date timestamptz(6) not null,
  end_date timestamptz(6),
  created_at timestamptz(6) not null default now(),
  updated_at timestamptz(6) not null default now(),
  constraint subscriptions_status_known check (status in ('trialing', 'active', 'past_due', 'cancelled', 'expired')),
  constraint subscriptions_dates_ordered check (end_date >= start_date)
);
create index subscriptions__user_id on public.subscriptions (user_id);
create index subscriptions__plan_id on public.subscriptions (plan_id);
create index subscriptions__status on public.subscriptions (status);
create trigger subscriptions_set_updated_at before update on public.subscriptions for each row execute function app.set_updated_at();
comment on table public.subscriptions is 'Which user has which plan, from when to when';
alter table public.subscriptions enable row level security;
alter table public.subscriptions force row level security;
create policy subscriptions_select_owner on public.subscriptions for select to authenticated
  using (user_id = (select auth.uid()) or (select app.is_admin()));
create policy subscriptions_select_system on public.subscriptions for select to service_role using (true);
create policy subscriptions_insert_system on public.subscriptions for insert to service_role with check (true);
create policy subscriptions_update_system on public.subscriptions for update to service_role using (true) with check (true);
create policy subscriptions_delete_system on public.subscriptions for delete to service_role using (true);
comment on policy subscriptions_select_owner on public.subscriptions is 'Only the server changes a subscription: nobody gives themselves a plan';
revoke all on public.subscriptions from public, anon, authenticated, service_role;
grant select on public.subscriptions to authenticated;
grant select, insert, update, delete on public.subscriptions to service_role;
