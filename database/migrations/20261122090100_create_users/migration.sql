-- Accounts. The password column and the token hashes are readable by service_role alone.
create table public.users (
  id uuid primary key,
  email varchar(255) not null,
  -- Null when the account signs in elsewhere (Supabase Auth).
  password varchar(255),
  first_name varchar(100),
  last_name varchar(100),
  avatar_url varchar(255),
  role varchar(50) not null default 'user',
  -- Set by an admin: the account can no longer sign in.
  suspended_at timestamptz(6),
  created_at timestamptz(6) not null default now(),
  updated_at timestamptz(6) not null default now(),
  constraint users_email_lower check (email = lower(email)),
  constraint users_role_known check (role in ('user', 'admin'))
);
create unique index users__email on public.users (email);
create trigger users_set_updated_at before update on public.users for each row execute function app.set_updated_at();
comment on table public.users is 'User accounts';

alter table public.users enable row level security;
alter table public.users force row level security;
create policy users_select_self on public.users for select to authenticated
  using (id = (select auth.uid()) or (select app.is_admin()));
create policy users_update_self on public.users for update to authenticated
  using (id = (select auth.uid())) with check (id = (select auth.uid()));
create policy users_delete_self on public.users for delete to authenticated using (id = (select auth.uid()));
create policy users_select_system on public.users for select to service_role using (true);
create policy users_insert_system on public.users for insert to service_role with check (true);
create policy users_update_system on public.users for update to service_role using (true) with check (true);
create policy users_delete_system on public.users for delete to service_role using (true);
comment on policy users_select_self on public.users is 'Everyone sees their own account; admins see all';
revoke all on public.users from public, anon, authenticated, service_role;
grant select (id, email, first_name, last_name, avatar_url, role, suspended_at, created_at, updated_at) on public.users to authenticated;
grant update (first_name, last_name, avatar_url) on public.users to authenticated;
grant delete on public.users to authenticated;
grant select, insert, update, delete on public.users to service_role;

-- One row a signed-in browser. The refresh token changes at each use; an old one that comes back ends the session.
create table public.sessions (
  id uuid primary key,
  user_id uuid not null references public.users (id) on delete cascade,
  refresh_token_hash bytea not null,
  -- Accepted for a few seconds, so that two tabs may refresh at once.
  previous_token_hash bytea,
  rotated_at timestamptz(6) not null default now(),
  user_agent_header varchar(300),
  created_at timestamptz(6) not null default now(),
  expires_at timestamptz(6) not null
);
create index sessions__user_id on public.sessions (user_id);
create index sessions__expires_at on public.sessions (expires_at);
comment on table public.sessions is 'Browser sessions with rotating refresh tokens';
alter table public.sessions enable row level security;
alter table public.sessions force row level security;
create policy sessions_select_owner on public.sessions for select to authenticated using (user_id = (select auth.uid()));
create policy sessions_delete_owner on public.sessions for delete to authenticated using (user_id = (select auth.uid()));
create policy sessions_select_system on public.sessions for select to service_role using (true);
create policy sessions_insert_system on public.sessions for insert to service_role with check (true);
create policy sessions_update_system on public.sessions for update to service_role using (true) with check (true);
create policy sessions_delete_system on public.sessions for delete to service_role using (true);
revoke all on public.sessions from public, anon, authenticated, service_role;
grant select (id, user_id, rotated_at, user_agent_header, created_at, expires_at) on public.sessions to authenticated;
grant delete on public.sessions to authenticated;
grant select, insert, update, delete on public.sessions to service_role;

create table public.api_keys (
  id uuid primary key,
  user_id uuid not null references public.users (id) on delete cascade,
  name varchar(100) not null,
  -- The first characters, so that a person can tell keys apart.
  prefix varchar(20) not null,
  key_hash bytea not null,
  last_used_at timestamptz(6),
  expires_at timestamptz(6),
  revoked_at timestamptz(6),
  created_at timestamptz(6) not null default now()
);
create unique index api_keys__key_hash on public.api_keys (key_hash);
create index api_keys__user_id on public.api_keys (user_id);
comment on table public.api_keys is 'Keys of the API; only a SHA-256 of each is stored (they are 256 random bits)';
alter table public.api_keys enable row level security;
alter table public.api_keys force row level security;
create policy api_keys_select_owner on public.api_keys for select to authenticated using (user_id = (select auth.uid()));
create policy api_keys_insert_owner on public.api_keys for insert to authenticated with check (user_id = (select auth.uid()));
create policy api_keys_update_owner on public.api_keys for update to authenticated
  using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
create policy api_keys_delete_owner on public.api_keys for delete to authenticated using (user_id = (select auth.uid()));
create policy api_keys_select_system on public.api_keys for select to service_role using (true);
create policy api_keys_insert_system on public.api_keys for insert to service_role with check (true);
create policy api_keys_update_system on public.api_keys for update to service_role using (true) with check (true);
create policy api_keys_delete_system on public.api_keys for delete to service_role using (true);
revoke all on public.api_keys from public, anon, authenticated, service_role;
grant select (id, user_id, name, prefix, last_used_at, expires_at, revoked_at, created_at) on public.api_keys to authenticated;
grant insert (id, user_id, name, prefix, key_hash, expires_at) on public.api_keys to authenticated;
grant update (name, expires_at, revoked_at) on public.api_keys to authenticated;
grant delete on public.api_keys to authenticated;
grant select, insert, update, delete on public.api_keys to service_role;

-- Failed sign-ins by hashed e-mail and by address; slows guessing down across all nodes.
create table public.sign_in_attempts (
  key_hash bytea primary key,
  failures integer not null,
  window_start timestamptz(6) not null
);
create index sign_in_attempts__window_start on public.sign_in_attempts (window_start);
alter table public.sign_in_attempts enable row level security;
alter table public.sign_in_attempts force row level security;
create policy sign_in_attempts_select_system on public.sign_in_attempts for select to service_role using (true);
create policy sign_in_attempts_insert_system on public.sign_in_attempts for insert to service_role with check (true);
create policy sign_in_attempts_update_system on public.sign_in_attempts for update to service_role using (true) with check (true);
create policy sign_in_attempts_delete_system on public.sign_in_attempts for delete to service_role using (true);
revoke all on public.sign_in_attempts from public, anon, authenticated, service_role;
grant select, insert, update, delete on public.sign_in_attempts to service_role;
