-- Loses: all accounts, sessions and API keys.
-- Keeps: the settings of the installation.
drop table public.sign_in_attempts;
drop table public.api_keys;
drop table public.sessions;
drop table public.users;
