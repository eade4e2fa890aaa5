-- Loses: every log (`agent_logs`), and which requests were answered before (`idempotency_keys`).
-- Keeps: accounts, agents and what users configured.
drop table public.idempotency_keys;
drop table public.agent_logs;
drop function app.ensure_agent_log_partitions(date, integer);
drop schema agent_log_partitions;
