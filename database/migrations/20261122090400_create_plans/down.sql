-- Loses: all subscriptions (`subscriptions`) and the plans that an admin made (`plans`).
-- Keeps: accounts, agents and logs.
drop table public.subscriptions;
drop table public.plans;
