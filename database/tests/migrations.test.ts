import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, inject, onTestFinished, test } from 'vitest'
import {
  deployMigrations,
  migrationsFolder,
  readMigrations,
  revertMigrations,
} from '../../server/src/database/migrate.ts'
import { MigrationError } from '../../server/src/database/migrations/migration.ts'
import { connectForTest, createEmptyDatabase, dumpCatalog, query } from './catalog-queries.ts'

const tableX = { up: 'create table public.x (id int);', down: 'drop table public.x;' }

/** The project's migrations and these, in a folder of their own. */
async function readWith(extra: Record<string, { up: string; down: string }>) {
  const folder = await mkdtemp(join(tmpdir(), 'agentexpress-migrations-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  await cp(migrationsFolder, folder, { recursive: true })
  for (const [name, { up, down }] of Object.entries(extra)) {
    await mkdir(join(folder, name), { recursive: true })
    await writeFile(join(folder, name, 'migration.sql'), up)
    await writeFile(join(folder, name, 'down.sql'), down)
  }
  return readMigrations(folder)
}

async function deployed(): Promise<string> {
  const url = await createEmptyDatabase()
  await deployMigrations(url, await readMigrations())
  return url
}

interface LedgerRow {
  migration_name: string
  checksum: string
  is_finished: boolean
  is_rolled_back: boolean
  logs: string | null
  applied_steps_count: number
}
const ledger = (url: string) =>
  query<LedgerRow & Record<string, unknown>>(
    url,
    `select migration_name, checksum, finished_at is not null as is_finished, rolled_back_at is not null as is_rolled_back,
       logs, applied_steps_count from public._prisma_migrations order by started_at, migration_name`,
  )

describe('deploying', () => {
  test('up, down and up again gives the same database', async () => {
    const url = await createEmptyDatabase()
    const migrations = await readMigrations()
    const names = migrations.map(({ name }) => name)
    const empty = await dumpCatalog(url)
    expect(await deployMigrations(url, migrations)).toEqual(names)
    const first = await dumpCatalog(url)
    expect(first.length).toBeGreaterThan(400)
    expect(await revertMigrations(url, migrations, null)).toEqual(names.toReversed())
    expect(await dumpCatalog(url)).toEqual(empty)
    expect(await deployMigrations(url, migrations)).toEqual(names)
    expect(await dumpCatalog(url)).toEqual(first)
    expect(await deployMigrations(url, migrations)).toEqual([])
  })

  test('each single migration can be taken back and applied again', async () => {
    const url = await createEmptyDatabase()
    const migrations = await readMigrations()
    const snapshots: string[][] = []
    for (let count = 1; count <= migrations.length; count++) {
      expect(await deployMigrations(url, migrations.slice(0, count))).toHaveLength(1)
      snapshots.push(await dumpCatalog(url))
    }
    for (let count = migrations.length - 1; count >= 1; count--) {
      await revertMigrations(url, migrations, migrations[count - 1]!.name)
      expect(await dumpCatalog(url)).toEqual(snapshots[count - 1])
    }
    await deployMigrations(url, migrations)
    expect(await dumpCatalog(url)).toEqual(snapshots.at(-1))
  })

  test('writes the ledger as Prisma does', async () => {
    const url = await deployed()
    const migrations = await readMigrations()
    expect(await ledger(url)).toEqual(
      migrations.map(({ name, checksum }) => ({
        migration_name: name,
        checksum,
        is_finished: true,
        is_rolled_back: false,
        logs: null,
        applied_steps_count: 1,
      })),
    )
  })

  test('says in every down.sql what is lost', async () => {
    for (const { name, down } of await readMigrations()) expect(down, name).toMatch(/^-- Loses: /)
  })

  test('by several nodes at once applies each migration once', async () => {
    const url = await createEmptyDatabase()
    const migrations = await readMigrations()
    const progress: string[] = []
    const all = await Promise.all(
      Array.from({ length: 4 }, () => deployMigrations(url, migrations, (text) => progress.push(text))),
    )
    expect(all.flat().sort()).toEqual(migrations.map(({ name }) => name))
    expect(all.filter((names) => names.length > 0)).toHaveLength(1)
    expect(progress.filter((text) => text.startsWith('waiting')).length).toBeGreaterThan(0)
    expect(await ledger(url)).toHaveLength(migrations.length)
  })
})

describe('a deployment that fails', () => {
  const broken = {
    up: 'create table public.half (id int); insert into public.half values (1); select 1 / 0;',
    down: 'drop table public.half;',
  }
  const withBroken = () => readWith({ '29990101000000_add_x': tableX, '29990101000100_break': broken })

  test('takes back everything it had applied and leaves what was there before', async () => {
    const url = await deployed()
    await query(url, `insert into public.installation (name, value) values ('kept', '1')`)
    const before = await dumpCatalog(url)
    const progress: string[] = []
    const failing = deployMigrations(url, await withBroken(), (text) => progress.push(text))
    await expect(failing).rejects.toThrow(MigrationError)
    await expect(failing).rejects.toThrow(/29990101000100_break failed: division by zero.*taken back/)
    expect(progress).toEqual([
      'applying 29990101000000_add_x',
      'applying 29990101000100_break',
      'taking back 29990101000000_add_x',
    ])
    expect(await dumpCatalog(url)).toEqual(before)
    expect(await query(url, 'select name from public.installation')).toEqual([{ name: 'kept' }])
    const rows = (await ledger(url)).slice(-2)
    expect(rows).toMatchObject([
      { migration_name: '29990101000000_add_x', is_rolled_back: true },
      { migration_name: '29990101000100_break', is_finished: false, is_rolled_back: true, logs: 'division by zero' },
    ])
  })

  test('lets the version before start again, and the repaired one later', async () => {
    const url = await deployed()
    await expect(deployMigrations(url, await withBroken())).rejects.toThrow(MigrationError)
    expect(await deployMigrations(url, await readMigrations())).toEqual([])
    const repaired = await readWith({
      '29990101000000_add_x': tableX,
      '29990101000100_break': { up: 'create table public.half (id int);', down: broken.down },
    })
    expect(await deployMigrations(url, repaired)).toEqual(['29990101000000_add_x', '29990101000100_break'])
    expect(await deployMigrations(url, repaired)).toEqual([])
  })

  test('on a new database leaves it empty', async () => {
    const url = await createEmptyDatabase()
    const empty = await dumpCatalog(url)
    await expect(deployMigrations(url, await withBroken())).rejects.toThrow(MigrationError)
    expect(await dumpCatalog(url)).toEqual(empty)
  })

  test('because it cannot get a lock does not hold everybody up', async () => {
    const url = await deployed()
    const reader = await connectForTest(url)
    await reader.query('begin; lock table public.plans in access share mode')
    const migrations = await readWith({
      '29990101000000_add_x': tableX,
      '29990101000100_alter_plans': {
        up: `set local lock_timeout = '200ms'; alter table public.plans add column y int;`,
        down: 'alter table public.plans drop column y;',
      },
    })
    await expect(deployMigrations(url, migrations)).rejects.toThrow(/lock timeout/)
    await reader.query('rollback')
    expect(await query(url, `select to_regclass('public.x') as x`)).toEqual([{ x: null }])
  })

  test('because its connection is lost takes back what it had applied', async () => {
    const url = await deployed()
    const before = await dumpCatalog(url)
    const migrations = await readWith({
      '29990101000000_add_x': tableX,
      '29990101000100_wait': {
        up: 'create table public.y (id int); select pg_sleep(30);',
        down: 'drop table public.y;',
      },
    })
    const deploying = deployMigrations(url, migrations)
    deploying.catch(() => {})
    const admin = await connectForTest(inject('ownerUrl'))
    let ended = 0
    while (ended === 0) {
      await sleep(50)
      const { rowCount } = await admin.query(
        `select pg_terminate_backend(pid) from pg_stat_activity where datname = $1 and query like '%pg_sleep(30)%'`,
        [new URL(url).pathname.slice(1)],
      )
      ended = rowCount ?? 0
    }
    await expect(deploying).rejects.toThrow(/29990101000100_wait failed.*taken back/)
    expect(await dumpCatalog(url)).toEqual(before)
    expect(await deployMigrations(url, await readMigrations())).toEqual([])
  })
})

describe('is refused', () => {
  test('when a migration was edited after it had been applied', async () => {
    const url = await deployed()
    const migrations = (await readMigrations()).map((one, index) => (index === 1 ? { ...one, checksum: 'other' } : one))
    await expect(deployMigrations(url, migrations)).rejects.toThrow(/create_users was edited after it had been applied/)
  })

  test('when the database is ahead of this version', async () => {
    const url = await createEmptyDatabase()
    await deployMigrations(url, await readWith({ '29990101000000_add_x': tableX }))
    await expect(deployMigrations(url, await readMigrations())).rejects.toThrow(
      /ahead: it has the migration 29990101000000_add_x/,
    )
    await expect(revertMigrations(url, await readMigrations(), null)).rejects.toThrow(/ahead/)
    expect(await query(url, `select to_regclass('public.x')::text as x`)).toEqual([{ x: 'x' }])
  })

  test('when a migration was slipped in between older ones', async () => {
    const url = await deployed()
    const migrations = await readWith({ '20261122090150_slip_in': tableX })
    await expect(deployMigrations(url, migrations)).rejects.toThrow(
      /20261122090150_slip_in is older than the newest applied one/,
    )
  })

  test('when a migration has no way back', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'agentexpress-migrations-'))
    onTestFinished(() => rm(folder, { recursive: true, force: true }))
    await mkdir(join(folder, '29990101000000_one_way'))
    await writeFile(join(folder, '29990101000000_one_way', 'migration.sql'), 'select 1')
    await expect(readMigrations(folder)).rejects.toThrow(/29990101000000_one_way.*down\.sql/)
    await expect(readMigrations(folder)).rejects.toThrow(MigrationError)
  })

  test('going back to a migration that does not exist', async () => {
    const url = await deployed()
    await expect(revertMigrations(url, await readMigrations(), 'nonsense')).rejects.toThrow(
      /There is no migration nonsense/,
    )
  })
})

test('taking back by hand stops at the named migration', async () => {
  const url = await deployed()
  const migrations = await readMigrations()
  const names = migrations.map(({ name }) => name)
  const later = names.slice(names.findIndex((name) => name.endsWith('_create_agent_logs')) + 1)
  const target = names[names.length - later.length - 1] as string
  expect(await revertMigrations(url, migrations, target)).toEqual(later.toReversed())
  expect(
    await query(url, `select to_regclass('public.plans') as plans, to_regclass('public.agents')::text as agents`),
  ).toEqual([{ plans: null, agents: 'agents' }])
  expect(await deployMigrations(url, migrations)).toEqual(later)
})

test('nobody but the owner can reach the ledger', async () => {
  const url = await deployed()
  const client = await connectForTest(url)
  for (const role of ['anon', 'authenticated', 'service_role']) {
    await client.query(`begin; set local role ${role}`)
    await expect(client.query('select * from public._prisma_migrations')).rejects.toMatchObject({ code: '42501' })
    await client.query('rollback')
  }
})
