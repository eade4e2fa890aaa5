import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createMemoryKeyring, type Keyring } from '../crypto/keyring.ts'
import { UnknownEncryptionKey } from '../crypto/seal-secret.ts'
import type { Database } from '../database/database.ts'
import { createTestDatabase, createTestKeyring, type TestDatabase, type TestUser } from '../testing/test-app.ts'
import { createTestIntegrations, readAccount, saveAccount, testCredentials } from './integration-testing.ts'

let testDatabase: TestDatabase
let keyring: Keyring
let owner: TestUser
let other: TestUser
beforeAll(async () => {
  testDatabase = await createTestDatabase()
  keyring = await createTestKeyring(testDatabase.database)
  owner = await testDatabase.createUser()
  other = await testDatabase.createUser()
})
afterAll(() => testDatabase.close())

const keyOf = (integrationId: string, user = owner) => ({ integrationId, ownerId: user.id })
const vault = () => ({ database: testDatabase.database, keyring })
const create = async (count = 1) =>
  (await createTestIntegrations(testDatabase.database, owner.id, { keyring, count })).ids as [string, ...string[]]
const read = (integrationId: string, user = owner) => readAccount(vault(), keyOf(integrationId, user))
const raw = (id: string) =>
  testDatabase.database.asSystem('a test looks', (tx) =>
    tx.selectFrom('integrations').selectAll().where('id', '=', id).executeTakeFirstOrThrow(),
  )

test('what the owner saves comes back, and is not to be seen in the table', async () => {
  const [id] = (await createTestIntegrations(testDatabase.database, owner.id)).ids as [string]
  expect(await read(id)).toEqual({ kind: 'connected', value: {} })
  await saveAccount(vault(), keyOf(id), 'hunter2-hunter2')
  expect(await read(id)).toEqual({ kind: 'connected', value: { token: 'hunter2-hunter2' } })
  const row = await raw(id)
  expect(JSON.stringify(row)).not.toContain('hunter2')
  expect(row).toMatchObject({ status: 'connected', credentials_key_id: (await keyring.current()).kid })
})

test('nobody else can save or read them; the row is there and unchanged', async () => {
  const [id] = await create()
  const before = await raw(id)
  await expect(saveAccount(vault(), keyOf(id, other), 'x')).rejects.toMatchObject({ code: 'not_found' })
  await expect(read(id, other)).rejects.toMatchObject({ code: 'not_found' })
  expect(await raw(id)).toEqual(before)
  expect(await read(id)).toEqual({ kind: 'connected', value: testCredentials(id) })
})

describe('credentials that cannot be read', () => {
  const spoil: [string, (id: string) => Promise<unknown>][] = [
    [
      'copied from another row',
      async () => {
        const [source] = await create()
        return (await raw(source)).credentials
      },
    ],
    [
      'of another owner',
      async () => {
        const { ids } = await createTestIntegrations(testDatabase.database, other.id, { keyring })
        return (await raw(ids[0] as string)).credentials
      },
    ],
    ['changed', async (id) => ({ ...((await raw(id)).credentials as object), ciphertext: 'AAAA' })],
    [
      'of a key that the row does not name',
      async (id) => ({ ...((await raw(id)).credentials as object), protected: 'e30' }),
    ],
  ]
  test.each(spoil)('%s are flagged, never passed on, and replaced by their owner', async (_name, make) => {
    const [id] = await create()
    const credentials = JSON.stringify(await make(id))
    await testDatabase.database.asSystem('a test spoils a row', (tx) =>
      tx.updateTable('integrations').set({ credentials }).where('id', '=', id).execute(),
    )
    expect(await read(id)).toEqual({ kind: 'reconnect' })
    expect((await raw(id)).status).toBe('reconnect')
    // The owner sees it.
    const seen = await testDatabase.database.withUser(owner.claims, (tx) =>
      tx.selectFrom('integrations').select('status').where('id', '=', id).execute(),
    )
    expect(seen).toEqual([{ status: 'reconnect' }])
    expect(await read(id)).toEqual({ kind: 'reconnect' })
    await saveAccount(vault(), keyOf(id), 'new')
    expect(await read(id)).toEqual({ kind: 'connected', value: { token: 'new' } })
  })

  test('are not flagged when their owner entered new ones while they were read', async () => {
    const [id] = await create()
    const credentials = JSON.stringify({ ...((await raw(id)).credentials as object), ciphertext: 'AAAA' })
    await testDatabase.database.asSystem('a test spoils a row', (tx) =>
      tx.updateTable('integrations').set({ credentials }).where('id', '=', id).execute(),
    )
    const slow: Database = {
      ...testDatabase.database,
      async asSystem(reason, run) {
        if (reason === 'credentials that cannot be read are flagged for their owner')
          await saveAccount(vault(), keyOf(id), 'new')
        return testDatabase.database.asSystem(reason, run)
      },
    }
    expect(await readAccount({ ...vault(), database: slow }, keyOf(id))).toEqual({ kind: 'reconnect' })
    expect(await read(id)).toEqual({ kind: 'connected', value: { token: 'new' } })
  })

  test('because this server lacks the key stay as they are: the owner need not do anything', async () => {
    const [id] = await create()
    const elsewhere = { database: testDatabase.database, keyring: await createMemoryKeyring() }
    await expect(readAccount(elsewhere, keyOf(id))).rejects.toThrow(UnknownEncryptionKey)
    expect(await read(id)).toEqual({ kind: 'connected', value: testCredentials(id) })
  })
})

test('nothing is encrypted with a key that the database does not know, such as one that was dropped', async () => {
  const [id] = (await createTestIntegrations(testDatabase.database, owner.id)).ids as [string]
  const stale = { database: testDatabase.database, keyring: await createMemoryKeyring() }
  await expect(saveAccount(stale, keyOf(id), 'x')).rejects.toMatchObject({ code: 'unavailable' })
  expect(await read(id)).toEqual({ kind: 'connected', value: {} })
})
