-- Loses: which customer of Stripe a user is, which plan a price buys, and the ledger of events; Stripe itself keeps all it has.
-- Keeps: plans and subscriptions.
drop table public.stripe_events;
drop table public.stripe_prices;
drop table public.stripe_customers;
