import type pg from 'pg'

export const apiRoles = ['anon', 'authenticated', 'service_role']

/** Something that lets the server's login past row-level security. */
export interface RoleFault {
  /** Whom it has to be taken from: the login, a role that it works as, or `public`, which is everybody. */
  role: string
  /** Who has it: `role`, or one that a membership leads to from there. */
  bearer: string
  /** `role` can be `bearer`; otherwise it has the privileges of `bearer` alone. */
  acts: boolean
  /** Who has such power is likely to need it for something else; the others were granted too much. */
  is_power: boolean
  what: string
  /** The statement that takes it away; null where `bearer` would not be what it is without. */
  repair: string | null
}

/**
 * What each membership gives: privileges to whoever inherits, attributes to whoever may SET ROLE. Whoever may give it to
 * others may give it to themselves. Before PostgreSQL 16 the first was a matter of the member and the second of course;
 * since then only its grantor can be named to take one back.
 */
export const memberships = `
  memberships as (
    select roleid as given, member,
      coalesce((to_jsonb(m) ->> 'inherit_option')::boolean, taker.rolinherit) as inherits,
      coalesce((to_jsonb(m) ->> 'set_option')::boolean, true) as may_set,
      -- A superuser is given by superusers alone.
      admin_option and not source.rolsuper as may_give,
      format('%I from %I', source.rolname, taker.rolname)
        || case when current_setting('server_version_num')::integer >= 160000
             then format(' granted by %I', pg_get_userbyid(grantor)) else '' end
        || case when exists (select from pg_auth_members o where o.roleid = m.roleid and o.grantor = m.member)
             then ' cascade' else '' end as membership
    from pg_auth_members m join pg_roles source on source.oid = roleid join pg_roles taker on taker.oid = m.member
  )`

/** From the login ($1), the roles it works as ($2) and everybody (0), whatever a membership leads to. */
const reach = `
  starts (oid, name) as (
    select oid, rolname from pg_roles where rolname = $1 or rolname = any ($2)
    union all select 0::oid, 'public'
  ),
  reach (start, role, acts, via) as (
    select oid, oid, true, null::text collate "C" from starts
    union
    select start, given, (acts and may_set) or may_give, coalesce(via, membership)
    from reach join memberships on member = role
    where (inherits or may_give or (acts and may_set)) and given not in (select oid from starts)
  )`

/**
 * Supabase's service_role has BYPASSRLS, and its policies show everything anyway. Before PostgreSQL 16, CREATEROLE could
 * take on any role but a superuser (https://www.postgresql.org/docs/16/release-16.html); now it rules over its own roles.
 */
const attributes = `
  select true, what, format('alter role %I %s', r.rolname, word)
  from (values
    (r.rolsuper, 'is a superuser', 'nosuperuser'),
    (acts and r.rolbypassrls and r.rolname <> 'service_role', 'has BYPASSRLS', 'nobypassrls'),
    (acts and r.rolreplication, 'has REPLICATION', 'noreplication'),
    (acts and r.rolcreaterole and current_setting('server_version_num')::integer < 160000, 'has CREATEROLE', 'nocreaterole')
  ) attributes (is_there, what, word)
  where is_there`

/**
 * Whoever owns a schema may drop what is in it; whoever owns a function that policies ask gives it another search_path; whoever
 * owns anything else in these schemas may drop it, and what needs it (DROP OWNED asks for no right to the schema).
 * $3: the login for migrations, or null.
 */
const ownership = `
  select true, what, 'reassign owned by ' || quote_ident(r.rolname) || ' to ' || quote_ident(nullif(coalesce($3::text, owner), r.rolname))
  from (select oid, datdba, pg_get_userbyid(datdba)::text as owner from pg_database where datname = current_database()) d,
  lateral (
    select 'owns the database' as what where datdba = r.oid
    union all
    (select format('owns the %s %s', type, identity)
     from pg_shdepend, pg_identify_object(classid, objid, objsubid) thing
     where dbid = d.oid and refclassid = 'pg_authid'::regclass and refobjid = r.oid and deptype = 'o'
       and case type when 'schema' then name else schema end in ('public', 'app', 'auth', 'agent_log_partitions')
     order by 1 limit 1)
  ) owned
  union all
  select true, 'owns what migrations make', null where r.rolname = $3::text`

/**
 * Statistics hold values of every column, and pg_read_all_data reads them. pg_write_all_data asks for no column's
 * privilege: a user whose role has it makes itself admin. The other predefined roles reach no row: pg_monitor sees texts
 * of statements, whose values are parameters; pg_signal_backend, pg_maintain and pg_checkpoint disturb at most.
 */
const predefinedRoles = `
  select true, case r.rolname
      when 'pg_read_all_data' then 'reads what no policy guards, such as statistics of every column'
      when 'pg_write_all_data' then 'writes every column that no policy guards'
      else 'reaches the files of the database server' end, null
  where r.rolname in ('pg_read_all_data', 'pg_write_all_data', 'pg_read_server_files', 'pg_write_server_files', 'pg_execute_server_program')`

