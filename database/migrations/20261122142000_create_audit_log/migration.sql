-- Who did what to whom. Rows are only ever added, and each holds the hash of the one before it: a row that was changed,
-- taken out or put in between shows (npm run audit -- verify).
create table public.audit_log (
  -- Without gaps, in the order of the chain.
  id bigint primary key,
  created_at timestamptz(6) not null,
  -- No foreign keys: what was done stays on record when accounts are gone. Null: the server itself, or a command.
  actor_id uuid,
  action varchar(60) not null,
  target_type varchar(40) not null,
  target_id varchar(150) not null,
  detail jsonb not null default '{}',
  previous_hash bytea not null,
  hash bytea not null
);
create index audit_log__created_at on public.audit_log (created_at);
create index audit_log__actor_id on public.audit_log (actor_id, id desc);
create index audit_log__target_id on public.audit_log (target_id, id desc);
comment on table public.audit_log is 'Who did what to whom; append-only, each row bound to the one before by its hash';

create function app.keep_audit_log() returns trigger language plpgsql set search_path = '' as $$
begin
  raise exception 'The audit log is only added to.' using errcode = 'insufficient_privilege';
end
$$;
revoke execute on function app.keep_audit_log() from public;
comment on function app.keep_audit_log() is 'Refuses to change the audit log';
create trigger audit_log_keep before update or delete or truncate on public.audit_log for each statement execute function app.keep_audit_log();

/*
 * Hash of a row: SHA-256 over the hash before it and the row as text. Any program can do it again: the parts, joined by
 * the unit separator (U+001F), are id, time as UTC with microseconds, actor or nothing, action, type and id of the target,
 * and the detail as PostgreSQL writes jsonb.
 */
create function app.hash_audit_entry(entry public.audit_log) returns bytea language sql stable set search_path = '' as $$
  select pg_catalog.sha256(entry.previous_hash || pg_catalog.convert_to(pg_catalog.concat_ws(E'\x1f', entry.id::text,
    pg_catalog.to_char(entry.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), coalesce(entry.actor_id::text, ''),
    entry.action, entry.target_type, entry.target_id, entry.detail::text), 'UTF8'))
$$;
revoke execute on function app.hash_audit_entry(public.audit_log) from public;
grant execute on function app.hash_audit_entry(public.audit_log) to authenticated, service_role;
comment on function app.hash_audit_entry(public.audit_log) is 'What the hash of an entry of the audit log has to be';

-- In the transaction that does what is recorded: both are there, or neither. Waits for others that record at the moment.
create function app.record_audit(actor uuid, what varchar, type varchar, target varchar, more jsonb) returns bigint
language plpgsql security definer set search_path = '' as $$
declare
  checked text := coalesce(current_setting('request.account_checked', true), '');
  last public.audit_log;
  entry public.audit_log;
begin
  if current_setting('role') <> 'service_role' and checked <> 'true' then
    raise exception 'Only the server writes the audit log.' using errcode = 'insufficient_privilege';
  end if;
  perform pg_advisory_xact_lock(72707374);
  perform set_config('request.account_checked', 'true', true);
  select * into last from public.audit_log order by id desc limit 1;
  entry.id := coalesce(last.id, 0) + 1;
  -- Not the begin of the transaction: entries are in the order of their time.
  entry.created_at := greatest(clock_timestamp(), last.created_at);
  entry.actor_id := actor;
  entry.action := what;
  entry.target_type := type;
  entry.target_id := target;
  entry.detail := coalesce(more, '{}');
  entry.previous_hash := coalesce(last.hash, '\x');
  entry.hash := app.hash_audit_entry(entry);
  insert into public.audit_log select entry.*;
  perform set_config('request.account_checked', checked, true);
  return entry.id;
end
$$;
revoke execute on function app.record_audit(uuid, varchar, varchar, varchar, jsonb) from public;
grant execute on function app.record_audit(uuid, varchar, varchar, varchar, jsonb) to authenticated, service_role;
comment on function app.record_audit(uuid, varchar, varchar, varchar, jsonb) is 'Adds an entry to the audit log; answers its id';

alter table public.audit_log enable row level security;
alter table public.audit_log force row level security;
create policy audit_log_select_admin on public.audit_log for select to authenticated using ((select app.is_admin()));
create policy audit_log_select_definer on public.audit_log for select to current_user using (true);
create policy audit_log_insert_definer on public.audit_log for insert to current_user with check (true);
create policy audit_log_select_system on public.audit_log for select to service_role using (true);
create policy audit_log_all_active on public.audit_log as restrictive for all to authenticated
  using ((select current_setting('request.account_checked', true) = 'true' or app.is_active_user()))
  with check ((select current_setting('request.account_checked', true) = 'true' or app.is_active_user()));
revoke all on public.audit_log from public, anon, authenticated, service_role;
grant select on public.audit_log to authenticated, service_role;
