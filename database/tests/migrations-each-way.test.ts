import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type pg from 'pg'
import { expect, test } from 'vitest'
import { deployMigrations, readMigrations, revertMigrations } from '../../server/src/database/migrate.ts'
import {
  type Migration,
  readLostNames,
  runsWithoutTransaction,
} from '../../server/src/database/migrations/migration.ts'
import { readCatalog } from '../../server/src/database/migrations/read-catalog.ts'
import { type Statement, splitStatements } from '../../server/src/database/migrations/split-statements.ts'
import { ensurePartitions } from '../../server/src/database/partitions.ts'
import { connectForTest, createEmptyDatabase, dumpCatalog, query } from './catalog-queries.ts'
import { migrationChanges, type Row, type Rows } from './migration-changes.ts'
import { cloneDatabase, createOwnedDatabase } from './migration-fixtures.ts'

const patience = 240_000

/** Every table with its columns, but the ledger; a partitioned one without its partitions. */
async function readColumns(client: pg.Client): Promise<Map<string, string[]>> {
  const { rows } = await client.query<{ table: string; names: string[] }>(
    `select format('%I.%I', nspname, relname) as table, array_agg(attname::text order by attnum) as names
     from pg_class join pg_namespace on pg_namespace.oid = relnamespace
     join pg_attribute on attrelid = pg_class.oid and attnum > 0 and not attisdropped
     where relkind in ('r', 'p') and not relispartition and nspname !~ '^(pg_|information_schema$)'
       and relname <> '_prisma_migrations' group by 1 order by 1`,
  )
  return new Map(rows.map(({ table, names }) => [table, names]))
}

/** Every row of every table; of a partitioned table through the table itself. */
async function readRows(client: pg.Client): Promise<Rows> {
  const result: Rows = {}
  for (const name of (await readColumns(client)).keys()) {
    const { rows } = await client.query(`select to_jsonb(t) as row from ${name} t order by to_jsonb(t)::text`)
    result[name] = rows.map(({ row }) => row)
  }
  return result
}

const inOrder = (rows: Row[]) => rows.toSorted((one, other) => (JSON.stringify(one) < JSON.stringify(other) ? -1 : 1))

/** The rows of `tables` as far as `columns` has their tables and columns, in an order that does not hang on columns. */
const onlyWhatIsLeft = (tables: Rows, columns: Map<string, string[]>): Rows =>
  Object.fromEntries(
    [...columns].map(([table, names]) => [
      table,
      (tables[table] ?? []).map((row) => Object.fromEntries(names.map((name) => [name, row[name]]))),
    ]),
  )

/** Rows of one hour count as one: which of them has what is the roll-up's own affair. */
function addUpHours(rows: Row[]): Row[] {
  const hours = new Map<string, Row>()
  for (const { id: _, is_correction: _is, ...row } of rows) {
    const { user_id, hour, agent_id, user_agent_id, source, model, ...counts } = row
    const key = JSON.stringify([user_id, hour, agent_id, user_agent_id, source, model])
    const former = hours.get(key)
    const sums = Object.entries(counts).map(([name, count]) => [name, Number(former?.[name] ?? 0) + Number(count)])
    hours.set(key, { ...row, ...Object.fromEntries(sums) })
  }
  return [...hours.values()]
}

/** `updated_at`: filling a new column is a change of the row, and its trigger says so. */
const comparable = (tables: Rows, columns: Map<string, string[]>) =>
  Object.fromEntries(
    Object.entries(onlyWhatIsLeft(tables, columns)).map(([table, rows]) => [
      table,
      inOrder((table === 'public.usage_hours' ? addUpHours(rows) : rows).map(({ updated_at: _, ...others }) => others)),
    ]),
  )

const same = (tables: Rows) => tables

