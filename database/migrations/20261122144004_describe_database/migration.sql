-- What the page of admins says of the database and the server's role cannot read itself.
create function app.describe_database() returns jsonb language plpgsql stable security definer set search_path = '' as $$
declare
  migrations jsonb := '[]';
  partitions jsonb;
  strays integer;
begin
  -- Whoever loads a backup by hand makes the ledger last.
  if to_regclass('public._prisma_migrations') is not null then
    select coalesce(jsonb_agg(migration_name order by migration_name), '[]') into migrations
    from public._prisma_migrations where finished_at is not null and rolled_back_at is null;
  end if;
  select coalesce(jsonb_agg(relname order by relname), '[]') into partitions
  from pg_catalog.pg_inherits join pg_catalog.pg_class on pg_class.oid = inhrelid
  where inhparent = 'public.agent_logs'::regclass and relname <> 'agent_logs_default';
  select count(*) into strays from (select from agent_log_partitions.agent_logs_default limit 100000) s;
  return jsonb_build_object('migrations', migrations, 'partitions', partitions, 'strays', strays);
end
$$;
revoke execute on function app.describe_database() from public;
grant execute on function app.describe_database() to service_role;
comment on function app.describe_database() is 'Names of migrations and partitions, and how many logs lie in none, for admins';
