-- Loses: nothing; past the server, users may again switch on and add more than their plan has, and admins act without a trace.
-- Keeps: everything.
drop trigger plans_change_past_server on public.plans;
drop trigger agents_publish_past_server on public.agents;
drop trigger idempotency_keys_insert_past_server on public.idempotency_keys;
drop trigger api_keys_revive_past_server on public.api_keys;
drop trigger api_keys_insert_past_server on public.api_keys;
drop trigger integrations_insert_past_server on public.integrations;
drop trigger user_agents_switch_on_past_server on public.user_agents;
drop trigger user_agents_insert_past_server on public.user_agents;
drop function app.is_past_server();
drop function app.leave_to_server();
