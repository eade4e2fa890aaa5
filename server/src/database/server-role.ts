import pg from 'pg'

const timeouts = { statement_timeout: '8s', lock_timeout: '5s', idle_in_transaction_session_timeout: '30s' }

function grants(role: string): string[] {
  const name = pg.escapeIdentifier(role)
  return [
    `grant anon, authenticated, service_role to ${name}`,
    ...Object.entries(timeouts).map(([setting, value]) => `alter role ${name} set ${setting} = '${value}'`),
  ]
}

/** Lets the server's login act as the API roles, with the time limits every statement has. */
export async function grantServerRole(ownerUrl: string, role: string): Promise<void> {
  const client = new pg.Client({ connectionString: ownerUrl })
  await client.connect()
  try {
    for (const statement of grants(role)) await client.query(statement)
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

/** The limits that the server's sessions lack, as SQL for the owner of the database. Through a pooler, too. */
export async function findMissingTimeouts(serverUrl: string): Promise<string[]> {
  const client = new pg.Client({ connectionString: serverUrl, connectionTimeoutMillis: 10_000 })
  await client.connect()
  try {
    const { rows } = await client.query<{ name: string; role: string }>(
      `select name, current_user as role from pg_settings where name = any($1) and setting = '0' order by name desc`,
      [Object.keys(timeouts)],
    )
    return rows.map(
      ({ name, role }) =>
        `alter role ${pg.escapeIdentifier(role)} set ${name} = '${timeouts[name as keyof typeof timeouts]}'`,
    )
  } finally {
    await client.end()
  }
}

/** Throws unless the server's login owns nothing, is no superuser and cannot pass row-level security by itself. */
export async function checkServerRole(serverUrl: string): Promise<void> {
  const client = new pg.Client({ connectionString: serverUrl, connectionTimeoutMillis: 10_000 })
  await client.connect()
  try {
    const { rows } = await client.query<{
      name: string
      is_superuser: boolean
      can_bypass: boolean
      is_owner: boolean
      inherits: boolean
      may_act: boolean
    }>(
      `select current_user as name, rolsuper as is_superuser, rolbypassrls as can_bypass,
              exists (select from pg_class join pg_namespace on pg_namespace.oid = relnamespace
                      where pg_has_role(pg_roles.oid, relowner, 'member') and nspname in ('public', 'agent_log_partitions')) as is_owner,
              exists (select from pg_roles inherited where inherited.rolname = 'service_role'
                      and pg_has_role(pg_roles.oid, inherited.oid, 'usage')) as inherits,
              coalesce((select bool_and(pg_has_role(current_user, wanted.rolname, 'member'))
                        from pg_roles wanted where wanted.rolname in ('anon', 'authenticated', 'service_role')), false) as may_act
       from pg_roles where rolname = current_user`,
    )
    const role = rows[0]
    if (!role) throw new Error('The database does not know its own user.')
    const fault = role.is_superuser
      ? 'is a superuser'
      : role.can_bypass
        ? 'has BYPASSRLS'
        : role.is_owner
          ? 'owns tables or may act as their owner'
          : role.inherits
            ? 'inherits the rights of service_role instead of taking them on for a transaction (it needs NOINHERIT when they are granted)'
            : role.may_act
              ? null
              : 'may not act as anon, authenticated and service_role'
    if (!fault) return
    throw new Error(
      [
        `The role "${role.name}" of DATABASE_URL ${fault}, so that row-level security would not hold. Run this as the owner of the database:`,
        `  create role agentexpress_server login noinherit password '<choose one>';`,
        ...grants('agentexpress_server').map((statement) => `  ${statement};`),
        'Then put agentexpress_server into DATABASE_URL, and the owner into DIRECT_URL.',
      ].join('\n'),
    )
  } finally {
    await client.end()
  }
}
