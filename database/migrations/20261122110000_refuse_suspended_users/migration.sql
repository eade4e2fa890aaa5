-- A suspended account sees and changes nothing, whichever way it reaches the database: its token may still be valid.
-- The function runs as the owner of the tables, because the policies of users ask it and would ask themselves for ever.
-- The owner is under forced row-level security: all it sees of users is the row of whoever the transaction acts for.
create policy users_select_definer on public.users for select to current_user using (id = (select auth.uid()));
comment on policy users_select_definer on public.users is 'What app.is_active_user() may see';

-- plpgsql keeps its plan for the session, and reading the claim here costs half of what auth.uid() does.
create function app.is_active_user() returns boolean language plpgsql stable security definer set search_path = '' as $$
declare user_id uuid := (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid;
begin
  return exists (select from public.users where id = user_id and suspended_at is null);
end
$$;
comment on function app.is_active_user() is 'Whether the present transaction acts for an account that is there and not suspended';
revoke execute on function app.is_active_user() from public;
grant execute on function app.is_active_user() to authenticated;

-- The server has looked at the account already, when it found out who is asking, and says so with a setting of the
-- transaction: that is as much worth as the claims beside it, and saves every run the look. PostgREST sets no such thing.
-- On Supabase the owner is a member of authenticated, hence under its policies: the function would ask itself here.
create policy users_all_active on public.users as restrictive for all to authenticated
  using ((
    select current_setting('request.account_checked', true) = 'true'
      or current_user = (select pg_catalog.pg_get_userbyid(relowner) from pg_catalog.pg_class where oid = 'public.users'::regclass)
      or app.is_active_user()
  ))
  with check ((
    select current_setting('request.account_checked', true) = 'true'
      or current_user = (select pg_catalog.pg_get_userbyid(relowner) from pg_catalog.pg_class where oid = 'public.users'::regclass)
      or app.is_active_user()
  ));
create policy sessions_all_active on public.sessions as restrictive for all to authenticated
  using ((select current_setting('request.account_checked', true) = 'true' or app.is_active_user()))
  with check ((select current_setting('request.account_checked', true) = 'true' or app.is_active_user()));
create policy api_keys_all_active on public.api_keys as restrictive for all to authenticated
  using ((select current_setting('request.account_checked', true) = 'true' or app.is_active_user()))
  with check ((select current_setting('request.account_checked', true) = 'true' or app.is_active_user()));
create policy agents_all_active on public.agents as restrictive for all to authenticated
  using ((select current_setting('request.account_checked', true) = 'true' or app.is_active_user()))
  with check ((select current_setting('request.account_checked', true) = 'true' or app.is_active_user()));
create policy agent_versions_all_active on public.agent_versions as restrictive for all to authenticated
  using ((select current_setting('request.account_checked', true) = 'true' or app.is_active_user()))
  with check ((select current_setting('request.account_checked', true) = 'true' or app.is_active_user()));
create policy user_agents_all_active on public.user_agents as restrictive for all to authenticated
  using ((select current_setting('request.account_checked', true) = 'true' or app.is_active_user()))
  with check ((select current_setting('request.account_checked', true) = 'true' or app.is_active_user()));
create policy integrations_all_active on public.integrations as restrictive for all to authenticated
  using ((select current_setting('request.account_checked', true) = 'true' or app.is_active_user()))
  with check ((select current_setting('request.account_checked', true) = 'true' or app.is_active_user()));
create policy agent_logs_all_active on public.agent_logs as restrictive for all to authenticated
  using ((select current_setting('request.account_checked', true) = 'true' or app.is_active_user()))
  with check ((select current_setting('request.account_checked', true) = 'true' or app.is_active_user()));
create policy idempotency_keys_all_active on public.idempotency_keys as restrictive for all to authenticated
  using ((select current_setting('request.account_checked', true) = 'true' or app.is_active_user()))
  with check ((select current_setting('request.account_checked', true) = 'true' or app.is_active_user()));
create policy plans_all_active on public.plans as restrictive for all to authenticated
  using ((select current_setting('request.account_checked', true) = 'true' or app.is_active_user()))
  with check ((select current_setting('request.account_checked', true) = 'true' or app.is_active_user()));
create policy subscriptions_all_active on public.subscriptions as restrictive for all to authenticated
  using ((select current_setting('request.account_checked', true) = 'true' or app.is_active_user()))
  with check ((select current_setting('request.account_checked', true) = 'true' or app.is_active_user()));
