import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Database } from '../database/database.ts'
import { integrationSecrets } from '../integrations/integration-secrets.ts'
import {
  createTestIntegrations,
  forgetKeys,
  readAccount,
  saveAccount,
  testCredentials,
} from '../integrations/integration-testing.ts'
import { createLog } from '../log.ts'
import { createTestDatabase, type TestDatabase, type TestUser } from '../testing/test-app.ts'
import {
  acceptLoss,
  addEncryptionKey,
  dropKey,
  type KeyWork,
  restoreAccounts,
  rotateKeys,
  verifyKeys,
} from './change-keys.ts'
import { addKey, formatKeySet, type KeySet } from './key-set.ts'
import { createFixedKeyring, type Keyring } from './keyring.ts'
import { listKeys } from './list-keys.ts'
import { encryptionKeysFile, loadKeyring } from './load-keyring.ts'

let testDatabase: TestDatabase
let dataDir: string
let owner: TestUser
let keyring: Keyring
let ids: string[]
let first: string
const count = 450

beforeAll(async () => {
  testDatabase = await createTestDatabase()
})
afterAll(() => testDatabase.close())
beforeEach(async () => {
  await forgetKeys(testDatabase.database)
  dataDir = await mkdtemp(join(tmpdir(), 'agentexpress-keys-'))
  owner = await testDatabase.createUser()
  // The keys of a server that runs throughout.
  keyring = await load()
  first = (await keyring.current()).kid
  ids = (await createTestIntegrations(testDatabase.database, owner.id, { keyring, count })).ids
})
afterEach(async () => {
  await rm(dataDir, { recursive: true, force: true })
})

const load = () =>
  loadKeyring(
    {
      config: { encryptionKeys: undefined, dataDir },
      database: testDatabase.database,
      stores: [integrationSecrets],
      log: createLog('silent'),
    },
    () => {},
  )
const work = (change: Partial<KeyWork> = {}): KeyWork => ({
  config: { encryptionKeys: undefined, dataDir },
  database: testDatabase.database,
  stores: [integrationSecrets],
  say: () => {},
  onProgress: () => {},
  ...change,
})
const path = () => join(dataDir, encryptionKeysFile)
const keySet = async (): Promise<KeySet> => JSON.parse(await readFile(path(), 'utf8'))
const read = (integrationId: string) =>
  readAccount({ database: testDatabase.database, keyring }, { integrationId, ownerId: owner.id })
const save = (id: string, value: string) =>
  saveAccount({ database: testDatabase.database, keyring }, { integrationId: id, ownerId: owner.id }, value)
async function counts(): Promise<Record<string, [needed: number, givenUp: number]>> {
  const rows = await testDatabase.database.asSystem('a test counts', (tx) => integrationSecrets.countByKey(tx))
  return Object.fromEntries(rows.map(({ key_id, needed, given_up }) => [key_id, [needed, given_up]]))
}
async function expectAllReadable(except: string[] = []): Promise<void> {
  for (const id of ids.filter((id) => !except.includes(id)))
    expect(await read(id)).toEqual({ kind: 'connected', value: testCredentials(id) })
}
const spoil = (id: string, credentials: unknown) =>
  testDatabase.database.asSystem('a test spoils a row', (tx) =>
    tx
      .updateTable('integrations')
      .set({ credentials: JSON.stringify(credentials) })
      .where('id', '=', id)
      .execute(),
  )

const row = (id: string) =>
  testDatabase.database.asSystem('a test looks', (tx) =>
    tx.selectFrom('integrations').selectAll().where('id', '=', id).executeTakeFirstOrThrow(),
  )
/** With a time its provider refused it; without one it was given up. */
const setAside = (id: string, change: { failing_since: Date | null }) =>
  testDatabase.database.asSystem('a test sets an account aside', (tx) =>
    tx
      .updateTable('integrations')
      .set({ ...change, status: 'reconnect' })
      .where('id', '=', id)
      .execute(),
  )

/** A database that fails after so many transactions, as one whose program is killed. */
function breakAfter(transactions: number): Database {
  let left = transactions
  return {
    ...testDatabase.database,
    asSystem(reason, run) {
      if (left-- === 0) throw new Error('killed')
      return testDatabase.database.asSystem(reason, run)
    },
  }
}

