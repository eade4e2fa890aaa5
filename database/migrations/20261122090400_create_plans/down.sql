-- Loses: all subscriptions and the plans that an admin made.
drop table public.subscriptions;
drop table public.plans;
