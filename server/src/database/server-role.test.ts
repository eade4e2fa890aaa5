import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../testing/test-app.ts'
import { checkOwnerRole, checkServerRole } from './server-role.ts'
import { findMissingTimeLimits } from './time-limits.ts'

let testDatabase: TestDatabase
let owner: pg.Client

beforeAll(async () => {
  testDatabase = await createTestDatabase()
  owner = new pg.Client({ connectionString: testDatabase.ownerUrl })
  await owner.connect()
})
afterAll(async () => {
  await owner.end()
  await testDatabase.close()
})

async function asOwner(statements: string): Promise<void> {
  await owner.query(statements)
}

/** Roles belong to the cluster, so what is left of one that failed would be in the way of the next run. */
async function drop(...names: string[]): Promise<void> {
  for (const name of names)
    await asOwner(
      `do $$ begin if to_regrole('${name}') is not null then drop owned by ${name}; drop role ${name}; end if; end $$`,
    )
}

const urlOf = (name: string, password = 'pw') =>
  Object.assign(new URL(testDatabase.ownerUrl), { username: name, password }).href

/** The address of a new login with these attributes and rights. */
async function login(name: string, attributes: string, rights: (name: string) => string = () => ''): Promise<string> {
  await drop(name)
  onTestFinished(() => drop(name))
  await asOwner(`create role ${name} login password 'pw' ${attributes}; ${rights(name)}`)
  return urlOf(name)
}

const newName = () => `login_${randomBytes(6).toString('hex')}`
const api = (name: string) => `grant anon, authenticated, service_role to ${name}`

/** What is advised where the usual name is taken by the login for migrations; the other tests use that one. */
const advised = 'agentexpress_login'

async function refusalOf(url: string): Promise<string> {
  return checkServerRole(url, { ownerUrl: testDatabase.serverUrl }).then(
    () => 'accepted',
    (error: Error) => error.message,
  )
}

/** Runs the SQL that the refusal prints, as somebody would who has read it. */
async function obey(refusal: string): Promise<void> {
  const statements = refusal.split('\n').filter((line) => line.startsWith('  '))
  expect(statements.length).toBeGreaterThan(0)
  // One by one: in a transaction, locks of the API roles could be waited for in two orders.
  for (const statement of statements) await asOwner(statement.replace('<choose one>', 'pw'))
}

const faults: [string, string, (name: string) => string, RegExp][] = [
  ['is a superuser', 'superuser', api, /^The role "\w+" of DATABASE_URL is a superuser, so that/],
  ['has BYPASSRLS', 'noinherit bypassrls', api, /DATABASE_URL has BYPASSRLS/],
  ['has REPLICATION', 'noinherit replication', api, /DATABASE_URL has REPLICATION/],
  ['cannot act as the API roles', 'noinherit', () => '', /may not act as anon/],
  ['has the rights of service_role without taking them on', 'inherit', api, /inherits the rights of service_role/],
  [
    'has them through another role',
    'inherit',
    (name) =>
      `create role group_of_${name}; grant anon, authenticated to ${name}; grant service_role to group_of_${name}; grant group_of_${name} to ${name}`,
    /inherits the rights of service_role/,
  ],
  [
    'begins as service_role, which it would go on as when a transaction cannot begin',
    'noinherit',
    (name) => `${api(name)}; alter role ${name} set role = service_role`,
    /DATABASE_URL begins as "service_role"/,
  ],
  [
    'is a superuser that begins as somebody else',
    'superuser',
    (name) =>
      `${api(name)}; create role group_of_${name}; grant anon, authenticated, service_role to group_of_${name}; alter role ${name} set role = group_of_${name}`,
    /^The role "agentexpress_login" of DATABASE_URL is a superuser/,
  ],
  [
    'owns a table',
    'noinherit',
    (name) => `${api(name)}; create table public.t_${name} (); alter table public.t_${name} owner to ${name}`,
    /DATABASE_URL owns the table public\.t_\w+, so that/,
  ],
  [
    'may become the owner of one',
    'noinherit',
    (name) =>
      `${api(name)}; create role group_of_${name}; create table public.t_${name} (); alter table public.t_${name} owner to group_of_${name}; grant group_of_${name} to ${name}`,
    /may act as "group_of_\w+", which owns the table public/,
  ],
  [
    'may become a role with BYPASSRLS by a detour',
    'noinherit',
    (name) =>
      `${api(name)}; create role end_of_${name} bypassrls; create role group_of_${name}; grant end_of_${name} to group_of_${name}; grant group_of_${name} to ${name}`,
    /may act as "end_of_\w+", which has BYPASSRLS/,
  ],
  [
    'may become the login for migrations',
    'noinherit',
    (name) => `${api(name)}; grant agentexpress_server to ${name}`,
    /may act as "agentexpress_server", which owns what migrations make/,
  ],
]

