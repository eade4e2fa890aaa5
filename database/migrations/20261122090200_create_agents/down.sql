-- Loses: all agents that users made (`agents`, `agent_versions`) or configured (`user_agents`). The catalogue is loaded
-- again at the next start.
-- Keeps: accounts, sessions and API keys.
drop policy agent_versions_select_visible on public.agent_versions;
drop table public.user_agents;
drop table public.agent_versions;
drop table public.agents;
drop function app.check_agent_version();
drop function app.check_agent_content();
