import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  deployMigrations,
  findMigrationStatus,
  readMigrations,
  revertMigrations,
} from '../../server/src/database/migrate.ts'
import type { CatalogObject } from '../../server/src/database/migrations/read-catalog.ts'
import { readCatalog } from '../../server/src/database/migrations/read-catalog.ts'
import { connectForTest, createEmptyDatabase, query } from './catalog-queries.ts'
import { cloneDatabase, readWith, tableX } from './migration-fixtures.ts'
import { diagnose, resolveApplied, resolveRolledBack, writeSchemaSql } from './prisma-engine.ts'

const inOrder = { hasMigrationsTable: true, editedMigrationNames: [], failedMigrationNames: [], history: null }
const x = '29990101000000_add_x'

describe("Prisma's engine reads the ledger and says", () => {
  test('up to date', async () => {
    expect(await diagnose(await cloneDatabase(), await readMigrations())).toEqual(inOrder)
  })

  test('nothing applied, in a new database', async () => {
    const migrations = await readMigrations()
    expect(await diagnose(await createEmptyDatabase(), migrations)).toMatchObject({
      hasMigrationsTable: false,
      history: { diagnostic: 'databaseIsBehind', unappliedMigrationNames: migrations.map(({ name }) => name) },
    })
  })

  test('behind, when some are missing', async () => {
    const migrations = await readWith({ [x]: tableX })
    expect(await diagnose(await cloneDatabase(), migrations)).toEqual({
      ...inOrder,
      history: { diagnostic: 'databaseIsBehind', unappliedMigrationNames: [x] },
    })
  })

  test('behind and not failed, after a deployment that was taken back; up to date for the version before', async () => {
    const url = await cloneDatabase()
    const migrations = await readWith({ [x]: tableX, '29990101000100_break': { up: 'select 1 / 0', down: 'select 1' } })
    await expect(deployMigrations(url, migrations)).rejects.toThrow()
    expect(await diagnose(url, migrations)).toEqual({
      ...inOrder,
      history: { diagnostic: 'databaseIsBehind', unappliedMigrationNames: [x, '29990101000100_break'] },
    })
    expect(await diagnose(url, await readMigrations())).toEqual(inOrder)
  })

  test('behind, after a way back by hand; up to date after the way forth again', async () => {
    const url = await cloneDatabase()
    const migrations = await readMigrations()
    await revertMigrations(url, migrations, migrations.at(-3)!.name)
    expect(await diagnose(url, migrations)).toEqual({
      ...inOrder,
      history: {
        diagnostic: 'databaseIsBehind',
        unappliedMigrationNames: migrations.slice(-2).map(({ name }) => name),
      },
    })
    await deployMigrations(url, migrations)
    expect(await diagnose(url, migrations)).toEqual(inOrder)
  })

  test('failed, for a migration without a transaction whose deployer was killed; up to date after the next one', async () => {
    const url = await cloneDatabase()
    const half = {
      up: '-- Without a transaction: an index.\ncreate index concurrently if not exists i on public.plans (price);',
      down: '-- Loses: an index.\n-- Keeps: all rows.\ndrop index concurrently if exists public.i;',
    }
    const migrations = await readWith({ [x]: half })
    await query(url, 'insert into public._prisma_migrations (id, checksum, migration_name) values ($1, $2, $3)', [
      'half',
      migrations.at(-1)!.checksum,
      x,
    ])
    expect(await diagnose(url, migrations)).toMatchObject({ failedMigrationNames: [x] })
    await deployMigrations(url, migrations)
    expect(await diagnose(url, migrations)).toEqual(inOrder)
  })

  test('edited, when a file is no longer what was applied', async () => {
    const url = await cloneDatabase()
    const migrations = await readWith({ [x]: tableX })
    await deployMigrations(url, migrations)
    const edited = migrations.map((one) => (one.name === x ? { ...one, up: `${one.up} -- more` } : one))
    expect(await diagnose(url, edited)).toMatchObject({ editedMigrationNames: [x], failedMigrationNames: [] })
  })

  test('ahead, when the files are older than the database', async () => {
    const url = await cloneDatabase()
    await deployMigrations(url, await readWith({ [x]: tableX }))
    expect(await diagnose(url, await readMigrations())).toEqual({
      ...inOrder,
      history: { diagnostic: 'migrationsDirectoryIsBehind', unpersistedMigrationNames: [x] },
    })
  })
})

