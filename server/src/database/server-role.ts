import pg from 'pg'
import { adviseServerRole, grantStatements } from './server-role-advice.ts'
import { apiRoles, findRoleFaults, type RoleFault } from './server-role-faults.ts'

const usualName = 'agentexpress_server'

/** Lets the server's login act as the API roles, with the time limits every statement has. */
export async function grantServerRole(ownerUrl: string, role: string): Promise<void> {
  const client = new pg.Client({ connectionString: ownerUrl })
  await client.connect()
  try {
    for (const statement of grantStatements(role)) await client.query(statement)
  } finally {
    await client.end()
  }
}

/**
 * Throws unless the login that migrates may make what migrations make. `isOwn`: DIRECT_URL is set, so that it is not
 * simply the server's login.
 */
export async function checkOwnerRole(ownerUrl: string, isOwn: boolean): Promise<void> {
  const client = new pg.Client({ connectionString: ownerUrl, connectionTimeoutMillis: 10_000 })
  await client.connect()
  try {
    const { rows } = await client.query<{ name: string; may_create: boolean; missing: string[] }>(
      `select rolname as name,
              has_schema_privilege('public', 'create') and has_database_privilege(current_database(), 'create') as may_create,
              case when rolcreaterole or rolsuper then '{}'
                   else array(select wanted from unnest(array['anon', 'authenticated', 'service_role']) wanted
                              where not exists (select from pg_roles where rolname = wanted)) end as missing
       from pg_roles where rolname = current_user`,
    )
    const role = rows[0]
    if (!role) throw new Error('The database does not know its own user.')
    if (!role.may_create) {
      throw new Error(
        isOwn
          ? `The role "${role.name}" of DIRECT_URL may not create tables in this database. Put the owner of the database into DIRECT_URL.`
          : `The role "${role.name}" of DATABASE_URL may not create tables in this database, and should not. Put the owner of the database into DIRECT_URL, for migrations.`,
      )
    }
    if (role.missing.length > 0) {
      throw new Error(
        [
          `The role "${role.name}" may not create roles. Run this as somebody who may, then start again:`,
          ...role.missing.map((name) => `  create role ${name} nologin noinherit;`),
        ].join('\n'),
      )
    }
  } finally {
    await client.end()
  }
}

interface RoleCheck {
  /** The login for migrations: whoever may become it owns what they make. */
  ownerUrl?: string
  /** False before the first migrations, which make the roles that the login acts as. */
  isMigrated?: boolean
}

/**
 * Throws, with the SQL that mends it, when the server's login could pass row-level security, by itself or as a role that
 * it may become, or when it may not act as the API roles.
 */
export async function checkServerRole(
  serverUrl: string,
  { ownerUrl, isMigrated = true }: RoleCheck = {},
): Promise<void> {
  const owner = ownerUrl === undefined ? null : await readName(ownerUrl)
  const client = new pg.Client({ connectionString: serverUrl, connectionTimeoutMillis: 10_000 })
  await client.connect()
  try {
    const role = await readLogin(client)
    const faults = await findRoleFaults(client, role, owner)
    const what = await findReason(client, { role, faults, isMigrated })
    if (what === null) return
    // What makes another login powerful may be what it is for, so it is left as it is.
    const isLeft = apiRoles.includes(role) || faults.some((fault) => fault.role === role && fault.is_power)
    const name = isLeft ? (owner === usualName ? 'agentexpress_login' : usualName) : role
    const statements = await adviseServerRole(client, name, owner)
    throw new Error(
      [
        `The role "${role}" of DATABASE_URL ${what}. Run this as the owner of the database, or as a superuser:`,
        ...statements.map((statement) => `  ${statement};`),
        name === role
          ? 'Then start again.'
          : `Then put ${name} into DATABASE_URL and the owner of the database into DIRECT_URL, and start again.`,
      ].join('\n'),
    )
  } finally {
    await client.end()
  }
}

interface Found {
  role: string
  faults: RoleFault[]
  isMigrated: boolean
}

/** What is wrong with this login, to be read after its name; null when it will do. */
async function findReason(client: pg.ClientBase, { role, faults, isMigrated }: Found): Promise<string | null> {
  const [first] = faults
  if (first) return `${describeFault(first, role)}, so that row-level security would not hold`
  if (apiRoles.includes(role)) return 'is what the server becomes for a transaction, and no login'
  if (isMigrated && !(await mayAct(client, role)))
    return 'may not act as anon, authenticated and service_role, as every transaction does'
  return null
}

function describeFault(fault: RoleFault, login: string): string {
  const { role, bearer, acts, what } = fault
  if (role === 'public') return `${what}, as everybody may`
  const borne = bearer === role ? what : `${acts ? 'may act as' : 'has the rights of'} "${bearer}", which ${what}`
  return role === login ? borne : `works as "${role}", which ${borne}`
}

async function mayAct(client: pg.ClientBase, role: string): Promise<boolean> {
  const { rows } = await client.query<{ may_act: boolean }>(
    `select count(*) = cardinality($2::text[]) and bool_and(pg_has_role($1, oid,
       case when current_setting('server_version_num')::integer >= 160000 then 'set' else 'member' end)) as may_act
     from pg_roles where rolname = any ($2)`,
    [role, apiRoles],
  )
  return rows[0]?.may_act ?? false
}

/** Not current_user: a login whose sessions begin as another role can be itself again. */
async function readLogin(client: pg.ClientBase): Promise<string> {
  const { rows } = await client.query<{ name: string }>('select session_user::text as name')
  const [found] = rows
  if (!found) throw new Error('The database does not know its own user.')
  return found.name
}

async function readName(url: string): Promise<string | null> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000 })
  await client.connect()
  try {
    const { rows } = await client.query<{ name: string }>('select current_user::text as name')
    return rows[0]?.name ?? null
  } finally {
    await client.end()
  }
}
