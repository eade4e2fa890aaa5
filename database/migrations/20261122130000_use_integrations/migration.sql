-- Lets agents use what their users connected: state and tools of integrations, approvals, memories, webhooks.
alter table public.integrations
  add column name varchar(100),
  add column credentials_summary jsonb not null default '{}',
  add column tool_permissions jsonb not null default '{}',
  add column tools jsonb not null default '[]',
  add column tools_listed_at timestamptz(6),
  add column failure varchar(500),
  add column failing_since timestamptz(6),
  add column last_tested_at timestamptz(6),
  add column refresh_lease_until timestamptz(6),
  add constraint integrations_credentials_summary_object check (jsonb_typeof(credentials_summary) = 'object'),
  add constraint integrations_tool_permissions_object check (jsonb_typeof(tool_permissions) = 'object'),
  add constraint integrations_tools_array check (jsonb_typeof(tools) = 'array');
comment on column public.integrations.credentials_summary is 'Which credentials are set: name of the field to its last four characters at most';
comment on column public.integrations.tool_permissions is 'Name of a tool to ask, always or never; what is not named has the default of its effect';
comment on column public.integrations.tools is 'What the server behind the connection listed; empty for types with tools of their own';
comment on column public.integrations.failing_since is 'Null while the connection works; failure says why it does not';
comment on column public.integrations.refresh_lease_until is 'Until then one server alone renews the access token';
grant select (name, credentials_summary, tool_permissions, tools, tools_listed_at, failure, failing_since, last_tested_at)
  on public.integrations to authenticated;
grant insert (name, credentials_summary, tool_permissions, tools, tools_listed_at, last_tested_at) on public.integrations to authenticated;
grant update (name, credentials_summary, tool_permissions, tools, tools_listed_at, failure, failing_since, last_tested_at)
  on public.integrations to authenticated;

alter table public.agent_logs
  drop constraint agent_logs_status_known,
  add constraint agent_logs_status_known
    check (status in ('running', 'waiting', 'succeeded', 'failed', 'cancelled', 'interrupted'));
alter table public.agent_logs add column has_untrusted boolean not null default false;
comment on column public.agent_logs.has_untrusted is 'Content from outside was in the prompt of this run';
grant update (has_untrusted) on public.agent_logs to authenticated;

create table public.approvals (
  id uuid primary key,
  user_id uuid not null references public.users (id) on delete cascade,
  user_agent_id uuid not null references public.user_agents (id) on delete cascade,
  -- No foreign key: partitions of logs are dropped whole.
  log_id uuid not null,
  log_timestamp timestamptz(6) not null,
  integration_id uuid references public.integrations (id) on delete set null,
  tool_call_id varchar(255) not null,
  -- As the model knows it.
  tool varchar(64) not null,
  title varchar(200) not null,
  -- What will be done, in one line.
  description varchar(1000) not null,
  input jsonb not null,
  edited_input jsonb,
  reason varchar(20) not null,
  status varchar(20) not null default 'pending',
  comment varchar(2000),
  created_at timestamptz(6) not null default now(),
  expires_at timestamptz(6) not null,
  decided_at timestamptz(6),
  constraint approvals_reason_known check (reason in ('writes', 'after_untrusted')),
  constraint approvals_status_known check (status in ('pending', 'approved', 'refused', 'expired', 'canceled')),
  constraint approvals_decided check ((status = 'pending') = (decided_at is null))
);
create unique index approvals__log_id on public.approvals (log_id, tool_call_id);
create index approvals__user_id on public.approvals (user_id, id desc);
create index approvals__user_agent_id on public.approvals (user_agent_id);
create index approvals__integration_id on public.approvals (integration_id);
create index approvals__expires_at on public.approvals (expires_at) where status = 'pending';
comment on table public.approvals is 'Calls of tools that change the outside world, and what their owner decided';
alter table public.approvals enable row level security;
alter table public.approvals force row level security;
create policy approvals_select_owner on public.approvals for select to authenticated using (user_id = (select auth.uid()));
create policy approvals_insert_owner on public.approvals for insert to authenticated with check (
  user_id = (select auth.uid()) and user_agent_id in (select id from public.user_agents where user_id = (select auth.uid())));
