-- Loses: all accounts (`users`), sessions (`sessions`), API keys (`api_keys`), and who failed to sign in
-- (`sign_in_attempts`).
-- Keeps: the settings of the installation.
drop table public.sign_in_attempts;
drop table public.api_keys;
drop table public.sessions;
drop table public.users;
