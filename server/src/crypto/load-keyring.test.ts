import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { createTestIntegrations, forgetKeys } from '../integrations/integration-testing.ts'
import { createLog } from '../log.ts'
import { secretStores } from '../secret-stores.ts'
import { createTestDatabase, type TestDatabase } from '../testing/test-app.ts'
import { addKey, formatKeySet } from './key-set.ts'
import { createFixedKeyring } from './keyring.ts'
import { encryptionKeysFile, type KeyConfig, loadKeyring } from './load-keyring.ts'

let testDatabase: TestDatabase
let dataDir: string
let said: string[]
beforeAll(async () => {
  testDatabase = await createTestDatabase()
})
afterAll(() => testDatabase.close())
beforeEach(async () => {
  await forgetKeys(testDatabase.database)
  dataDir = await mkdtemp(join(tmpdir(), 'agentexpress-keys-'))
  said = []
})
afterEach(async () => {
  await rm(dataDir, { recursive: true, force: true })
})

const load = (config: Partial<KeyConfig> = {}) =>
  loadKeyring(
    {
      config: { encryptionKeys: undefined, dataDir, ...config },
      database: testDatabase.database,
      stores: secretStores,
      log: createLog('silent'),
    },
    (text) => said.push(text),
  )
const path = () => join(dataDir, encryptionKeysFile)
const known = () =>
  testDatabase.database.asSystem('a test looks', async (tx) =>
    (await tx.selectFrom('encryption_keys').select('id').execute()).map(({ id }) => id),
  )
async function connectAccount(): Promise<string> {
  const keyring = await load()
  const user = await testDatabase.createUser()
  await createTestIntegrations(testDatabase.database, user.id, { keyring })
  return (await keyring.current()).kid
}
async function otherFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'agentexpress-keys-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  return folder
}

