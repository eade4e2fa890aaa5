import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import {
  deployMigrations,
  inspectMigrations,
  readMigrations,
  revertMigrations,
} from '../../server/src/database/migrate.ts'
import { lintMigrations } from '../../server/src/database/migrations/lint-migrations.ts'
import { splitStatements } from '../../server/src/database/migrations/split-statements.ts'
import { connectForTest, dumpCatalog, query } from './catalog-queries.ts'
import { adminUrl, cloneDatabase, readLedger, readWith, tableX } from './migration-fixtures.ts'

const name = '29990101000100_index_plans_price'
const indexPrice = {
  up: `-- Without a transaction: the index is built while plans are read and written.
-- Finds plans by price.
create index concurrently if not exists plans__price on public.plans (price);
create index concurrently if not exists plans__name on public.plans (name);
`,
  down: `-- Loses: two indexes.
-- Keeps: all rows.
drop index concurrently if exists public.plans__name;
drop index concurrently if exists public.plans__price;
`,
}
const readIndexes = (url: string) =>
  query<{ name: string; is_valid: boolean }>(
    url,
    `select indexrelid::regclass::text as name, indisvalid as is_valid from pg_index
     where indrelid = 'public.plans'::regclass and indexrelid::regclass::text in ('plans__price', 'plans__name') order by 1`,
  )

/** Ends the deployer at the wall of a transaction that its index has to wait for. Answers what the deployer threw. */
async function interruptWhileBuilding(url: string, pattern: string): Promise<string> {
  const blocker = await connectForTest(url)
  await blocker.query(
    'begin isolation level repeatable read; insert into public.installation (name, value) values (gen_random_uuid()::text, $$1$$)',
  )
  const migrations = await readWith({ [name]: indexPrice })
  const deploying = deployMigrations(url, migrations)
  let end = 'is still running'
  const ended = deploying.then(
    () => (end = 'succeeded'),
    (error: Error) => (end = error.message),
  )
  const database = new URL(url).pathname.slice(1)
  const activity = `from pg_stat_activity where datname = $1 and query like $2 and wait_event_type = 'Lock'`
  while ((await query(adminUrl(), `select pid ${activity}`, [database, pattern])).length === 0) await sleep(20)
  await query(adminUrl(), `select pg_cancel_backend(pid) ${activity}`, [database, pattern])
  await blocker.query('rollback')
  await ended
  return end
}

