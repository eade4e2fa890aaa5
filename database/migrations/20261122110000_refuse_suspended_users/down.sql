-- Loses: suspended accounts reach their rows again when they come past the server with a token that is still valid.
-- Keeps: all rows; the server goes on refusing suspended accounts.
drop policy users_all_active on public.users;
drop policy sessions_all_active on public.sessions;
drop policy api_keys_all_active on public.api_keys;
drop policy agents_all_active on public.agents;
drop policy agent_versions_all_active on public.agent_versions;
drop policy user_agents_all_active on public.user_agents;
drop policy integrations_all_active on public.integrations;
drop policy agent_logs_all_active on public.agent_logs;
drop policy idempotency_keys_all_active on public.idempotency_keys;
drop policy plans_all_active on public.plans;
drop policy subscriptions_all_active on public.subscriptions;
drop function app.is_active_user();
drop policy users_select_definer on public.users;
