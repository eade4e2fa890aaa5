import { execFile } from 'node:child_process'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { addKey, formatKeySet } from '../crypto/key-set.ts'
import { deployMigrations } from '../database/migrate.ts'
import {
  addAccount,
  backUp,
  createEmptyDatabase,
  createFilledDatabase,
  dumpRows,
  makeFolder,
  makeStore,
  runSql,
  testMigrations,
} from './backup-testing.ts'
import { recordRestore } from './record-restore.ts'

const main = join(import.meta.dirname, '../main.ts')

/** Runs `backup <args>` as its own process, as an operator does. */
function commandLine(environment: Record<string, string>) {
  return async (...args: string[]): Promise<{ code: number; text: string }> => {
    const env = { PATH: process.env.PATH, HOME: process.env.HOME, LOG_LEVEL: 'error', ...environment }
    const done = promisify(execFile)(process.execPath, [main, 'backup', ...args], { env, cwd: environment.DATA_DIR })
    return done.then(
      ({ stdout, stderr }) => ({ code: 0, text: stdout + stderr }),
      (error: { code: number; stdout: string; stderr: string }) => ({
        code: error.code,
        text: error.stdout + error.stderr,
      }),
    )
  }
}

test('from a new key to a verified backup, a lost machine and back', { timeout: 240_000 }, async () => {
  const { ownerUrl } = await createFilledDatabase(30)
  const [dataDir, backupDir, elsewhere] = [await makeFolder(), await makeFolder(), await makeFolder()]
  const { keySet, kid } = addKey(null)
  await addAccount(ownerUrl, { keySet, kid })
  await recordRestore(ownerUrl, { name: 'an earlier one', created_at: '2026-11-01T00:00:00Z' })
  const database = { DATABASE_URL: ownerUrl, DIRECT_URL: ownerUrl, ENCRYPTION_KEYS: formatKeySet(keySet) }
  const identity = join(elsewhere, 'identity.txt')
  const bare = commandLine({ DATA_DIR: dataDir, BACKUP_DIR: backupDir, ...database })

  expect(await bare('create')).toMatchObject({ code: 1, text: expect.stringContaining('set BACKUP_RECIPIENTS') })
  const made = await bare('new-key', identity)
  expect((await stat(identity)).mode & 0o777).toBe(0o600)
  expect(await bare('new-key', identity)).toMatchObject({ code: 1, text: expect.stringContaining('exists already') })
  const recipient = /BACKUP_RECIPIENTS=(\S+)/.exec(made.text)?.[1] ?? ''

  const backup = commandLine({ DATA_DIR: dataDir, BACKUP_DIR: backupDir, BACKUP_RECIPIENTS: recipient, ...database })
  const created = await backup('create')
  expect(created.text).toMatch(new RegExp(`Not backed up: .*encryption key ${kid}`))
  const [name = ''] = await readdir(backupDir)
  expect((await readFile(join(backupDir, name))).includes('question')).toBe(false)

  expect(await backup('save-keys', join(backupDir, 'keys.age'))).toMatchObject({
    text: expect.stringContaining('apart from'),
  })
  expect(await backup('save-keys', join(elsewhere, 'keys.age'))).toMatchObject({ code: 0 })
  expect((await backup('verify')).text).toContain('Set BACKUP_IDENTITY')
  const verified = await backup('verify', '--identity', identity)
  expect(verified.text).toContain('every count and checksum is equal')
  expect(verified.text).toContain(`The keys of this machine open what was encrypted with ${kid}`)
  expect((await backup('list')).text).toMatch(/encrypted .* verified 20/)

  const target = await createEmptyDatabase()
  const rescue = commandLine({
    DATA_DIR: await makeFolder(),
    BACKUP_DIR: backupDir,
    DATABASE_URL: target,
    DIRECT_URL: target,
  })
  expect(await rescue('restore-keys', join(elsewhere, 'keys.age'), '--identity', identity)).toMatchObject({ code: 0 })
  expect(await rescue('restore-keys', join(elsewhere, 'keys.age'), '--identity', identity)).toMatchObject({
    code: 1,
    text: expect.stringContaining('never overwritten'),
  })
  const withDamagedKeys = commandLine({ BACKUP_DIR: backupDir, DATABASE_URL: target, ENCRYPTION_KEYS: 'damaged' })
  expect(await withDamagedKeys('restore', name, '--identity', identity)).toMatchObject({
    code: 1,
    text: expect.stringMatching(/does not hold encryption keys.*Nothing was restored yet.*unset ENCRYPTION_KEYS/),
  })
  const restored = await rescue('restore', name, '--identity', identity)
  expect(restored.code).toBe(0)
  expect(restored.text).toContain(`The encryption key ${kid} is here and opens what the backup sealed with it`)
  expect(restored.text).toContain(
    'This database belongs to the signing key test-signing-key, which is not here: put it back',
  )
  const [{ audit_log: entries, ...rows }, { audit_log: former = [], ...expected }] = [
    await dumpRows(target),
    await dumpRows(ownerUrl),
  ]
  expect(rows).toEqual(expected)
  expect(former).toHaveLength(1)
  expect(entries).toEqual([...former, expect.stringContaining(name)])
  const { rows: chain } = await runSql(
    target,
    `select hash = app.hash_audit_entry(a) and previous_hash = lag(hash, 1, '') over (order by id) as fits from audit_log a`,
  )
  expect(chain).toEqual([{ fits: true }, { fits: true }])
  expect((await rescue('restore', name, '--identity', identity)).text).toContain('is not empty')
})

