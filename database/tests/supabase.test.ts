import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { insertTestLog } from '../../server/src/agent-logs/agent-log-testing.ts'
import type { Services } from '../../server/src/app.ts'
import { signUpForTest, type TestSession } from '../../server/src/auth/test-sessions.ts'
import { startTestSupabase, type TestKey, type TestSupabase } from '../../server/src/auth/test-supabase.ts'
import type { EmbeddedPostgres } from '../../server/src/database/embedded.ts'
import { deployMigrations, readMigrations, revertMigrations } from '../../server/src/database/migrate.ts'
import { createId } from '../../server/src/database/uuid-v7.ts'
import type { App } from '../../server/src/http/app-types.ts'
import { exampleAgent } from '../../server/src/testing/agent-fixtures.ts'
import { createTestApp, type TestApp } from '../../server/src/testing/test-app.ts'
import { query } from './catalog-queries.ts'
import {
  createSupabaseProject,
  execute,
  openOnSupabase,
  projectOwners,
  queryAsPostgrest,
  type SupabaseProject,
  startSupabaseCluster,
  supabaseDatabase,
} from './supabase-testing.ts'

let cluster: EmbeddedPostgres
// Only its services, such as keys, are of use here; the database is another one.
let plain: TestApp
let supabase: TestSupabase
let key: TestKey

beforeAll(async () => {
  cluster = await startSupabaseCluster()
  plain = await createTestApp()
  supabase = await startTestSupabase()
  key = await supabase.makeKey()
  await supabase.publish(key)
})
afterAll(async () => {
  await supabase?.close()
  await plain?.close()
  await cluster?.stop()
})

test('the database like Supabase’s is of the version under test', async () => {
  const version = `select current_setting('server_version') as version`
  expect(await query(cluster.ownerUrl, version)).toEqual(await query(inject('ownerUrl'), version))
})

const limits = { runs_per_month: 1, user_agents: 1, integrations: 1, log_retention_days: 1 }

/** What the API roles may do, whatever gave it to them. */
const privileges = `
  select n.nspname as schema, c.relname as name, coalesce(a.attname, '*') as column, x.grantee::regrole::text as role, x.privilege_type as privilege
  from pg_class c join pg_namespace n on n.oid = c.relnamespace left join pg_attribute a on a.attrelid = c.oid and a.attacl is not null,
  lateral (select * from aclexplode(c.relacl) union select * from aclexplode(a.attacl)) x
  where n.nspname in ('public', 'app', 'agent_log_partitions') and x.grantee <> c.relowner and x.grantee <> 0
  union all
  select n.nspname, p.proname, 'execute', r.rolname, 'EXECUTE' from pg_proc p join pg_namespace n on n.oid = p.pronamespace,
  pg_roles r where n.nspname in ('public', 'app') and r.rolname in ('anon', 'authenticated', 'service_role')
    and has_function_privilege(r.oid, p.oid, 'execute')
  union all
  select n.nspname, '', 'usage', r.rolname, 'USAGE' from pg_namespace n, pg_roles r
  where n.nspname in ('public', 'app', 'agent_log_partitions') and r.rolname in ('anon', 'authenticated', 'service_role')
    and has_schema_privilege(r.oid, n.oid, 'usage')
  order by 1, 2, 3, 4, 5`

