import pg from 'pg'

const timeouts = { statement_timeout: '10s', lock_timeout: '5s', idle_in_transaction_session_timeout: '30s' }

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
      may_act: boolean
    }>(
      `select current_user as name, rolsuper as is_superuser, rolbypassrls as can_bypass,
              exists (select from pg_class join pg_namespace on pg_namespace.oid = relnamespace
                      where relowner = pg_roles.oid and nspname in ('public', 'agent_log_partitions')) as is_owner,
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
          ? 'owns tables'
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