describe('a rotation', () => {
  test('leaves every account readable throughout for a server that runs, and ends with one key', async () => {
    const seen = new Set<unknown>()
    const { kid, rotated, givenUp } = await rotateKeys(
      work({ onProgress: async () => seen.add(JSON.stringify(await read(ids[0] as string))) }),
    )
    expect([rotated, givenUp]).toEqual([count, 0])
    expect(kid).not.toBe(first)
    expect(await counts()).toEqual({ [kid]: [count, 0] })
    expect((await keyring.current()).kid).toBe(kid)
    await expectAllReadable()
    expect([...seen]).toEqual([JSON.stringify({ kind: 'connected', value: testCredentials(ids[0] as string) })])
    const nothingElse = { restorable: 0, withoutKey: new Map(), givenUp: 0, stillGivenUp: 0 }
    expect(await verifyKeys(work())).toEqual({ readable: new Map([[kid, count]]), ...nothingElse })
  })

  test('never overwrites what an owner saves meanwhile', async () => {
    const late = ids.at(-1) as string
    const early = ids[0] as string
    let batches = 0
    await rotateKeys(
      work({
        database: {
          ...testDatabase.database,
          // Between the reading of a batch and its writing.
          async asSystem(reason, run) {
            if (reason === 'rotation encrypts secrets with the new key') {
              batches++
              await save(early, `early ${batches}`)
              await save(late, `late ${batches}`)
            }
            return testDatabase.database.asSystem(reason, run)
          },
        },
      }),
    )
    expect(batches).toBeGreaterThan(1)
    expect(await read(early)).toEqual({ kind: 'connected', value: { token: `early ${batches}` } })
    expect(await read(late)).toEqual({ kind: 'connected', value: { token: `late ${batches}` } })
    await expectAllReadable([early, late])
    expect(Object.keys(await counts())).toEqual([(await keyring.current()).kid])
  })

  test('that is cut off at any step is taken up by the next one, with the same new key', async () => {
    const keys = new Set<string>()
    for (let transactions = 0; transactions < 40; transactions++) {
      const end = await rotateKeys(work({ database: breakAfter(transactions) })).catch((error: Error) => error)
      await expect(verifyKeys(work())).resolves.toMatchObject({ withoutKey: new Map(), givenUp: 0 })
      await load()
      if (!(end instanceof Error)) {
        keys.add(end.kid)
        break
      }
      expect(end.message).toBe('killed')
    }
    expect(keys.size).toBe(1)
    await expectAllReadable()
    expect((await keySet()).keys).toHaveLength(2)
    expect(await counts()).toEqual({ [[...keys][0] as string]: [count, 0] })
  })

  test('goes back to the former key as long as that was not dropped', async () => {
    const { kid } = await rotateKeys(work())
    expect(await rotateKeys(work(), first)).toMatchObject({ kid: first, rotated: count })
    expect((await keyring.current()).kid).toBe(first)
    await expectAllReadable()
    await dropKey(work(), kid)
    await expect(rotateKeys(work(), kid)).rejects.toThrow(`There is no key ${kid}`)
  })

  test('takes the key that was added before, so that every server can have it first', async () => {
    const added = await addEncryptionKey(work())
    expect((await keyring.current()).kid).toBe(first)
    expect(await rotateKeys(work())).toMatchObject({ kid: added, rotated: count })
  })

  test('flags what no key opens, goes on with the rest, and its owner replaces it', async () => {
    const [spoilt, moved] = ids as [string, string]
    const { credentials } = await testDatabase.database.asSystem('a test looks', (tx) =>
      tx.selectFrom('integrations').select('credentials').where('id', '=', spoilt).executeTakeFirstOrThrow(),
    )
    await spoil(moved, credentials)
    await spoil(spoilt, { ...(credentials as object), tag: 'AAAAAAAAAAAAAAAAAAAAAA' })
    const { kid, rotated, givenUp } = await rotateKeys(work())
    expect([rotated, givenUp]).toEqual([count - 2, 2])
    expect(await counts()).toEqual({ [kid]: [count - 2, 0], [first]: [0, 2] })
    expect(await read(spoilt)).toEqual({ kind: 'reconnect' })
    expect(await read(moved)).toEqual({ kind: 'reconnect' })
    await save(moved, 'new')
    expect(await read(moved)).toEqual({ kind: 'connected', value: { token: 'new' } })
    expect(await dropKey(work(), first)).toEqual({ erased: 1 })
    expect(await counts()).toEqual({ [kid]: [count - 1, 0] })
    expect(await read(spoilt)).toEqual({ kind: 'reconnect' })
  })

  test('without a key that rows need changes nothing of them and names it', async () => {
    const two = addKey(null)
    await writeFile(path(), formatKeySet(two.keySet))
    await expect(rotateKeys(work())).rejects.toThrow(`does not have the encryption key ${first}`)
    expect(await counts()).toEqual({ [first]: [count, 0] })
  })
})

