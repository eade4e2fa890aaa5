-- Loses: nothing.
-- Keeps: everything; partitions whose strays are being written fail to be made until nobody writes.
create or replace function app.ensure_agent_log_partitions(first_month date, months integer) returns integer
language plpgsql set search_path = '' as $$
declare
  month date;
  next_month date;
  partition_name text;
  created integer := 0;
begin
  -- Servers that start at the same time wait for each other.
  perform pg_advisory_xact_lock(hashtextextended('app.ensure_agent_log_partitions', 0));
  for month in select (date_trunc('month', first_month::timestamp) + make_interval(months => n))::date from generate_series(0, months - 1) n loop
    next_month := (month + interval '1 month')::date;
    partition_name := format('agent_logs_%s', to_char(month, 'YYYY_MM'));
    continue when to_regclass(format('agent_log_partitions.%I', partition_name)) is not null;
    execute format('create table agent_log_partitions.%I (like public.agent_logs including defaults including constraints) with (fillfactor = 80)', partition_name);
    -- Strays move from the default partition in the same transaction; attaching would be refused while they are there.
    execute format(
      'with strays as (delete from agent_log_partitions.agent_logs_default where "timestamp" >= %L::timestamp at time zone ''UTC'' and "timestamp" < %L::timestamp at time zone ''UTC'' returning *) insert into agent_log_partitions.%I select * from strays',
      month, next_month, partition_name);
    execute format('alter table agent_log_partitions.%I enable row level security', partition_name);
    execute format('alter table agent_log_partitions.%I force row level security', partition_name);
    execute format('revoke all on agent_log_partitions.%I from public, anon, authenticated, service_role', partition_name);
    execute format(
      'alter table public.agent_logs attach partition agent_log_partitions.%I for values from (%L) to (%L)',
      partition_name, month::timestamp at time zone 'UTC', next_month::timestamp at time zone 'UTC');
    created := created + 1;
  end loop;
  return created;
end
$$;