describe('a migration without a transaction', () => {
  test('is applied statement by statement, taken back and applied again', async () => {
    const url = await cloneDatabase()
    const before = await dumpCatalog(url)
    const migrations = await readWith({ '29990101000000_add_x': tableX, [name]: indexPrice })
    expect((await lintMigrations(migrations)).filter(({ migration }) => migration === name)).toEqual([])
    expect(await deployMigrations(url, migrations)).toEqual(['29990101000000_add_x', name])
    expect(await readIndexes(url)).toEqual([
      { name: 'plans__name', is_valid: true },
      { name: 'plans__price', is_valid: true },
    ])
    expect((await readLedger(url)).at(-1)).toMatchObject({
      migration_name: name,
      is_finished: true,
      applied_steps_count: 2,
    })
    const after = await dumpCatalog(url)
    await revertMigrations(url, migrations, (await readMigrations()).at(-1)!.name)
    expect(await dumpCatalog(url)).toEqual(before)
    await deployMigrations(url, migrations)
    expect(await dumpCatalog(url)).toEqual(after)
  })

  test('that fails at any of its statements is taken back with everything else of its deployment', async () => {
    const url = await cloneDatabase()
    const before = await dumpCatalog(url)
    const statements = await splitStatements(indexPrice.up)
    expect(statements).toHaveLength(2)
    for (let count = 0; count <= statements.length; count++) {
      const up = [...statements.slice(0, count).map(({ text }) => text), 'select 1 / 0', ''].join(';\n')
      const cut = { up: count === 0 ? `-- Without a transaction: a reason.\n${up}` : up, down: indexPrice.down }
      const migrations = await readWith({ '29990101000000_add_x': tableX, [name]: cut })
      await expect(deployMigrations(url, migrations)).rejects.toThrow(
        /plans_price failed: division by zero.*taken back/,
      )
      expect(await dumpCatalog(url)).toEqual(before)
      expect((await readLedger(url)).at(-1)).toMatchObject({
        migration_name: name,
        is_finished: false,
        is_rolled_back: true,
        logs: 'division by zero',
        applied_steps_count: count,
      })
    }
  })

  test('leaves no invalid index behind when its index cannot be built, even if its down.sql forgot it', async () => {
    const url = await cloneDatabase()
    await query(
      url,
      `insert into public.plans (id, name, description, price) select gen_random_uuid(), 'Twice', '', 1 from generate_series(1, 2)`,
    )
    const migrations = await readWith({
      [name]: {
        up: '-- Without a transaction: a reason.\ncreate unique index concurrently plans__name on public.plans (name);',
        down: '-- Loses: nothing.\n-- Keeps: everything.\n',
      },
    })
    await expect(deployMigrations(url, migrations)).rejects.toThrow(/could not create unique index/)
    expect(await readIndexes(url)).toEqual([])
  })

  test('is not content with an invalid index of the same name', async () => {
    const url = await cloneDatabase()
    await query(
      url,
      `insert into public.plans (id, name, description, price) select gen_random_uuid(), 'Twice', '', 1 from generate_series(1, 2)`,
    )
    await query(url, 'create unique index concurrently plans__name on public.plans (name)').catch(() => {})
    expect(await readIndexes(url)).toEqual([{ name: 'plans__name', is_valid: false }])
    const migrations = await readWith({ [name]: indexPrice })
    await expect(deployMigrations(url, migrations)).rejects.toThrow(/the index public\.plans__name is not valid/)
    expect(await deployMigrations(url, migrations)).toEqual([name])
    expect((await readIndexes(url)).every((index) => index.is_valid)).toBe(true)
  })

  test('whose statement is cancelled is taken back at once', async () => {
    const url = await cloneDatabase()
    expect(await interruptWhileBuilding(url, '%create index concurrently%')).toMatch(/canceling statement.*taken back/)
    expect(await readIndexes(url)).toEqual([])
  })

  test('that was left half-done is known to status, refused by other versions, and taken back by the next deployment', async () => {
    const url = await cloneDatabase()
    const migrations = await readWith({ [name]: indexPrice })
    // As a deployer leaves it that dies between two statements.
    await query(
      url,
      `insert into public._prisma_migrations (id, checksum, migration_name, applied_steps_count) values ('half', $1, $2, 1)`,
      [migrations.at(-1)!.checksum, name],
    )
    await query(url, 'create index plans__price on public.plans (price)')
    await query(url, `update pg_index set indisvalid = false where indexrelid = 'public.plans__price'::regclass`)
    expect((await inspectMigrations(url, migrations)).halfDone.map((one) => one.name)).toEqual([name])
    await expect(deployMigrations(url, await readMigrations())).rejects.toThrow(
      /has half of the migration .*index_plans_price, which this version does not know/,
    )
    const progress: string[] = []
    expect(await deployMigrations(url, migrations, (text) => progress.push(text))).toEqual([name])
    expect(progress).toEqual([`taking back ${name}, which was interrupted half-way`, `applying ${name}`])
    expect((await readIndexes(url)).map(({ is_valid: isValid }) => isValid)).toEqual([true, true])
    expect((await readLedger(url)).slice(-2)).toMatchObject([
      { is_rolled_back: true, logs: 'Interrupted half-way; taken back by the next deployment.' },
      { is_finished: true, is_rolled_back: false },
    ])
  })

  test('that another tool left unfinished is not touched', async () => {
    const url = await cloneDatabase()
    const migrations = await readWith({ '29990101000000_add_x': tableX })
    await query(
      url,
      `insert into public._prisma_migrations (id, checksum, migration_name) values ('x', $1, '29990101000000_add_x')`,
      [migrations.at(-1)!.checksum],
    )
    await expect(deployMigrations(url, migrations)).rejects.toThrow(
      /Another tool began the migration 29990101000000_add_x.*prisma migrate resolve --rolled-back/,
    )
  })

  test('is not held up by nodes that wait for it', async () => {
    const url = await cloneDatabase()
    const migrations = await readWith({ [name]: indexPrice })
    const progress: string[] = []
    const blocker = await connectForTest(url)
    await blocker.query('begin; lock table public.plans in share row exclusive mode')
    const nodes = Array.from({ length: 3 }, () => deployMigrations(url, migrations, (text) => progress.push(text)))
    await expect.poll(() => progress.filter((text) => text.startsWith('waiting for another')).length).toBe(2)
    await blocker.query('rollback')
    expect((await Promise.all(nodes)).flat()).toEqual([name])
  })

  test('has to say why', async () => {
    const url = await cloneDatabase()
    const migrations = await readWith({ [name]: { up: '-- Without a transaction:\nselect 1', down: 'select 1' } })
    await expect(deployMigrations(url, migrations)).rejects.toThrow(/does not say why it runs without a transaction/)
  })
})

