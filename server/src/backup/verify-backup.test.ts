import { fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { expect, inject, onTestFinished, test } from 'vitest'
import { createLog } from '../log.ts'
import { describeHealth } from './backup-health.ts'
import { listBackups, writeRecord } from './backup-records.ts'
import { backUp, createFilledDatabase, makeStore, newestSource, runSql, testMigrations } from './backup-testing.ts'
import { formatList } from './format-list.ts'
import { createScratchDatabase } from './scratch-database.ts'
import { verifyBackup } from './verify-backup.ts'

const main = join(import.meta.dirname, '../main.ts')

/** A login that owns its database and is no superuser, what a hosted PostgreSQL gives; many may not create another. */
async function createPlainLogin(ownerUrl: string, right: 'createdb' | 'nocreatedb' = 'nocreatedb'): Promise<string> {
  const role = `plain_${randomBytes(4).toString('hex')}`
  // It inherits: before PostgreSQL 16 an owner that does not may create no tables in schema public.
  await runSql(ownerUrl, `create role ${role} login ${right} password 'x'`)
  await runSql(ownerUrl, `grant anon, authenticated, service_role to ${role}`)
  onTestFinished(async () => void (await runSql(inject('ownerUrl'), `drop role if exists ${role}`).catch(() => {})))
  const url = new URL(ownerUrl)
  await runSql(ownerUrl, `alter database ${url.pathname.slice(1)} owner to ${role}`)
  url.username = role
  url.password = 'x'
  return url.href
}

const scratchFolders = async () => (await readdir(tmpdir())).filter((name) => name.startsWith('agentexpress-verify-'))
const scratchPrefix = 'agentexpress_backup_verify_'
/** Of this owner alone: other tests verify on the same PostgreSQL. */
const scratchDatabases = async (ownerUrl: string): Promise<string[]> =>
  (
    await runSql(
      ownerUrl,
      `select datname as name from pg_database where starts_with(datname, $1) and pg_get_userbyid(datdba) = current_user`,
      [scratchPrefix],
    )
  ).rows.map(({ name }) => name)

test('where the owner may not create databases, a backup is verified in a PostgreSQL of its own, which is gone afterwards', {
  timeout: 180_000,
}, async () => {
  const { ownerUrl } = await createFilledDatabase(50)
  const store = await makeStore()
  await backUp(ownerUrl, { store })
  const before = await scratchFolders()
  const said: string[] = []
  const { loaded } = await verifyBackup({
    ownerUrl: await createPlainLogin(ownerUrl),
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

test('a backup that was verified and is damaged since does not count as verified any more, and every list says so', {
  timeout: 120_000,
}, async () => {
  const { ownerUrl } = await createFilledDatabase(5)
  const store = await makeStore()
  const { record } = await backUp(ownerUrl, { store })
  const options = { ownerUrl, store, migrations: await testMigrations, log: createLog('silent') }
  await writeRecord(store, { ...record, verified: { at: new Date().toISOString(), postgres: '18', seconds: 1 } })
  expect(describeHealth(await listBackups(store), 192)).toEqual([])
  const path = join(store.label, record.name)
  const whole = await readFile(path)
  const changed = Buffer.from(whole)
  changed[whole.length >> 1] = (whole[whole.length >> 1] ?? 0) ^ 1
  await writeFile(path, changed)
  await expect(verifyBackup({ ...options, source: await newestSource(store) })).rejects.toThrow('damaged')
  const backups = await listBackups(store)
  expect(backups[0]?.record?.verified).toBeNull()
  expect(formatList(backups)).toContain('DAMAGED')
  expect(describeHealth(backups, 192)).toEqual([
    expect.stringMatching(/is not good: The backup is damaged/),
    expect.stringContaining('There is no whole backup'),
  ])
  await writeFile(path, whole)
  await verifyBackup({ ...options, source: await newestSource(store) })
  expect(describeHealth(await listBackups(store), 192)).toEqual([])
})

test.each(['loading public.agent_logs', 'comparing counts and checksums'])(
  'a verification that is stopped while it is %s leaves no scratch database',
  async (step) => {
    const { ownerUrl } = await createFilledDatabase(100)
    const store = await makeStore()
    await backUp(ownerUrl, { store })
    const owner = await createPlainLogin(ownerUrl, 'createdb')
    const stopping = new AbortController()
    const verifying = verifyBackup({
      ownerUrl: owner,
      source: { ...(await newestSource(store)), signal: stopping.signal },
      store,
      migrations: await testMigrations,
      log: createLog('silent'),
      onProgress: (text) => {
        if (text === step) stopping.abort()
      },
    })
    await expect(verifying).rejects.toThrow('It was stopped')
    expect(await scratchDatabases(owner)).toEqual([])
    expect((await listBackups(store))[0]?.record).toMatchObject({ verified: null })
  },
)

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
  const poor = await createPlainLogin(ownerUrl)
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

test('the scratch database of a killed verification is dropped an hour later, also for an owner who is no superuser', {
  timeout: 240_000,
}, async () => {
  const { ownerUrl } = await createFilledDatabase(10_000)
  const store = await makeStore()
  await backUp(ownerUrl, { store })
  const owner = await createPlainLogin(ownerUrl, 'createdb')
  const look = async () => {
    const scratch = await createScratchDatabase(owner, createLog('silent'), () => {})
    await scratch.drop()
    return scratchDatabases(owner)
  }
  await killWhileLoading(owner, store.label)
  const [killed = '', ...others] = await scratchDatabases(owner)
  expect(others).toEqual([])
  const sessions = `select 1 from pg_stat_activity where datname = '${killed}'`
  await expect.poll(async () => (await runSql(owner, sessions)).rows.length, { timeout: 60_000 }).toBe(0)
  expect(await look()).toEqual([killed])

  const anHourAgo = Math.floor(Date.now() / 1000) - 3700
  const old = `${scratchPrefix}${anHourAgo}_killed`
  await runSql(owner, `alter database ${killed} rename to ${old}`)
  const atWork = `${scratchPrefix}${anHourAgo}_at_work`
  await runSql(owner, `create database ${atWork}`)
  onTestFinished(async () => void (await runSql(ownerUrl, `drop database if exists ${atWork} with (force)`)))
  const worker = new pg.Client({ connectionString: Object.assign(new URL(owner), { pathname: `/${atWork}` }).href })
  await worker.connect()
  expect(await look().finally(() => worker.end())).toEqual([atWork])
})

test('a scratch database is in use for as long as the verification runs, whether or not it has reached the rows', async () => {
  const { ownerUrl } = await createFilledDatabase(1)
  const scratch = await createScratchDatabase(ownerUrl, createLog('silent'), () => {})
  const name = new URL(scratch.ownerUrl).pathname.slice(1)
  const { rows } = await runSql(ownerUrl, 'select 1 from pg_stat_activity where datname = $1', [name])
  expect(rows).toHaveLength(1)
  await scratch.drop()
  expect(await scratchDatabases(ownerUrl)).not.toContain(name)
})
