-- Which encryption keys this installation has; the keys themselves never reach the database. A key that a row was sealed
-- with cannot be forgotten while the row is there, whatever happens at the same time: the foreign key sees to that.
create table public.encryption_keys (
  -- RFC 7638 thumbprint, the `kid` of a JWE.
  id varchar(43) primary key,
  created_at timestamptz(6) not null default now(),
  constraint encryption_keys_id_shape check (id ~ '^[A-Za-z0-9_-]{43}$')
);
comment on table public.encryption_keys is 'Fingerprints of the keys that secrets at rest are encrypted with';
alter table public.encryption_keys enable row level security;
alter table public.encryption_keys force row level security;
create policy encryption_keys_select_system on public.encryption_keys for select to service_role using (true);
create policy encryption_keys_insert_system on public.encryption_keys for insert to service_role with check (true);
create policy encryption_keys_update_system on public.encryption_keys for update to service_role using (true) with check (true);
create policy encryption_keys_delete_system on public.encryption_keys for delete to service_role using (true);
revoke all on public.encryption_keys from public, anon, authenticated, service_role;
grant select, insert, update, delete on public.encryption_keys to service_role;

alter table public.integrations
  add column credentials_key_id varchar(43),
  add column status varchar(20) not null default 'connected';
comment on column public.integrations.credentials_key_id is 'The key that the credentials are encrypted with; null without credentials';
comment on column public.integrations.status is 'reconnect: the credentials cannot be read any more, their owner has to enter them again';

-- After a way back and forth there are rows whose key stands in the header of their JWE alone.
create function app.read_jwe_key_id(jwe jsonb) returns varchar language plpgsql stable set search_path = '' as $$
declare header text := translate(jwe ->> 'protected', '-_', '+/');
begin
  if not jwe ?& array['protected', 'iv', 'ciphertext', 'tag'] then return null; end if;
  return substring(
    convert_from(decode(rpad(header, (length(header) + 3) / 4 * 4, '='), 'base64'), 'UTF8')::jsonb ->> 'kid'
    from '^[A-Za-z0-9_-]{43}$');
exception when others then
  return null;
end
$$;
-- The owner of a table is under its policies as well, unless it is a superuser.
alter table public.integrations no force row level security;
alter table public.encryption_keys no force row level security;
update public.integrations set credentials_key_id = app.read_jwe_key_id(credentials) where credentials <> '{}';
-- What is no JWE was never written by AgentExpress and is not kept in the clear.
update public.integrations set credentials = '{}', status = 'reconnect' where credentials <> '{}' and credentials_key_id is null;
drop function app.read_jwe_key_id(jsonb);
insert into public.encryption_keys (id)
  select distinct credentials_key_id from public.integrations where credentials_key_id is not null;
alter table public.integrations force row level security;
alter table public.encryption_keys force row level security;

alter table public.integrations
  add constraint integrations_credentials_key_id_fkey foreign key (credentials_key_id) references public.encryption_keys (id),
  add constraint integrations_status_known check (status in ('connected', 'reconnect')),
  add constraint integrations_credentials_sealed check (
    case when credentials = '{}' then credentials_key_id is null
         else credentials_key_id is not null and credentials ?& array['protected', 'iv', 'ciphertext', 'tag', 'aad'] end
  );
-- Whether a row needs a key is one look; rotation reads the rows of one key in the order of their ids.
create index integrations__credentials_key_id on public.integrations (credentials_key_id, status, id);
grant select (status) on public.integrations to authenticated;
grant insert (credentials_key_id) on public.integrations to authenticated;
grant update (credentials_key_id, status) on public.integrations to authenticated;
