import pg from 'pg'
import { adviseServerRole, apiRoles, dangers, grantStatements } from './server-role-advice.ts'

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
    const fault = (await findDanger(client, owner)) ?? (await findWrongMembership(client, isMigrated))
    if (!fault) return
    const { role, isPowerful, what } = fault
    // What makes another login powerful may be what it is for, so it is left as it is.
    const name = isPowerful ? (owner === usualName ? 'agentexpress_login' : usualName) : role
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

interface RoleFault {
  role: string
  isPowerful: boolean
  what: string
}

async function findDanger(client: pg.ClientBase, owner: string | null): Promise<RoleFault | null> {
  const { rows } = await client.query<{ role: string; bearer: string; fault: string }>(
    `select current_user::text as role, rolname::text as bearer, fault from (${dangers}) roles
     where fault is not null and pg_has_role(current_user, oid, 'member')
     order by rolname <> current_user, rolname limit 1`,
    [owner],
  )
  const [found] = rows
  if (!found) return null
  const { role, bearer, fault } = found
  const who = bearer === role ? fault : `may act as "${bearer}", which ${fault}`
  return { role, isPowerful: true, what: `${who}, so that row-level security would not hold` }
}

async function findWrongMembership(client: pg.ClientBase, isMigrated: boolean): Promise<RoleFault | null> {
  const { rows } = await client.query<{ role: string; inherits: boolean; may_act: boolean }>(
    `select current_user::text as role,
            coalesce(bool_or(rolname = 'service_role' and pg_has_role(current_user, oid, 'usage')), false) as inherits,
            count(*) = cardinality($1::text[]) and bool_and(pg_has_role(current_user, oid,
              case when current_setting('server_version_num')::integer >= 160000 then 'set' else 'member' end)) as may_act
     from pg_roles where rolname = any($1)`,
    [apiRoles],
  )
  const [found] = rows
  if (!found) return null
  const { role, inherits, may_act: mayAct } = found
  if (inherits) {
    const what =
      'inherits the rights of service_role instead of taking them on for a transaction, so that row-level security would not hold'
    return { role, isPowerful: false, what }
  }
  if (mayAct || !isMigrated) return null
  return {
    role,
    isPowerful: false,
    what: 'may not act as anon, authenticated and service_role, as every transaction does',
  }
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