test('verify tells when the rows are whole and the keys of this machine do not open their secrets', {
  timeout: 120_000,
}, async () => {
  const { ownerUrl } = await createFilledDatabase(2)
  const { keySet, kid } = addKey(null)
  await addAccount(ownerUrl, { keySet, kid })
  const common = {
    DATABASE_URL: ownerUrl,
    DIRECT_URL: ownerUrl,
    DATA_DIR: await makeFolder(),
    BACKUP_DIR: await makeFolder(),
  }
  await commandLine(common)('create', '--plain')
  const verified = await commandLine({ ...common, ENCRYPTION_KEYS: formatKeySet(addKey(null).keySet) })('verify')
  expect(verified).toMatchObject({ code: 1, text: expect.stringContaining(kid) })
  expect((await commandLine(common)('list')).text).toContain('never verified')
})

test('a wrong command shows the commands there are', { timeout: 60_000 }, async () => {
  const backup = commandLine({ DATA_DIR: await makeFolder() })
  expect(await backup('destroy')).toMatchObject({ code: 1, text: expect.stringContaining('Usage: npm run backup') })
  expect(await backup('create', '--unknown')).toMatchObject({
    code: 1,
    text: expect.stringContaining('Usage: npm run backup'),
  })
  // Taken for `prune`, it would remove what somebody wanted to keep.
  expect(await backup('prune', '30')).toMatchObject({ code: 1, text: expect.stringContaining('Usage: npm run backup') })
  expect(await backup('restore', 'x', '--keep', '3')).toMatchObject({
    code: 1,
    text: expect.stringContaining('--keep'),
  })
})

test('a restore that came back whole and not to the present version ends with 2, and says that the rows are there', {
  timeout: 120_000,
}, async () => {
  const migrations = await testMigrations
  const older = await createEmptyDatabase()
  await deployMigrations(older, migrations.slice(0, -1))
  await runSql(older, `insert into users (id, email) values (gen_random_uuid(), 'old@example.test')`)
  const store = await makeStore()
  const { record } = await backUp(older, { store })
  const target = await createEmptyDatabase()
  // Whatever the newest migration does, it may not once the restore has taken its mark away.
  await runSql(
    target,
    `create schema operator;
     create function operator.refuse() returns event_trigger language plpgsql as $$
       begin
         if to_regclass('agentexpress_restore.unfinished') is null and tg_tag not in ('CREATE SCHEMA', 'CREATE TABLE') then
           raise exception 'no more changes';
         end if;
       end $$;
     create event trigger refuse on ddl_command_start execute function operator.refuse()`,
  )
  const restore = commandLine({ DATA_DIR: await makeFolder(), DATABASE_URL: target, DIRECT_URL: target })
  const { code, text } = await restore('restore', join(store.label, record.name))
  expect(code, text).toBe(2)
  expect(text).toMatch(/Restored: \d+ rows/)
  expect(text).toMatch(/Every row was restored and stays.*no more changes.*npm run migrate -- deploy/s)
  const { rows } = await runSql(
    target,
    `select (select count(*)::int from users) as users, (select max(action) from audit_log) as action`,
  )
  expect(rows).toEqual([{ users: 1, action: 'backup.restore' }])
})