create policy approvals_update_owner on public.approvals for update to authenticated
  using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
create policy approvals_delete_owner on public.approvals for delete to authenticated using (user_id = (select auth.uid()));
create policy approvals_select_system on public.approvals for select to service_role using (true);
create policy approvals_insert_system on public.approvals for insert to service_role with check (true);
create policy approvals_update_system on public.approvals for update to service_role using (true) with check (true);
create policy approvals_delete_system on public.approvals for delete to service_role using (true);
create policy approvals_all_active on public.approvals as restrictive for all to authenticated
  using ((select current_setting('request.account_checked', true) = 'true' or app.is_active_user()))
  with check ((select current_setting('request.account_checked', true) = 'true' or app.is_active_user()));
revoke all on public.approvals from public, anon, authenticated, service_role;
grant select, insert, delete on public.approvals to authenticated;
grant update (status, edited_input, comment, decided_at) on public.approvals to authenticated;
grant select, insert, update, delete on public.approvals to service_role;

create table public.waiting_runs (
  log_id uuid primary key,
  log_timestamp timestamptz(6) not null,
  user_id uuid not null references public.users (id) on delete cascade,
  -- No foreign key: the run has to be ended also when its user agent is gone.
  user_agent_id uuid not null,
  -- All the run needs to go on. Not jsonb: the order of fields is part of what the model saw.
  state json not null,
  expires_at timestamptz(6) not null,
  created_at timestamptz(6) not null default now()
);
create index waiting_runs__user_id on public.waiting_runs (user_id);
create index waiting_runs__expires_at on public.waiting_runs (expires_at);
comment on table public.waiting_runs is 'Runs that wait for an approval; whoever deletes the row goes on with the run';
alter table public.waiting_runs enable row level security;
alter table public.waiting_runs force row level security;
-- The server acts on the state as it stands there, so nobody else writes it.
create policy waiting_runs_select_owner on public.waiting_runs for select to authenticated using (user_id = (select auth.uid()));
create policy waiting_runs_delete_owner on public.waiting_runs for delete to authenticated using (user_id = (select auth.uid()));
create policy waiting_runs_select_system on public.waiting_runs for select to service_role using (true);
create policy waiting_runs_insert_system on public.waiting_runs for insert to service_role with check (true);
create policy waiting_runs_update_system on public.waiting_runs for update to service_role using (true) with check (true);
create policy waiting_runs_delete_system on public.waiting_runs for delete to service_role using (true);
create policy waiting_runs_all_active on public.waiting_runs as restrictive for all to authenticated
  using ((select current_setting('request.account_checked', true) = 'true' or app.is_active_user()))
  with check ((select current_setting('request.account_checked', true) = 'true' or app.is_active_user()));
revoke all on public.waiting_runs from public, anon, authenticated, service_role;
grant select (log_id, log_timestamp, user_id, user_agent_id, expires_at, created_at) on public.waiting_runs to authenticated;
grant delete on public.waiting_runs to authenticated;
grant select, insert, update, delete on public.waiting_runs to service_role;

create table public.memories (
  id uuid primary key,
  user_id uuid not null references public.users (id) on delete cascade,
  user_agent_id uuid not null references public.user_agents (id) on delete cascade,
  content text not null,
  -- Content from outside was in the prompt when it was written.
  is_untrusted boolean not null,
  created_at timestamptz(6) not null default now(),
  constraint memories_content_length check (length(content) between 1 and 2000)
);
create index memories__user_id on public.memories (user_id);
create index memories__user_agent_id on public.memories (user_agent_id, id desc);
comment on table public.memories is 'What a user agent was told to remember';
alter table public.memories enable row level security;
alter table public.memories force row level security;
create policy memories_select_owner on public.memories for select to authenticated using (user_id = (select auth.uid()));
create policy memories_insert_owner on public.memories for insert to authenticated with check (
  user_id = (select auth.uid()) and user_agent_id in (select id from public.user_agents where user_id = (select auth.uid())));