/** Tables that are gone, and columns of tables that are not, as down.sql names them. */
function listLost(before: Map<string, string[]>, after: Map<string, string[]>): string[] {
  const lost = [...before].flatMap(([table, names]) => {
    const left = after.get(table)
    return left ? names.filter((name) => !left.includes(name)).map((name) => `${table}.${name}`) : [table]
  })
  return lost.map((name) => name.replace(/^public\./, '')).sort()
}

test('a table or column that is gone is told from all that is left', async () => {
  const client = await connectForTest(await cloneDatabase())
  const before = await readColumns(client)
  expect(listLost(before, await readColumns(client))).toEqual([])
  await client.query('drop table public.memories; alter table public.plans drop column price, add column fee numeric')
  expect(listLost(before, await readColumns(client))).toEqual(['memories', 'plans.price'])
})

test('every way back takes what its down.sql names and no more, keeps each row of the rest, and so does the way forth again', {
  timeout: patience,
}, async () => {
  // Changes of rows have to get past the policies without a superuser's help.
  const { url, adminUrl } = await createOwnedDatabase()
  const migrations = await readMigrations()
  await deployMigrations(url, migrations)
  await ensurePartitions(url)
  const client = await connectForTest(adminUrl)
  await client.query(await readFile(join(import.meta.dirname, 'fill-tables.sql'), 'utf8'))
  let before = await readRows(client)
  for (const [table, rows] of Object.entries(before))
    expect(rows, `fill-tables.sql has no row for ${table}`).not.toEqual([])
  let columnsBefore = await readColumns(client)
  for (const [index, migration] of [...migrations.entries()].reverse()) {
    const { down = same, meanwhile, up = same, shows } = migrationChanges[migration.name] ?? {}
    const target = migrations[index - 1]?.name ?? null
    await revertMigrations(url, migrations, target)
    const columns = await readColumns(client)
    const expectRows = async (expected: Rows, what: string) =>
      expect(comparable(await readRows(client), columns), `${what} of ${migration.name}`).toEqual(
        comparable(expected, columns),
      )
    expect(listLost(columnsBefore, columns), `"Loses:" of ${migration.name}`).toEqual(readLostNames(migration).sort())
    columnsBefore = columns
    await expectRows(down(before), 'down')
    if (meanwhile) await client.query(meanwhile)
    const between = await readRows(client)
    await deployMigrations(url, migrations.slice(0, index + 1))
    await expectRows(up(between), 'up again')
    if (shows) {
      const { rows } = await client.query({ text: shows[0], rowMode: 'array' })
      expect(rows, `after ${migration.name}`).toEqual(shows[1])
    }
    await revertMigrations(url, migrations, target)
    before = await readRows(client)
  }
  expect(Object.keys(before)).toEqual([])
  expect(
    await query(
      url,
      `select count(*)::int as roles from pg_roles where rolname in ('anon', 'authenticated', 'service_role')`,
    ),
  ).toEqual([{ roles: 3 }])
})

/** The first `count` statements of the migration, then one that fails. */
function failAfter(migration: Migration, statements: Statement[], count: number): Migration {
  return { ...migration, up: [...statements.slice(0, count).map(({ text }) => text), 'select 1 / 0'].join(';\n') }
}

/**
 * After how many of its statements a migration is made to fail. On CI after the first of each kind and after the last one:
 * a transaction that is rolled back knows no other difference between them. Without a transaction after every one.
 */
function placesToFail(migration: Migration, statements: Statement[]): number[] {
  const all = statements.map((_, index) => index + 1)
  if (!process.env.CI || runsWithoutTransaction(migration)) return all
  const kinds = statements.map(({ tree }) => Object.keys(tree).join())
  return all.filter((count) => count === statements.length || kinds.indexOf(kinds[count - 1] ?? '') === count - 1)
}

