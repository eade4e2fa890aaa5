-- What the server reads for everybody, or counts, it alone writes; nobody past it stops a job or breaks a page of others.

-- Logs are what usage, prices and retention are counted from. Their owner rates and deletes them. Policies, because every
-- run inserts one: their condition is part of the plan that is prepared.
create policy agent_logs_insert_server on public.agent_logs as restrictive for insert to authenticated
  with check ((select current_setting('request.account_checked', true) = 'true'));
comment on policy agent_logs_insert_server on public.agent_logs is 'Runs begin on the server alone';
create policy agent_logs_delete_ended on public.agent_logs as restrictive for delete to authenticated
  using (status <> 'running' or (select current_setting('request.account_checked', true) = 'true'));
comment on policy agent_logs_delete_ended on public.agent_logs is 'A run that still runs would end without a log to count';
-- As app.is_past_server(), without the call: every run updates its log.
create trigger agent_logs_change_past_server before update of output, metadata, status, error_code, model, input_tokens,
  output_tokens, cost_usd, latency_ms, has_untrusted on public.agent_logs for each statement
  when (current_setting('request.account_checked', true) is distinct from 'true' and current_setting('role') = 'authenticated')
  execute function app.leave_to_server();
-- What has no month of its own. One log at -infinity stopped the retention of all.
alter table agent_log_partitions.agent_logs_default
  add constraint agent_logs_default_timestamp_finite check (isfinite("timestamp")) not valid;

-- Admins and users of an agent read its content, which the server has checked.
drop trigger agents_publish_past_server on public.agents;
create trigger agents_write_past_server before insert or update on public.agents for each statement
  when (app.is_past_server()) execute function app.leave_to_server();
create trigger agent_versions_insert_past_server before insert on public.agent_versions for each statement
  when (app.is_past_server()) execute function app.leave_to_server();

-- Where the server sends to, how often, and with which credentials. A name and what its tools may do are its owner's.
create trigger webhook_deliveries_write_past_server before insert or update on public.webhook_deliveries for each statement
  when (app.is_past_server()) execute function app.leave_to_server();
create trigger integrations_change_past_server before update of credentials, settings, credentials_key_id, status,
  credentials_summary, tools, tools_listed_at, failure, failing_since, last_tested_at on public.integrations for each statement
  when (app.is_past_server()) execute function app.leave_to_server();
-- A sealed secret and nothing beside it.
alter table public.integrations drop constraint integrations_credentials_sealed;
alter table public.integrations add constraint integrations_credentials_sealed check (
  case when credentials = '{}' then credentials_key_id is null
       else credentials_key_id is not null and credentials ?& array['protected', 'iv', 'ciphertext', 'tag', 'aad']
         and credentials - array['protected', 'iv', 'ciphertext', 'tag', 'aad'] = '{}'
         and jsonb_typeof(credentials -> 'protected') = 'string' and jsonb_typeof(credentials -> 'iv') = 'string'
         and jsonb_typeof(credentials -> 'ciphertext') = 'string' and jsonb_typeof(credentials -> 'tag') = 'string'
         and jsonb_typeof(credentials -> 'aad') = 'string' end
) not valid;

-- numeric(12, 2) holds NaN, which is more than any number.
alter table public.users add constraint users_cost_cap_number check (cost_cap_usd <> 'NaN') not valid;

-- Privileges that no server uses: it asks and decides as the system, and erases accounts as the system, once their payments
-- have ended, unless it is the last admin's.
-- lint-allow breaks-running-version: no version inserts approvals as a user
drop policy approvals_insert_owner on public.approvals;
-- lint-allow breaks-running-version: no version decides approvals as a user
drop policy approvals_update_owner on public.approvals;
-- lint-allow breaks-running-version: no version writes approvals as a user
revoke insert, update on public.approvals from authenticated;
-- lint-allow breaks-running-version: no version decides approvals as a user
revoke update (status, edited_input, comment, decided_at) on public.approvals from authenticated;
-- lint-allow breaks-running-version: no version erases accounts as a user
drop policy users_delete_self on public.users;
-- lint-allow breaks-running-version: no version erases accounts as a user
revoke delete on public.users from authenticated;

-- With search_path = '' types are looked for among temporary ones first, and a domain called uuid runs what its check says,
-- with the rights of the owner where a function has them. Named last, pg_temp is asked last.
alter function app.check_agent_content() set search_path = pg_catalog, pg_temp;
alter function app.check_agent_version() set search_path = pg_catalog, pg_temp;
alter function app.describe_database() set search_path = pg_catalog, pg_temp;
alter function app.ensure_agent_log_partitions(date, integer) set search_path = pg_catalog, pg_temp;
alter function app.hash_audit_entry(public.audit_log) set search_path = pg_catalog, pg_temp;
alter function app.is_active_user() set search_path = pg_catalog, pg_temp;
alter function app.is_admin() set search_path = pg_catalog, pg_temp;
alter function app.is_past_server() set search_path = pg_catalog, pg_temp;
alter function app.keep_audit_log() set search_path = pg_catalog, pg_temp;
alter function app.keep_subscription_ended() set search_path = pg_catalog, pg_temp;
alter function app.keep_usage_of_deleted() set search_path = pg_catalog, pg_temp;
alter function app.leave_to_server() set search_path = pg_catalog, pg_temp;
alter function app.note_late_usage() set search_path = pg_catalog, pg_temp;
alter function app.record_audit(uuid, varchar, varchar, varchar, jsonb) set search_path = pg_catalog, pg_temp;
alter function app.reserve_run(uuid, timestamptz, uuid, boolean) set search_path = pg_catalog, pg_temp;
alter function app.set_updated_at() set search_path = pg_catalog, pg_temp;
alter function app.settle_run(uuid, timestamptz, uuid, boolean, bigint, bigint, numeric, boolean) set search_path = pg_catalog, pg_temp;

-- Of the same user: the id of a run is no secret, and whoever deletes logs for everybody deletes past the policies.
create or replace function app.forget_deleted_runs() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if not exists (select from deleted) then return null; end if;
  delete from public.waiting_runs where (log_id, user_id) in (select id, user_id from deleted);
  delete from public.approvals where (log_id, user_id) in (select id, user_id from deleted);
  delete from public.webhook_deliveries where (log_id, user_id) in (select id, user_id from deleted);
  return null;
end
$$;