/**
 * An operator or function in "public", or in a schema with the owner's name, is taken for PostgreSQL's own by statements of
 * the owner that fit it better (https://www.postgresql.org/support/security/CVE-2018-1058/); one in "app" for ours. To
 * create in "auth" or among the partitions replaces nothing. TRUNCATE, REFERENCES and TRIGGER ask no policy; SELECT, INSERT,
 * UPDATE and DELETE do, and no policy is for the login. What Supabase's defaults give to the API roles is none of ours.
 */
const rights = `
  select false, what, format('%s from %s', taking, coalesce(quote_ident(r.rolname), 'public'))
  from (
    select format('may create functions in the schema %I', nspname), format('revoke create on schema %I', nspname)
    from pg_namespace, aclexplode(nspacl)
    where nspname in ('public', 'app') and privilege_type = 'CREATE' and grantee = reach.role and grantee <> nspowner
    union all
    select 'may create schemas in the database', format('revoke create on database %I', datname)
    from pg_database, aclexplode(datacl)
    where datname = current_database() and privilege_type = 'CREATE' and grantee = reach.role and grantee <> datdba
    union all
    select 'has TRUNCATE, REFERENCES or TRIGGER on tables', 'revoke truncate, references, trigger on ' || string_agg(distinct format('%I.%I', nspname, relname), ', ')
    from pg_class join pg_namespace on pg_namespace.oid = relnamespace, aclexplode(relacl)
    where nspname in ('public', 'agent_log_partitions') and relrowsecurity and not is_api
      and privilege_type in ('TRUNCATE', 'REFERENCES', 'TRIGGER') and grantee = reach.role and grantee <> relowner
    having count(*) > 0
    union all
    select distinct 'has TRUNCATE, REFERENCES or TRIGGER on tables to come',
      format('alter default privileges for role %I%s revoke truncate, references, trigger on tables', $3::text, ' in schema ' || quote_ident(nspname))
    from pg_default_acl left join pg_namespace on pg_namespace.oid = defaclnamespace, aclexplode(defaclacl)
    where pg_get_userbyid(defaclrole) = $3::text and defaclobjtype = 'r' and coalesce(nspname = 'public', true) and not is_api
      and privilege_type in ('TRUNCATE', 'REFERENCES', 'TRIGGER') and grantee = reach.role
    union all
    select 'reaches the files of the database server', format('revoke execute on function %s', pg_proc.oid::regprocedure)
    from pg_proc, aclexplode(proacl)
    where pronamespace = 'pg_catalog'::regnamespace and proname in ('pg_read_file', 'pg_read_binary_file', 'lo_import', 'lo_export')
      and grantee = reach.role and grantee <> proowner
  ) granted (what, taking)`

/** To become service_role is the login's business; to be it without a word, or to make others so, is nobody's. */
const service = `
  select false, what, fix
  from pg_roles s, lateral (
    select 'inherits the rights of service_role instead of taking them on for a transaction', 'revoke ' || membership
    from memberships
    where member = reach.role and reach.role = reach.start and r.oid <> s.oid and inherits and pg_has_role(given, s.oid, 'usage')
    union all
    select 'may give others the role service_role', 'revoke admin option for ' || membership
    from memberships where member = reach.role and given = s.oid and may_give
    union all
    select format('begins as "%s"', chosen.rolname), format('alter %s reset role', case
        when setrole = 0 and setdatabase = 0 then 'role all'
        when setrole = 0 then format('database %I', current_database())
        when setdatabase = 0 then format('role %I', r.rolname)
        else format('role %I in database %I', r.rolname, current_database()) end)
    from pg_db_role_setting, unnest(setconfig) setting join pg_roles chosen on setting = 'role=' || chosen.rolname
    where setrole = reach.role and reach.role = reach.start and not is_api and pg_has_role(chosen.oid, s.oid, 'usage')
      and setdatabase in (0, (select oid from pg_database where datname = current_database()))
  ) found (what, fix)
  where s.rolname = 'service_role'`

const faults = `
  with recursive ${memberships}, ${reach}
  select starts.name::text as role, coalesce(r.rolname, 'public')::text as bearer, acts, is_power, what,
    case when reach.role = reach.start then fix else 'revoke ' || via end as repair
  from reach join starts on starts.oid = reach.start left join pg_roles r on r.oid = reach.role,
  lateral (select coalesce(r.rolname = any ($2), false) as is_api) kind,
  lateral (${[attributes, ownership, predefinedRoles, rights, service].join(' union all ')}) fault (is_power, what, fix)
  order by starts.name = $1 desc, is_power desc, reach.role = reach.start desc, what = 'is a superuser' desc, 1, 2, acts desc, what collate "C"`

/** What lets `login` past row-level security, by itself or as a role that it works as. `owner`: the login for migrations. */
export async function findRoleFaults(client: pg.ClientBase, login: string, owner: string | null): Promise<RoleFault[]> {
  const { rows } = await client.query<RoleFault>(faults, [login, apiRoles, owner])
  return rows
}