describe('the login of the server', () => {
  test('is accepted when it can do nothing but act as the API roles', async () => {
    const url = await login(newName(), 'noinherit', api)
    await checkServerRole(url)
    expect(await refusalOf(url)).toBe('accepted')
  })

  test('may lack the API roles as long as the first migrations have not made them', async () => {
    await checkServerRole(await login(newName(), 'noinherit'), { isMigrated: false })
  })

  test.each(faults)(
    'is refused when it %s, until the SQL that is printed was run',
    async (_what, attributes, rights, reason) => {
      const clear = async () => {
        await asOwner(`drop table if exists public.t_${advised}`)
        await drop(`group_of_${advised}`, `end_of_${advised}`)
      }
      await clear()
      onTestFinished(clear)
      const url = await login(advised, attributes, rights)
      const refusal = await refusalOf(url)
      expect(refusal).toMatch(reason)
      await obey(refusal)
      expect(await refusalOf(url)).toBe('accepted')
      expect((await findMissingTimeLimits(url)).limits).toEqual({})
    },
  )

  test('is refused as the login for migrations, and the SQL that is printed makes another one', async () => {
    onTestFinished(() => drop(advised))
    const refusal = await refusalOf(testDatabase.serverUrl)
    expect(refusal).toContain('of DATABASE_URL owns what migrations make')
    expect(refusal).toContain(`Then put ${advised} into DATABASE_URL`)
    await obey(refusal)
    expect(await refusalOf(urlOf(advised))).toBe('accepted')
    expect((await findMissingTimeLimits(urlOf(advised))).limits).toEqual({})
  })

  test('keeps its name when it was only granted too much', async () => {
    const name = newName()
    const database = new URL(testDatabase.ownerUrl).pathname.slice(1)
    const url = await login(name, 'noinherit', () => `${api(name)}; grant all on database ${database} to ${name}`)
    const refusal = await refusalOf(url)
    expect(refusal).toMatch(/of DATABASE_URL may create schemas in the database, so that/)
    expect(refusal).toContain(`revoke create on database ${database} from ${name};`)
    expect(refusal).toMatch(/Then start again.$/)
    await obey(refusal)
    expect(await refusalOf(url)).toBe('accepted')
  })

  test('is left as powerful as it is, when it is somebody else', async () => {
    const name = newName()
    const url = await login(name, 'superuser')
    const refusal = await refusalOf(url)
    expect(refusal).toContain(`Then put ${advised} into DATABASE_URL`)
    expect(refusal.split('\n').slice(1).join('\n')).not.toContain(name)
  })
})

describe('the login that migrates', () => {
  test('is told to be the owner of the database', async () => {
    const url = await login(newName(), 'noinherit', api)
    await expect(checkOwnerRole(url, true)).rejects.toThrow(/of DIRECT_URL.*Put the owner/)
    await expect(checkOwnerRole(url, false)).rejects.toThrow(/of DATABASE_URL.*into DIRECT_URL/)
    await checkOwnerRole(testDatabase.ownerUrl, true)
  })
})
