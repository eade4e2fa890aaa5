import { hash } from 'node:crypto'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { addKey, formatKeySet, type KeySet } from '../crypto/key-set.ts'
import { createLog } from '../log.ts'
import { decodeArchive, encodeArchive, type Member } from './archive.ts'
import { headerMember, manifestMember } from './backup-format.ts'
import { listBackups } from './backup-records.ts'
import {
  addAccount,
  backUp,
  backupConfig,
  createEmptyDatabase,
  createFilledDatabase,
  makeFolder,
  makeStore,
  newestSource,
  runSql,
  testMigrations,
} from './backup-testing.ts'
import { openCanaries, warnOfMissingCanaries } from './canary.ts'
import { checkSecrets } from './check-secrets.ts'
import { type BackupSource, checkBackup } from './read-backup.ts'
import { restoreCommand } from './restore-command.ts'
import { verifyBackup } from './verify-backup.ts'

/** A database without any connected account, which knows the first key of `keySet` and another. */
async function makeBackup() {
  const first = addKey(null)
  const { keySet, kid: next } = addKey(first.keySet)
  const { ownerUrl } = await createFilledDatabase(1)
  await runSql(ownerUrl, 'insert into encryption_keys (id) values ($1), ($2)', [first.kid, next])
  const store = await makeStore()
  const created = await backUp(ownerUrl, { store, keySet })
  return { ownerUrl, store, keySet, kids: [first.kid, next], created, source: await newestSource(store) }
}

const atHand = (keySet: KeySet | null) => ({ keySet, place: 'ENCRYPTION_KEYS', takeAway: 'unset ENCRYPTION_KEYS' })

test('a verification opens a canary of every key though nobody has connected an account', async () => {
  const { ownerUrl, store, keySet, kids, created, source } = await makeBackup()
  expect(warnOfMissingCanaries(created)).toEqual([])
  const { keys } = await verifyBackup({
    ownerUrl,
    source,
    store,
    migrations: await testMigrations,
    log: createLog('silent'),
    checkSecrets: (header, scratchUrl) => checkSecrets(atHand(keySet), header, scratchUrl),
  })
  expect(keys?.map(({ fingerprint }) => fingerprint).sort()).toEqual(kids.sort())
  expect(keys?.every(({ state }) => state === 'opened')).toBe(true)
  expect((await listBackups(store))[0]?.record?.verified?.keys).toEqual(keys)
})

test('keys of another installation fail the verification, no keys leave it unchecked, one of two is said', async () => {
  const { ownerUrl, keySet, kids, source } = await makeBackup()
  const { header } = await checkBackup(source)
  for (const kid of kids) await addAccount(ownerUrl, { keySet, kid })
  const check = (keys: KeySet | null) => checkSecrets(atHand(keys), header, ownerUrl)
  await expect(check(addKey(null).keySet)).rejects.toThrow(/are others than the database's.*belongs to/)
  const none = await check(null)
  expect(none.map(({ state }) => state)).toEqual(['no_key', 'no_key'])
  const one = await check({ ...keySet, keys: keySet.keys.slice(0, 1) })
  expect(one.find(({ fingerprint }) => fingerprint === kids[0])?.state).toBe('opened')
  expect(one.find(({ fingerprint }) => fingerprint === kids[1])?.state).toBe('no_key')
})

test('a canary of another backup, or of another key, does not open', async () => {
  const { keySet, source } = await makeBackup()
  const { header } = await checkBackup(source)
  const [first, second] = header.canaries
  if (!first || !second) throw new Error('there are no canaries')
  await expect(openCanaries(keySet, { ...header, name: 'another backup' })).rejects.toThrow('does not open what')
  const swapped = [{ ...first, sealed: second.sealed }, second]
  await expect(openCanaries(keySet, { ...header, canaries: swapped })).rejects.toThrow('does not open what')
  const [changed] = [{ ...first, sealed: { ...first.sealed, iv: second.sealed.iv ?? '' } }]
  await expect(openCanaries(keySet, { ...header, canaries: [changed, second] })).rejects.toThrow('does not open what')
})

test('a machine without the keys makes a backup nevertheless and says that it has no canary', async () => {
  const { ownerUrl, kids } = await makeBackup()
  const created = await backUp(ownerUrl, { store: await makeStore() })
  expect(created.canaries).toEqual([])
  for (const kid of kids) expect(warnOfMissingCanaries(created)).toEqual([expect.stringContaining(kid)])
})

test('a key that does not open its canary refuses a restore before the database is touched', async () => {
  const { keySet, source } = await makeBackup()
  const changed = await withHeader(source, (header) => {
    const canaries = header.canaries as { sealed: { iv: string } }[]
    const [first, second] = canaries
    if (first && second) first.sealed.iv = second.sealed.iv
  })
  const store = await makeStore()
  await store.write(source.label, await changed.open())
  const target = await createEmptyDatabase()
  const environment = {
    DATABASE_URL: target,
    DIRECT_URL: target,
    BACKUP_DIR: store.label,
    DATA_DIR: await makeFolder(),
  }
  const restore = (keys: Record<string, string>) =>
    restoreCommand(backupConfig({ ...environment, ...keys }), { name: source.label, identity: undefined }, () => {})
  await expect(restore({ ENCRYPTION_KEYS: formatKeySet(keySet) })).rejects.toThrow(
    /does not open what the backup sealed.*Nothing was restored.*unset ENCRYPTION_KEYS/,
  )
  const left = `select 1 from pg_namespace where nspname in ('app', 'agentexpress_restore')`
  expect((await runSql(target, left)).rows).toEqual([])
  expect(await restore({})).toEqual({ faults: [] })
  expect((await runSql(target, 'select 1 from agent_logs')).rows.length).toBeGreaterThan(0)
})

/** As it was written before there were canaries. */
function withoutCanaries(source: BackupSource): Promise<BackupSource> {
  return withHeader(source, (header) => {
    expect(header.canaries).toHaveLength(2)
    delete header.canaries
  })
}

/** The same backup with another description and checksums that fit it. */
async function withHeader(
  source: BackupSource,
  edit: (header: Record<string, unknown>) => void,
): Promise<BackupSource> {
  const members: Member[] = []
  for await (const member of decodeArchive(await source.open(), source.keys)) members.push(member)
  const change = (name: string, edit: (value: Record<string, unknown>) => void) => {
    const member = members.find((one) => one.name === name)
    if (!member) throw new Error(`there is no ${name}`)
    const value = JSON.parse(member.content.toString())
    edit(value)
    member.content = Buffer.from(JSON.stringify(value))
    return member.content
  }
  const header = change(headerMember, edit)
  change(manifestMember, (manifest) => {
    manifest.sha256 = { ...(manifest.sha256 as Record<string, string>), [headerMember]: hash('sha256', header) }
  })
  const content = await buffer(await encodeArchive(Readable.from(members), { kind: 'none' }))
  return { ...source, record: null, open: async () => Readable.from([content]) }
}

test('a backup of before there were canaries is verified, and what was not checked is said', async () => {
  const { ownerUrl, keySet, source } = await makeBackup()
  const { keys } = await verifyBackup({
    ownerUrl,
    source: await withoutCanaries(source),
    store: null,
    migrations: await testMigrations,
    log: createLog('silent'),
    checkSecrets: (header, scratchUrl) => checkSecrets(atHand(keySet), header, scratchUrl),
  })
  expect(keys?.map(({ state }) => state)).toEqual(['nothing_sealed', 'nothing_sealed'])
})
