-- Loses: all connected accounts (`integrations`).
-- Keeps: the user agents that the accounts were connected to.
drop table public.integrations;