describe("the deployer understands what Prisma's engine writes", () => {
  test('a failed migration that was resolved as rolled back is deployed', async () => {
    const url = await cloneDatabase()
    const migrations = await readWith({ [x]: tableX })
    await query(url, 'insert into public._prisma_migrations (id, checksum, migration_name) values ($1, $2, $3)', [
      'of-prisma',
      migrations.at(-1)!.checksum,
      x,
    ])
    await expect(deployMigrations(url, migrations)).rejects.toThrow(/Another tool began the migration/)
    await resolveRolledBack(url, x)
    expect(await deployMigrations(url, migrations)).toEqual([x])
  })

  test('a migration that was resolved as applied is not deployed again', async () => {
    const url = await cloneDatabase()
    const migrations = await readWith({ [x]: tableX })
    await query(url, tableX.up)
    await resolveApplied(url, x, migrations)
    expect(await findMigrationStatus(url, migrations)).toContainEqual({ name: x, isApplied: true })
    expect(await deployMigrations(url, migrations)).toEqual([])
  })
})

// What Prisma's schema language has no words for, besides whole kinds of things: row-level security and policies,
// privileges, checks, triggers, functions, comments, partitions and other schemas. docs/migrations.md has the same list.
const beyondPrisma: Record<string, string> = {
  'index public.agents__publication_requested_at': 'partial',
  'index public.approvals__expires_at': 'partial',
  'index public.webhook_deliveries__next_attempt_at': 'partial',
  'index public.usage_hours__is_correction': 'partial',
  'index public.plans__is_default': 'partial',
  'index public.subscriptions__current': 'partial',
  'index public.subscriptions__due': 'partial, on an expression',
  'index public.plan_requests__open': 'partial',
  'index public.stripe_prices__current': 'partial',
  'index public.stripe_events__next_attempt_at': 'partial',
}

/** Tables, columns, types, defaults, keys and indexes of schema public, written alike. */
function listWhatPrismaExpresses(catalog: CatalogObject[]): string[] {
  const lines = catalog.flatMap(({ schema, object, definition }) => {
    if (schema !== 'public' || object in beyondPrisma) return []
    // A partitioned table is a table to Prisma.
    if (object.startsWith('table ')) return [object]
    if (object.startsWith('column ')) {
      const known = /^(place=.* type=.* notnull=. default=.*) identity= generated= collation=/.exec(definition)?.[1]
      return [`${object} ${known?.replace('CURRENT_TIMESTAMP', 'now()')}`]
    }
    if (object.startsWith('index '))
      return [`${object} ${definition.split(' valid=')[0]?.replace(' ON ONLY ', ' ON ')}`]
    const isKey = /^(PRIMARY KEY|FOREIGN KEY|UNIQUE) /.test(definition)
    return object.startsWith('constraint ') && isKey ? [`${object} ${definition.split(' comment=')[0]}`] : []
  })
  return lines.sort()
}

test('schema.prisma makes the same tables, columns, types, keys and indexes as the migrations', async () => {
  const empty = await createEmptyDatabase()
  const sql = await writeSchemaSql(empty)
  await query(empty, sql)
  const bySchema = listWhatPrismaExpresses(await readCatalog(await connectForTest(empty)))
  const catalog = await readCatalog(await connectForTest(await cloneDatabase()))
  const byMigrations = listWhatPrismaExpresses(catalog)
  expect(bySchema.length).toBeGreaterThan(150)
  expect(bySchema).toEqual(byMigrations)
  const document = await readFile(join(import.meta.dirname, '../../docs/migrations.md'), 'utf8')
  for (const object of Object.keys(beyondPrisma)) {
    expect(document).toContain(object.split('.')[1])
    expect(
      catalog.map((one) => one.object),
      'no longer there: take it off the list',
    ).toContain(object)
  }
})