/** The system catalogs that `readCatalog` reads, and what tells rows of ours. */
const catalogs: Record<string, string> = {
  pg_class: 'oid',
  pg_attribute: 'attrelid',
  pg_attrdef: 'adrelid',
  pg_inherits: 'inhrelid',
  pg_index: 'indexrelid',
  pg_constraint: 'oid',
  pg_policy: 'oid',
  pg_proc: 'oid',
  pg_trigger: 'oid',
  pg_rewrite: 'oid',
  pg_type: 'oid',
  pg_enum: 'enumtypid',
  pg_statistic_ext: 'oid',
  pg_sequence: 'seqrelid',
  pg_description: 'objoid',
  pg_event_trigger: 'oid',
}
/** Few rows, some of which are PostgreSQL's own and can be changed. */
const smallCatalogs = ['pg_namespace', 'pg_extension', 'pg_default_acl', 'pg_db_role_setting']
const firstOwnOid = 16_384

/**
 * Which version of which row stands where in the catalogs: the same as before means that nothing was written, or all of it
 * rolled back. A fraction of what reading the catalog costs.
 */
async function readCatalogVersion(client: pg.Client): Promise<string> {
  const parts = [
    ...Object.entries(catalogs).map(([name, id]) => `${name} where ${id} >= ${firstOwnOid}`),
    ...smallCatalogs,
  ].map((from) => `select tableoid, ctid, xmin from ${from}`)
  const { rows } = await client.query<{ version: string }>(
    `select md5(string_agg(concat_ws(' ', tableoid, ctid, xmin), ',' order by tableoid, ctid)) as version
     from (${parts.join(' union all ')}) as row_versions`,
  )
  return rows[0]?.version ?? ''
}

test('a failure after any statement of any migration leaves the catalog as it was', { timeout: patience }, async () => {
  const url = await createEmptyDatabase()
  const client = await connectForTest(url)
  const migrations = await readMigrations()
  await expect(deployMigrations(url, [failAfter(migrations[0]!, [], 0)])).rejects.toThrow(/division by zero/)
  let failures = 0
  for (const [index, migration] of migrations.entries()) {
    const before = JSON.stringify(await readCatalog(client))
    let version = await readCatalogVersion(client)
    const statements = await splitStatements(migration.up)
    for (const count of placesToFail(migration, statements)) {
      const broken = [...migrations.slice(0, index), failAfter(migration, statements, count)]
      await expect(deployMigrations(url, broken)).rejects.toThrow(`${migration.name} failed: division by zero`)
      failures++
      const after = await readCatalogVersion(client)
      if (after === version && count < statements.length) continue
      expect(JSON.stringify(await readCatalog(client)) === before, `${migration.name}, ${count} statements`).toBe(true)
      version = after
    }
    await deployMigrations(url, migrations.slice(0, index + 1))
  }
  expect(failures).toBeGreaterThan(process.env.CI ? 80 : 400)
  const [{ rolled_back: rolledBack } = {}] = await query(
    url,
    `select count(*)::int as rolled_back from public._prisma_migrations
     where rolled_back_at is not null and finished_at is null and logs = 'division by zero'`,
  )
  expect(rolledBack).toBe(failures + 1)
})

test('a failure in any migration of a first deployment leaves an empty database', { timeout: patience }, async () => {
  const url = await createEmptyDatabase()
  const migrations = await readMigrations()
  const empty = await dumpCatalog(url)
  for (const [index, migration] of migrations.entries()) {
    const statements = await splitStatements(migration.up)
    const broken = [...migrations.slice(0, index), failAfter(migration, statements, statements.length)]
    await expect(deployMigrations(url, broken)).rejects.toThrow(/Everything this deployment had applied was taken back/)
    expect(await dumpCatalog(url), migration.name).toEqual(empty)
  }
})

test('no migration of the project ends the transaction of the deployer', async () => {
  for (const migration of await readMigrations()) {
    if (runsWithoutTransaction(migration)) continue
    for (const { tree } of [...(await splitStatements(migration.up)), ...(await splitStatements(migration.down))])
      expect('TransactionStmt' in tree, migration.name).toBe(false)
  }
})
