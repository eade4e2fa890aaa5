import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { generateX25519Identity, identityToRecipient } from 'age-encryption'
import { expect, test } from 'vitest'
import {
  backUp,
  createEmptyDatabase,
  createFilledDatabase,
  makeStore,
  newestSource,
  passphrase,
  runSql,
  testMigrations,
} from './backup-testing.ts'
import type { Encryption } from './encryption.ts'
import { type BackupSource, checkBackup } from './read-backup.ts'
import { restoreBackup } from './restore-backup.ts'

async function makeBackup(encryption: Encryption, identity?: string) {
  const { ownerUrl } = await createFilledDatabase(50)
  const store = await makeStore()
  await backUp(ownerUrl, { store, encryption })
  const source = await newestSource(store, { identities: identity ? [identity] : [] })
  return { store, source, path: join(store.label, source.label) }
}

async function makeEncryptedBackup() {
  const identity = await generateX25519Identity()
  const recipients = [await identityToRecipient(identity)]
  return { identity, ...(await makeBackup({ kind: 'recipients', recipients }, identity)) }
}

const containing = (source: BackupSource, content: Buffer, withRecord = false): BackupSource => ({
  ...source,
  open: async () => Readable.from([content]),
  record: withRecord ? source.record : null,
})

test('a flipped bit is found wherever it is, and the target is not touched', async () => {
  const { source, path } = await makeEncryptedBackup()
  const good = await readFile(path)
  await expect(checkBackup(containing(source, good, true))).resolves.toMatchObject({ header: { format: 1 } })
  for (let at = 3; at < good.length; at += Math.ceil(good.length / 40)) {
    const bad = Buffer.from(good)
    bad[at] = (bad[at] ?? 0) ^ 0x10
    // The text of age's header may be malformed in a way that names no cause; the sentence is the operator's.
    await expect(checkBackup(containing(source, bad)), `byte ${at}`).rejects.toThrow(
      /damaged|cut off|another key|no backup of AgentExpress/,
    )
  }
  const target = await createEmptyDatabase()
  const bad = Buffer.from(good)
  bad[good.length - 100] = (bad[good.length - 100] ?? 0) ^ 1
  await expect(
    restoreBackup({ ownerUrl: target, source: containing(source, bad), migrations: await testMigrations }),
  ).rejects.toThrow('The backup is damaged or cut off')
  const { rows } = await runSql(
    target,
    `select nspname from pg_namespace where nspname in ('app', 'agentexpress_restore')`,
  )
  expect(rows).toEqual([])
})

test('a backup that was cut off is refused, at any length', async () => {
  const { source, path } = await makeEncryptedBackup()
  const good = await readFile(path)
  const lengths = [0, 1, 20, 150, 300, 65_000, good.length - 16, good.length - 1].filter(
    (length) => length < good.length,
  )
  for (const length of lengths) {
    await expect(checkBackup(containing(source, good.subarray(0, length))), `${length} bytes`).rejects.toThrow(
      /cut off|damaged|no backup/,
    )
  }
})

test('a backup without encryption is no less guarded against damage', async () => {
  const { source, path } = await makeBackup({ kind: 'none' })
  const good = await readFile(path)
  for (let at = 0; at < good.length; at += Math.ceil(good.length / 25)) {
    const bad = Buffer.from(good)
    bad[at] = (bad[at] ?? 0) ^ 0x10
    await expect(checkBackup(containing(source, bad, true)), `byte ${at}`).rejects.toThrow(/damaged|no backup|not what/)
    await expect(checkBackup(containing(source, good.subarray(0, at)))).rejects.toThrow(/damaged|no backup/)
  }
})

test('another whole backup under this name is told from the one that was written', async () => {
  const first = await makeBackup({ kind: 'none' })
  const second = await makeBackup({ kind: 'none' })
  await writeFile(first.path, await readFile(second.path))
  await expect(checkBackup(first.source)).rejects.toThrow('it is not the file that was written')
})

test('a wrong key, a wrong passphrase and no key at all each get their sentence', async () => {
  const { source } = await makeEncryptedBackup()
  const other = await generateX25519Identity()
  await expect(checkBackup({ ...source, keys: { identities: [other] } })).rejects.toThrow('another key')
  await expect(checkBackup({ ...source, keys: { identities: [] } })).rejects.toThrow('Set BACKUP_IDENTITY')
  await expect(checkBackup({ ...source, keys: { identities: ['AGE-SECRET-KEY-1SHORT'] } })).rejects.toThrow(
    'is not whole',
  )
  await expect(checkBackup({ ...source, keys: { identities: [], passphrase } })).rejects.toThrow('another key')
})

test('a passphrase opens what it closed, and another one does not', { timeout: 120_000 }, async () => {
  const { source } = await makeBackup({ kind: 'passphrase', passphrase })
  await expect(checkBackup({ ...source, keys: { identities: [], passphrase } })).resolves.toBeTruthy()
  await expect(checkBackup({ ...source, keys: { identities: [], passphrase: 'a guess' } })).rejects.toThrow(
    'another passphrase',
  )
})

test('a file that is no backup is called that', async () => {
  const { source } = await makeBackup({ kind: 'none' })
  await expect(checkBackup(containing(source, Buffer.from('PGDMP not ours')))).rejects.toThrow(
    'no backup of AgentExpress',
  )
})
