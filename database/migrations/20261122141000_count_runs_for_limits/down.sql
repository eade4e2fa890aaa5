-- Loses: what limits have counted, warnings, reconciliations, prices that admins set, and the caps that users set for themselves.
-- Keeps: logs, and usage by the hour.
drop table public.model_prices;
drop table public.usage_reconciliations;
drop table public.limit_warnings;
drop function app.settle_run(uuid, timestamptz, uuid, boolean, bigint, bigint, numeric, boolean);
drop function app.reserve_run(uuid, timestamptz, uuid, boolean);
drop policy plans_select_definer on public.plans;
drop policy subscriptions_select_definer on public.subscriptions;
drop table public.run_reservations;
drop table public.usage_months;
alter table public.users
  drop constraint users_cost_cap_not_negative,
  drop column cost_cap_usd;
