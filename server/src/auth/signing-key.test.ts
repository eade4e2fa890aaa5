import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { exportJWK, generateKeyPair } from 'jose'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../testing/test-app.ts'
import { loadSigningKey, resetSigningKey, signingKeyFile } from './signing-key.ts'

let testDatabase: TestDatabase
let dataDir: string
beforeAll(async () => {
  testDatabase = await createTestDatabase()
})
afterAll(() => testDatabase.close())
beforeEach(async () => {
  await testDatabase.database.asSystem('a test begins with a database that knows no key', (tx) =>
    tx.deleteFrom('installation').where('name', '=', 'signing_key').execute(),
  )
  dataDir = await mkdtemp(join(tmpdir(), 'agentexpress-key-'))
})
afterEach(async () => {
  await rm(dataDir, { recursive: true, force: true })
})

const load = (config: { signingKey?: string; dataDir?: string } = {}, mayCreate = true) =>
  loadSigningKey({ signingKey: undefined, dataDir, ...config }, testDatabase.database, { mayCreate })
const keyPath = () => join(dataDir, signingKeyFile)

async function makeKeyElsewhere(): Promise<string> {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true })
  return JSON.stringify(await exportJWK(privateKey))
}

describe('the first start', () => {
  test('makes a file that only its owner may read, and the next start finds the same key', async () => {
    const first = await load()
    expect((await stat(keyPath())).mode & 0o777).toBe(0o600)
    expect(await readdir(dataDir)).toEqual([signingKeyFile])
    expect((await load()).kid).toBe(first.kid)
    expect(first.publicJwk).toEqual({
      kty: 'EC',
      crv: 'P-256',
      x: expect.any(String),
      y: expect.any(String),
      kid: first.kid,
      alg: 'ES256',
      use: 'sig',
    })
  })

  test('of two processes in one folder leads to one key', async () => {
    const keys = await Promise.all([load(), load(), load()])
    expect(new Set(keys.map(({ kid }) => kid)).size).toBe(1)
  })

  test('makes nothing when it may not', async () => {
    await expect(load({}, false)).rejects.toThrow('There is no signing key yet')
    expect(await readdir(dataDir)).toEqual([])
  })

  test('in a folder of its own against a known database is refused and says what to do', async () => {
    await load()
    const other = await mkdtemp(join(tmpdir(), 'agentexpress-key-'))
    await expect(load({ dataDir: other })).rejects.toThrow(/Put back signing-key\.json.*npm run keys -- reset/s)
    expect(await readdir(other)).toEqual([])
    await rm(other, { recursive: true })
  })
})

describe('a key that does not fit', () => {
  test('is never replaced silently: a missing file stops the start', async () => {
    const { kid } = await load()
    await rm(keyPath())
    await expect(load()).rejects.toThrow(kid)
    expect(await readdir(dataDir)).toEqual([])
  })

  test('another file stops the start, and the right one put back starts again', async () => {
    const { kid } = await load()
    const right = await readFile(keyPath(), 'utf8')
    await writeFile(keyPath(), await makeKeyElsewhere())
    await expect(load()).rejects.toThrow('does not belong to this database')
    await writeFile(keyPath(), right)
    expect((await load()).kid).toBe(kid)
  })

  test.each([
    ['cut short', (text: string) => text.slice(0, 60)],
    ['not JSON', () => 'hello'],
    ['halves of two keys', (text: string) => text.replace(/"x":"..../, '"x":"AAAA')],
  ])('a file that is %s is named, without what is in it', async (_name, spoil) => {
    await load()
    const text = await readFile(keyPath(), 'utf8')
    await writeFile(keyPath(), spoil(text))
    const error = await load().catch((caught: Error) => caught)
    expect(error).toBeInstanceOf(Error)
    expect(String(error)).toContain(signingKeyFile)
    expect(String(error)).not.toContain(JSON.parse(text).d)
  })
})

describe('SIGNING_KEY', () => {
  test('is read as JSON and as base64url of it, and no file is made', async () => {
    const json = await makeKeyElsewhere()
    const asJson = await load({ signingKey: json })
    const asBase64 = await load({ signingKey: Buffer.from(json).toString('base64url') })
    expect(asBase64.kid).toBe(asJson.kid)
    expect(await readdir(dataDir)).toEqual([])
  })

  test('that is another key than the database knows stops the start', async () => {
    await load()
    await expect(load({ signingKey: await makeKeyElsewhere() })).rejects.toThrow('SIGNING_KEY is the key')
  })

  test('that is no key is refused by name', async () => {
    await expect(load({ signingKey: 'secret-nonsense' })).rejects.toThrow(/^SIGNING_KEY does not hold/)
    await expect(load({ signingKey: 'secret-nonsense' })).rejects.not.toThrow('secret-nonsense')
  })
})

describe('a reset', () => {
  const reset = () => resetSigningKey({ signingKey: undefined, dataDir }, testDatabase.database)

  test('makes a new key, signs everybody out, and the next start takes it', async () => {
    const old = await load()
    const { id } = await testDatabase.createUser()
    await testDatabase.database.asSystem('a test', (tx) =>
      tx
        .insertInto('sessions')
        .values({ id, user_id: id, refresh_token_hash: Buffer.from('x'), expires_at: new Date(Date.now() + 1000) })
        .execute(),
    )
    const { kid } = await reset()
    expect(kid).not.toBe(old.kid)
    expect((await load()).kid).toBe(kid)
    expect((await stat(keyPath())).mode & 0o777).toBe(0o600)
    const sessions = await testDatabase.database.asSystem('a test', (tx) =>
      tx.selectFrom('sessions').select('id').execute(),
    )
    expect(sessions).toEqual([])
  })

  test('after the file was lost makes a new one', async () => {
    await load()
    await rm(keyPath())
    const { kid } = await reset()
    expect((await load()).kid).toBe(kid)
  })

  test('accepts a file that the database does not know', async () => {
    await load()
    const other = await makeKeyElsewhere()
    await writeFile(keyPath(), other)
    const { kid } = await reset()
    expect((await load()).kid).toBe(kid)
    expect(await readFile(keyPath(), 'utf8')).toBe(other)
  })
})