describe('a key is dropped', () => {
  test('only when nothing needs it, and then from file and database', async () => {
    await expect(dropKey(work(), first)).rejects.toThrow('is the present key')
    const { kid } = await rotateKeys(work())
    await save(ids[0] as string, 'x')
    await dropKey(work(), first)
    expect((await keySet()).keys.map((key) => key.kid)).toEqual([kid])
    expect(await keyring.find(first)).not.toBeNull()
    await load()
    await expect(dropKey(work(), first)).rejects.toThrow(`There is no key ${first}`)
    const recorded = await testDatabase.database.asSystem('a test looks', (tx) =>
      tx.selectFrom('audit_log').select(['action', 'target_id']).orderBy('id').execute(),
    )
    expect(recorded.slice(-2)).toEqual([
      { action: 'keys.rotate', target_id: kid },
      { action: 'keys.drop', target_id: first },
    ])
  })

  test('not while a single account needs it', async () => {
    const { kid } = await rotateKeys(work())
    const before = await keySet()
    await rotateKeys(work(), first)
    await writeFile(path(), formatKeySet({ ...before, current: kid }))
    await save(ids[0] as string, 'with the new key')
    await expect(dropKey(work(), first)).rejects.toThrow(`still needed by ${count - 1} connected accounts`)
    expect((await keySet()).keys).toHaveLength(2)
  })

  test('not while what its provider refused, or what was given up too early, opens with it; that goes on waiting', async () => {
    const [refused, early, spoilt] = ids.slice(0, 3) as [string, string, string]
    await spoil(spoilt, { ...((await row(spoilt)).credentials as object), tag: 'AAAAAAAAAAAAAAAAAAAAAA' })
    await setAside(refused, { failing_since: new Date() })
    await setAside(early, { failing_since: null })
    const next = addKey(await keySet())
    await writeFile(path(), formatKeySet({ ...next.keySet, current: next.kid }))
    await expect(dropKey(work(), first)).rejects.toThrow(
      `still needed by ${count - 1} connected accounts. Rotate first`,
    )

    const { kid, rotated } = await rotateKeys(work())
    expect(rotated).toBe(count - 1)
    expect(await verifyKeys(work())).toEqual({
      readable: new Map([[kid, count - 1]]),
      restorable: 1,
      withoutKey: new Map(),
      givenUp: 0,
      stillGivenUp: 1,
    })
    expect(await dropKey(work(), first)).toEqual({ erased: 1 })
    expect(await read(refused)).toEqual({ kind: 'reconnect' })
    expect(await restoreAccounts(work())).toBe(1)
    expect(await counts()).toEqual({ [kid]: [count - 1, 0] })
    expect(await read(early)).toEqual({ kind: 'connected', value: testCredentials(early) })
    // Only a new sign-in or a test that works makes the provider's refusal undone.
    expect((await row(refused)).status).toBe('reconnect')
  })

  test('not under the feet of a server that still encrypts with it', async () => {
    const stale = { current: () => keyring.find(first).then((key) => key ?? keyring.current()), find: keyring.find }
    await rotateKeys(work())
    const vault = { database: testDatabase.database, keyring: stale }
    // After everything was verified, before the key is forgotten.
    const racing: Database = {
      ...testDatabase.database,
      async asSystem(reason, run) {
        if (reason === 'an operator drops an encryption key')
          await saveAccount(vault, { integrationId: ids[0] as string, ownerId: owner.id }, 'late')
        return testDatabase.database.asSystem(reason, run)
      },
    }
    await expect(dropKey(work({ database: racing }), first)).rejects.toThrow('at this moment. Rotate again')
    expect((await keySet()).keys).toHaveLength(2)
    expect(await read(ids[0] as string)).toEqual({ kind: 'connected', value: { token: 'late' } })
    await rotateKeys(work())
    await dropKey(work(), first)
    const key = { integrationId: ids[0] as string, ownerId: owner.id }
    await expect(saveAccount(vault, key, 'later')).rejects.toMatchObject({
      code: 'unavailable',
    })
    expect(await read(ids[0] as string)).toEqual({ kind: 'connected', value: { token: 'late' } })
  })
})

