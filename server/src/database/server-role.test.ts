import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../testing/test-app.ts'
import { checkOwnerRole, checkServerRole } from './server-role.ts'

let testDatabase: TestDatabase
const made: string[] = []

beforeAll(async () => {
  testDatabase = await createTestDatabase()
})
afterAll(async () => {
  for (const name of made) await asOwner(`drop owned by ${name}; drop role ${name}`)
  await testDatabase.close()
})

async function asOwner(statements: string): Promise<void> {
  const client = new pg.Client({ connectionString: testDatabase.ownerUrl })
  await client.connect()
  await client.query(statements).finally(() => client.end())
}

/** The address of a new login with these attributes and rights. */
async function login(attributes: string, rights: (name: string) => string = () => ''): Promise<string> {
  const name = `login_${randomBytes(6).toString('hex')}`
  await asOwner(`create role ${name} login password 'pw' ${attributes}; ${rights(name)}`)
  made.push(name)
  const url = new URL(testDatabase.ownerUrl)
  url.username = name
  url.password = 'pw'
  return url.href
}

const api = (name: string) => `grant anon, authenticated, service_role to ${name}`

describe('the login of the server', () => {
  test('is accepted when it can do nothing but act as the API roles', async () => {
    await checkServerRole(await login('noinherit', api))
  })

  test.each<[string, string, (name: string) => string, RegExp]>([
    ['is a superuser', 'superuser', api, /is a superuser/],
    ['has BYPASSRLS', 'noinherit bypassrls', api, /BYPASSRLS/],
    ['cannot act as the API roles', 'noinherit', () => '', /may not act as/],
    ['has the rights of service_role without taking them on', 'inherit', api, /inherits the rights of service_role/],
    [
      'owns a table',
      'noinherit',
      (name) => `${api(name)}; create table public.t_${name} (); alter table public.t_${name} owner to ${name}`,
      /owns tables/,
    ],
    [
      'may become the owner of one',
      'noinherit',
      (name) => {
        const owner = `owner_${name}`
        made.push(owner)
        return `${api(name)}; create role ${owner}; create table public.t_${name} (); alter table public.t_${name} owner to ${owner}; grant ${owner} to ${name}`
      },
      /owns tables or may act as their owner/,
    ],
  ])('is refused when it %s', async (_what, attributes, rights, reason) => {
    const url = await login(attributes, rights)
    await expect(checkServerRole(url)).rejects.toThrow(reason)
  })
})

describe('the login that migrates', () => {
  test('is told to be the owner of the database', async () => {
    const url = await login('noinherit', api)
    await expect(checkOwnerRole(url, true)).rejects.toThrow(/of DIRECT_URL.*Put the owner/)
    await expect(checkOwnerRole(url, false)).rejects.toThrow(/of DATABASE_URL.*into DIRECT_URL/)
    await checkOwnerRole(testDatabase.ownerUrl, true)
  })
})