describe('an index on a partitioned table', () => {
  const indexModel = {
    up: `-- Without a transaction: every partition gets its index while runs are logged.
create index if not exists agent_logs__model on only public.agent_logs (model);
-- For each partition of public.agent_logs
create index concurrently if not exists "{partition}__model" on agent_log_partitions."{partition}" (model);
-- For each partition of public.agent_logs
alter index public.agent_logs__model attach partition agent_log_partitions."{partition}__model";
`,
    down: `-- Loses: an index.
-- Keeps: all rows.
drop index if exists public.agent_logs__model;
-- For each partition of public.agent_logs
drop index concurrently if exists agent_log_partitions."{partition}__model";
`,
  }
  const indexName = '29990101000100_index_logs_model'
  const states = (url: string) =>
    query<{ name: string; is_valid: boolean }>(
      url,
      `select relname as name, indisvalid as is_valid from pg_index join pg_class on pg_class.oid = indexrelid where relname like '%\\_\\_model' order by 1`,
    )

  test('is built on each partition without keeping writers waiting, and the next partition has it too', async () => {
    const url = await cloneDatabase()
    const before = await dumpCatalog(url)
    const migrations = await readWith({ [indexName]: indexModel })
    expect((await lintMigrations(migrations)).filter(({ migration }) => migration === indexName)).toEqual([])
    await deployMigrations(url, migrations)
    const built = await states(url)
    expect(built.length).toBeGreaterThan(4)
    expect(built.every((index) => index.is_valid)).toBe(true)
    await query(url, `select app.ensure_agent_log_partitions('2031-01-01'::date, 1)`)
    expect(
      await query(
        url,
        `select pg_get_indexdef(indexrelid) as definition from pg_index where indrelid = 'agent_log_partitions.agent_logs_2031_01'::regclass`,
      ),
    ).toContainEqual({ definition: expect.stringContaining('(model)') })
    await query(url, 'drop table agent_log_partitions.agent_logs_2031_01')
    await revertMigrations(url, migrations, (await readMigrations()).at(-1)!.name)
    expect(await dumpCatalog(url)).toEqual(before)
  })

  test('that fails at any step leaves nothing behind', async () => {
    const url = await cloneDatabase()
    const before = await dumpCatalog(url)
    const statements = (await splitStatements(indexModel.up)).map(({ text }) => text)
    for (let count = 1; count <= statements.length; count++) {
      const up = [...statements.slice(0, count), 'select 1 / 0'].join(';\n')
      await expect(deployMigrations(url, await readWith({ [indexName]: { ...indexModel, up } }))).rejects.toThrow(
        /division/,
      )
      expect(await dumpCatalog(url)).toEqual(before)
    }
  })

  test('that forgets a partition fails instead of staying invalid', async () => {
    const url = await cloneDatabase()
    const up = (await splitStatements(indexModel.up))
      .slice(0, 1)
      .map(({ text }) => text)
      .join('')
    await expect(deployMigrations(url, await readWith({ [indexName]: { ...indexModel, up } }))).rejects.toThrow(
      /agent_logs__model is not valid/,
    )
    expect(await states(url)).toEqual([])
  })
})

test('a script is cut where PostgreSQL sees the end of a statement', async () => {
  const script = `-- ü; not here
select ';' as "a;b"; do $$ begin perform 1; end $$;
/* ; */ create function f() returns int language sql begin atomic select 1; select 2; end;
select 3`
  expect(
    (await splitStatements(script)).map(({ text, line }) => [
      line,
      text.replace(/^(--.*\n|\/\*.*?\*\/)\s*/, '').slice(0, 6),
    ]),
  ).toEqual([
    [2, 'select'],
    [2, 'do $$ '],
    [3, 'create'],
    [4, 'select'],
  ])
})
