-- Supabase's roles and identity functions. On Supabase all of this exists and is left as it is.
do $$
declare wanted text;
begin
  foreach wanted in array array['anon', 'authenticated', 'service_role'] loop
    if not exists (select from pg_roles where rolname = wanted) then
      execute format('create role %I nologin noinherit', wanted);
    end if;
  end loop;
exception
  -- Roles belong to the whole cluster: another database of it may be deploying at this moment.
  when duplicate_object or unique_violation then null;
end
$$;

do $$
begin
  if to_regnamespace('auth') is null then
    create schema auth;
    comment on schema auth is 'AgentExpress: stands in for the schema that Supabase brings';
  end if;
  if to_regprocedure('auth.jwt()') is null then
    -- A pooled connection answers '' and not null for a setting that an earlier transaction had set, hence nullif.
    -- A body of the SQL standard is bound when it is made, so no search_path can change it, and without a setting of its
    -- own PostgreSQL puts it into the statement instead of calling it.
    create function auth.jwt() returns jsonb language sql stable
      return nullif(current_setting('request.jwt.claims', true), '')::jsonb;
    comment on function auth.jwt() is 'The claims of the present transaction; null without';
  end if;
  if to_regprocedure('auth.uid()') is null then
    create function auth.uid() returns uuid language sql stable
      return (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid;
    comment on function auth.uid() is 'Id of the user the present transaction acts for; null without';
  end if;
  if obj_description(to_regnamespace('auth'), 'pg_namespace') like 'AgentExpress:%' then
    grant usage on schema auth to anon, authenticated, service_role;
  end if;
end
$$;

create schema app;
comment on schema app is 'Functions that policies and triggers use; not part of any API';
grant usage on schema app to anon, authenticated, service_role;

create function app.is_admin() returns boolean language sql stable set search_path = '' as
  $$ select coalesce(auth.jwt() ->> 'user_role', '') = 'admin' $$;
comment on function app.is_admin() is 'Whether the present transaction acts for an admin; the server sets the claim from users.role';
revoke execute on function app.is_admin() from public;
grant execute on function app.is_admin() to anon, authenticated, service_role;

create function app.set_updated_at() returns trigger language plpgsql set search_path = '' as $$
begin
  new.updated_at := now();
  return new;
end
$$;
revoke execute on function app.set_updated_at() from public;
grant execute on function app.set_updated_at() to authenticated, service_role;

-- What the server remembers of this installation, such as the fingerprint of its key file.
create table public.installation (
  name varchar(100) primary key,
  value jsonb not null,
  created_at timestamptz(6) not null default now()
);
alter table public.installation enable row level security;
alter table public.installation force row level security;
create policy installation_select_system on public.installation for select to service_role using (true);
create policy installation_insert_system on public.installation for insert to service_role with check (true);
create policy installation_update_system on public.installation for update to service_role using (true) with check (true);
create policy installation_delete_system on public.installation for delete to service_role using (true);
revoke all on public.installation from public, anon, authenticated, service_role;
grant select, insert, update, delete on public.installation to service_role;

-- One row a running server; a run whose server has stopped its heartbeat was interrupted.
create table public.server_nodes (
  id uuid primary key,
  started_at timestamptz(6) not null default now(),
  heartbeat_at timestamptz(6) not null default now()
);
alter table public.server_nodes enable row level security;
alter table public.server_nodes force row level security;
create policy server_nodes_select_system on public.server_nodes for select to service_role using (true);
create policy server_nodes_insert_system on public.server_nodes for insert to service_role with check (true);
create policy server_nodes_update_system on public.server_nodes for update to service_role using (true) with check (true);
create policy server_nodes_delete_system on public.server_nodes for delete to service_role using (true);
revoke all on public.server_nodes from public, anon, authenticated, service_role;
grant select, insert, update, delete on public.server_nodes to service_role;
