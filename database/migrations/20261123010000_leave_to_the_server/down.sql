-- Loses: nothing; past the server, users may again write what it reads for everybody, and erase their accounts by one statement.
-- Keeps: everything.
create or replace function app.forget_deleted_runs() returns trigger language plpgsql set search_path = '' as $$
begin
  if not exists (select from deleted) then return null; end if;
  delete from public.waiting_runs where log_id in (select id from deleted);
  delete from public.approvals where log_id in (select id from deleted);
  delete from public.webhook_deliveries where log_id in (select id from deleted);
  return null;
end
$$;
alter function app.settle_run(uuid, timestamptz, uuid, boolean, bigint, bigint, numeric, boolean) set search_path = '';
alter function app.set_updated_at() set search_path = '';
alter function app.reserve_run(uuid, timestamptz, uuid, boolean) set search_path = '';
alter function app.record_audit(uuid, varchar, varchar, varchar, jsonb) set search_path = '';
alter function app.note_late_usage() set search_path = '';
alter function app.leave_to_server() set search_path = '';
alter function app.keep_usage_of_deleted() set search_path = '';
alter function app.keep_subscription_ended() set search_path = '';
alter function app.keep_audit_log() set search_path = '';
alter function app.is_past_server() set search_path = '';
alter function app.is_admin() set search_path = '';
alter function app.is_active_user() set search_path = '';
alter function app.hash_audit_entry(public.audit_log) set search_path = '';
alter function app.ensure_agent_log_partitions(date, integer) set search_path = '';
alter function app.describe_database() set search_path = '';
alter function app.check_agent_version() set search_path = '';
alter function app.check_agent_content() set search_path = '';
grant delete on public.users to authenticated;
create policy users_delete_self on public.users for delete to authenticated using (id = (select auth.uid()));
grant insert on public.approvals to authenticated;
grant update (status, edited_input, comment, decided_at) on public.approvals to authenticated;
create policy approvals_insert_owner on public.approvals for insert to authenticated with check (
  user_id = (select auth.uid()) and user_agent_id in (select id from public.user_agents where user_id = (select auth.uid())));
create policy approvals_update_owner on public.approvals for update to authenticated
  using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
alter table public.users drop constraint users_cost_cap_number;
alter table public.integrations drop constraint integrations_credentials_sealed;
alter table public.integrations add constraint integrations_credentials_sealed check (
  case when credentials = '{}' then credentials_key_id is null
       else credentials_key_id is not null and credentials ?& array['protected', 'iv', 'ciphertext', 'tag', 'aad'] end
);
drop trigger integrations_change_past_server on public.integrations;
drop trigger webhook_deliveries_write_past_server on public.webhook_deliveries;
drop trigger agent_versions_insert_past_server on public.agent_versions;
drop trigger agents_write_past_server on public.agents;
create trigger agents_publish_past_server before update on public.agents for each row
  when ((new.is_public <> old.is_public or new.publication_requested_at is distinct from old.publication_requested_at)
    and app.is_past_server()) execute function app.leave_to_server();
alter table agent_log_partitions.agent_logs_default drop constraint agent_logs_default_timestamp_finite;
drop trigger agent_logs_change_past_server on public.agent_logs;
drop policy agent_logs_delete_ended on public.agent_logs;
drop policy agent_logs_insert_server on public.agent_logs;
