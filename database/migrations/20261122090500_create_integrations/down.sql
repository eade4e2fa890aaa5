-- Loses: all connected accounts.
drop table public.integrations;
