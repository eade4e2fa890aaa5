import pg from 'pg'

/** Runs statements as whoever the URL names. */
export async function execute(url: string, statements: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query(statements).finally(() => client.end())
}

/** Roles belong to the cluster. As Supabase has them: https://github.com/supabase/postgres, migrations/db/init-scripts. */
export const supabaseRoles = `
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
