import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, inject, test } from 'vitest'
import { query } from './catalog-queries.ts'
import { functionsOf, ofAnon, ofAuthenticated, type TablePrivileges } from './listed-privileges.ts'

const sql = <Row extends object>(text: string) => query<Row & Record<string, unknown>>(inject('ownerUrl'), text)
const ledger = '_prisma_migrations'
/** The functions that run as the owner of the tables, and what they may see and write. */
const definers = [
  'is_active_user',
  'keep_usage_of_deleted',
  'note_late_usage',
  'record_audit',
  'describe_database',
  'reserve_run',
  'settle_run',
]
const definerPolicies = [
  'users_select_definer',
  'usage_hours_insert_definer',
  'usage_rollup_select_definer',
  'usage_months_select_definer',
  'usage_months_insert_definer',
  'usage_months_update_definer',
  'run_reservations_select_definer',
  'run_reservations_insert_definer',
  'run_reservations_delete_definer',
  'subscriptions_select_definer',
  'plans_select_definer',
  'audit_log_select_definer',
  'audit_log_insert_definer',
]
const ours = `('public', 'agent_log_partitions', 'app')`

interface Table {
  schema: string
  name: string
  is_enabled: boolean
  is_forced: boolean
}
const tables = () =>
  sql<Table>(`
    select n.nspname as schema, c.relname as name, c.relrowsecurity as is_enabled, c.relforcerowsecurity as is_forced
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_(toast|temp)'
      and c.relkind in ('r', 'p', 'f') order by 1, 2`)

/** Every privilege of an API role on a table or on single columns of it. */
const grants = () =>
  sql<{ schema: string; name: string; role: string; command: string }>(`
    select distinct n.nspname as schema, c.relname as name, x.grantee::regrole::text as role, lower(x.privilege_type) as command
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    left join pg_attribute a on a.attrelid = c.oid,
    lateral (select * from aclexplode(c.relacl) union all select * from aclexplode(a.attacl)) x
    where n.nspname in ${ours} and c.relkind in ('r', 'p', 'v', 'm', 'f') and x.grantee <> c.relowner order by 1, 2, 3, 4`)

const policies = () =>
  sql<{
    schemaname: string
    tablename: string
    policyname: string
    permissive: string
    roles: string[]
    cmd: string
    qual: string | null
    with_check: string | null
  }>(
    `select schemaname, tablename, policyname, permissive, roles::text[], lower(cmd) as cmd, qual, with_check from pg_policies`,
  )

