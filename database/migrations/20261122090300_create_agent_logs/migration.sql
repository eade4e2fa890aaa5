-- One row a run, partitioned by month.
create table public.agent_logs (
  id uuid not null,
  agent_id uuid references public.agents (id) on delete set null,
  user_id uuid not null references public.users (id) on delete cascade,
  "timestamp" timestamptz(6) not null,
  input text not null,
  -- Null until the run has ended.
  output text,
  -- What nobody filters by: steps, citations, error detail.
  metadata jsonb not null default '{}',
  -- No foreign key: a log outlives the user agent.
  user_agent_id uuid,
  -- The id of the first run of the conversation, so that the rows with id = conversation_id are the list of conversations.
  conversation_id uuid not null,
  status varchar(20) not null,
  error_code varchar(50),
  -- Where the run came from: chat, api, openai.
  source varchar(20) not null,
  model varchar(150),
  input_tokens integer,
  output_tokens integer,
  cost_usd numeric(14, 8),
  latency_ms integer,
  rating smallint,
  rating_comment text,
  -- The server that runs it; a running row of a server without heartbeat was interrupted.
  node_id uuid,
  primary key (id, "timestamp"),
  constraint agent_logs_status_known check (status in ('running', 'succeeded', 'failed', 'cancelled', 'interrupted')),
  constraint agent_logs_rating_known check (rating in (-1, 1))
) partition by range ("timestamp");
-- No index holds a column that the end of a run changes, so that this update stays within its page (HOT).
create index agent_logs__user_id on public.agent_logs (user_id, "timestamp" desc, id desc);
create index agent_logs__agent_id on public.agent_logs (agent_id, "timestamp" desc);
create index agent_logs__timestamp on public.agent_logs ("timestamp");
create index agent_logs__user_agent_id on public.agent_logs (user_agent_id, "timestamp" desc, id desc);
create index agent_logs__conversation_id on public.agent_logs (conversation_id, "timestamp");
comment on table public.agent_logs is 'Every run: what went in, what came out, how it went';

-- Partitions live where no API role can reach them: policies of the parent do not protect a partition that is named directly.
create schema agent_log_partitions;
revoke all on schema agent_log_partitions from public;
comment on schema agent_log_partitions is 'Monthly partitions of agent_logs; no API role may use this schema';

create table agent_log_partitions.agent_logs_default partition of public.agent_logs default with (fillfactor = 80);
alter table agent_log_partitions.agent_logs_default enable row level security;
alter table agent_log_partitions.agent_logs_default force row level security;
revoke all on agent_log_partitions.agent_logs_default from public, anon, authenticated, service_role;
-- The owner, who is under forced RLS too, moves strays out of here.
do $$ begin
  execute format('create policy agent_logs_default_all_owner on agent_log_partitions.agent_logs_default to %I using (true)', current_user);
end $$;

create function app.ensure_agent_log_partitions(first_month date, months integer) returns integer
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
revoke execute on function app.ensure_agent_log_partitions(date, integer) from public;
comment on function app.ensure_agent_log_partitions(date, integer) is 'Creates the missing monthly partitions (UTC months); answers how many it made';

alter table public.agent_logs enable row level security;
alter table public.agent_logs force row level security;
create policy agent_logs_select_owner on public.agent_logs for select to authenticated using (user_id = (select auth.uid()));
create policy agent_logs_insert_owner on public.agent_logs for insert to authenticated with check (user_id = (select auth.uid()));
create policy agent_logs_update_owner on public.agent_logs for update to authenticated
  using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
create policy agent_logs_delete_owner on public.agent_logs for delete to authenticated using (user_id = (select auth.uid()));
create policy agent_logs_select_system on public.agent_logs for select to service_role using (true);
create policy agent_logs_insert_system on public.agent_logs for insert to service_role with check (true);
create policy agent_logs_update_system on public.agent_logs for update to service_role using (true) with check (true);
create policy agent_logs_delete_system on public.agent_logs for delete to service_role using (true);
revoke all on public.agent_logs from public, anon, authenticated, service_role;
grant select, insert, delete on public.agent_logs to authenticated;
grant update (output, metadata, status, error_code, model, input_tokens, output_tokens, cost_usd, latency_ms, rating, rating_comment) on public.agent_logs to authenticated;
grant select, insert, update, delete on public.agent_logs to service_role;

-- Remembers for a day which run a client's Idempotency-Key began.
create table public.idempotency_keys (
  user_id uuid not null references public.users (id) on delete cascade,
  key varchar(255) not null,
  request_hash bytea not null,
  log_id uuid not null,
  log_timestamp timestamptz(6) not null,
  created_at timestamptz(6) not null default now(),
  primary key (user_id, key)
);
create index idempotency_keys__created_at on public.idempotency_keys (created_at);
comment on table public.idempotency_keys is 'Which run an Idempotency-Key began';
alter table public.idempotency_keys enable row level security;
alter table public.idempotency_keys force row level security;
create policy idempotency_keys_select_owner on public.idempotency_keys for select to authenticated using (user_id = (select auth.uid()));
create policy idempotency_keys_insert_owner on public.idempotency_keys for insert to authenticated with check (user_id = (select auth.uid()));
create policy idempotency_keys_select_system on public.idempotency_keys for select to service_role using (true);
create policy idempotency_keys_insert_system on public.idempotency_keys for insert to service_role with check (true);
create policy idempotency_keys_update_system on public.idempotency_keys for update to service_role using (true) with check (true);
create policy idempotency_keys_delete_system on public.idempotency_keys for delete to service_role using (true);
revoke all on public.idempotency_keys from public, anon, authenticated, service_role;
grant select, insert on public.idempotency_keys to authenticated;
grant select, insert, update, delete on public.idempotency_keys to service_role;
