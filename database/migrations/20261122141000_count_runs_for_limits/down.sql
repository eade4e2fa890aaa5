-- Loses: what limits have counted (`usage_months`, `run_reservations`), warnings (`limit_warnings`), reconciliations
-- (`usage_reconciliations`), prices that admins set (`model_prices`), and the caps that users set for themselves
-- (`users.cost_cap_usd`).
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