create policy memories_delete_owner on public.memories for delete to authenticated using (user_id = (select auth.uid()));
create policy memories_select_system on public.memories for select to service_role using (true);
create policy memories_insert_system on public.memories for insert to service_role with check (true);
create policy memories_update_system on public.memories for update to service_role using (true) with check (true);
create policy memories_delete_system on public.memories for delete to service_role using (true);
create policy memories_all_active on public.memories as restrictive for all to authenticated
  using ((select current_setting('request.account_checked', true) = 'true' or app.is_active_user()))
  with check ((select current_setting('request.account_checked', true) = 'true' or app.is_active_user()));
revoke all on public.memories from public, anon, authenticated, service_role;
grant select, insert, delete on public.memories to authenticated;
grant select, insert, update, delete on public.memories to service_role;

create table public.webhook_deliveries (
  -- Also the id of the message, the same in every attempt.
  id uuid primary key,
  integration_id uuid not null references public.integrations (id) on delete cascade,
  user_id uuid not null references public.users (id) on delete cascade,
  -- No foreign key: partitions of logs are dropped whole.
  log_id uuid,
  event varchar(100) not null,
  -- Exactly the bytes that are signed and sent.
  payload text not null,
  status varchar(20) not null default 'pending',
  attempts integer not null default 0,
  -- Also the lease of the server that sends: it is put off before each attempt. Null when there is nothing left to do.
  next_attempt_at timestamptz(6) default now(),
  response_status smallint,
  failure varchar(500),
  created_at timestamptz(6) not null default now(),
  delivered_at timestamptz(6),
  constraint webhook_deliveries_status_known check (status in ('pending', 'delivered', 'failed'))
);
create index webhook_deliveries__integration_id on public.webhook_deliveries (integration_id, id desc);
create index webhook_deliveries__user_id on public.webhook_deliveries (user_id);
create index webhook_deliveries__log_id on public.webhook_deliveries (log_id);
create index webhook_deliveries__next_attempt_at on public.webhook_deliveries (next_attempt_at) where status = 'pending';
comment on table public.webhook_deliveries is 'Messages to webhooks: sent until they arrive, or given up';
alter table public.webhook_deliveries enable row level security;
alter table public.webhook_deliveries force row level security;
create policy webhook_deliveries_select_owner on public.webhook_deliveries for select to authenticated using (user_id = (select auth.uid()));
create policy webhook_deliveries_insert_owner on public.webhook_deliveries for insert to authenticated with check (
  user_id = (select auth.uid()) and integration_id in (select id from public.integrations));
create policy webhook_deliveries_update_owner on public.webhook_deliveries for update to authenticated
  using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
create policy webhook_deliveries_delete_owner on public.webhook_deliveries for delete to authenticated using (user_id = (select auth.uid()));
create policy webhook_deliveries_select_system on public.webhook_deliveries for select to service_role using (true);
create policy webhook_deliveries_insert_system on public.webhook_deliveries for insert to service_role with check (true);
create policy webhook_deliveries_update_system on public.webhook_deliveries for update to service_role using (true) with check (true);
create policy webhook_deliveries_delete_system on public.webhook_deliveries for delete to service_role using (true);
create policy webhook_deliveries_all_active on public.webhook_deliveries as restrictive for all to authenticated
  using ((select current_setting('request.account_checked', true) = 'true' or app.is_active_user()))
  with check ((select current_setting('request.account_checked', true) = 'true' or app.is_active_user()));
revoke all on public.webhook_deliveries from public, anon, authenticated, service_role;
grant select, insert, delete on public.webhook_deliveries to authenticated;
grant update (status, attempts, next_attempt_at) on public.webhook_deliveries to authenticated;
grant select, insert, update, delete on public.webhook_deliveries to service_role;

-- What belongs to a run goes with its log, and holds as much of what was said.
create function app.forget_deleted_runs() returns trigger language plpgsql set search_path = '' as $$
begin
  if not exists (select from deleted) then return null; end if;
  delete from public.waiting_runs where log_id in (select id from deleted);
  delete from public.approvals where log_id in (select id from deleted);
  delete from public.webhook_deliveries where log_id in (select id from deleted);
  return null;
end
$$;
revoke execute on function app.forget_deleted_runs() from public;
comment on function app.forget_deleted_runs() is 'Deletes approvals, waiting runs and deliveries of deleted logs';
create trigger agent_logs_forget_deleted after delete on public.agent_logs referencing old table as deleted
  for each statement execute function app.forget_deleted_runs();