describe.each(projectOwners)('on a database like Supabase’s, of %s', (owner) => {
  let project: SupabaseProject
  let ownerUrl: string
  let postgrestUrl: string
  let app: App
  let services: Services
  let close: () => Promise<void>
  let mine: TestSession
  let other: TestSession
  const claimsOf = (who: TestSession) => ({ role: 'authenticated', sub: who.id, email: who.email })

  beforeAll(async () => {
    project = await createSupabaseProject(cluster, owner)
    ;({ ownerUrl, postgrestUrl } = project)
    ;({ app, services, close } = await openOnSupabase(plain, project, { SUPABASE_URL: supabase.url }))
    const site = { ...plain, app }
    await signUpForTest(site) // The very first becomes admin.
    mine = await signUpForTest(site)
    other = await signUpForTest(site)
    for (const who of [mine, other]) {
      const agent = await post(who, '/api/v1/agents', exampleAgent())
      const settings = { business_name: 'Lamp & Co' }
      const { id } = await post(who, '/api/v1/user-agents', { agent_id: agent.id, settings })
      await post(who, '/api/v1/api-keys', { name: 'k' })
      await insertTestLog(services.database, { user_id: who.id, agent_id: agent.id, user_agent_id: id })
    }
    await services.database.asSystem('a test prepares what everybody sees', async (tx) => {
      const about = { name: 'P', description: 'D' }
      const features = { ...limits, models: 'all', support: 'email', highlights: [] }
      await tx
        .insertInto('plans')
        .values({ id: createId(), ...about, price: '5', features: JSON.stringify(features) })
        .execute()
      await tx
        .insertInto('agents')
        .values({ id: createId(), ...about, type: 'other', capabilities: '{}', is_public: true })
        .execute()
    })
  })
  afterAll(() => close?.())

  async function post(who: Pick<TestSession, 'headers'>, url: string, payload: object) {
    const response = await app.inject({ method: 'POST', url, headers: who.headers, payload })
    if (response.statusCode >= 300) throw new Error(response.body)
    return response.json()
  }
  const idsOf = (rows: { id?: unknown }[]) => rows.map(({ id }) => String(id)).sort()

  test('the API roles hold the very same privileges as on a plain PostgreSQL', async () => {
    const expected = await query(inject('ownerUrl'), privileges)
    expect(expected.length).toBeGreaterThan(100)
    expect(await query(ownerUrl, privileges)).toEqual(expected)
  })

  test.each([
    ['user_agents', '/api/v1/user-agents', 1],
    ['agent_logs', '/api/v1/agent-logs', 1],
    ['api_keys', '/api/v1/api-keys', 1],
    ['sessions', '/api/v1/me/sessions', 1],
    ['plans', '/api/v1/plans', 1],
  ])('PostgREST shows of %s what the API shows', async (table, url, count) => {
    for (const who of [mine, other]) {
      const shown = idsOf((await app.inject({ url, headers: who.headers })).json().data)
      expect(shown).toHaveLength(count)
      expect(idsOf(await queryAsPostgrest(postgrestUrl, claimsOf(who), `select id from ${table}`))).toEqual(shown)
    }
  })

  test('PostgREST shows public agents and one’s own, to a stranger the public ones, and of accounts only one’s own', async () => {
    const list = async (headers: object, url: string) =>
      idsOf((await app.inject({ url, headers: { ...headers } })).json().data)
    const shown = [
      ...(await list(mine.headers, '/api/v1/agents')),
      ...(await list(mine.headers, '/api/v1/agents?mine=true')),
    ]
    const seen = idsOf(await queryAsPostgrest(postgrestUrl, claimsOf(mine), 'select id from agents'))
    expect(seen).toHaveLength(2)
    expect(seen).toEqual([...new Set(shown)].sort())
    const anonymous = idsOf(await queryAsPostgrest(postgrestUrl, { role: 'anon' }, 'select id from agents'))
    expect(anonymous).toEqual(await list({}, '/api/v1/agents'))
    expect(await queryAsPostgrest(postgrestUrl, claimsOf(mine), 'select id from users')).toEqual([{ id: mine.id }])
  })

  test('somebody with a token of Supabase Auth is the same person for PostgREST and for the API', async () => {
    const claims = supabase.claims()
    const id = String(claims.sub)
    await execute(project.adminUrl, `insert into auth.users (id, email) values ('${id}', '${claims.email}')`)
    const asPerson = (text: string) =>
      queryAsPostgrest(postgrestUrl, { ...claims, role: 'authenticated', sub: id }, text)
    // Before the first request to us there is no account: PostgREST shows not even what everybody may see.
    expect(await asPerson('select id from users union all select id from agents')).toEqual([])
    const headers = { authorization: `Bearer ${await supabase.sign(claims, key)}` }
    expect((await app.inject({ url: '/api/v1/me', headers })).json()).toMatchObject({ id, email: claims.email })
    const agent = await post({ headers }, '/api/v1/agents', exampleAgent())
    const settings = { business_name: 'Lamp & Co' }
    const userAgent = await post({ headers }, '/api/v1/user-agents', { agent_id: agent.id, settings })
    await post({ headers }, '/api/v1/api-keys', { name: 'k' })
    const log = { user_id: id, agent_id: agent.id, user_agent_id: userAgent.id }
    await insertTestLog(services.database, log)
    for (const [table, url, count] of [
      ['user_agents', '/api/v1/user-agents', 1],
      ['agent_logs', '/api/v1/agent-logs', 1],
      ['api_keys', '/api/v1/api-keys', 1],
      ['sessions', '/api/v1/me/sessions', 0],
      ['plans', '/api/v1/plans', 1],
    ] as const) {
      const shown = idsOf((await app.inject({ url, headers })).json().data)
      expect(shown, table).toHaveLength(count)
      expect(idsOf(await asPerson(`select id from ${table}`)), table).toEqual(shown)
    }
    const list = async (url: string) => idsOf((await app.inject({ url, headers })).json().data)
    const agents = new Set([...(await list('/api/v1/agents')), ...(await list('/api/v1/agents?mine=true'))])
    expect(agents.size).toBe(2)
    expect(idsOf(await asPerson('select id from agents'))).toEqual([...agents].sort())
    expect(await asPerson('select id, email, role from users')).toEqual([{ id, email: claims.email, role: 'user' }])
    // Neither side shows one person what is another one's.
    expect((await app.inject({ url: `/api/v1/user-agents/${userAgent.id}`, headers: mine.headers })).statusCode).toBe(
      404,
    )
    expect(await asPerson(`select id from agent_logs where user_id = '${mine.id}'`)).toEqual([])
    await execute(project.adminUrl, `delete from users where id = '${id}'`)
  })

  test.each([
    ['select password from users'],
    ['select credentials from integrations'],
    [`update users set role = 'admin'`],
    ['select * from _prisma_migrations'],
    ['select * from encryption_keys'],
    ['select * from agent_log_partitions.agent_logs_default'],
    ['truncate agent_logs'],
    ['create table public.mine (n int)'],
    [`select app.ensure_agent_log_partitions('2040-01-01', 1)`],
  ])('PostgREST refuses: %s', async (statement) => {
    for (const claims of [claimsOf(mine), { role: 'anon' }])
      await expect(queryAsPostgrest(postgrestUrl, claims, statement)).rejects.toMatchObject({ code: '42501' })
  })

  test('a claim names nobody an admin who is none, where it stands in what people may change themselves', async () => {
    const claims = { ...claimsOf(mine), user_metadata: { user_role: 'admin' }, app_metadata: { user_role: 'admin' } }
    expect(await queryAsPostgrest(postgrestUrl, claims, 'select id from users')).toEqual([{ id: mine.id }])
  })

  test('a suspended account sees nothing through PostgREST, and its rows again when it is let back', async () => {
    const suspend = (value: string) =>
      execute(project.adminUrl, `update users set suspended_at = ${value} where id = '${other.id}'`)
    const see = () => queryAsPostgrest(postgrestUrl, claimsOf(other), 'select id from agent_logs')
    expect(await see()).toHaveLength(1)
    await suspend('now()')
    expect(await see()).toEqual([])
    expect(await queryAsPostgrest(postgrestUrl, claimsOf(other), 'select id from users')).toEqual([])
    await suspend('null')
    expect(await see()).toHaveLength(1)
  })

  test('Supabase’s own functions are left as they were, and a way back leaves the schema auth alone', async () => {
    const [found] = await query(
      ownerUrl,
      `select nspowner::regrole::text as owner from pg_namespace where nspname = 'auth'`,
    )
    expect(found?.owner).toBe('supabase_auth_admin')
    const name = `back_${owner}`
    await execute(cluster.ownerUrl, `create database ${name} owner ${owner}`)
    const there = (url: string) => Object.assign(new URL(url), { pathname: `/${name}` }).href
    await execute(there(project.adminUrl), supabaseDatabase(owner))
    const migrations = await readMigrations()
    await deployMigrations(there(ownerUrl), migrations)
    await revertMigrations(there(ownerUrl), migrations, null)
    expect(await query(there(ownerUrl), `select to_regprocedure('auth.role()')::text as name`)).toEqual([
      { name: 'auth.role()' },
    ])
    expect(await query(there(ownerUrl), `select to_regclass('public.users')::text as name`)).toEqual([{ name: null }])
  })
})
