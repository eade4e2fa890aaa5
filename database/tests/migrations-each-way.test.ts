import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type pg from 'pg'
import { expect, test } from 'vitest'
import { deployMigrations, readMigrations, revertMigrations } from '../../server/src/database/migrate.ts'
import { type Migration, runsWithoutTransaction } from '../../server/src/database/migrations/migration.ts'
import { readCatalog } from '../../server/src/database/migrations/read-catalog.ts'
import { splitStatements } from '../../server/src/database/migrations/split-statements.ts'
import { connectForTest, createEmptyDatabase, dumpCatalog, query } from './catalog-queries.ts'
import { cloneDatabase } from './migration-fixtures.ts'

const patience = 240_000

type Rows = Record<string, Record<string, unknown>[]>

/** Every row of every table, but those of the ledger; of a partitioned table through the table itself. */
async function readRows(client: pg.Client): Promise<Rows> {
  const { rows: tables } = await client.query<{ name: string }>(
    `select format('%I.%I', nspname, relname) as name from pg_class join pg_namespace on pg_namespace.oid = relnamespace
     where relkind in ('r', 'p') and not relispartition and nspname !~ '^(pg_|information_schema$)'
       and relname <> '_prisma_migrations' order by 1`,
  )
  const result: Rows = {}
  for (const { name } of tables) {
    const { rows } = await client.query(`select to_jsonb(t) as row from ${name} t order by to_jsonb(t)::text`)
    result[name] = rows.map(({ row }) => row)
  }
  return result
}

/** The rows of `before` as far as `after` has their tables and columns, in an order that does not hang on columns. */
function onlyWhatIsLeft(before: Rows, columns: Map<string, string[]>): Rows {
  return Object.fromEntries(
    [...columns].map(([table, names]) => [
      table,
      (before[table] ?? [])
        .map((row) => Object.fromEntries(names.map((name) => [name, row[name]])))
        .sort((one, other) => (JSON.stringify(one) < JSON.stringify(other) ? -1 : 1)),
    ]),
  )
}

const withoutUpdatedAt = (tables: Rows) =>
  Object.fromEntries(
    Object.entries(tables).map(([table, rows]) => [table, rows.map(({ updated_at: _, ...others }) => others)]),
  )

async function readColumns(client: pg.Client): Promise<Map<string, string[]>> {
  const rows = await readRows(client)
  const { rows: columns } = await client.query<{ table: string; names: string[] }>(
    `select format('%I.%I', table_schema, table_name) as table, array_agg(column_name::text order by ordinal_position) as names
     from information_schema.columns group by 1`,
  )
  return new Map(columns.filter(({ table }) => table in rows).map(({ table, names }) => [table, names]))
}

test('every way back keeps each row and column that it does not take away, and so does the way forth again', {
  timeout: patience,
}, async () => {
  const url = await cloneDatabase()
  const client = await connectForTest(url)
  await client.query(await readFile(join(import.meta.dirname, 'fill-tables.sql'), 'utf8'))
  const migrations = await readMigrations()
  const filled = await readRows(client)
  for (const [table, rows] of Object.entries(filled))
    expect(rows, `fill-tables.sql has no row for ${table}`).not.toEqual([])
  let before = filled
  for (const [index, migration] of [...migrations.entries()].reverse()) {
    const target = migrations[index - 1]?.name ?? null
    await revertMigrations(url, migrations, target)
    const columns = await readColumns(client)
    const kept = onlyWhatIsLeft(before, columns)
    expect(onlyWhatIsLeft(await readRows(client), columns), `down of ${migration.name}`).toEqual(kept)
    await deployMigrations(url, migrations.slice(0, index + 1))
    // Filling a new column is a change of the row, and its trigger says so.
    expect(withoutUpdatedAt(onlyWhatIsLeft(await readRows(client), columns)), `up again of ${migration.name}`).toEqual(
      withoutUpdatedAt(kept),
    )
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
async function failAfter(migration: Migration, count: number): Promise<Migration> {
  const statements = await splitStatements(migration.up)
  return { ...migration, up: [...statements.slice(0, count).map(({ text }) => text), 'select 1 / 0'].join(';\n') }
}

test('a failure after any statement of any migration leaves the catalog as it was', { timeout: patience }, async () => {
  const url = await createEmptyDatabase()
  const client = await connectForTest(url)
  const migrations = await readMigrations()
  await expect(deployMigrations(url, [await failAfter(migrations[0]!, 0)])).rejects.toThrow(/division by zero/)
  let failures = 0
  for (const [index, migration] of migrations.entries()) {
    const before = JSON.stringify(await readCatalog(client))
    const { length } = await splitStatements(migration.up)
    for (let count = 1; count <= length; count++) {
      const broken = [...migrations.slice(0, index), await failAfter(migration, count)]
      await expect(deployMigrations(url, broken)).rejects.toThrow(`${migration.name} failed: division by zero`)
      expect(JSON.stringify(await readCatalog(client)) === before, `${migration.name}, ${count} statements`).toBe(true)
      failures++
    }
    await deployMigrations(url, migrations.slice(0, index + 1))
  }
  expect(failures).toBeGreaterThan(200)
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
    const { length } = await splitStatements(migration.up)
    const broken = [...migrations.slice(0, index), await failAfter(migration, length)]
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
