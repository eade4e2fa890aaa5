-- Loses: the remembered key fingerprints (`installation`) and server heartbeats (`server_nodes`).
-- Keeps: the roles, because other databases of the cluster may use them.
drop table public.server_nodes;
drop table public.installation;
drop schema app cascade;
do $$
begin
  if obj_description(to_regnamespace('auth'), 'pg_namespace') like 'AgentExpress:%' then
    drop schema auth cascade;
  end if;
end
$$;
