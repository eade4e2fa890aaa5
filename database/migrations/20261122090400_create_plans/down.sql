-- Loses: all subscriptions and the plans that an admin made.
-- Keeps: accounts, agents and logs.
drop table public.subscriptions;
drop table public.plans;
