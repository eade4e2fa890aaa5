-- Remembers which users of Supabase Auth deleted their account here, so that a token of theirs does not bring it back.
create table public.account_deletions (
  -- No foreign key: the account is gone.
  user_id uuid primary key,
  deleted_at timestamptz(6) not null default now()
);
create index account_deletions__deleted_at on public.account_deletions (deleted_at);
comment on table public.account_deletions is 'Accounts of Supabase Auth that were deleted here in the last 30 days';
alter table public.account_deletions enable row level security;
alter table public.account_deletions force row level security;
create policy account_deletions_select_system on public.account_deletions for select to service_role using (true);
create policy account_deletions_insert_system on public.account_deletions for insert to service_role with check (true);
create policy account_deletions_update_system on public.account_deletions for update to service_role using (true) with check (true);
create policy account_deletions_delete_system on public.account_deletions for delete to service_role using (true);
revoke all on public.account_deletions from public, anon, authenticated, service_role;
grant select, insert, update, delete on public.account_deletions to service_role;
