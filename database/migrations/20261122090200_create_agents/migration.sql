-- The catalogue and what users made of it.
create table public.agents (
  id uuid primary key,
  name varchar(100) not null,
  description text not null,
  type varchar(50) not null,
  capabilities jsonb not null,
  is_public boolean not null default false,
  creator_id uuid references public.users (id) on delete set null,
  -- Name of the catalogue file this agent comes from; null for agents that users made.
  slug varchar(100),
  -- Grows with each change of name, description or capabilities; each version stays in agent_versions.
  version integer not null default 1,
  -- [{version, summary}], newest first: what a user agent on an older version is told.
  changes jsonb not null default '[]',
  -- Set while the creator waits for an admin's nod.
  publication_requested_at timestamptz(6),
  -- Why an admin said no.
  publication_note text,
  created_at timestamptz(6) not null default now(),
  updated_at timestamptz(6) not null default now(),
  constraint agents_version_positive check (version >= 1),
  constraint agents_capabilities_object check (jsonb_typeof(capabilities) = 'object'),
  constraint agents_changes_array check (jsonb_typeof(changes) = 'array'),
  constraint agents_publication_requested_at_finite check (isfinite(publication_requested_at))
);
create unique index agents__slug on public.agents (slug);
create index agents__creator_id on public.agents (creator_id);
create index agents__is_public_type on public.agents (is_public, type);
create index agents__publication_requested_at on public.agents (publication_requested_at) where publication_requested_at is not null;
create trigger agents_set_updated_at before update on public.agents for each row execute function app.set_updated_at();
comment on table public.agents is 'Agents: ready-made ones of the catalogue and those that users made';

-- An admin publishes what stands in agents, and people run what stands in agent_versions: a number means one content.
create function app.check_agent_content() returns trigger language plpgsql set search_path = '' as $$
begin
  if new.version = old.version and (new.name, new.description, new.capabilities) is not distinct from (old.name, old.description, old.capabilities) then
    return new;
  end if;
  if new.version <> old.version + 1 then
    raise exception 'a new content of agent % needs version %', old.id, old.version + 1 using errcode = '42501';
  end if;
  return new;
end
$$;
revoke execute on function app.check_agent_content() from public;
grant execute on function app.check_agent_content() to authenticated, service_role;
-- The catalogue is the server's, which corrects versions in place that nobody runs on.
create trigger agents_check_content before update of name, description, capabilities, version on public.agents
  for each row when (current_user <> 'service_role') execute function app.check_agent_content();

alter table public.agents enable row level security;
alter table public.agents force row level security;
create policy agents_select_public on public.agents for select to anon using (is_public);
create policy agents_select_visible on public.agents for select to authenticated
  using (is_public or creator_id = (select auth.uid()) or ((select app.is_admin()) and publication_requested_at is not null));
create policy agents_insert_creator on public.agents for insert to authenticated
  with check (creator_id = (select auth.uid()) and not is_public and slug is null);
create policy agents_update_creator on public.agents for update to authenticated
  using (creator_id = (select auth.uid())) with check (creator_id = (select auth.uid()) and not is_public and slug is null);
create policy agents_update_admin on public.agents for update to authenticated
  using ((select app.is_admin()) and (is_public or publication_requested_at is not null)) with check ((select app.is_admin()));
create policy agents_delete_creator on public.agents for delete to authenticated using (creator_id = (select auth.uid()));
create policy agents_select_system on public.agents for select to service_role using (true);
create policy agents_insert_system on public.agents for insert to service_role with check (true);
create policy agents_update_system on public.agents for update to service_role using (true) with check (true);
create policy agents_delete_system on public.agents for delete to service_role using (true);
comment on policy agents_select_visible on public.agents is 'Public agents, one''s own, and for admins those that wait for a nod';
comment on policy agents_update_creator on public.agents is 'A creator''s change always leaves the agent unpublished: publishing needs an admin';
revoke all on public.agents from public, anon, authenticated, service_role;
grant select on public.agents to anon, authenticated;
grant insert (id, name, description, type, capabilities, creator_id, version, changes) on public.agents to authenticated;
grant update (name, description, type, capabilities, is_public, version, changes, publication_requested_at, publication_note) on public.agents to authenticated;
grant delete on public.agents to authenticated;
grant select, insert, update, delete on public.agents to service_role;

-- Each version an agent ever had: a user agent keeps running on the one it was configured with.
create table public.agent_versions (
  agent_id uuid not null references public.agents (id) on delete cascade,
  version integer not null,
  name varchar(100) not null,
  description text not null,
  capabilities jsonb not null,
  created_at timestamptz(6) not null default now(),
  primary key (agent_id, version)
);
comment on table public.agent_versions is 'Every version of every agent';