describe('a lost key', () => {
  test('is accepted: its accounts wait for their owners, the start goes through with a new key', async () => {
    const lostFile = await readFile(path(), 'utf8')
    await rm(path())
    const { lost, flagged, created } = await acceptLoss(work())
    expect([lost, flagged]).toEqual([[first], count])
    keyring = await load()
    expect((await keyring.current()).kid).toBe(created)
    expect(await read(ids[0] as string)).toEqual({ kind: 'reconnect' })
    await save(ids[0] as string, 'new')
    expect(await read(ids[0] as string)).toEqual({ kind: 'connected', value: { token: 'new' } })

    // And found after all.
    const found = JSON.parse(lostFile) as KeySet
    const present = await keySet()
    await writeFile(path(), formatKeySet({ ...present, keys: [...found.keys, ...present.keys] }))
    expect(await restoreAccounts(work())).toBe(count - 1)
    await expectAllReadable([ids[0] as string])
    expect(await read(ids[0] as string)).toEqual({ kind: 'connected', value: { token: 'new' } })
  })

  test('of which only refused accounts are left is missed all the same, and dropped only after its loss was accepted', async () => {
    const text = await readFile(path(), 'utf8')
    const refused = ids[0] as string
    await testDatabase.database.asSystem('a test lets others go', (tx) =>
      tx.deleteFrom('integrations').where('id', '!=', refused).execute(),
    )
    await setAside(refused, { failing_since: new Date() })
    const other = addKey(JSON.parse(text) as KeySet)
    const withoutFirst = { ...other.keySet, current: other.kid, keys: other.keySet.keys.slice(1) }
    await writeFile(path(), formatKeySet(withoutFirst))
    await expect(load()).rejects.toThrow(`The encryption key ${first} is missing`)
    await expect(dropKey(work(), first)).rejects.toThrow('It is not here: put it back, or see accept-loss.')
    // A server that has not heard of the newest keys does not ask the owner for what others can read.
    const elsewhere = await createFixedKeyring(withoutFirst)
    const vault = { database: testDatabase.database, keyring: elsewhere }
    await expect(saveAccount(vault, { integrationId: refused, ownerId: owner.id }, 'x')).rejects.toThrow(first)
    expect((await row(refused)).credentials_key_id).toBe(first)

    expect(await acceptLoss(work())).toMatchObject({ flagged: 1 })
    await load()
    expect(await verifyKeys(work())).toMatchObject({ withoutKey: new Map(), stillGivenUp: 1 })
    // Found after all, and rotated before anybody restores it.
    await writeFile(path(), formatKeySet({ ...other.keySet, current: other.kid }))
    expect(await rotateKeys(work(), other.kid)).toMatchObject({ rotated: 1, givenUp: 0 })
    expect(await restoreAccounts(work())).toBe(1)
    expect(await dropKey(work(), first)).toEqual({ erased: 0 })
  })

  test('in a damaged file: the file is kept under another name', async () => {
    const damaged = (await readFile(path(), 'utf8')).slice(0, 80)
    await writeFile(path(), damaged)
    await acceptLoss(work())
    const aside = (await readdir(dataDir)).find((name) => name.includes('.damaged-'))
    expect(await readFile(join(dataDir, aside as string), 'utf8')).toBe(damaged)
    await load()
  })

  test('is not accepted when none is lost', async () => {
    await expect(acceptLoss(work())).rejects.toThrow('No key is missing')
    expect(await counts()).toEqual({ [first]: [count, 0] })
  })

  test('that turns up nowhere is erased with what it encrypted', async () => {
    await rm(path())
    await acceptLoss(work())
    expect(await dropKey(work(), first)).toEqual({ erased: count })
    expect(await counts()).toEqual({})
    expect(await restoreAccounts(work())).toBe(0)
    keyring = await load()
    expect(await read(ids[0] as string)).toEqual({ kind: 'reconnect' })
  })
})

test('keys of ENCRYPTION_KEYS are changed through a file that tells what to put there', async () => {
  const said: string[] = []
  const say = (text: string) => void said.push(text)
  const environment = async (): Promise<Partial<KeyWork>> => ({ say, config: { encryptionKeys: env, dataDir } })
  let env = await readFile(path(), 'utf8')
  await rm(path())
  const next = () => readFile(join(dataDir, 'encryption-keys.new.json'), 'utf8')

  await expect(rotateKeys(work(await environment()))).rejects.toThrow('keys -- add')
  const kid = await addEncryptionKey(work(await environment()))
  expect(said.join()).toContain('encryption-keys.new.json')
  env = await next()
  await expect(rotateKeys(work(await environment()))).rejects.toThrow('rotate again')
  expect(await counts()).toEqual({ [first]: [count, 0] })
  env = await next()
  expect(await rotateKeys(work(await environment()))).toMatchObject({ kid, rotated: count })
  await dropKey(work(await environment()), first)
  expect(JSON.parse(await next()).keys).toHaveLength(1)
  expect(await readdir(dataDir)).toEqual(['encryption-keys.new.json'])
})

test('the list names every key of file and database, and what each one has', async () => {
  await addEncryptionKey(work())
  const text = await readFile(path(), 'utf8')
  const lines = await listKeys(work())
  expect(lines).toHaveLength(2)
  expect(lines[0]).toMatch(new RegExp(`^${first}  made 20..-..-..  ${count} accounts  present key$`))
  expect(lines[1]).toContain('0 accounts  former or next key')
  await writeFile(path(), formatKeySet({ ...JSON.parse(text), keys: JSON.parse(text).keys.slice(0, 1) }))
  expect((await listKeys(work()))[1]).toContain('MISSING on this server')
  for (const { k } of JSON.parse(text).keys) expect(lines.join()).not.toContain(k)
})
