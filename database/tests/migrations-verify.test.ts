import { expect, onTestFinished, test } from 'vitest'
import { deployMigrations, readMigrations } from '../../server/src/database/migrate.ts'
import { planDeployment } from '../../server/src/database/migrations/plan.ts'
import { verifyDatabase } from '../../server/src/database/migrations/verify.ts'
import { createEmptyDatabase, query } from './catalog-queries.ts'
import { adminUrl, cloneDatabase, readLedger, readWith, tableX } from './migration-fixtures.ts'

const scratchDatabases = () =>
  query(adminUrl(), `select datname from pg_database where datname like 'agentexpress_verify_1%'`)

/** Each of them is a thing that somebody might do by hand, and what verify calls it. */
const changesByHand: [statement: string, object: string, kind: 'gone' | 'added' | 'changed'][] = [
  ['drop index public.agents__creator_id', 'index public.agents__creator_id', 'gone'],
  ['create index by_hand on public.plans (price)', 'index public.by_hand', 'added'],
  ['alter table public.users add column nickname text', 'column public.users.nickname', 'added'],
  ['alter table public.plans alter column price type numeric(14, 2)', 'column public.plans.price', 'changed'],
  ['alter table public.api_keys alter column name drop not null', 'column public.api_keys.name', 'changed'],
  [
    'alter table public.user_agents drop constraint user_agents_settings_object',
    'constraint user_agents_settings_object on public.user_agents',
    'gone',
  ],
  [
    'alter policy users_select_self on public.users using (true)',
    'policy users_select_self on public.users',
    'changed',
  ],
  ['drop policy sessions_delete_owner on public.sessions', 'policy sessions_delete_owner on public.sessions', 'gone'],
  ['create policy open on public.plans for select to anon using (true)', 'policy open on public.plans', 'added'],
  ['alter table public.integrations no force row level security', 'table public.integrations', 'changed'],
  ['grant select on public.users to anon', 'privilege SELECT on table public.users of anon', 'added'],
  [
    'revoke delete on public.user_agents from authenticated',
    'privilege DELETE on table public.user_agents of authenticated',
    'gone',
  ],
  [
    'grant select (password) on public.users to authenticated',
    'privilege SELECT on column public.users.password of authenticated',
    'added',
  ],
  [
    'grant execute on function app.is_admin() to public',
    'privilege EXECUTE on function app.is_admin() of public',
    'added',
  ],
  [
    'create or replace function app.is_admin() returns boolean language sql stable as $$ select true $$',
    'function app.is_admin()',
    'changed',
  ],
  [
    'alter table public.users disable trigger users_set_updated_at',
    'trigger users_set_updated_at on public.users',
    'changed',
  ],
  ['create table public.notes (id int)', 'table public.notes', 'added'],
  ['create view public.everybody as select email from public.users', 'view public.everybody', 'added'],
  [
    'grant usage on schema agent_log_partitions to anon',
    'privilege USAGE on schema agent_log_partitions of anon',
    'added',
  ],
]

test('verify finds nothing in a sound database, whatever months it has partitions for', async () => {
  const url = await cloneDatabase()
  await query(url, `select app.ensure_agent_log_partitions('2030-01-01'::date, 14)`)
  const { applied, objects, differences } = await verifyDatabase(url, await readMigrations())
  expect(differences).toEqual([])
  expect(applied).toHaveLength((await readMigrations()).length)
  expect(objects).toBeGreaterThan(500)
  expect(await scratchDatabases()).toEqual([])
})

test('verify names every change by hand, and nothing else', async () => {
  const url = await cloneDatabase()
  for (const [statement] of changesByHand) await query(url, statement)
  const { differences } = await verifyDatabase(url, await readMigrations())
  const found = differences.map(({ object, expected, found }) => [
    object,
    expected === null ? 'added' : found === null ? 'gone' : 'changed',
  ])
  for (const [statement, object, kind] of changesByHand) expect(found, statement).toContainEqual([object, kind])
  const objects = changesByHand.map(([, object]) => object)
  const rest = found.map(([object]) => object ?? '').filter((object) => !objects.includes(object))
  // The columns of the new table and the new view come with them.
  expect(rest.sort()).toEqual(['column public.everybody.email', 'column public.notes.id'])
})

test('verify sees one partition that is not like the others', async () => {
  const url = await cloneDatabase()
  await query(url, `select app.ensure_agent_log_partitions('2030-01-01'::date, 2)`)
  await query(url, 'alter table agent_log_partitions.agent_logs_2030_02 disable row level security')
  const { differences } = await verifyDatabase(url, await readMigrations())
  expect(differences).toEqual([
    {
      object: 'table agent_log_partitions.agent_logs_<month>',
      expected: null,
      found: expect.stringContaining('rls=f'),
    },
  ])
})