describe('the first start', () => {
  test('makes a file that only its owner may read, the database knows its key, and the next start finds it', async () => {
    const { kid } = await (await load()).current()
    expect((await stat(path())).mode & 0o777).toBe(0o600)
    expect(await readdir(dataDir)).toEqual([encryptionKeysFile])
    expect(await known()).toEqual([kid])
    expect((await (await load()).current()).kid).toBe(kid)
  })

  test('of several processes in one folder leads to one key', async () => {
    const keyrings = await Promise.all([load(), load(), load()])
    const kids = await Promise.all(keyrings.map(async (keyring) => (await keyring.current()).kid))
    expect(new Set(kids).size).toBe(1)
    expect(await known()).toEqual([kids[0]])
  })

  test('of several servers with folders of their own lets one win and tells the others what to do', async () => {
    const folders = await Promise.all([otherFolder(), otherFolder(), otherFolder()])
    const ends = await Promise.allSettled(folders.map((folder) => load({ dataDir: folder })))
    expect(ends.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    for (const end of ends)
      if (end.status === 'rejected') expect(String(end.reason)).toContain('from another server of this installation')
    expect(await known()).toHaveLength(1)
  })
})

describe('the start is refused', () => {
  test('without the key that an account needs: it is named, no new one is made, and back with it all is well', async () => {
    const kid = await connectAccount()
    const text = await readFile(path(), 'utf8')
    await rm(path())
    await expect(load()).rejects.toThrow(
      new RegExp(`The encryption key ${kid} is missing.*1 connected account was encrypted with it.*accept-loss`, 's'),
    )
    expect(await readdir(dataDir)).toEqual([])
    expect(await known()).toEqual([kid])
    await writeFile(path(), text)
    expect((await (await load()).current()).kid).toBe(kid)
  })

  test('without any known key, also when nothing needs one: another server would not understand a new one', async () => {
    const { kid } = await (await load()).current()
    await rm(path())
    await expect(load()).rejects.toThrow(`this database knows ${kid}`)
    expect(await readdir(dataDir)).toEqual([])
  })

  test('with the keys of another installation', async () => {
    const kid = await connectAccount()
    const foreign = addKey(null)
    await writeFile(path(), formatKeySet(foreign.keySet))
    await expect(load()).rejects.toThrow(`The encryption key ${kid} is missing`)
    expect(await known()).toEqual([kid])
  })

  test('with the keys of another installation, when nothing is encrypted yet', async () => {
    const { kid } = await (await load()).current()
    const foreign = addKey(null)
    await writeFile(path(), formatKeySet(foreign.keySet))
    await expect(load()).rejects.toThrow(`has ${foreign.kid}, the database knows ${kid}`)
  })

  test.each<[string, (text: string, k: string) => string]>([
    ['one byte short', (text, k) => text.replace(k, Buffer.from(k, 'base64url').subarray(1).toString('base64url'))],
    ['cut off', (text) => text.slice(0, 100)],
    ['changed', (text, k) => text.replace(k, `${k[0] === 'A' ? 'B' : 'A'}${k.slice(1)}`)],
  ])('with a key that is %s, without saying what is in it', async (_name, spoil) => {
    await connectAccount()
    const text = await readFile(path(), 'utf8')
    const { k } = JSON.parse(text).keys[0]
    await writeFile(path(), spoil(text, k))
    const error = await load().catch((caught: Error) => caught)
    expect(String(error)).toContain(encryptionKeysFile)
    expect(String(error)).toContain('accept-loss')
    expect(String(error)).not.toContain(k.slice(1, 20))
    await writeFile(path(), text)
    await load()
  })
})

describe('halfway through a rotation', () => {
  test('the start needs both keys, and says which one is missing', async () => {
    const former = await connectAccount()
    const text = await readFile(path(), 'utf8')
    const two = addKey(JSON.parse(text))
    await writeFile(path(), formatKeySet({ ...two.keySet, current: two.kid }))
    const keyring = await load()
    const user = await testDatabase.createUser()
    await createTestIntegrations(testDatabase.database, user.id, { keyring })
    await writeFile(path(), text)
    await expect(load()).rejects.toThrow(`The encryption key ${two.kid} is missing`)
    await writeFile(path(), formatKeySet({ current: two.kid, keys: two.keySet.keys.slice(1) }))
    await expect(load()).rejects.toThrow(`The encryption key ${former} is missing`)
    await writeFile(path(), formatKeySet(two.keySet))
    expect((await (await load()).current()).kid).toBe(former)
  })

  test('a known key that is not here and that nothing needs is mentioned, no more', async () => {
    await connectAccount()
    const text = await readFile(path(), 'utf8')
    const two = addKey(JSON.parse(text))
    await writeFile(path(), formatKeySet(two.keySet))
    await load()
    await writeFile(path(), text)
    await load()
    expect(said).toEqual([expect.stringContaining(two.kid)])
  })
})

test('ENCRYPTION_KEYS is read as JSON and as base64url of it, wins over the file, and no file is made', async () => {
  const { keySet, kid } = addKey(null)
  const json = formatKeySet(keySet)
  expect((await (await load({ encryptionKeys: json })).current()).kid).toBe(kid)
  expect((await (await load({ encryptionKeys: Buffer.from(json).toString('base64url') })).current()).kid).toBe(kid)
  expect(await readdir(dataDir)).toEqual([])
  await expect(load({ encryptionKeys: 'hunter2' })).rejects.toThrow(/^ENCRYPTION_KEYS does not hold/)
})

test('what a user writes into their own row cannot hinder the start: the database takes no key it does not know', async () => {
  const keyring = await load()
  const user = await testDatabase.createUser()
  const { ids } = await createTestIntegrations(testDatabase.database, user.id, { keyring })
  const foreign = await createFixedKeyring(addKey(null).keySet)
  const { kid } = await foreign.current()
  await expect(
    testDatabase.database.withUser(user.claims, (tx) =>
      tx
        .updateTable('integrations')
        .set({ credentials_key_id: kid })
        .where('id', '=', ids[0] as string)
        .execute(),
    ),
  ).rejects.toMatchObject({ code: '23503' })
  await load()
})
