-- Loses: how plans are sold (`plans.currency`, `plans.yearly_price`, `plans.trial_days`, `plans.position`,
-- `plans.is_public`, `plans.is_default`, `plans.is_by_arrangement`, `plans.archived_at`), offers (`plan_offers`), requests
-- (`plan_requests`), the history of subscriptions (`subscription_events`); of subscriptions what was agreed
-- (`subscriptions.billing_interval`, `subscriptions.price`, `subscriptions.currency`, `subscriptions.source`,
-- `subscriptions.stripe_subscription_id`), their periods (`subscriptions.is_current`, `subscriptions.period_start`,
-- `subscriptions.period_end`, `subscriptions.trial_end`, `subscriptions.grace_until`), their end
-- (`subscriptions.cancel_at_period_end`, `subscriptions.canceled_at`) and what comes next (`subscriptions.next_plan_id`,
-- `subscriptions.next_billing_interval`, `subscriptions.next_keep`); and subscriptions that never began. What plans include
-- stays in the new form, which the former version does not read: it brings its own plans at the next start. When this
-- migration comes again, it takes plans of the catalogue that nobody has, with what was changed about them; the catalogue
-- brings them anew.
-- Keeps: plans, and who has which from when to when.
drop table public.plan_requests;
drop table public.subscription_events;
drop trigger subscriptions_keep_ended on public.subscriptions;
drop function app.keep_subscription_ended();
drop index public.subscriptions__period_end;
drop index public.subscriptions__next_plan_id;
drop index public.subscriptions__stripe_subscription_id;
drop index public.subscriptions__current;
alter table public.subscriptions
  drop constraint subscriptions_incomplete_not_current,
  drop constraint subscriptions_price_not_negative,
  drop constraint subscriptions_next_billing_interval_known,
  drop constraint subscriptions_billing_interval_known,
  drop constraint subscriptions_source_known,
  drop constraint subscriptions_status_known,
  drop column stripe_subscription_id,
  drop column next_keep,
  drop column next_billing_interval,
  drop column next_plan_id,
  drop column grace_until,
  drop column canceled_at,
  drop column cancel_at_period_end,
  drop column trial_end,
  drop column period_end,
  drop column period_start,
  drop column source,
  drop column currency,
  drop column price,
  drop column billing_interval,
  drop column is_current;
-- The owner of a table is under its policies as well, unless it is a superuser.
alter table public.subscriptions no force row level security;
delete from public.subscriptions where status = 'incomplete';
update public.subscriptions set status = 'cancelled' where status = 'canceled';
alter table public.subscriptions force row level security;
alter table public.subscriptions
  add constraint subscriptions_status_known check (status in ('trialing', 'active', 'past_due', 'cancelled', 'expired'));
drop policy plans_select_customer on public.plans;
drop policy plans_select_public on public.plans;
create policy plans_select_all on public.plans for select to anon, authenticated using (true);
drop table public.plan_offers;
drop index public.plans__is_default;
alter table public.plans
  drop constraint plans_default_is_open,
  drop constraint plans_trial_days_in_range,
  drop constraint plans_yearly_price_not_negative,
  drop constraint plans_currency_code,
  drop column archived_at,
  drop column is_by_arrangement,
  drop column is_default,
  drop column is_public,
  drop column position,
  drop column trial_days,
  drop column yearly_price,
  drop column currency;
