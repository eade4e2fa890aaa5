import { fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readdir, readFile, utimes } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, inject, onTestFinished, test } from 'vitest'
import { createLog } from '../log.ts'
import { listBackups } from './backup-records.ts'
import { backUp, createFilledDatabase, makeStore, newestSource, runSql, testMigrations } from './backup-testing.ts'
import { verifyBackup } from './verify-backup.ts'

const main = join(import.meta.dirname, '../main.ts')

/** A login that owns its database and may not create another: what many a hosted PostgreSQL gives. */
async function createPoorLogin(ownerUrl: string): Promise<string> {
  const role = `poor_${randomBytes(4).toString('hex')}`
  await runSql(ownerUrl, `create role ${role} login nocreatedb password 'x'`)
  onTestFinished(async () => void (await runSql(inject('ownerUrl'), `drop role if exists ${role}`).catch(() => {})))
  const url = new URL(ownerUrl)
  await runSql(ownerUrl, `alter database ${url.pathname.slice(1)} owner to ${role}`)
  url.username = role
  url.password = 'x'
  return url.href
}

const scratchFolders = async () => (await readdir(tmpdir())).filter((name) => name.startsWith('agentexpress-verify-'))
const scratchDatabases = async (ownerUrl: string) =>
  (
    await runSql(ownerUrl, `select datname, oid from pg_database where datname like 'agentexpress\\_verify\\_%'`)
  ).rows.map(({ datname, oid }) => ({ name: String(datname), oid: String(oid) }))

test('where the owner may not create databases, a backup is verified in a PostgreSQL of its own, which is gone afterwards', {
  timeout: 180_000,
}, async () => {
  const { ownerUrl } = await createFilledDatabase(50)
  const store = await makeStore()
  await backUp(ownerUrl, { store })
  const before = await scratchFolders()
  const said: string[] = []
  const { loaded } = await verifyBackup({
    ownerUrl: await createPoorLogin(ownerUrl),
    source: await newestSource(store),
    store,
    migrations: await testMigrations,
    log: createLog('silent'),
    onProgress: (text) => said.push(text),
  })
  expect(said.join()).toContain('an embedded PostgreSQL is started for the check')
  expect(loaded.manifest.tables.find(({ name }) => name === 'agent_logs')?.rows).toBe(51)
  expect((await listBackups(store))[0]?.record?.verified).not.toBeNull()
  expect(await scratchFolders()).toEqual(before)
})

/** Runs `backup verify` until it loads, then kills it. */
async function killWhileLoading(url: string, folder: string): Promise<void> {
  const child = fork(main, ['backup', 'verify'], {
    env: { ...process.env, DATABASE_URL: url, DIRECT_URL: url, BACKUP_DIR: folder },
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  })
  for await (const text of child.stdout ?? []) if (String(text).includes('loading public.agent_logs')) break
  child.kill('SIGKILL')
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
}

test('the PostgreSQL of a verification that was killed is stopped and removed by the next one', {
  timeout: 240_000,
}, async () => {
  const { ownerUrl } = await createFilledDatabase(10_000)
  const store = await makeStore()
  await backUp(ownerUrl, { store })
  const before = await scratchFolders()
  const poor = await createPoorLogin(ownerUrl)
  await killWhileLoading(poor, store.label)
  const [leftover, ...others] = (await scratchFolders()).filter((name) => !before.includes(name))
  expect(others).toEqual([])
  const pid = Number((await readFile(join(tmpdir(), leftover ?? '', 'postgres/postmaster.pid'), 'utf8')).split('\n')[0])
  expect(() => process.kill(pid, 0)).not.toThrow()
  expect((await listBackups(store))[0]?.record?.verified).toBeNull()
  await verifyBackup({
    ownerUrl: poor,
    source: await newestSource(store),
    store,
    migrations: await testMigrations,
    log: createLog('silent'),
  })
  expect(await scratchFolders()).not.toContain(leftover)
  expect(() => process.kill(pid, 0)).toThrow()
})

test('the scratch database of a verification that was killed is dropped by the next one an hour later', {
  timeout: 240_000,
}, async ({ skip }) => {
  const { ownerUrl } = await createFilledDatabase(10_000)
  const store = await makeStore()
  await backUp(ownerUrl, { store })
  const before = (await scratchDatabases(ownerUrl)).map(({ name }) => name)
  await killWhileLoading(ownerUrl, store.label)
  const [leftover] = (await scratchDatabases(ownerUrl)).filter(({ name }) => !before.includes(name))
  if (!leftover) throw new Error('nothing was left')
  const sessions = `select 1 from pg_stat_activity where datname = '${leftover.name}'`
  await expect.poll(async () => (await runSql(ownerUrl, sessions)).rows.length, { timeout: 60_000 }).toBe(0)
  const verify = async () =>
    verifyBackup({
      ownerUrl,
      source: await newestSource(store),
      store,
      migrations: await testMigrations,
      log: createLog('silent'),
    })
  await verify()
  expect(await scratchDatabases(ownerUrl)).toContainEqual(leftover)
  const { rows } = await runSql(ownerUrl, 'show data_directory')
  const longAgo = new Date(Date.now() - 2 * 3_600_000)
  await utimes(join(rows[0].data_directory, 'base', leftover.oid, 'PG_VERSION'), longAgo, longAgo).catch(() =>
    skip('NOT TESTED: the files of PostgreSQL can be made to look old by their owner and root only'),
  )
  await verify()
  expect(await scratchDatabases(ownerUrl)).not.toContainEqual(leftover)
})
