import { execFile, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readdir, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import pg from 'pg'
import { expect, onTestFinished, test } from 'vitest'
import { withBackupLock } from './backup-lock.ts'
import { listBackups } from './backup-records.ts'
import {
  backUp,
  backupConfig,
  createEmptyDatabase,
  createFilledDatabase,
  insertLogs,
  makeFolder,
  makeStore,
  newestSource,
  runSql,
  testMigrations,
} from './backup-testing.ts'
import { createBackup } from './create-backup.ts'
import { findEncryption } from './encryption.ts'
import { FolderStore } from './folder-store.ts'
import { checkBackup } from './read-backup.ts'
import { restoreBackup } from './restore-backup.ts'

test('a backup taken while others write is of one moment: no row refers to one that is missing', async () => {
  const { ownerUrl, userId } = await createFilledDatabase(2000)
  let isWriting = true
  let written = 0
  // Always an agent and a log of it in one transaction: a backup of several moments would have logs without agent.
  const writer = (async () => {
    const client = new pg.Client({ connectionString: ownerUrl })
    await client.connect()
    while (isWriting) {
      await client.query('begin')
      await client.query(
        `with agent as (insert into agents (id, name, description, type, capabilities) values (gen_random_uuid(), 'new', '', 'social', '{}') returning id)
         insert into agent_logs (id, agent_id, user_id, conversation_id, "timestamp", input, status, source)
         select gen_random_uuid(), id, $1, gen_random_uuid(), now(), 'with its agent', 'succeeded', 'api' from agent`,
        [userId],
      )
      await client.query('commit')
      written++
    }
    await client.end()
  })()
  const store = await makeStore()
  const waitForWrites = async (count: number) => {
    while (written < count) await sleep(10)
  }
  await waitForWrites(5)
  await backUp(ownerUrl, { store })
    .then(() => waitForWrites(written + 1))
    .finally(() => {
      isWriting = false
    })
  await writer
  const target = await createEmptyDatabase()
  await restoreBackup({ ownerUrl: target, source: await newestSource(store), migrations: await testMigrations })
  const count = async (url: string) =>
    (
      await runSql(
        url,
        `select (select count(*)::int from agents where name = 'new') as agents,
                (select count(*)::int from agent_logs where input = 'with its agent') as logs`,
      )
    ).rows[0]
  const restored = await count(target)
  expect(restored.logs).toBe(restored.agents)
  expect(restored.agents).toBeGreaterThan(0)
  expect((await count(ownerUrl)).agents).toBeGreaterThan(restored.agents)
})

test('a backup that has to wait for a migration has the rows of a table which that one rewrote', async () => {
  const { ownerUrl } = await createFilledDatabase(1)
  const store = await makeStore()
  const migration = new pg.Client({ connectionString: ownerUrl })
  await migration.connect()
  await migration.query('begin')
  await migration.query('alter table agents add column marker text not null default gen_random_uuid()::text')
  const waits = Promise.withResolvers<void>()
  const making = createBackup({
    ownerUrl,
    store,
    encryption: { kind: 'none' },
    migrations: await testMigrations,
    agentexpress: '0.1.0',
    onProgress: (text) => text.includes('waiting for somebody') && waits.resolve(),
  })
  await Promise.race([waits.promise, making])
  // What it might hold would stand in the way of the migration.
  await migration.query(`set lock_timeout = '5s'`)
  await migration.query('lock table plans, user_agents, users in access exclusive mode')
  await migration.query('commit')
  await migration.end()
  await making
  const { header, manifest } = await checkBackup(await newestSource(store))
  expect(manifest.tables.find(({ name }) => name === 'agents')?.rows).toBe(1)
  expect(header.tables.find(({ name }) => name === 'agents')?.columns).toContain('marker')
})

test('without a word on encryption no backup is made, unless --plain was said', () => {
  const { backup } = backupConfig()
  expect(() => findEncryption(backup, false)).toThrow('set BACKUP_RECIPIENTS')
  expect(findEncryption(backup, true)).toEqual({ kind: 'none' })
  expect(findEncryption(backupConfig({ BACKUP_PASSPHRASE: 'x' }).backup, false)).toMatchObject({ kind: 'passphrase' })
})

test('a full disk ends in a sentence and leaves nothing; the backups before it stay', async ({ skip }) => {
  const folder = await makeFolder()
  await promisify(execFile)('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', folder]).catch(() =>
    skip('NOT TESTED: a backup onto a full disk (a small one can be mounted as root only).'),
  )
  onTestFinished(async () => void (await promisify(execFile)('umount', ['-l', folder])))
  const { ownerUrl, userId } = await createFilledDatabase(10)
  const store = new FolderStore(folder)
  const { record } = await backUp(ownerUrl, { store })
  const { rows } = await runSql(ownerUrl, 'select id from agents limit 1')
  await insertLogs(ownerUrl, { userId, agentId: rows[0].id, logs: 20_000 })
  await expect(backUp(ownerUrl, { store })).rejects.toThrow(/the disk is full.*Nothing was kept of it/)
  expect((await listBackups(store)).map(({ name }) => name)).toEqual([record.name])
  expect((await readdir(folder)).filter((name) => name.endsWith('.part'))).toEqual([])
})

