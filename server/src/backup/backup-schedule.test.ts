import { readdir } from 'node:fs/promises'
import { generateX25519Identity, identityToRecipient } from 'age-encryption'
import { expect, onTestFinished, test } from 'vitest'
import { addKey } from '../crypto/key-set.ts'
import { createLog } from '../log.ts'
import { type BackupRecord, makeBackupName } from './backup-format.ts'
import { describeHealth } from './backup-health.ts'
import { withBackupLock } from './backup-lock.ts'
import { type ListedBackup, listBackups, writeRecord } from './backup-records.ts'
import { startBackupSchedule } from './backup-schedule.ts'
import { createBackupWatch } from './backup-status.ts'
import { backUp, backupConfig, createFilledDatabase, makeFolder, makeStore, runSql } from './backup-testing.ts'
import { FolderStore } from './folder-store.ts'
import { pruneBackups } from './prune-backups.ts'
import { findDue } from './run-due-backups.ts'

const now = new Date('2026-11-22T12:00:00Z')
const hoursAgo = (hours: number) => new Date(now.getTime() - hours * 3_600_000)

function listed(hours: number, verifiedHours?: number): ListedBackup {
  const record: BackupRecord = {
    name: `backup-${hours}`,
    created_at: hoursAgo(hours).toISOString(),
    bytes: 1,
    sha256: '',
    encryption: 'recipients',
    schema_version: 'x',
    agentexpress: '0',
    postgres: '18',
    verified:
      verifiedHours === undefined ? null : { at: hoursAgo(verifiedHours).toISOString(), postgres: '18', seconds: 1 },
  }
  return { name: record.name, createdAt: hoursAgo(hours), bytes: 1, record }
}

test('a backup is due after so many hours, a verification only where the server can open backups', () => {
  const secret = { BACKUP_EVERY_HOURS: '24', BACKUP_PASSPHRASE: 'x' }
  const { backup } = backupConfig(secret)
  expect(findDue([], backup, now)).toEqual({ isBackupDue: true, isVerificationDue: true })
  expect(findDue([listed(23, 100)], backup, now)).toEqual({ isBackupDue: false, isVerificationDue: false })
  expect(findDue([listed(24, 168)], backup, now)).toEqual({ isBackupDue: true, isVerificationDue: true })
  const sealed = backupConfig({ BACKUP_EVERY_HOURS: '24', BACKUP_RECIPIENTS: 'age1x' }).backup
  expect(findDue([listed(24)], sealed, now)).toEqual({ isBackupDue: true, isVerificationDue: false })
  expect(findDue([], backupConfig().backup, now)).toEqual({ isBackupDue: false, isVerificationDue: false })
})

test('it is said when there is no backup, none was verified, the newest verified one is old, or a file has changed', () => {
  expect(describeHealth([], 192, now)).toEqual([expect.stringContaining('There is no backup yet')])
  expect(describeHealth([listed(1)], 192, now)).toEqual([expect.stringContaining('No backup was ever verified')])
  expect(describeHealth([listed(1), listed(191, 190)], 192, now)).toEqual([])
  expect(describeHealth([listed(1), listed(192, 3)], 192, now)).toEqual([expect.stringContaining('is 192 hours old')])
  expect(describeHealth([{ ...listed(1, 1), bytes: 2 }, listed(200, 1)], 192, now)).toEqual([
    expect.stringContaining('cut off or changed'),
    expect.stringContaining('is 200 hours old'),
  ])
})

test('a backup of a clock that was years ahead neither counts as the newest nor takes its place', async () => {
  const { backup } = backupConfig({ BACKUP_EVERY_HOURS: '24', BACKUP_PASSPHRASE: 'x' })
  const strange = listed(-87_600, -87_600)
  expect(findDue([strange], backup, now)).toEqual({ isBackupDue: true, isVerificationDue: true })
  expect(findDue([strange, listed(23, 100)], backup, now)).toEqual({ isBackupDue: false, isVerificationDue: false })
  expect(describeHealth([strange, listed(200, 199)], 192, now)).toEqual([
    expect.stringContaining(`${strange.name} would be of the future`),
    expect.stringContaining('is 200 hours old'),
  ])
  const store = await makeStore()
  for (const hours of [-87_600, -80_000, 3, 2, 1]) await store.writeText(makeBackupName(hoursAgo(hours), true), 'x')
  expect(await pruneBackups(store, 2, now)).toEqual([makeBackupName(hoursAgo(3), true)])
})

