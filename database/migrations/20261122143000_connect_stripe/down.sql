-- Loses: which customer of Stripe a user is (`stripe_customers`), which plan a price buys (`stripe_prices`), and the ledger
-- of events (`stripe_events`); Stripe itself keeps all it has.
-- Keeps: plans and subscriptions.
drop table public.stripe_events;
drop table public.stripe_prices;
drop table public.stripe_customers;
