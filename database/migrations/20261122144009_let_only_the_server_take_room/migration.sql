-- What plans limit, and what is on record when admins do it, goes through the server: past it, as through PostgREST, nobody
-- asks for room, and an Idempotency-Key of one's own making would begin a run in any month.
create function app.leave_to_server() returns trigger language plpgsql set search_path = '' as $$
begin
  raise exception 'Only the server does this with %.', tg_table_name using errcode = 'insufficient_privilege';
end
$$;
revoke execute on function app.leave_to_server() from public;
grant execute on function app.leave_to_server() to authenticated;
comment on function app.leave_to_server() is 'Refuses what would take room from a plan, or act as an admin, past the server';

-- Said by the server alone, once it has looked at the account.
create function app.is_past_server() returns boolean language sql stable set search_path = '' as
$$ select current_setting('role') = 'authenticated' and coalesce(current_setting('request.account_checked', true), '') <> 'true' $$;
revoke execute on function app.is_past_server() from public;
grant execute on function app.is_past_server() to authenticated, service_role;
comment on function app.is_past_server() is 'Whether a user reaches the database without the server';

create trigger user_agents_insert_past_server before insert on public.user_agents for each row
  when (new.is_active and app.is_past_server()) execute function app.leave_to_server();
create trigger user_agents_switch_on_past_server before update on public.user_agents for each row
  when (new.is_active and not old.is_active and app.is_past_server()) execute function app.leave_to_server();
create trigger integrations_insert_past_server before insert on public.integrations for each row
  when (app.is_past_server()) execute function app.leave_to_server();
create trigger api_keys_insert_past_server before insert on public.api_keys for each row
  when (app.is_past_server()) execute function app.leave_to_server();
create trigger api_keys_revive_past_server before update on public.api_keys for each row
  when (new.revoked_at is null and (old.revoked_at is not null or new.expires_at is distinct from old.expires_at) and app.is_past_server())
  execute function app.leave_to_server();
create trigger idempotency_keys_insert_past_server before insert on public.idempotency_keys for each row
  when (app.is_past_server()) execute function app.leave_to_server();
create trigger agents_publish_past_server before update on public.agents for each row
  when ((new.is_public <> old.is_public or new.publication_requested_at is distinct from old.publication_requested_at)
    and app.is_past_server()) execute function app.leave_to_server();
create trigger plans_change_past_server before insert or update or delete on public.plans for each row
  when (app.is_past_server()) execute function app.leave_to_server();
