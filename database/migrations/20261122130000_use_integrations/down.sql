-- Loses: approvals (`approvals`), runs that wait for one (`waiting_runs`; they end as interrupted), memories (`memories`),
-- deliveries of webhooks (`webhook_deliveries`), which runs read what strangers wrote (`agent_logs.has_untrusted`); of
-- integrations their names (`integrations.name`), what their tools may do (`integrations.tools`,
-- `integrations.tool_permissions`, `integrations.tools_listed_at`), and what is known about their state
-- (`integrations.failure`, `integrations.failing_since`, `integrations.last_tested_at`,
-- `integrations.credentials_summary`, `integrations.refresh_lease_until`).
-- Keeps: integrations with their credentials and settings, and every log.
drop trigger agent_logs_forget_deleted on public.agent_logs;
drop function app.forget_deleted_runs();
drop table public.webhook_deliveries;
drop table public.memories;
drop table public.waiting_runs;
drop table public.approvals;

-- The owner of a table is under its policies as well, unless it is a superuser.
alter table public.agent_logs no force row level security;
update public.agent_logs set status = 'interrupted', error_code = 'interrupted' where status = 'waiting';
alter table public.agent_logs force row level security;
alter table public.agent_logs
  drop constraint agent_logs_status_known,
  add constraint agent_logs_status_known check (status in ('running', 'succeeded', 'failed', 'cancelled', 'interrupted'));
alter table public.agent_logs drop column has_untrusted;

alter table public.integrations
  drop column refresh_lease_until,
  drop column last_tested_at,
  drop column failing_since,
  drop column failure,
  drop column tools_listed_at,
  drop column tools,
  drop column tool_permissions,
  drop column credentials_summary,
  drop column name;
