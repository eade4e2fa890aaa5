-- What we know of Stripe. What it knows of payments is asked for anew each time, never kept.

create table public.stripe_customers (
  user_id uuid primary key references public.users (id) on delete cascade,
  customer_id varchar(255) not null,
  -- Whoever is about to ask Stripe takes the next number; what came with an older number than the one written is stale.
  last_fetch bigint not null default 0,
  written_fetch bigint not null default 0,
  created_at timestamptz(6) not null default now()
);
create unique index stripe_customers__customer_id on public.stripe_customers (customer_id);
comment on table public.stripe_customers is 'Which customer of Stripe a user is';
alter table public.stripe_customers enable row level security;
alter table public.stripe_customers force row level security;
create policy stripe_customers_select_system on public.stripe_customers for select to service_role using (true);
create policy stripe_customers_insert_system on public.stripe_customers for insert to service_role with check (true);
create policy stripe_customers_update_system on public.stripe_customers for update to service_role using (true) with check (true);
create policy stripe_customers_delete_system on public.stripe_customers for delete to service_role using (true);
revoke all on public.stripe_customers from public, anon, authenticated, service_role;
grant select, insert, update, delete on public.stripe_customers to service_role;

-- Prices at Stripe never change: a plan with a new price gets a new one, and who pays the old one goes on doing so.
create table public.stripe_prices (
  price_id varchar(255) primary key,
  product_id varchar(255) not null,
  plan_id uuid not null references public.plans (id) on delete cascade,
  billing_interval varchar(10) not null,
  amount_cents integer not null,
  currency char(3) not null,
  -- What new customers pay.
  is_current boolean not null default true,
  created_at timestamptz(6) not null default now(),
  constraint stripe_prices_billing_interval_known check (billing_interval in ('month', 'year'))
);
create index stripe_prices__plan_id on public.stripe_prices (plan_id);
create unique index stripe_prices__current on public.stripe_prices (plan_id, billing_interval) where is_current;
comment on table public.stripe_prices is 'Which plan a price of Stripe buys';
alter table public.stripe_prices enable row level security;
alter table public.stripe_prices force row level security;
create policy stripe_prices_select_system on public.stripe_prices for select to service_role using (true);
create policy stripe_prices_insert_system on public.stripe_prices for insert to service_role with check (true);
create policy stripe_prices_update_system on public.stripe_prices for update to service_role using (true) with check (true);
create policy stripe_prices_delete_system on public.stripe_prices for delete to service_role using (true);
revoke all on public.stripe_prices from public, anon, authenticated, service_role;
grant select, insert, update, delete on public.stripe_prices to service_role;

-- The ledger of webhooks: each event once. What it says is not kept, only what it is about.
create table public.stripe_events (
  id varchar(255) primary key,
  type varchar(100) not null,
  object_id varchar(255) not null,
  customer_id varchar(255),
  created_at timestamptz(6) not null,
  received_at timestamptz(6) not null default now(),
  handled_at timestamptz(6),
  attempts integer not null default 0,
  -- Null: nothing is left to do.
  next_attempt_at timestamptz(6) default now(),
  failure varchar(500)
);
create index stripe_events__next_attempt_at on public.stripe_events (next_attempt_at) where next_attempt_at is not null;
create index stripe_events__received_at on public.stripe_events (received_at);
comment on table public.stripe_events is 'Events that Stripe sent, and whether they are dealt with';
alter table public.stripe_events enable row level security;
alter table public.stripe_events force row level security;
create policy stripe_events_select_system on public.stripe_events for select to service_role using (true);
create policy stripe_events_insert_system on public.stripe_events for insert to service_role with check (true);
create policy stripe_events_update_system on public.stripe_events for update to service_role using (true) with check (true);
create policy stripe_events_delete_system on public.stripe_events for delete to service_role using (true);
revoke all on public.stripe_events from public, anon, authenticated, service_role;
grant select, insert, update, delete on public.stripe_events to service_role;
