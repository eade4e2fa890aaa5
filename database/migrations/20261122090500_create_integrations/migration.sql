create table public.integrations (
  id uuid primary key,
  user_agent_id uuid not null references public.user_agents (id) on delete cascade,
  type varchar(50) not null,
  -- A JWE (RFC 7516) as JSON; readable by service_role alone, not even by its owner.
  credentials jsonb not null default '{}',
  settings jsonb not null default '{}',
  created_at timestamptz(6) not null default now(),
  updated_at timestamptz(6) not null default now(),
  constraint integrations_settings_object check (jsonb_typeof(settings) = 'object')
);
create index integrations__user_agent_id on public.integrations (user_agent_id);
create index integrations__type on public.integrations (type);
create trigger integrations_set_updated_at before update on public.integrations for each row execute function app.set_updated_at();
comment on table public.integrations is 'Connected accounts and servers of user agents';
alter table public.integrations enable row level security;
alter table public.integrations force row level security;
create policy integrations_select_owner on public.integrations for select to authenticated
  using (user_agent_id in (select id from public.user_agents where user_id = (select auth.uid())));
create policy integrations_insert_owner on public.integrations for insert to authenticated
  with check (user_agent_id in (select id from public.user_agents where user_id = (select auth.uid())));
create policy integrations_update_owner on public.integrations for update to authenticated
  using (user_agent_id in (select id from public.user_agents where user_id = (select auth.uid())))
  with check (user_agent_id in (select id from public.user_agents where user_id = (select auth.uid())));
create policy integrations_delete_owner on public.integrations for delete to authenticated
  using (user_agent_id in (select id from public.user_agents where user_id = (select auth.uid())));
create policy integrations_select_system on public.integrations for select to service_role using (true);
create policy integrations_insert_system on public.integrations for insert to service_role with check (true);
create policy integrations_update_system on public.integrations for update to service_role using (true) with check (true);
create policy integrations_delete_system on public.integrations for delete to service_role using (true);
revoke all on public.integrations from public, anon, authenticated, service_role;
grant select (id, user_agent_id, type, settings, created_at, updated_at) on public.integrations to authenticated;
grant insert (id, user_agent_id, type, credentials, settings) on public.integrations to authenticated;
grant update (credentials, settings) on public.integrations to authenticated;
grant delete on public.integrations to authenticated;
grant select, insert, update, delete on public.integrations to service_role;
