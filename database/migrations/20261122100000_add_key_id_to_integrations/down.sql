-- Loses: which accounts have to be reconnected (`integrations.status`), with which key each was encrypted
-- (`integrations.credentials_key_id`), and the list of keys (`encryption_keys`).
-- Keeps: the encrypted credentials, whose key stands in their header.
alter table public.integrations
  drop constraint integrations_credentials_sealed,
  drop constraint integrations_status_known,
  drop constraint integrations_credentials_key_id_fkey;
drop index public.integrations__credentials_key_id;
alter table public.integrations drop column credentials_key_id, drop column status;
drop table public.encryption_keys;