describe('row-level security', () => {
  test('is enabled and forced on every table, partitions and helper tables included', async () => {
    const all = await tables()
    expect(all.length).toBeGreaterThan(15)
    expect(all.filter(({ schema }) => schema === 'agent_log_partitions').length).toBeGreaterThan(4)
    expect(all.filter((table) => !table.is_enabled)).toEqual([])
    expect(all.filter((table) => !table.is_forced).map(({ name }) => name)).toEqual([ledger])
  })

  test('is not forced on the ledger of migrations alone, on which nobody but its owner holds a privilege', async () => {
    const holders = await sql<{ holder: string }>(`
      select x.grantee::regrole::text as holder from pg_class c left join pg_attribute a on a.attrelid = c.oid,
      lateral (select * from aclexplode(c.relacl) union all select * from aclexplode(a.attacl)) x
      where c.oid = 'public.${ledger}'::regclass and x.grantee <> c.relowner`)
    expect(holders).toEqual([])
    // Without a policy, whoever were given a privilege one day would see no row.
    expect((await policies()).filter(({ tablename }) => tablename === ledger)).toEqual([])
  })

  test('has a policy for each command that a role may use, and no policy without the privilege', async () => {
    const present = (await policies())
      .filter(({ schemaname, permissive, policyname }) => {
        return schemaname === 'public' && permissive === 'PERMISSIVE' && !definerPolicies.includes(policyname)
      })
      .flatMap(({ tablename, cmd, roles }) => roles.map((role) => `${tablename} ${cmd} ${role}`))
    const needed = (await grants()).map(({ name, command, role }) => `${name} ${command} ${role}`)
    expect(needed.length).toBeGreaterThan(60)
    expect(needed.filter((one) => !present.includes(one))).toEqual([])
    expect(present.filter((one) => !needed.includes(one))).toEqual([])
  })

  const isChecked = `( SELECT (current_setting('request.account_checked'::text, true) = 'true'::text))`
  const isActive = `( SELECT ((current_setting('request.account_checked'::text, true) = 'true'::text) OR app.is_active_user()))`

  test('refuses whoever is suspended on every table that authenticated reaches', async () => {
    const restrictive = (await policies()).filter(
      ({ permissive, cmd }) => permissive === 'RESTRICTIVE' && cmd === 'all',
    )
    const users = restrictive.find(({ tablename }) => tablename === 'users')
    expect(users?.qual).toMatch(/app\.is_active_user\(\)/)
    expect(users?.with_check).toBe(users?.qual)
    for (const policy of restrictive.filter((one) => one !== users))
      expect(policy, policy.policyname).toMatchObject({
        roles: ['authenticated'],
        cmd: 'all',
        qual: isActive,
        with_check: isActive,
      })
    const reached = new Set((await grants()).filter(({ role }) => role === 'authenticated').map(({ name }) => name))
    expect(reached.size).toBeGreaterThan(8)
    expect(restrictive.map(({ tablename }) => tablename).sort()).toEqual([...reached].sort())
  })

  test('names a role in every policy, checks what is written, and evaluates identity once a statement', async () => {
    const all = await policies()
    expect(all.length).toBeGreaterThan(60)
    for (const policy of all) {
      const where = policy.policyname
      expect(policy.roles, where).not.toContain('public')
      if (policy.cmd === 'insert' || policy.cmd === 'update') expect(policy.with_check, where).not.toBeNull()
      const text = `${policy.qual} ${policy.with_check}`
        .replaceAll(/\( SELECT auth\.uid\(\) AS uid\)/g, '')
        .replaceAll(/\( SELECT app\.is_admin\(\) AS is_admin\)/g, '')
        .replaceAll(isActive, '')
        .replaceAll(isChecked, '')
        .replace(
          /^\( SELECT \(\(current_setting\('request\.account_checked'[\s\S]* OR app\.is_active_user\(\)\)(?: AS \w+)?\)/,
          '',
        )
      expect(text, where).not.toMatch(/auth\.|app\.|current_setting/)
    }
  })

  test('gives what is not the server’s own only to policies that look at who is asking', async () => {
    const open = (await policies()).filter(
      ({ qual, with_check, roles }) => !roles.includes('service_role') && (qual === 'true' || with_check === 'true'),
    )
    expect(open.map(({ policyname }) => policyname).sort()).toEqual([
      'agent_logs_default_all_owner',
      'audit_log_insert_definer',
      'audit_log_select_definer',
      'plans_select_definer',
      'run_reservations_delete_definer',
      'run_reservations_insert_definer',
      'run_reservations_select_definer',
      'usage_hours_insert_definer',
      'usage_months_insert_definer',
      'usage_months_select_definer',
      'usage_months_update_definer',
      'usage_rollup_select_definer',
    ])
  })

  test('names each policy after its table, command and who it is for', async () => {
    for (const { tablename, policyname, cmd } of await policies())
      expect(policyname).toMatch(new RegExp(`^${tablename}_${cmd}_[a-z]+$`))
  })
})

describe('privileges', () => {
  test('on partitions and their schema nobody has but the owner', async () => {
    expect((await grants()).filter(({ schema }) => schema === 'agent_log_partitions')).toEqual([])
    const roles = await sql<{ role: string; may_use: boolean }>(`
      select role, has_schema_privilege(role, 'agent_log_partitions', 'usage') as may_use
      from unnest(array['anon', 'authenticated', 'service_role', 'agentexpress_server']) role`)
    expect(roles.filter(({ may_use }) => may_use)).toEqual([])
  })

  test('are given to the API roles alone, never to everybody', async () => {
    const roles = new Set((await grants()).map(({ role }) => role))
    expect([...roles].sort()).toEqual(['anon', 'authenticated', 'service_role'])
  })

  // What a role may do in the end, whatever gives it to them: a grant to it, to everybody, or to a role it belongs to.
  const columnsOf = (role: string) =>
    sql<{ schema: string; name: string; privilege: string; columns: string[] }>(`
      select n.nspname as schema, c.relname as name, lower(p) as privilege, array_agg(a.attname::text) as columns
      from pg_class c join pg_namespace n on n.oid = c.relnamespace
      join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped,
      unnest(array['SELECT', 'INSERT', 'UPDATE', 'REFERENCES']) p
      where n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and c.relkind in ('r', 'p', 'v', 'm', 'f')
        and has_column_privilege('${role}', c.oid, a.attnum, p)
      group by 1, 2, 3 order by 1, 2, 3`)
  const wholeOf = (role: string) =>
    sql<{ schema: string; name: string; privilege: string }>(`
      select n.nspname as schema, c.relname as name, lower(p) as privilege
      from pg_class c join pg_namespace n on n.oid = c.relnamespace,
      unnest(array['DELETE', 'TRUNCATE', 'TRIGGER', 'MAINTAIN']) p
      where n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and c.relkind in ('r', 'p', 'v', 'm', 'f')
        -- PostgreSQL 15 knows no MAINTAIN.
        and case when p <> 'MAINTAIN' or current_setting('server_version_num')::int >= 170000
          then has_table_privilege('${role}', c.oid, p) else false end
      order by 1, 2, 3`)
  const listed = (tables: Record<string, TablePrivileges>) =>
    Object.entries(tables).flatMap(([name, { delete: mayDelete, ...byColumn }]) => [
      ...Object.entries(byColumn).map(
        ([privilege, columns]) => `${privilege} public.${name}: ${inOrder(columns.split(' '))}`,
      ),
      ...(mayDelete ? [`delete public.${name}`] : []),
    ])
  const inOrder = (columns: string[]) => columns.sort().join(' ')

  test.each([
    ['anon', ofAnon],
    ['authenticated', ofAuthenticated],
  ] as const)('of %s are those that are listed, column by column, and no other', async (role, tables) => {
    const held = [
      ...(await columnsOf(role)).map((one) => `${one.privilege} ${one.schema}.${one.name}: ${inOrder(one.columns)}`),
      ...(await wholeOf(role)).map((one) => `${one.privilege} ${one.schema}.${one.name}`),
    ]
    expect(held.sort()).toEqual(listed(tables).sort())
    const functions = await sql<{ name: string }>(`
      select distinct n.nspname || '.' || p.proname as name from pg_proc p join pg_namespace n on n.oid = p.pronamespace
      where n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'auth')
        and has_function_privilege('${role}', p.oid, 'execute') order by 1`)
    expect(functions.map(({ name }) => name)).toEqual(functionsOf[role])
    const others = await sql<{ privilege: string }>(`
      select format('%s schema %s', p, nspname) as privilege from pg_namespace, unnest(array['create', 'usage']) p
      where nspname !~ '^pg_' and nspname <> 'information_schema' and has_schema_privilege('${role}', oid, p)
      union all
      select format('%s sequence %s', p, relname) from pg_class, unnest(array['usage', 'select', 'update']) p
      where relkind = 'S' and has_sequence_privilege('${role}', oid, p)
      union all
      select 'member of ' || roleid::regrole from pg_auth_members where member = '${role}'::regrole
      order by 1`)
    expect(others.map(({ privilege }) => privilege)).toEqual([
      'usage schema app',
      'usage schema auth',
      'usage schema public',
    ])
  })

  test('hide passwords, tokens, keys and credentials from authenticated', async () => {
    const rows = await sql<{ column: string; may_select: boolean; may_update: boolean }>(`
      select t || '.' || c as column, has_column_privilege('authenticated', t, c, 'select') as may_select,
        has_column_privilege('authenticated', t, c, 'update') as may_update
      from (values ('users', 'password'), ('sessions', 'refresh_token_hash'), ('sessions', 'previous_token_hash'),
        ('api_keys', 'key_hash'), ('integrations', 'credentials')) secret (t, c)`)
    expect(rows).toHaveLength(5)
    expect(rows.filter((row) => row.may_select)).toEqual([])
    expect(rows.filter((row) => row.may_update).map((row) => row.column)).toEqual(['integrations.credentials'])
  })

  test('do not let authenticated change who they are, whose a row is, or what they have paid for', async () => {
    const rows = await sql<{ column: string }>(`
      select table_name || '.' || column_name as column from information_schema.columns
      where table_schema = 'public' and has_column_privilege('authenticated', format('public.%I', table_name), column_name, 'update')
        and (column_name in ('id', 'user_id', 'creator_id', 'role', 'suspended_at', 'email', 'slug', 'key_hash', 'prefix', 'timestamp', 'created_at', 'user_agent_id')
          or table_name in ('subscriptions', 'subscription_events', 'plan_offers', 'plan_requests', 'usage_months', 'run_reservations', 'limit_warnings', 'audit_log', 'sessions', 'installation', 'server_nodes', 'sign_in_attempts', '${ledger}'))
        and table_name <> 'plans'`)
    expect(rows).toEqual([])
  })
})

test('every function has a fixed search_path, the rights of its caller but for a few, and is not for everybody', async () => {
  const rows = await sql<{
    name: string
    config: string[] | null
    is_bound: boolean
    is_definer: boolean
    is_public: boolean
  }>(`
    select p.proname as name, p.proconfig as config, p.prosqlbody is not null as is_bound, p.prosecdef as is_definer,
      n.nspname = 'app' and has_function_privilege('public', p.oid, 'execute') as is_public
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace where n.nspname in ('app', 'auth', 'public')`)
  expect(rows.length).toBeGreaterThanOrEqual(6)
  for (const row of rows) {
    // A body of the SQL standard was bound when the function was made.
    // pg_temp is named, and last: left out, it would be the first to be asked for types, whoever made those.
    if (!row.is_bound) expect(row.config, row.name).toContain('search_path=pg_catalog, pg_temp')
    expect(row.is_definer, row.name).toBe(definers.includes(row.name))
    expect(row.is_public, row.name).toBe(false)
  }
})

describe('indexes', () => {
  const leading = `
    select 1 from pg_index i where i.indrelid = k.conrelid and i.indpred is null
      and (select array_agg(x order by x) from unnest((i.indkey::int2[])[0:cardinality(k.conkey) - 1]) x)
        = (select array_agg(x order by x) from unnest(k.conkey) x)`

  test('begin with the columns of every foreign key', async () => {
    const all = await sql(
      `select conname from pg_constraint k where contype = 'f' and connamespace = 'public'::regnamespace`,
    )
    expect(all.length).toBeGreaterThanOrEqual(10)
    const missing = await sql(`
      select conrelid::regclass::text as table, conname from pg_constraint k
      where contype = 'f' and connamespace = 'public'::regnamespace and not exists (${leading})`)
    expect(missing).toEqual([])
  })

  test('begin with every column that a policy compares with the user', async () => {
    const columns = new Set<string>()
    for (const { tablename, qual, with_check } of await policies())
      for (const match of `${qual} ${with_check}`.matchAll(/(?:(\w+)\.)?(\w+) = \( SELECT auth\.uid\(\)/g))
        columns.add(`${match[1] ?? tablename}.${match[2]}`)
    expect(columns).toContain('agent_logs.user_id')
    const indexed = await sql<{ column: string }>(`
      select distinct c.relname || '.' || a.attname as column from pg_index i join pg_class c on c.oid = i.indrelid
      join pg_attribute a on a.attrelid = c.oid and a.attnum = i.indkey[0] where c.relnamespace = 'public'::regnamespace`)
    const present = indexed.map(({ column }) => column)
    expect([...columns].filter((column) => !present.includes(column))).toEqual([])
  })
})

describe('the schema document', () => {
  const uuid = 'uuid'
  const time = 'timestamp(6) with time zone'
  const text = (length: number) => `character varying(${length})`
  const document: Record<string, Record<string, string>> = {
    users: {
      id: uuid,
      email: text(255),
      password: text(255),
      first_name: text(100),
      last_name: text(100),
      avatar_url: text(255),
      role: text(50),
      created_at: time,
      updated_at: time,
    },
    agents: {
      id: uuid,
      name: text(100),
      description: 'text',
      type: text(50),
      capabilities: 'jsonb',
      is_public: 'boolean',
      creator_id: uuid,
      created_at: time,
      updated_at: time,
    },
    user_agents: {
      id: uuid,
      user_id: uuid,
      agent_id: uuid,
      settings: 'jsonb',
      is_active: 'boolean',
      created_at: time,
      updated_at: time,
    },
    agent_logs: {
      id: uuid,
      agent_id: uuid,
      user_id: uuid,
      timestamp: time,
      input: 'text',
      output: 'text',
      metadata: 'jsonb',
    },
    subscriptions: {
      id: uuid,
      user_id: uuid,
      plan_id: uuid,
      status: text(50),
      start_date: time,
      end_date: time,
      created_at: time,
      updated_at: time,
    },
    plans: {
      id: uuid,
      name: text(100),
      description: 'text',
      price: 'numeric(12,2)',
      features: 'jsonb',
      created_at: time,
      updated_at: time,
    },
    integrations: {
      id: uuid,
      user_agent_id: uuid,
      type: text(50),
      credentials: 'jsonb',
      settings: 'jsonb',
      created_at: time,
      updated_at: time,
    },
  }

  test.each(Object.entries(document))('has the columns of %s under their names and types', async (table, columns) => {
    const rows = await sql<{ name: string; type: string }>(`
      select attname as name, format_type(atttypid, atttypmod) as type from pg_attribute
      where attrelid = 'public.${table}'::regclass and attnum > 0 and not attisdropped`)
    expect(Object.fromEntries(rows.map(({ name, type }) => [name, type]))).toMatchObject(columns)
  })

  test('has its indexes', async () => {
    const rows = await sql<{ column: string; is_unique: boolean }>(`
      select c.relname || '.' || a.attname as column, i.indisunique and i.indnkeyatts = 1 as is_unique
      from pg_index i join pg_class c on c.oid = i.indrelid
      join pg_attribute a on a.attrelid = c.oid and a.attnum = i.indkey[0] where c.relnamespace = 'public'::regnamespace`)
    const wanted =
      'user_agents.user_id user_agents.agent_id agent_logs.user_id agent_logs.agent_id agent_logs.timestamp subscriptions.user_id subscriptions.status integrations.user_agent_id integrations.type'
    expect(rows.map(({ column }) => column)).toEqual(expect.arrayContaining(wanted.split(' ')))
    expect(rows).toContainEqual({ column: 'users.email', is_unique: true })
  })

  test('has its relationships', async () => {
    const rows = await sql<{ relation: string }>(`
      select k.conrelid::regclass || '.' || a.attname || ' ' || k.confrelid::regclass as relation from pg_constraint k
      join pg_attribute a on a.attrelid = k.conrelid and a.attnum = k.conkey[1] where contype = 'f'`)
    expect(rows.map(({ relation }) => relation)).toEqual(
      expect.arrayContaining([
        'user_agents.user_id users',
        'user_agents.agent_id agents',
        'subscriptions.user_id users',
        'subscriptions.plan_id plans',
        'integrations.user_agent_id user_agents',
        'agent_logs.user_id users',
        'agent_logs.agent_id agents',
      ]),
    )
  })

  test('partitions agent_logs by month of its timestamp', async () => {
    const [row] = await sql(`select pg_get_partkeydef('public.agent_logs'::regclass) as key`)
    expect(row?.key).toBe('RANGE ("timestamp")')
  })
})

test('schema.prisma names every table and column of the database, and no other', async () => {
  const file = await readFile(join(import.meta.dirname, '../schema.prisma'), 'utf8')
  const described = [...file.matchAll(/^model (\w+) \{\n([\s\S]*?)^\}/gm)].flatMap(([, name = '', body = '']) => {
    const table = /@@map\("(\w+)"\)/.exec(body)?.[1] ?? name
    return body
      .split('\n')
      .map((line) => /^\s+(\w+)\s+(String|Int|BigInt|Boolean|DateTime|Decimal|Json|Bytes|Float)\b/.exec(line)?.[1])
      .filter((column) => column !== undefined)
      .map((column) => `${table}.${column}`)
  })
  const present = await sql<{ column: string }>(`
    select table_name || '.' || column_name as column from information_schema.columns
    where table_schema = 'public' and table_name <> '${ledger}'`)
  expect(described.sort()).toEqual(present.map(({ column }) => column).sort())
})