test('pruning keeps the newest and, whatever its age, the newest that was verified', async () => {
  const store = await makeStore()
  const { ownerUrl } = await createFilledDatabase(1)
  const records: BackupRecord[] = []
  for (let n = 0; n < 4; n++) records.push((await backUp(ownerUrl, { store })).record)
  const [oldest, second] = records
  if (!oldest || !second) throw new Error('no backups')
  await writeRecord(store, { ...oldest, verified: { at: now.toISOString(), postgres: '18', seconds: 1 } })
  expect(await pruneBackups(store, 2)).toEqual([second.name])
  expect(await listBackups(store)).toHaveLength(3)
  expect(await readdir(store.label)).toHaveLength(6)
})

test('the schedule makes a backup, verifies it, leaves no scratch database, and tells which keys it could not check', {
  timeout: 120_000,
}, async () => {
  const { ownerUrl } = await createFilledDatabase(20)
  const { kid } = addKey(null)
  await runSql(ownerUrl, 'insert into encryption_keys (id) values ($1)', [kid])
  const log = createLog('silent')
  const warned: unknown[] = []
  log.warn = (text: unknown) => void warned.push(text)
  const identity = await generateX25519Identity()
  const config = backupConfig({
    BACKUP_EVERY_HOURS: '24',
    BACKUP_RECIPIENTS: await identityToRecipient(identity),
    BACKUP_IDENTITY: identity,
    BACKUP_DIR: await makeFolder(),
    DATA_DIR: await makeFolder(),
  })
  const schedule = startBackupSchedule({ config, ownerUrl, log })
  onTestFinished(() => schedule.stop())
  await schedule.look()
  const [made, ...others] = await listBackups(new FolderStore(config.backup.dir))
  expect(others).toEqual([])
  expect(made?.record).toMatchObject({
    encryption: 'recipients',
    verified: { seconds: expect.any(Number), keys: [{ fingerprint: kid, state: 'no_key' }] },
  })
  const unchecked = `${made?.name} was verified. Not checked: the encryption key ${kid}`
  expect(warned).toContainEqual(expect.stringContaining(unchecked))
  expect(await createBackupWatch(config.backup).read()).toMatchObject({
    overdue: false,
    problems: [expect.stringContaining(unchecked)],
  })
  await schedule.look()
  expect(await listBackups(new FolderStore(config.backup.dir))).toHaveLength(1)
  // Those of other tests on the same PostgreSQL go with them.
  const scratch = `select datname from pg_database where datname like 'agentexpress\\_backup\\_verify\\_%'`
  await expect.poll(async () => (await runSql(ownerUrl, scratch)).rows, { timeout: 90_000, interval: 250 }).toEqual([])
})

test('a server that stops during a backup ends it and leaves nothing', { timeout: 120_000 }, async () => {
  const { ownerUrl } = await createFilledDatabase(30_000)
  const dir = await makeFolder()
  const recipient = await identityToRecipient(await generateX25519Identity())
  const config = backupConfig({ BACKUP_EVERY_HOURS: '24', BACKUP_RECIPIENTS: recipient, BACKUP_DIR: dir })
  const schedule = startBackupSchedule({ config, ownerUrl, log: createLog('silent') })
  await expect.poll(async () => (await readdir(dir)).length, { timeout: 60_000, interval: 5 }).toBe(1)
  await schedule.stop()
  expect(await readdir(dir)).toEqual([])
  await withBackupLock(ownerUrl, async () => {})
})