test('a folder that cannot be written gets a sentence', async () => {
  const { ownerUrl } = await createFilledDatabase(1)
  const path = join(await makeFolder(), 'a-file')
  await writeFile(path, '')
  await expect(backUp(ownerUrl, { store: new FolderStore(join(path, 'below')) })).rejects.toThrow(
    /backups cannot be read|no folder/,
  )
})

test('a lost connection to the database ends the backup and leaves nothing', { timeout: 120_000 }, async () => {
  const { ownerUrl, userId } = await createFilledDatabase(10)
  const { rows } = await runSql(ownerUrl, 'select id from agents limit 1')
  await insertLogs(ownerUrl, { userId, agentId: rows[0].id, logs: 40_000 })
  const store = await makeStore()
  const ended = backUp(ownerUrl, { store }).then(
    () => 'made',
    (error: Error) => error.message,
  )
  let killed = 0
  while (killed === 0) {
    const { rowCount } = await runSql(
      ownerUrl,
      `select pg_terminate_backend(pid) from pg_stat_activity
       where application_name = 'agentexpress backup' and datname = current_database() and query like 'copy%'`,
    )
    killed = rowCount ?? 0
  }
  expect(await ended).toMatch(/rows of \w+ could not be read/)
  expect(await readdir(store.label)).toEqual([])
})

test('a backup that is stopped leaves nothing', async () => {
  const { ownerUrl } = await createFilledDatabase(10)
  const store = await makeStore()
  await expect(
    createBackup({
      ownerUrl,
      store,
      encryption: { kind: 'none' },
      migrations: await testMigrations,
      agentexpress: '0.1.0',
      signal: AbortSignal.abort(),
    }),
  ).rejects.toThrow('The backup was stopped')
  expect(await readdir(store.label)).toEqual([])
})

test('what a kill -9 leaves is never taken for a backup, does not hinder the next one, and goes after a day', {
  timeout: 120_000,
}, async () => {
  const { ownerUrl, userId } = await createFilledDatabase(10)
  const { rows } = await runSql(ownerUrl, 'select id from agents limit 1')
  await insertLogs(ownerUrl, { userId, agentId: rows[0].id, logs: 40_000 })
  const store = await makeStore()
  const child = fork(join(import.meta.dirname, '../main.ts'), ['backup', 'create', '--plain'], {
    env: { ...process.env, DATABASE_URL: ownerUrl, DIRECT_URL: ownerUrl, BACKUP_DIR: store.label },
    stdio: 'ignore',
  })
  let leftover: string | undefined
  while (!leftover) {
    await sleep(5)
    leftover = (await readdir(store.label)).find((name) => name.endsWith('.part'))
  }
  child.kill('SIGKILL')
  await once(child, 'exit')
  expect(await readdir(store.label)).toEqual([leftover])
  expect(await listBackups(store)).toEqual([])
  await expect.poll(() => withBackupLock(ownerUrl, async () => 'free').catch(() => 'held')).toBe('free')
  const { record } = await backUp(ownerUrl, { store })
  expect(await store.removeLeftovers()).toBe(0)
  const yesterday = new Date(Date.now() - 25 * 3_600_000)
  await utimes(join(store.label, leftover), yesterday, yesterday)
  expect(await store.removeLeftovers()).toBe(1)
  expect((await listBackups(store)).map(({ name }) => name)).toEqual([record.name])
})

test('two backups of one database are not made at the same time', async () => {
  const { ownerUrl } = await createFilledDatabase(1)
  await withBackupLock(ownerUrl, async () => {
    await expect(withBackupLock(ownerUrl, async () => {})).rejects.toThrow(
      'Another backup of this database is being made',
    )
  })
  await withBackupLock(ownerUrl, async () => {})
})

test('a backup that cannot be described is not kept', async () => {
  const { ownerUrl } = await createFilledDatabase(1)
  const store = await makeStore()
  const now = new Date()
  const name = `agentexpress-${now.toISOString().replace(/[-:.]/g, '')}.tar.zst`
  await mkdir(join(store.label, `${name}.json`))
  const made = createBackup({
    ownerUrl,
    store,
    encryption: { kind: 'none' },
    migrations: await testMigrations,
    agentexpress: '0.1.0',
    now,
  })
  await expect(made).rejects.toThrow()
  expect(await listBackups(store)).toEqual([])
})
