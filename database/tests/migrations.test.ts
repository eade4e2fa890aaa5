import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, inject, onTestFinished, test } from 'vitest'
import { openDatabase } from '../../server/src/database/database.ts'
import {
  deployMigrations,
  findMigrationStatus,
  inspectMigrations,
  readMigrations,
  revertMigrations,
} from '../../server/src/database/migrate.ts'
import { MigrationError, readDownHeader } from '../../server/src/database/migrations/migration.ts'
import { createId } from '../../server/src/database/uuid-v7.ts'
import { createLog } from '../../server/src/log.ts'
import { connectForTest, createEmptyDatabase, dumpCatalog, query } from './catalog-queries.ts'
import { adminUrl, cloneDatabase, readLedger, readWith, tableX } from './migration-fixtures.ts'

/** A way to the database on which the first COMMIT gets there and its answer does not come back. Answers its URL. */
async function loseFirstCommit(url: string): Promise<string> {
  const target = new URL(url)
  let isLost = false
  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname)
    for (const socket of [client, upstream]) socket.on('error', () => {})
    client.on('data', (chunk) => {
      upstream.write(chunk)
      if (isLost || !chunk.includes('commit\0')) return
      isLost = true
      upstream.removeAllListeners('data').once('data', () => client.destroy())
    })
    upstream.on('data', (chunk) => client.write(chunk))
    client.on('close', () => upstream.destroy())
    upstream.on('close', () => client.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.close()
  })
  return Object.assign(new URL(url), { host: `127.0.0.1:${(server.address() as { port: number }).port}` }).href
}

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

  test('each single migration can be taken back and applied again; upgraded step by step is the same as fresh', async () => {
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
    const fresh = await createEmptyDatabase()
    await deployMigrations(fresh, migrations)
    expect(await dumpCatalog(fresh)).toEqual(snapshots.at(-1))
  })

  test('writes the ledger as Prisma does', async () => {
    const url = await cloneDatabase()
    const migrations = await readMigrations()
    expect(await readLedger(url)).toEqual(
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

  test('says in every down.sql what is lost and what is kept', async () => {
    for (const migration of await readMigrations()) {
      const { loses, keeps } = readDownHeader(migration)
      expect(loses?.length, migration.name).toBeGreaterThan(5)
      expect(keeps?.length, migration.name).toBeGreaterThan(5)
    }
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
    expect(await readLedger(url)).toHaveLength(migrations.length)
  })
})

describe('a deployment that fails', () => {
  const broken = {
    up: 'create table public.half (id int); insert into public.half values (1); select 1 / 0;',
    down: 'drop table public.half;',
  }
  const withBroken = () => readWith({ '29990101000000_add_x': tableX, '29990101000100_break': broken })

  test('takes back everything it had applied and leaves what was there before', async () => {
    const url = await cloneDatabase()
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
    const rows = (await readLedger(url)).slice(-2)
    expect(rows).toMatchObject([
      {
        migration_name: '29990101000000_add_x',
        is_rolled_back: true,
        logs: 'Taken back because 29990101000100_break failed: division by zero',
      },
      { migration_name: '29990101000100_break', is_finished: false, is_rolled_back: true, logs: 'division by zero' },
    ])
  })

  test('lets the version before start again, and the repaired one later', async () => {
    const url = await cloneDatabase()
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

  const alterPlans = {
    '29990101000000_add_x': tableX,
    '29990101000100_alter_plans': {
      up: 'alter table public.plans add column y int;',
      down: 'alter table public.plans drop column y;',
    },
  }

  test('because a long transaction holds a table says who, and holds nobody up for long', async () => {
    const url = await cloneDatabase()
    const before = await dumpCatalog(url)
    const reader = await connectForTest(`${url}?application_name=the+monthly+report`)
    await reader.query('begin; lock table public.plans in access share mode')
    const progress: string[] = []
    const deploying = deployMigrations(url, await readWith(alterPlans), (text) => progress.push(text), {
      lockTimeoutMs: 1500,
      attempts: 2,
    })
    deploying.catch(() => {})
    while (!progress.some((text) => text.startsWith('waiting for session'))) await sleep(20)
    // Whoever wants the table while the migration waits for it gets it as soon as that gives up.
    expect(await query(url, 'select count(*)::int as count from public.plans')).toHaveLength(1)
    await expect(deploying).rejects.toThrow(
      /lock timeout, 2 times: .*the monthly report, idle in transaction.*taken back/,
    )
    expect(progress.join('\n')).toMatch(/attempt 2 of 2 follows: .*the monthly report/)
    await reader.query('rollback')
    expect(await dumpCatalog(url)).toEqual(before)
    expect((await readLedger(url)).at(-1)).toMatchObject({ is_finished: false, is_rolled_back: true })
  })

  test('to get a lock at first succeeds when the long transaction ends in time', async () => {
    const url = await cloneDatabase()
    const reader = await connectForTest(url)
    await reader.query('begin; lock table public.plans in access share mode')
    const progress: string[] = []
    const deploying = deployMigrations(url, await readWith(alterPlans), (text) => progress.push(text), {
      lockTimeoutMs: 200,
      attempts: 10,
    })
    while (!progress.some((text) => text.startsWith('attempt 2'))) await sleep(20)
    await reader.query('rollback')
    expect(await deploying).toEqual(Object.keys(alterPlans))
  })

  test('in a deadlock with a writer lets go, tries again and succeeds', async () => {
    const url = await cloneDatabase()
    const writer = await connectForTest(url)
    // It is patient, so that PostgreSQL ends the deadlock at the cost of the migration.
    await writer.query(`set deadlock_timeout = '1min'; begin; lock table public.plans in row exclusive mode`)
    const both = {
      '29990101000000_alter_both': {
        up: 'alter table public.agents add column y int; alter table public.plans add column y int;',
        down: 'alter table public.plans drop column y; alter table public.agents drop column y;',
      },
    }
    const progress: string[] = []
    const patience = { lockTimeoutMs: 3000, attempts: 3 }
    const deploying = deployMigrations(url, await readWith(both), (text) => progress.push(text), patience)
    deploying.catch(() => {})
    const waits = `select from pg_locks where relation = 'public.plans'::regclass and not granted`
    while ((await writer.query(waits)).rowCount === 0) await sleep(20)
    await writer.query('select count(*) from public.agents; commit')
    expect(await deploying).toEqual(Object.keys(both))
    expect(progress.join('\n')).toContain('attempt 2 of 3 follows')
  })

  test('in a deadlock at the cost of requests lets them begin anew, and none fails', async () => {
    const url = await cloneDatabase()
    const serverUrl = Object.assign(new URL(inject('serverUrl')), { pathname: new URL(url).pathname }).href
    const log = createLog('silent')
    const database = openDatabase({ url: serverUrl, poolSize: 2, usePreparedStatements: true, log })
    onTestFinished(() => database.close())
    // It wants the second table when both requests have waited for the first: their patience ends before its own.
    const both = {
      '29990101000000_alter_both': {
        up: `alter table public.agents add column y int;
          do $$ begin
            for attempt in 1..200 loop
              exit when (select count(*) from pg_locks where relation = 'public.agents'::regclass and not granted) = 2;
              perform pg_sleep(0.01);
            end loop;
            perform pg_sleep(0.3);
          end $$;
          alter table public.plans add column y int;`,
        down: 'alter table public.plans drop column y; alter table public.agents drop column y;',
      },
    }
    const progress: string[] = []
    const deploying = deployMigrations(url, await readWith(both), (text) => progress.push(text))
    deploying.catch(() => {})
    const watcher = await connectForTest(url)
    const holds = `select from pg_locks where relation = 'public.agents'::regclass and mode = 'AccessExclusiveLock' and granted`
    while ((await watcher.query(holds)).rowCount === 0) await sleep(10)
    const claims = { sub: createId(), user_role: 'user' as const }
    let tries = 0
    const inSteps = database.withUser(claims, async (tx) => {
      tries++
      await tx.selectFrom('plans').select('id').execute()
      return tx.selectFrom('agents').select('id').execute()
    })
    const atOnce = database.queryAsUser(claims, {
      name: 'both',
      text: 'select 1 as one from plans, agents',
      values: [],
    })
    expect(await Promise.all([inSteps, atOnce])).toEqual([[], []])
    expect(tries).toBe(2)
    expect(await deploying).toEqual(Object.keys(both))
    expect(progress.join('\n')).not.toContain('attempt 2')
  })

  test('and whose way back fails too says where the database stands, and the next one goes on from there', async () => {
    const url = await cloneDatabase()
    const migrations = await readWith({
      '29990101000000_add_x': tableX,
      '29990101000100_no_way_back': { up: 'create table public.y (id int);', down: 'drop table public.yy;' },
      '29990101000200_break': broken,
    })
    await expect(deployMigrations(url, migrations)).rejects.toThrow(
      /break failed: division by zero\. Going back failed as well.*no_way_back could not be taken back: table "yy" does not exist/,
    )
    const { missing } = await inspectMigrations(url, migrations)
    expect(missing.map(({ name }) => name)).toEqual(['29990101000200_break'])
    const repaired = migrations.map((one) => (one.up === broken.up ? { ...one, up: 'select 1' } : one))
    expect(await deployMigrations(url, repaired)).toEqual(['29990101000200_break'])
  })

  test('because its connection is lost takes back what it had applied', async () => {
    const url = await cloneDatabase()
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
    const admin = await connectForTest(adminUrl())
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

  test('because its connection is lost takes nothing back when another node went on from there', async () => {
    const url = await cloneDatabase()
    const migrations = await readWith({
      '29990101000000_add_x': tableX,
      '29990101000100_wait': {
        up: `create table public.y (id int);
          select pg_sleep(case when exists (select from public.installation where name = 'slow') then 30 else 0 end);`,
        down: 'drop table public.y;',
      },
    })
    await query(url, `insert into public.installation (name, value) values ('slow', '1')`)
    const first = deployMigrations(url, migrations)
    first.catch(() => {})
    const admin = await connectForTest(adminUrl())
    const sleeping = `from pg_stat_activity where datname = $1 and wait_event = 'PgSleep'`
    const values = [new URL(url).pathname.slice(1)]
    while ((await admin.query(`select ${sleeping}`, values)).rowCount === 0) await sleep(20)
    await query(url, `delete from public.installation where name = 'slow'`)
    const said: string[] = []
    const second = deployMigrations(url, migrations, (text) => said.push(text))
    while (said.length === 0) await sleep(20)
    await admin.query(`select pg_terminate_backend(pid) ${sleeping}`, values)
    expect(await second).toEqual(['29990101000100_wait'])
    await query(url, 'insert into public.x values (42)')
    await expect(first).rejects.toThrow(/another node went on from there \(29990101000100_wait\): nothing was taken/)
    expect(await query(url, 'select id from public.x')).toEqual([{ id: 42 }])
    expect((await inspectMigrations(url, migrations)).missing).toEqual([])
  })

  test('because the answer to its COMMIT is lost takes nothing back, and the next one goes on from there', async () => {
    const url = await cloneDatabase()
    const migrations = await readWith({
      '29990101000000_add_x': tableX,
      '29990101000100_add_y': { up: 'create table public.y (id int);', down: 'drop table public.y;' },
    })
    await expect(deployMigrations(await loseFirstCommit(url), migrations)).rejects.toThrow(
      /29990101000000_add_x failed: .*It is applied all the same/,
    )
    expect((await readLedger(url)).at(-1)).toMatchObject({ migration_name: '29990101000000_add_x', is_finished: true })
    expect(await deployMigrations(url, migrations)).toEqual(['29990101000100_add_y'])
  })
})

describe('is refused', () => {
  test('when a migration was edited after it had been applied', async () => {
    const url = await cloneDatabase()
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
    const url = await cloneDatabase()
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
    const url = await cloneDatabase()
    await expect(revertMigrations(url, await readMigrations(), 'nonsense')).rejects.toThrow(
      /There is no migration nonsense/,
    )
  })
})

test('taking back by hand stops at the named migration', async () => {
  const url = await cloneDatabase()
  const migrations = await readWith({
    '29990101000000_add_x': tableX,
    '29990101000100_add_y': { up: 'create table public.y ();', down: 'drop table public.y;' },
  })
  await deployMigrations(url, migrations)
  const progress: string[] = []
  const reverted = await revertMigrations(url, migrations, migrations.at(-3)!.name, (text) => progress.push(text))
  expect(reverted).toEqual(['29990101000100_add_y', '29990101000000_add_x'])
  expect(progress).toEqual(['taking back 29990101000100_add_y', 'taking back 29990101000000_add_x'])
  expect((await findMigrationStatus(url, migrations)).filter(({ isApplied }) => !isApplied)).toHaveLength(2)
  expect(await deployMigrations(url, migrations)).toHaveLength(2)
  expect((await findMigrationStatus(url, migrations)).every(({ isApplied }) => isApplied)).toBe(true)
})

test('looking at a database without any migration changes nothing', async () => {
  const url = await createEmptyDatabase()
  const migrations = await readMigrations()
  expect((await inspectMigrations(url, migrations)).missing).toEqual(migrations)
  expect(await query(url, `select to_regclass('public._prisma_migrations') as ledger`)).toEqual([{ ledger: null }])
})

test('looking does not wait for a deployment that runs, and says who deploys since when', async () => {
  const url = await cloneDatabase()
  const migrations = await readWith({ '29990101000000_add_x': tableX })
  const other = await connectForTest(`${url}?application_name=agentexpress+migrate,+process+7+of+blue`)
  await other.query('select pg_advisory_lock(72707369)')
  const { lockHolder, missing } = await inspectMigrations(url, migrations)
  expect(lockHolder).toMatch(/^agentexpress migrate, process 7 of blue, since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC$/)
  expect(missing).toHaveLength(1)
  const progress: string[] = []
  const deploying = deployMigrations(url, migrations, (text) => progress.push(text))
  await expect.poll(() => progress).toEqual([`waiting for another node that is migrating the database (${lockHolder})`])
  await other.query('select pg_advisory_unlock(72707369)')
  expect(await deploying).toEqual(['29990101000000_add_x'])
  expect(await inspectMigrations(url, migrations)).toMatchObject({ lockHolder: null, missing: [] })
})

test('nobody but the owner can reach the ledger', async () => {
  const url = await cloneDatabase()
  const client = await connectForTest(url)
  for (const role of ['anon', 'authenticated', 'service_role']) {
    await client.query(`begin; set local role ${role}`)
    await expect(client.query('select * from public._prisma_migrations')).rejects.toMatchObject({ code: '42501' })
    await client.query('rollback')
  }
})
