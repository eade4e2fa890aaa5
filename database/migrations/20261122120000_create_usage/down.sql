-- Loses: usage (`usage_hours`, `usage_rollup`) of runs whose logs are gone, deleted by their users or by retention.
-- Keeps: every log, from which usage is counted again when the migration comes back.
drop trigger agent_logs_keep_usage on public.agent_logs;
drop trigger agent_logs_note_late_update on public.agent_logs;
drop trigger agent_logs_note_late_insert on public.agent_logs;
drop function app.keep_usage_of_deleted();
drop function app.note_late_usage();
drop table public.usage_rollup;
drop table public.usage_hours;
