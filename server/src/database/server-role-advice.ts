import pg from 'pg'
import { timeLimitStatements } from './time-limits.ts'

export const apiRoles = ['anon', 'authenticated', 'service_role']

/**
 * Every role, with what lets it past row-level security (null: nothing). $1 is the login for migrations, or null.
 * Supabase's service_role has BYPASSRLS, and its policies show everything anyway. Before PostgreSQL 16, CREATEROLE could
 * take on any role but a superuser; see https://www.postgresql.org/docs/16/release-16.html.
 */
export const dangers = `
  select oid, rolname, case
      when rolsuper then 'is a superuser'
      when rolbypassrls and rolname <> 'service_role' then 'has BYPASSRLS'
      when rolreplication then 'has REPLICATION'
      when rolcreaterole and current_setting('server_version_num')::integer < 160000 then 'has CREATEROLE'
      when rolname in ('pg_read_server_files', 'pg_write_server_files', 'pg_execute_server_program')
        then 'reaches the files of the database server'
      when exists (select from pg_class join pg_namespace on pg_namespace.oid = relnamespace
                   where relowner = pg_roles.oid and nspname in ('public', 'app', 'agent_log_partitions'))
        then 'owns tables'
      when rolname = $1::text then 'owns what migrations make'
    end as fault
  from pg_roles`

interface RoleState {
  name: string
  is_there: boolean
  may_login: boolean
  inherits: boolean
  is_superuser: boolean
  bypasses: boolean
  replicates: boolean
  creates_roles: boolean
  owns: boolean
}

/** The SQL after which `role` can be the server's login, whatever stands in the way. `owner`: the login for migrations. */
export async function adviseServerRole(client: pg.ClientBase, role: string, owner: string | null): Promise<string[]> {
  const { rows: states } = await client.query<RoleState>(
    `select name, oid is not null as is_there, coalesce(rolcanlogin, false) as may_login,
            coalesce(rolinherit, false) as inherits, coalesce(rolsuper, false) as is_superuser,
            coalesce(rolbypassrls and name <> 'service_role', false) as bypasses,
            coalesce(rolreplication, false) as replicates,
            coalesce(rolcreaterole and current_setting('server_version_num')::integer < 160000, false) as creates_roles,
            exists (select from pg_class join pg_namespace on pg_namespace.oid = relnamespace
                    where relowner = pg_roles.oid and nspname in ('public', 'app', 'agent_log_partitions')) as owns
     from unnest($1::text[]) with ordinality wanted (name, n) left join pg_roles on rolname = name order by n`,
    [[role, ...apiRoles]],
  )
  return [
    ...states.flatMap((state) => repair(state, state.name === role, owner)),
    ...(await listRevokes(client, role, owner)),
    ...grantStatements(role),
  ]
}

export function grantStatements(role: string): string[] {
  return [`grant ${apiRoles.join(', ')} to ${pg.escapeIdentifier(role)}`, ...timeLimitStatements(role)]
}

function repair(state: RoleState, isLogin: boolean, owner: string | null): string[] {
  const name = pg.escapeIdentifier(state.name)
  if (!state.is_there)
    return [`create role ${name} ${isLogin ? "login noinherit password '<choose one>'" : 'nologin noinherit'}`]
  // No word more than is needed: some may be said by a superuser alone, even when they change nothing.
  const words = [
    isLogin && !state.may_login && 'login',
    isLogin && state.inherits && 'noinherit',
    state.is_superuser && 'nosuperuser',
    state.bypasses && 'nobypassrls',
    state.replicates && 'noreplication',
    state.creates_roles && 'nocreaterole',
  ].filter((word) => word !== false)
  return [
    ...(words.length > 0 ? [`alter role ${name} ${words.join(' ')}`] : []),
    ...(state.owns && owner && owner !== state.name
      ? [`reassign owned by ${name} to ${pg.escapeIdentifier(owner)}`]
      : []),
  ]
}

/**
 * What leads from the login, or from a role it works as, to a role that passes row-level security. Since PostgreSQL 16 a
 * membership says itself whether it is inherited, and only its grantor can be named to take it back.
 */
async function listRevokes(client: pg.ClientBase, role: string, owner: string | null): Promise<string[]> {
  const { rows } = await client.query<{ given: string; member: string; grantor: string | null }>(
    `with dangers as (${dangers})
     select distinct given.oid::regrole::text as given, member.oid::regrole::text as member,
            case when current_setting('server_version_num')::integer >= 160000 then grantor::regrole::text end as grantor
     from pg_auth_members membership
     join pg_roles given on given.oid = roleid join pg_roles member on member.oid = membership.member,
     lateral (select coalesce((to_jsonb(membership) ->> 'inherit_option')::boolean, false) as inherits,
                     coalesce((to_jsonb(membership) ->> 'set_option')::boolean, true) as may_set) options
     where ((member.rolname = $2 or member.rolname = any($3)) and given.rolname <> all($3)
            and exists (select from dangers where fault is not null and pg_has_role(given.oid, dangers.oid, 'member')))
        or (member.rolname = $2 and inherits
            and pg_has_role(given.oid, (select oid from pg_roles where rolname = 'service_role'), 'usage'))
        or (member.rolname = $2 and given.rolname = any($3) and not may_set)
     order by 2, 1`,
    [owner, role, apiRoles],
  )
  return rows.map(
    ({ given, member, grantor }) => `revoke ${given} from ${member}${grantor ? ` granted by ${grantor}` : ''}`,
  )
}