test('verify does not mind a database without any month, nor how a month came to its index', async () => {
  const url = await createEmptyDatabase()
  const index = {
    up: `-- Without a transaction: every partition gets its index while runs are logged.
create index if not exists agent_logs__model on only public.agent_logs (model);
-- For each partition of public.agent_logs
create index concurrently if not exists "{partition}__model" on agent_log_partitions."{partition}" (model);
-- For each partition of public.agent_logs
alter index public.agent_logs__model attach partition agent_log_partitions."{partition}__model";`,
    down: 'drop index if exists public.agent_logs__model;',
  }
  const migrations = await readWith({ '29990101000000_index_logs_model': index })
  await deployMigrations(url, migrations.slice(0, -1))
  expect((await verifyDatabase(url, migrations)).differences).toEqual([])
  await query(url, `select app.ensure_agent_log_partitions('2030-01-01'::date, 2)`)
  await deployMigrations(url, migrations)
  expect((await verifyDatabase(url, migrations)).differences).toEqual([])
  await query(url, `select app.ensure_agent_log_partitions('2030-03-01'::date, 1)`)
  expect((await verifyDatabase(url, migrations)).differences).toEqual([])
  await query(url, 'create index on agent_log_partitions.agent_logs_2030_02 (status)')
  expect((await verifyDatabase(url, migrations)).differences).toMatchObject([
    { object: 'indexes of agent_log_partitions.agent_logs_<month>', expected: null },
  ])
})

test('verify looks at an older version with the eyes of that version', async () => {
  const url = await createEmptyDatabase()
  const migrations = await readMigrations()
  await deployMigrations(url, migrations.slice(0, 2))
  expect(await verifyDatabase(url, migrations)).toMatchObject({ applied: { length: 2 }, differences: [] })
})

test('verify leaves alone what others keep in the same database', async () => {
  const url = await cloneDatabase()
  await query(url, 'create schema graphile_worker; create table graphile_worker.jobs (id int)')
  const { rowCount } = {
    rowCount: (await query(url, `select 1 from pg_available_extensions where name = 'pg_trgm'`)).length,
  }
  if (rowCount > 0) await query(url, 'create extension pg_trgm')
  expect((await verifyDatabase(url, await readMigrations())).differences).toEqual([])
})

test('verify refuses an edited and a half-done migration', async () => {
  const url = await cloneDatabase()
  const marked = { up: '-- Without a transaction: a reason.\nselect 1', down: 'select 1' }
  const migrations = await readWith({ '29990101000000_half': marked })
  const edited = (await readMigrations()).map((one, index) => (index === 0 ? { ...one, checksum: 'other' } : one))
  await expect(verifyDatabase(url, edited)).rejects.toThrow(/was edited after it had been applied/)
  await query(
    url,
    `insert into public._prisma_migrations (id, checksum, migration_name) values ('x', 'x', '29990101000000_half')`,
  )
  await expect(verifyDatabase(url, migrations)).rejects.toThrow(/_half was interrupted half-way/)
})

test('verify says what is missing when the owner may not make a scratch database', async () => {
  const url = await createEmptyDatabase()
  const role = `owner_${Math.random().toString(36).slice(2, 8)}`
  await query(
    adminUrl(),
    `create role ${role} login password 'x'; alter database ${new URL(url).pathname.slice(1)} owner to ${role}`,
  )
  onTestFinished(async () => {
    await query(adminUrl(), `alter database ${new URL(url).pathname.slice(1)} owner to postgres`)
    await query(url, `drop owned by ${role}; drop role ${role}`)
  })
  const asOwner = Object.assign(new URL(url), { username: role, password: 'x' }).href
  await expect(verifyDatabase(asOwner, [])).rejects.toThrow(/may not create one.*alter role .* createdb/)
})

test('verify clears away the scratch database of a command that was killed long ago, not that of one that runs', async () => {
  const now = Math.floor(Date.now() / 1000)
  const [old, young] = [`agentexpress_verify_${now - 4000}_a1`, `agentexpress_verify_${now - 60}_a2`]
  await query(adminUrl(), `create database ${old}`)
  await query(adminUrl(), `create database ${young}`)
  onTestFinished(async () => {
    await query(adminUrl(), `drop database ${young}`)
  })
  await verifyDatabase(await createEmptyDatabase(), [])
  expect((await scratchDatabases()).map(({ datname }) => datname)).toEqual([young])
})

test('a plan tells what a deployment would do and does not do it', async () => {
  const url = await cloneDatabase()
  const before = await readLedger(url)
  const migrations = await readWith({
    '29990101000000_add_x': tableX,
    '29990101000100_index_plans': {
      up: '-- Finds plans by price.\ncreate index plans__price on public.plans (price);',
      down: '-- Loses: an index.\n-- Keeps: all rows.\ndrop index public.plans__price;',
    },
  })
  const { missing, halfDone, lockHolder } = await planDeployment(url, migrations)
  expect({ halfDone, lockHolder }).toEqual({ halfDone: [], lockHolder: null })
  expect(missing).toMatchObject([
    { name: '29990101000000_add_x', description: null, loses: null, keeps: null },
    {
      name: '29990101000100_index_plans',
      description: 'Finds plans by price.',
      loses: 'an index.',
      keeps: 'all rows.',
      isWithoutTransaction: false,
      findings: [{ rule: 'blocks-writes', line: 2 }],
    },
  ])
  expect(await readLedger(url)).toEqual(before)
  expect(await query(url, `select to_regclass('public.x') as x`)).toEqual([{ x: null }])
})
