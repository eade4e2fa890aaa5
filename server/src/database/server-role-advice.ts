import pg from 'pg'
import { apiRoles, findRoleFaults, memberships } from './server-role-faults.ts'
import { timeLimitStatements } from './time-limits.ts'

interface RoleState {
  name: string
  is_there: boolean
  may_login: boolean
  inherits: boolean
}

/** The SQL after which `role` can be the server's login, whatever stands in the way. `owner`: the login for migrations. */
export async function adviseServerRole(client: pg.ClientBase, role: string, owner: string | null): Promise<string[]> {
  const { rows: states } = await client.query<RoleState>(
    `select name, oid is not null as is_there, coalesce(rolcanlogin, false) as may_login, coalesce(rolinherit, false) as inherits
     from unnest($1::text[]) with ordinality wanted (name, n) left join pg_roles on rolname = name order by n`,
    [[role, ...apiRoles]],
  )
  const faults = await findRoleFaults(client, role, owner)
  return [
    ...states.flatMap((state) => makeUsable(state, state.name === role)),
    ...new Set(faults.flatMap(({ repair }) => repair ?? [])),
    ...(await listUnsettable(client, role)),
    ...grantStatements(role),
  ]
}

export function grantStatements(role: string): string[] {
  return [`grant ${apiRoles.join(', ')} to ${pg.escapeIdentifier(role)}`, ...timeLimitStatements(role)]
}

function makeUsable(state: RoleState, isLogin: boolean): string[] {
  const name = pg.escapeIdentifier(state.name)
  if (!state.is_there)
    return [`create role ${name} ${isLogin ? "login noinherit password '<choose one>'" : 'nologin noinherit'}`]
  if (!isLogin) return []
  // No word more than is needed: not everybody who may run this may say all of them.
  const words = [!state.may_login && 'login', state.inherits && 'noinherit'].filter((word) => word !== false)
  return words.length > 0 ? [`alter role ${name} ${words.join(' ')}`] : []
}

/** A membership that does not let the login take on the role would stay as it is when the role is granted again. */
async function listUnsettable(client: pg.ClientBase, role: string): Promise<string[]> {
  const { rows } = await client.query<{ membership: string }>(
    `with ${memberships}
     select membership from memberships
     where not may_set and member = (select oid from pg_roles where rolname = $1)
       and given in (select oid from pg_roles where rolname = any ($2)) order by 1`,
    [role, apiRoles],
  )
  return rows.map(({ membership }) => `revoke ${membership}`)
}
