import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { inject } from 'vitest'
import { createApp, type Services } from '../../server/src/app.ts'
import { readConfig } from '../../server/src/config.ts'
import { openDatabase } from '../../server/src/database/database.ts'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../server/src/database/embedded.ts'
import { deployMigrations, readMigrations } from '../../server/src/database/migrate.ts'
import { ensurePartitions } from '../../server/src/database/partitions.ts'
import { checkOwnerRole, checkServerRole, grantServerRole } from '../../server/src/database/server-role.ts'
import type { App } from '../../server/src/http/app-types.ts'
import { createLog } from '../../server/src/log.ts'
import { forgetful } from '../../server/src/testing/start-test-postgres.ts'
import type { TestApp } from '../../server/src/testing/test-app.ts'

/** Runs statements as whoever the URL names. */
export async function execute(url: string, statements: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query(statements).finally(() => client.end())
}

export const projectOwners = ['project_owner', 'project_owner_without_bypass'] as const

/** Roles belong to the cluster. As Supabase has them: https://github.com/supabase/postgres, migrations/db/init-scripts. */
const supabaseRoles = `
  create role anon nologin inherit;
  create role authenticated nologin inherit;
  create role service_role nologin inherit bypassrls;
  create role authenticator login noinherit password 'test';
  grant anon, authenticated, service_role to authenticator;
  create role supabase_auth_admin nologin noinherit createrole;
  create role project_owner login createrole createdb password 'test' bypassrls;
  create role project_owner_without_bypass login createrole createdb password 'test';
  grant anon, authenticated, service_role, authenticator to project_owner, project_owner_without_bypass with admin option`

/** What a new project's database holds, as its superuser makes it: the schema auth and privileges that give everything away. */
export const supabaseDatabase = (owner: string) => `
  grant all on schema public to ${owner};
  grant usage on schema public to anon, authenticated, service_role;
  alter default privileges for role ${owner} in schema public grant all on tables to anon, authenticated, service_role;
  alter default privileges for role ${owner} in schema public grant all on functions to anon, authenticated, service_role;
  alter default privileges for role ${owner} in schema public grant all on sequences to anon, authenticated, service_role;
  create schema auth authorization supabase_auth_admin;
  grant usage on schema auth to anon, authenticated, service_role, ${owner};
  set role supabase_auth_admin;
  create table auth.users (id uuid primary key, email varchar(255), created_at timestamptz);
  create function auth.uid() returns uuid language sql stable as $f$
    select coalesce(nullif(current_setting('request.jwt.claim.sub', true), ''),
      (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub'))::uuid $f$;
  create function auth.role() returns text language sql stable as $f$
    select coalesce(nullif(current_setting('request.jwt.claim.role', true), ''),
      (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'role'))::text $f$;
  create function auth.jwt() returns jsonb language sql stable as $f$
    select coalesce(nullif(current_setting('request.jwt.claim', true), ''),
      nullif(current_setting('request.jwt.claims', true), ''))::jsonb $f$;
  reset role`

/** One request of PostgREST: a transaction as the role that the token names, with its claims. */
export async function queryAsPostgrest(url: string, claims: { role: string; sub?: string }, text: string) {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query('begin')
    await client.query(`select set_config('role', $1, true), set_config('request.jwt.claims', $2, true)`, [
      claims.role,
      JSON.stringify({ aud: 'authenticated', ...claims }),
    ])
    const { rows } = await client.query<Record<string, unknown>>(text)
    return rows
  } finally {
    await client.end()
  }
}

/** A PostgreSQL of the version under test with the roles that a cluster of Supabase has; `stop` takes its folder away. */
export async function startSupabaseCluster(): Promise<EmbeddedPostgres> {
  const folder = await mkdtemp(join(tmpdir(), 'agentexpress-supabase-'))
  await chmod(folder, 0o755)
  const cluster = await startEmbeddedPostgres(folder, createLog('silent'), {
    binaries: inject('postgresBinaries'),
    settings: forgetful,
  })
  const stop = async () => {
    await cluster.stop()
    await rm(folder, { recursive: true, force: true })
  }
  await execute(cluster.ownerUrl, supabaseRoles).catch(async (error) => {
    await stop()
    throw error
  })
  return { ...cluster, stop }
}

/** Ways into one database of the cluster. */
export interface SupabaseProject {
  /** As the superuser of the cluster. */
  adminUrl: string
  ownerUrl: string
  serverUrl: string
  /** As PostgREST signs in, for `queryAsPostgrest`. */
  postgrestUrl: string
}

/** A new project, migrated, with a role for our server. */
export async function createSupabaseProject(
  cluster: EmbeddedPostgres,
  owner: (typeof projectOwners)[number],
): Promise<SupabaseProject> {
  const at = (user?: string) => {
    const url = new URL(cluster.ownerUrl)
    url.pathname = `/of_${owner}`
    if (user) Object.assign(url, { username: user, password: 'test' })
    return url.href
  }
  const server = `server_of_${owner}`
  const project = { adminUrl: at(), ownerUrl: at(owner), serverUrl: at(server), postgrestUrl: at('authenticator') }
  await execute(cluster.ownerUrl, `create database of_${owner} owner ${owner}`)
  await execute(project.adminUrl, supabaseDatabase(owner))
  await checkOwnerRole(project.ownerUrl, true)
  await deployMigrations(project.ownerUrl, await readMigrations())
  await ensurePartitions(project.ownerUrl)
  await execute(project.ownerUrl, `create role ${server} login noinherit password 'test'`)
  await grantServerRole(project.ownerUrl, server)
  for (const url of [project.serverUrl, project.postgrestUrl])
    await checkServerRole(url, { ownerUrl: project.ownerUrl })
  return project
}

/** The whole server on this database, with the other services of `plain`; `environment` may name its Supabase Auth. */
export async function openOnSupabase(
  plain: TestApp,
  { serverUrl }: SupabaseProject,
  environment: Record<string, string> = {},
): Promise<{ app: App; services: Services; close(): Promise<void> }> {
  const log = createLog('silent')
  const database = openDatabase({ url: serverUrl, poolSize: 3, usePreparedStatements: true, log })
  const { supabase } = readConfig(environment)
  const services: Services = { ...plain.services, database, config: { ...plain.services.config, supabase } }
  const app = await createApp(services)
  return {
    app,
    services,
    async close() {
      await app.close()
      await database.close()
    },
  }
}