-- Links users to the agents they configured.
create table public.user_agents (
  id uuid primary key,
  user_id uuid not null references public.users (id) on delete cascade,
  agent_id uuid not null references public.agents (id),
  settings jsonb not null default '{}',
  is_active boolean not null default true,
  name varchar(100) not null,
  agent_version integer not null,
  -- Id of the chosen model; null means the operator's default.
  model varchar(150),
  created_at timestamptz(6) not null default now(),
  updated_at timestamptz(6) not null default now(),
  constraint user_agents_agent_version foreign key (agent_id, agent_version) references public.agent_versions (agent_id, version),
  constraint user_agents_settings_object check (jsonb_typeof(settings) = 'object')
);
create index user_agents__user_id on public.user_agents (user_id, created_at desc, id desc);
create index user_agents__agent_id on public.user_agents (agent_id, agent_version);
create trigger user_agents_set_updated_at before update on public.user_agents for each row execute function app.set_updated_at();
comment on table public.user_agents is 'Agents that users configured';

-- Runs with the rights of whoever writes: what they cannot see they cannot pin, so nobody reaches a private draft.
create function app.check_agent_version() returns trigger language plpgsql set search_path = '' as $$
begin
  if not exists (select from public.agents where id = new.agent_id and version = new.agent_version) then
    raise exception 'agent % version % is not visible', new.agent_id, new.agent_version using errcode = '42501';
  end if;
  return new;
end
$$;
revoke execute on function app.check_agent_version() from public;
grant execute on function app.check_agent_version() to authenticated, service_role;
create trigger user_agents_check_version_on_insert before insert on public.user_agents
  for each row execute function app.check_agent_version();
create trigger user_agents_check_version_on_update before update of agent_id, agent_version on public.user_agents
  for each row when (old.agent_id <> new.agent_id or old.agent_version <> new.agent_version)
  execute function app.check_agent_version();

alter table public.user_agents enable row level security;
alter table public.user_agents force row level security;
create policy user_agents_select_owner on public.user_agents for select to authenticated using (user_id = (select auth.uid()));
create policy user_agents_insert_owner on public.user_agents for insert to authenticated with check (user_id = (select auth.uid()));
create policy user_agents_update_owner on public.user_agents for update to authenticated
  using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
create policy user_agents_delete_owner on public.user_agents for delete to authenticated using (user_id = (select auth.uid()));
create policy user_agents_select_system on public.user_agents for select to service_role using (true);
create policy user_agents_insert_system on public.user_agents for insert to service_role with check (true);
create policy user_agents_update_system on public.user_agents for update to service_role using (true) with check (true);
create policy user_agents_delete_system on public.user_agents for delete to service_role using (true);
revoke all on public.user_agents from public, anon, authenticated, service_role;
grant select, delete on public.user_agents to authenticated;
grant insert (id, user_id, agent_id, settings, is_active, name, agent_version, model) on public.user_agents to authenticated;
grant update (settings, is_active, name, agent_version, model) on public.user_agents to authenticated;
grant select, insert, update, delete on public.user_agents to service_role;

alter table public.agent_versions enable row level security;
alter table public.agent_versions force row level security;
create policy agent_versions_select_visible on public.agent_versions for select to authenticated using (
  exists (
    select from public.agents
    where agents.id = agent_versions.agent_id
      and (agents.creator_id = (select auth.uid()) or agents.version = agent_versions.version)
  )
  or exists (
    select from public.user_agents
    where user_agents.agent_id = agent_versions.agent_id and user_agents.agent_version = agent_versions.version
  )
);
create policy agent_versions_insert_creator on public.agent_versions for insert to authenticated with check (
  exists (
    select from public.agents
    where agents.id = agent_versions.agent_id and agents.creator_id = (select auth.uid()) and agents.version = agent_versions.version
      and (agents.name, agents.description, agents.capabilities) = (agent_versions.name, agent_versions.description, agent_versions.capabilities)
  )
);
create policy agent_versions_select_system on public.agent_versions for select to service_role using (true);
create policy agent_versions_insert_system on public.agent_versions for insert to service_role with check (true);
create policy agent_versions_update_system on public.agent_versions for update to service_role using (true) with check (true);
create policy agent_versions_delete_system on public.agent_versions for delete to service_role using (true);
comment on policy agent_versions_insert_creator on public.agent_versions is 'The present content of one''s own agent, word for word';
comment on policy agent_versions_select_visible on public.agent_versions is
  'Creators see all versions of their agents, others the present version of what they can see and the one their own user agent runs on';
revoke all on public.agent_versions from public, anon, authenticated, service_role;
grant select on public.agent_versions to authenticated;
grant insert (agent_id, version, name, description, capabilities) on public.agent_versions to authenticated;
grant select, insert, update, delete on public.agent_versions to service_role;
