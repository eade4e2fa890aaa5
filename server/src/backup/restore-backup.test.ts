import { execFile, fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chmod, chown, mkdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { promisify } from 'node:util'
import { generateX25519Identity, identityToRecipient } from 'age-encryption'
import { expect, inject, onTestFinished, test } from 'vitest'
import { deployMigrations, type Migration } from '../database/migrate.ts'
import { createId } from '../database/uuid-v7.ts'
import { createLog } from '../log.ts'
import {
  backUp,
  createEmptyDatabase,
  createFilledDatabase,
  dumpRows,
  makeFolder,
  makeStore,
  newestSource,
  runSql,
  testMigrations,
} from './backup-testing.ts'
import { createBackup } from './create-backup.ts'
import type { BackupSource } from './read-backup.ts'
import { restoreBackup } from './restore-backup.ts'
import { refuseUnfinishedRestore } from './unfinished-restore.ts'
import { verifyBackup } from './verify-backup.ts'

// A loaded machine takes its time for a process more.
const slow = { timeout: 120_000 }

test('what was backed up is there again in an empty database: every row of every table, encrypted in between', async () => {
  const { ownerUrl } = await createFilledDatabase()
  const store = await makeStore()
  const identity = await generateX25519Identity()
  const recipients = [await identityToRecipient(identity)]
  const created = await backUp(ownerUrl, { store, encryption: { kind: 'recipients', recipients } })
  expect(created.rows).toBeGreaterThan(200)
  expect(created.keys).toEqual([{ name: 'signing_key', fingerprint: 'test-signing-key' }])

  const target = await createEmptyDatabase()
  const source = await newestSource(store, { identities: [identity] })
  const { skipped } = await restoreBackup({ ownerUrl: target, source, migrations: await testMigrations })
  expect(skipped).toEqual([])
  const [before, after] = [await dumpRows(ownerUrl), await dumpRows(target)]
  expect(after.agent_logs?.length).toBe(201)
  expect(after).toEqual(before)
  const { rows } = await runSql(
    target,
    `select relforcerowsecurity from pg_class where oid = 'public.agent_logs'::regclass`,
  )
  expect(rows[0].relforcerowsecurity).toBe(true)
})

async function makePlainBackup(logs = 20) {
  const { ownerUrl, userId } = await createFilledDatabase(logs)
  const store = await makeStore()
  await backUp(ownerUrl, { store })
  return { ownerUrl, userId, store, source: await newestSource(store), migrations: await testMigrations }
}

test('a database that is not empty is refused and left as it was', async () => {
  const { ownerUrl, source, migrations } = await makePlainBackup()
  const before = await dumpRows(ownerUrl)
  await expect(restoreBackup({ ownerUrl, source, migrations })).rejects.toThrow(/is not empty.*overwrites nothing/)
  expect(await dumpRows(ownerUrl)).toEqual(before)
})

test('a backup of a newer version is refused before the target is touched', async () => {
  const { source, migrations } = await makePlainBackup()
  const target = await createEmptyDatabase()
  const older = migrations.slice(0, -1)
  await expect(restoreBackup({ ownerUrl: target, source, migrations: older })).rejects.toThrow(/of a newer version/)
  const edited = migrations.map((migration, at) => (at === 0 ? { ...migration, checksum: 'other' } : migration))
  await expect(restoreBackup({ ownerUrl: target, source, migrations: edited })).rejects.toThrow('is another one')
  const { rows } = await runSql(target, `select 1 from pg_namespace where nspname = 'app'`)
  expect(rows).toEqual([])
})

test('a backup of an older version is loaded as it was and then migrated forward', async () => {
  const migrations = await testMigrations
  const later: Migration = {
    name: '20991231000000_add_colour_to_users',
    up: `alter table public.users add column colour text not null default 'blue'`,
    down: 'alter table public.users drop column colour',
    checksum: 'later',
  }
  const { source } = await makePlainBackup()
  const target = await createEmptyDatabase()
  await restoreBackup({ ownerUrl: target, source, migrations: [...migrations, later] })
  const { rows } = await runSql(target, 'select distinct colour from users')
  expect(rows).toEqual([{ colour: 'blue' }])
})

test('a restore that fails half-way leaves the database empty, and it can be used for the next', async () => {
  const { ownerUrl, source, migrations } = await makePlainBackup(3000)
  const target = await createEmptyDatabase()
  const killing = restoreBackup({
    ownerUrl: target,
    source,
    migrations,
    onProgress: async (text) => {
      if (text !== 'loading public.agent_logs') return
      await runSql(
        target,
        `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'agentexpress restore' and datname = current_database()`,
      )
    },
  })
  await expect(killing).rejects.toThrow(/could not be loaded|The restore failed/)
  const { rows } = await runSql(target, `select 1 from pg_namespace where nspname in ('app', 'agentexpress_restore')`)
  expect(rows).toEqual([])
  await restoreBackup({ ownerUrl: target, source, migrations })
  expect(await dumpRows(target)).toEqual(await dumpRows(ownerUrl))
})

test('a restore whose way to the present version fails keeps every row, and says at which version', async () => {
  const { ownerUrl, store, source, migrations } = await makePlainBackup()
  const failing: Migration = {
    name: '20991231000000_add_colour_to_users',
    up: `alter table public.users add column colour text; select 1 / (count(*) - count(*)) from public.users`,
    down: 'alter table public.users drop column colour',
    checksum: 'failing',
  }
  const target = await createEmptyDatabase()
  const restored = restoreBackup({ ownerUrl: target, source, migrations: [...migrations, failing] })
  await expect(restored).rejects.toThrow(/division by zero.*Every row was restored, at/)
  await expect(restored).rejects.toThrow(`version ${migrations.at(-1)?.name}, and is kept`)
  expect(await dumpRows(target)).toEqual(await dumpRows(ownerUrl))
  await refuseUnfinishedRestore(target)
  const mended = { ...failing, up: 'alter table public.users add column colour text' }
  expect(await deployMigrations(target, [...migrations, mended])).toEqual([failing.name])

  const verified = verifyBackup({
    ownerUrl,
    source,
    store,
    migrations: [...migrations, failing],
    log: createLog('silent'),
  })
  await expect(verified).rejects.toThrow(/could not be restored for a check: The migration .* division by zero/)
  await expect(verified).rejects.not.toThrow(/is kept|emptied/)
  expect((await newestSource(store)).record?.verified).toBeNull()
})

test('a backup that changes while it is restored leaves the database empty, or says that it could not be emptied', async () => {
  const { ownerUrl, store, source, migrations } = await makePlainBackup(3000)
  const whole = await readFile(join(store.label, source.label))
  const changing = (): BackupSource => {
    let opened = 0
    return {
      ...source,
      open: async () => (opened++ === 0 ? source.open() : Readable.from([whole.subarray(0, whole.length - 50)])),
    }
  }
  const target = await createEmptyDatabase()
  await expect(restoreBackup({ ownerUrl: target, source: changing(), migrations })).rejects.toThrow(
    /damaged or cut off.*The database was emptied again/,
  )
  const left = `select 1 from pg_namespace where nspname in ('app', 'agentexpress_restore')`
  expect((await runSql(target, left)).rows).toEqual([])

  const stuck = migrations.map((migration, at) =>
    at === migrations.length - 1 ? { ...migration, down: 'select 1 / 0' } : migration,
  )
  const failed = restoreBackup({ ownerUrl: target, source: changing(), migrations: stuck })
  await expect(failed).rejects.toThrow(/could not be taken back \(.*division by zero.*Run the restore again/)
  await expect(failed).rejects.not.toThrow(/was emptied again/)
  await expect(refuseUnfinishedRestore(target)).rejects.toThrow('Run it again')
  await restoreBackup({ ownerUrl: target, source, migrations })
  expect(await dumpRows(target)).toEqual(await dumpRows(ownerUrl))
})

test('after a kill -9 half-way the start refuses the database, and the next restore begins anew', slow, async () => {
  const { ownerUrl, store, source, migrations } = await makePlainBackup(10_000)
  const target = await createEmptyDatabase()
  const child = fork(join(import.meta.dirname, '../main.ts'), ['backup', 'restore', join(store.label, source.label)], {
    env: { ...process.env, DATABASE_URL: target, DIRECT_URL: target },
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  })
  for await (const text of child.stdout ?? []) if (String(text).includes('loading public.agent_logs')) break
  child.kill('SIGKILL')
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  await expect(refuseUnfinishedRestore(target)).rejects.toThrow(/did not come to its end. Run it again/)
  const { rows } = await runSql(target, 'select count(*)::int as logs from agent_logs')
  expect(rows[0].logs).toBe(0)
  // PostgreSQL ends the session when it notices that nobody is there.
  const sessions = `select 1 from pg_stat_activity where application_name = 'agentexpress restore' and datname = current_database()`
  await expect.poll(async () => (await runSql(target, sessions)).rows.length, { timeout: 60_000 }).toBe(0)
  await restoreBackup({ ownerUrl: target, source, migrations })
  await refuseUnfinishedRestore(target)
  expect(await dumpRows(target)).toEqual(await dumpRows(ownerUrl))
})

test('an owner that is no superuser backs up every row and restores it, though row-level security holds for it', async () => {
  const { ownerUrl } = await makePlainBackup()
  const migrations = await testMigrations
  const as = await createPlainOwner(ownerUrl)
  const store = await makeStore()
  await backUp(ownerUrl, { store })
  const first = await createEmptyDatabase({ owner: new URL(as(ownerUrl)).username })
  await restoreBackup({ ownerUrl: as(first), source: await newestSource(store), migrations })
  // This database belongs to the role, with forced row-level security on every table.
  const { rows } = await runSql(as(first), 'select count(*)::int as visible from agent_logs')
  expect(rows[0].visible).toBe(0)
  const second = await makeStore()
  const created = await backUp(as(first), { store: second })
  const target = await createEmptyDatabase({ owner: new URL(as(ownerUrl)).username })
  await restoreBackup({ ownerUrl: as(target), source: await newestSource(second), migrations })
  expect(created.rows).toBeGreaterThan(20)
  expect(await dumpRows(target)).toEqual(await dumpRows(ownerUrl))
})

const withNumbers: Migration = {
  name: '20991231000000_create_tickets',
  up: `create table public.tickets (
         id bigint generated always as identity primary key, number serial, note text not null,
         length integer generated always as (length(note)) stored);
       create sequence public.invoice_numbers start 1000;
       create sequence public.untouched start 7;`,
  down: 'drop table public.tickets; drop sequence public.invoice_numbers, public.untouched;',
  checksum: 'numbers',
}

test.each(['superuser', 'owner under row-level security'])(
  'numbers go on where they were: identities, serials and sequences, as %s',
  async (kind) => {
    const { ownerUrl } = await createFilledDatabase(5)
    const migrations = [...(await testMigrations), withNumbers]
    const as = kind === 'superuser' ? (url: string) => url : await createPlainOwner(ownerUrl)
    const from = await createEmptyDatabase({ owner: new URL(as(ownerUrl)).username })
    await deployMigrations(as(from), migrations)
    if (kind !== 'superuser') await runSql(as(from), 'grant select on public.tickets to service_role')
    await runSql(as(from), `insert into public.tickets (note) select 'note ' || n from generate_series(1, 25) n`)
    await runSql(as(from), `delete from public.tickets where id > 20`)
    await runSql(as(from), `select nextval('invoice_numbers') from generate_series(1, 3)`)
    const store = await makeStore()
    await createBackup({ ownerUrl: as(from), store, encryption: { kind: 'none' }, migrations, agentexpress: '0' })
    const target = await createEmptyDatabase({ owner: new URL(as(ownerUrl)).username })
    await restoreBackup({ ownerUrl: as(target), source: await newestSource(store), migrations })
    const { rows } = await runSql(
      as(target),
      `with added as (insert into public.tickets (note) values ('next one') returning id, number, length)
       select id::int, number, length, nextval('invoice_numbers')::int as invoice, nextval('untouched')::int as untouched,
         (select count(*)::int from public.tickets) as kept from added`,
    )
    expect(rows).toEqual([{ id: 26, number: 26, length: 8, invoice: 1003, untouched: 7, kept: 20 }])
  },
)

test('a backup of every version there was is restored and migrated to the present one', {
  timeout: 240_000,
}, async () => {
  const migrations = await testMigrations
  const first = migrations.findIndex(({ name }) => name.endsWith('_create_integrations'))
  const counts = Array.from({ length: migrations.length - first - 1 }, (_, index) => first + 1 + index)
  // They grow by one with every migration: CI takes the oldest, every fourth, and the newest three.
  const looked = process.env.CI ? counts.filter((_, at) => at % 4 === 0 || at >= counts.length - 3) : counts
  expect(looked.length).toBeGreaterThan(5)
  for (const count of looked) {
    const version = migrations.slice(0, count)
    const older = await createEmptyDatabase()
    await deployMigrations(older, version)
    const user = createId()
    await runSql(older, `insert into users (id, email) values ('${user}', 'old@example.test')`)
    await runSql(
      older,
      `insert into agent_logs (id, user_id, conversation_id, "timestamp", input, status, source)
       select gen_random_uuid(), '${user}', gen_random_uuid(), now() - make_interval(days => n), 'old ' || n, 'succeeded', 'api'
       from generate_series(1, 50) n`,
    )
    const store = await makeStore()
    await backUp(older, { store })
    const target = await createEmptyDatabase()
    const { header } = await restoreBackup({ ownerUrl: target, source: await newestSource(store), migrations })
    expect(header.schema_version).toBe(version.at(-1)?.name)
    expect(await deployMigrations(target, migrations), header.schema_version).toEqual([])
    const { rows } = await runSql(
      target,
      `select count(*)::int as logs, count(distinct input)::int as inputs from agent_logs`,
    )
    expect(rows, header.schema_version).toEqual([{ logs: 50, inputs: 50 }])
  }
})

test(
  'a restore onto a full disk says so, leaves the database empty, and succeeds when there is room',
  slow,
  async ({ skip }) => {
    const { ownerUrl, source, migrations } = await makePlainBackup(30_000)
    const folder = await makeFolder()
    const run = promisify(execFile)
    await run('mount', ['-t', 'tmpfs', '-o', 'size=24m,mode=0755', 'tmpfs', folder]).catch(() =>
      skip('NOT TESTED: a restore onto a full disk (a small one can be mounted as root only).'),
    )
    onTestFinished(async () => void (await run('umount', ['-l', folder])))
    const { uid, gid } = await stat((await runSql(ownerUrl, 'show data_directory')).rows[0].data_directory)
    await mkdir(join(folder, 'space'))
    await chown(join(folder, 'space'), uid, gid)
    // mkdtemp made it for us alone, and PostgreSQL is another user where we are root.
    await chmod(folder, 0o755)
    const name = `small_${randomBytes(4).toString('hex')}`
    const target = await createEmptyDatabase()
    await runSql(ownerUrl, `create tablespace ${name} location '${join(folder, 'space')}'`)
    onTestFinished(async () => void (await runSql(inject('ownerUrl'), `drop tablespace ${name}`)))
    const database = new URL(target).pathname.slice(1)
    await runSql(ownerUrl, `alter database ${database} set tablespace ${name}`)
    await expect(restoreBackup({ ownerUrl: target, source, migrations })).rejects.toThrow(/No space left on device/)
    const { rows } = await runSql(target, `select 1 from pg_namespace where nspname in ('app', 'agentexpress_restore')`)
    expect(rows).toEqual([])
    await runSql(ownerUrl, `alter database ${database} set tablespace pg_default`)
    await restoreBackup({ ownerUrl: target, source, migrations })
    expect(await dumpRows(target)).toEqual(await dumpRows(ownerUrl))
  },
)

/** A login that may own databases and is under row-level security; answers the way to be it. */
async function createPlainOwner(ownerUrl: string): Promise<(url: string) => string> {
  const role = `owner_${randomBytes(4).toString('hex')}`
  await runSql(ownerUrl, `create role ${role} login noinherit createdb password 'x'`)
  await runSql(ownerUrl, `grant anon, authenticated, service_role to ${role}`)
  onTestFinished(async () => void (await runSql(inject('ownerUrl'), `drop role if exists ${role}`).catch(() => {})))
  return (url) => {
    const parsed = new URL(url)
    parsed.username = role
    parsed.password = 'x'
    return parsed.href
  }
}

test('a table of the operator beside ours is told of and does not stand in the way', async () => {
  const { ownerUrl } = await createFilledDatabase(5)
  await runSql(ownerUrl, `create table public.my_notes as select 'mine' as note`)
  const store = await makeStore()
  await backUp(ownerUrl, { store })
  const target = await createEmptyDatabase()
  const migrations = await testMigrations
  const { skipped } = await restoreBackup({ ownerUrl: target, source: await newestSource(store), migrations })
  expect(skipped).toEqual(['public.my_notes'])
})

test('after a restore the schema is what the migrations make: indexes, keys, triggers and policies of every table and partition', async () => {
  const { ownerUrl, source, migrations } = await makePlainBackup()
  const target = await createEmptyDatabase()
  await restoreBackup({ ownerUrl: target, source, migrations })
  const [before, after] = [await describeSchema(ownerUrl), await describeSchema(target)]
  expect(before.length).toBeGreaterThan(150)
  expect(after).toEqual(before)
})

async function describeSchema(url: string): Promise<string[]> {
  const { rows } = await runSql(
    url,
    `select indexdef || coalesce(obj_description(format('%I.%I', schemaname, indexname)::regclass), '') as line from pg_indexes
       where schemaname in ('public', 'app', 'agent_log_partitions')
     union all select format('%s %s %s %s', conrelid::regclass, conname, convalidated, pg_get_constraintdef(oid)) from pg_constraint
       where connamespace::regnamespace::text in ('public', 'app', 'agent_log_partitions')
     union all select format('%s %s %s', tgrelid::regclass, tgenabled, pg_get_triggerdef(oid)) from pg_trigger where not tgisinternal
     union all select p::text from pg_policies p
     union all select format('%s %s %s %s', oid::regclass, relrowsecurity, relforcerowsecurity, relacl) from pg_class
       where relnamespace::regnamespace::text in ('public', 'app', 'agent_log_partitions') and relkind in ('r', 'p')
         and relname <> '_prisma_migrations'
     order by 1`,
  )
  return rows.map(({ line }) => line)
}
