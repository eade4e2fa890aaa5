import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest'
import { createLog } from '../log.ts'
import { findPgBouncer } from '../testing/installed-programs.ts'
import { startPgBouncer } from '../testing/start-pgbouncer.ts'
import { createTestDatabase, type TestDatabase, type TestUser } from '../testing/test-app.ts'
import { type Database, openDatabase } from './database.ts'
import { serverRole } from './embedded.ts'
import { findMissingTimeLimits, type TimeLimits, timeLimitStatements } from './time-limits.ts'

let db: TestDatabase
let user: TestUser
let owner: pg.Client

beforeAll(async () => {
  db = await createTestDatabase()
  user = await db.createUser()
  owner = new pg.Client({ connectionString: db.ownerUrl })
  await owner.connect()
})
afterAll(async () => {
  await owner.end()
  await db.close()
})

/** In this test's database alone, for sessions that begin from now on. */
async function limit(setting: string, value: string): Promise<void> {
  const name = new URL(db.ownerUrl).pathname.slice(1)
  await owner.query(`alter role ${serverRole} in database ${name} set ${setting} = '${value}'`)
  onTestFinished(async () => void (await owner.query(`alter role ${serverRole} in database ${name} reset ${setting}`)))
}

function open(timeLimits?: TimeLimits, url = db.serverUrl): Database {
  const log = createLog('silent')
  const database = openDatabase({ url, poolSize: 2, usePreparedStatements: false, log, timeLimits })
  onTestFinished(() => database.close())
  return database
}

const stillWorks = async (database: Database) => {
  const [row] = await database.withUser(user.claims, (tx) => tx.selectFrom('users').select('id').execute())
  expect(row?.id).toBe(user.id)
}

const inForce = `select current_setting('statement_timeout') as statement, current_setting('lock_timeout') as lock,
  current_setting('idle_in_transaction_session_timeout') as idle`

test('the server works within limits for statements, locks and idle transactions', async () => {
  const { rows } = await db.database.withUser(user.claims, (tx) => sql.raw(inForce).execute(tx))
  expect(rows).toEqual([{ statement: '8s', lock: '5s', idle: '30s' }])
  expect(await findMissingTimeLimits(db.serverUrl)).toEqual({ role: serverRole, limits: {} })
})

test('what a role lacks of them is found, with the SQL that gives it to the role', async () => {
  await limit('lock_timeout', '0')
  await limit('statement_timeout', '8500ms')
  const { role, limits } = await findMissingTimeLimits(db.serverUrl)
  expect(timeLimitStatements(role, limits)).toEqual([`alter role "${serverRole}" set lock_timeout = '5s'`])
})

const ways: [string, () => Promise<string>][] = [['itself', async () => db.serverUrl]]
if (findPgBouncer() !== null)
  ways.push([
    'behind PgBouncer in transaction mode',
    async () => {
      const behind = { ownerUrl: db.ownerUrl, serverUrl: inject('serverUrl') }
      const pooler = await startPgBouncer(behind, { poolSize: 1 })
      onTestFinished(() => pooler.stop())
      return Object.assign(new URL(pooler.serverUrl), { pathname: new URL(db.ownerUrl).pathname }).href
    },
  ])

test.each(ways)('on a PostgreSQL %s, whose role lacks them, each transaction sets its own', async (_what, getUrl) => {
  await limit('lock_timeout', '0')
  await limit('idle_in_transaction_session_timeout', '0')
  // As Supabase has it for all roles: longer than the server waits.
  await limit('statement_timeout', '2min')
  const url = await getUrl()
  const { limits } = await findMissingTimeLimits(url)
  const database = open(limits, url)
  const look = { name: 'limits', text: inForce, values: [] }
  const run = (tx: Parameters<Parameters<Database['asAnonymous']>[0]>[0]) => sql.raw(inForce).execute(tx)
  const found = [
    await database.queryAsUser(user.claims, look),
    (await database.withUser(user.claims, run)).rows,
    (await database.asAnonymous(run)).rows,
    (await database.asSystem('a test looks', run)).rows,
  ]
  expect(found).toEqual(Array(4).fill([{ statement: '8s', lock: '5s', idle: '30s' }]))
  const longer = await database.asSystem('a test takes its time', run, { statementTimeoutMs: 20_000 })
  expect(longer.rows).toMatchObject([{ statement: '20s', lock: '5s' }])
})

test('work that nobody waits for may have a limit of its own, longer than silence may last elsewhere', async () => {
  const log = createLog('silent')
  const database = openDatabase({
    url: db.serverUrl,
    poolSize: 1,
    usePreparedStatements: true,
    log,
    silenceTimeoutMs: 300,
  })
  onTestFinished(() => database.close())
  const sleep = (seconds: number, statementTimeoutMs: number) =>
    database.asSystem('a test takes its time', (tx) => sql`select pg_sleep(${seconds})`.execute(tx), {
      statementTimeoutMs,
    })
  await sleep(0.6, 5000)
  await expect(sleep(20, 500)).rejects.toMatchObject({ code: 'database_timeout' })
  // Of this one transaction alone.
  const { rows } = await database.asSystem('a test looks', (tx) => sql`show statement_timeout`.execute(tx))
  expect(rows).toEqual([{ statement_timeout: '8s' }])
})

describe('what takes longer than its limit', () => {
  test.each([
    ['the role', '200ms', undefined],
    ['each transaction', '0', { statement_timeout: '200ms' }],
  ])('by %s, is a statement: cut off with a code of its own, and the connection goes on', async (_by, own, limits) => {
    await limit('statement_timeout', own)
    const database = open(limits)
    const slow = [
      database.withUser(user.claims, (tx) => sql`select pg_sleep(20)`.execute(tx)),
      database.queryAsUser(user.claims, { name: 'sleep', text: 'select pg_sleep(20)', values: [] }),
    ]
    const cutOff = { code: 'database_timeout', status: 503, retryAfterSeconds: 5 }
    await Promise.all(slow.map((one) => expect(one).rejects.toMatchObject(cutOff)))
    await stillWorks(database)
  })

  test('is a lock: nobody waits for it longer', async () => {
    await limit('lock_timeout', '200ms')
    const database = open()
    await owner.query('begin; lock table users in access exclusive mode')
    const waiting = stillWorks(database)
    await expect(waiting).rejects.toMatchObject({ code: 'unavailable', retryAfterSeconds: 2 })
    await owner.query('rollback')
    await stillWorks(database)
  })

  test('is a transaction in which nothing happens: it holds its locks no longer', async () => {
    await limit('idle_in_transaction_session_timeout', '200ms')
    const database = open()
    const forgotten = database.withUser(user.claims, async (tx) => {
      await tx.updateTable('users').set({ first_name: 'Held' }).where('id', '=', user.id).execute()
      await sleep(1500)
      await tx.selectFrom('users').select('id').execute()
    })
    forgotten.catch(() => {})
    await sleep(700)
    await owner.query(`set lock_timeout = '300ms'; select from users for update`)
    await expect(forgotten).rejects.toMatchObject({ code: 'unavailable' })
    await stillWorks(database)
  })
})
