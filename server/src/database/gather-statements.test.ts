import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { createLog } from '../log.ts'
import { createTestDatabase, type TestDatabase, type TestUser } from '../testing/test-app.ts'
import { openDatabase } from './database.ts'

let db: TestDatabase
let [ada, bob]: TestUser[] = []

beforeAll(async () => {
  db = await createTestDatabase()
  ada = await db.createUser()
  bob = await db.createUser()
})
afterAll(() => db.close())

function open(poolSize = 5, usePreparedStatements = true) {
  const database = openDatabase({ url: db.serverUrl, poolSize, usePreparedStatements, log: createLog('silent') })
  onTestFinished(() => database.close())
  return database
}

/** Tells which transaction it was in. */
const seen = (value: number) => ({
  name: 'seen',
  text: `select $1::int as value, current_setting('request.jwt.claims')::json ->> 'sub' as sub, pg_current_xact_id()::text as transaction, pg_sleep(0.005)`,
  values: [value],
})
const divide = (by: number) => ({ name: 'divide', text: 'select 6 / $1::int as value', values: [by] })

test.each([true, false])(
  'of one user all that come meanwhile share transactions, each with its own answer; prepared: %s',
  async (isPrepared) => {
    const database = open(5, isPrepared)
    const rows = await Promise.all(Array.from({ length: 40 }, (_, at) => database.queryAsUser(ada!.claims, seen(at))))
    expect(rows.map(([row]) => row?.value)).toEqual(Array.from({ length: 40 }, (_, at) => at))
    // The first alone, then as many as may, and the rest.
    const sizes = Map.groupBy(rows, ([row]) => row?.transaction)
    expect([...sizes.values()].map((one) => one.length)).toEqual([1, 8, 8, 8, 8, 7])
  },
)

test('users never share one, and none waits for another', async () => {
  const database = open()
  const both = [ada!, bob!]
  const rows = await Promise.all(
    Array.from({ length: 30 }, async (_, at) => {
      const user = both[at % 2]!
      const [row] = await database.queryAsUser(user.claims, seen(at))
      expect(row).toMatchObject({ value: at, sub: user.id })
      return row
    }),
  )
  for (const one of Map.groupBy(rows, (row) => row?.transaction).values())
    expect(new Set(one.map((row) => row?.sub)).size).toBe(1)

  let isSlowDone = false
  const slow = database
    .queryAsUser(ada!.claims, { name: 'slow', text: 'select pg_sleep(1)', values: [] })
    .then(() => (isSlowDone = true))
  await database.queryAsUser(bob!.claims, seen(1))
  expect(isSlowDone).toBe(false)
  await slow
})

test('somebody who has become an admin meanwhile does not act as what they were', async () => {
  const database = open()
  const role = {
    name: 'role',
    text: `select current_setting('request.jwt.claims')::json ->> 'user_role' as role`,
    values: [],
  }
  const rows = await Promise.all(
    (['user', 'user', 'admin', 'user'] as const).map((user_role) =>
      database.queryAsUser({ ...ada!.claims, user_role }, role),
    ),
  )
  expect(rows.map(([row]) => row?.role)).toEqual(['user', 'user', 'admin', 'user'])
})

test('what fails fails alone: nothing of it stays, and all the others are written once', async () => {
  const database = open()
  const add = {
    name: 'add',
    text: `update users set first_name = first_name || '+' where id = $1 returning first_name`,
    values: [ada!.id],
  }
  const failing = {
    name: 'add_and_fail',
    text: `with added as (update users set first_name = first_name || '-' where id = $1 returning 1) select 1 / ($2::int - 1) from added`,
    values: [ada!.id, 1],
  }
  const ends = await Promise.allSettled(
    [add, add, failing, add, divide(0), add, divide(3)].map((one) => database.queryAsUser(ada!.claims, one)),
  )
  expect(ends.map(({ status }) => status)).toEqual([
    ...['fulfilled', 'fulfilled', 'rejected', 'fulfilled', 'rejected', 'fulfilled', 'fulfilled'],
  ])
  expect(
    await database.queryAsUser(ada!.claims, { name: 'name', text: 'select first_name from users', values: [] }),
  ).toEqual([{ first_name: 'Test++++' }])
})

test('when a connection is lost all that were under way on it fail, and who waits goes on', async () => {
  const database = open(1)
  const long = (at: number) => ({ name: 'long', text: 'select $1::int as value, pg_sleep(3)', values: [at] })
  const first = expect(database.queryAsUser(ada!.claims, long(0))).rejects.toMatchObject({ code: 'unavailable' })
  const later = Array.from({ length: 20 }, (_, at) => database.queryAsUser(ada!.claims, seen(at)))
  const admin = new pg.Client({ connectionString: db.ownerUrl })
  await admin.connect()
  await sleep(100)
  await admin.query(
    `select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and query like '%pg_sleep(3)%' and pid <> pg_backend_pid()`,
  )
  await admin.end()
  await first
  expect((await Promise.all(later)).map(([row]) => row?.value)).toEqual(Array.from({ length: 20 }, (_, at) => at))
})

test('one that takes long lets the others go, and may take its time by itself', async () => {
  const database = open()
  const add = {
    name: 'add_again',
    text: `update users set last_name = last_name || '+' where id = $1 returning pg_current_xact_id()::text as transaction`,
    values: [bob!.id],
  }
  const long = {
    name: 'long_alone',
    text: 'select pg_sleep(1.5), pg_current_xact_id()::text as transaction',
    values: [],
  }
  await database.queryAsUser(bob!.claims, { name: 'reset', text: `update users set last_name = ''`, values: [] })
  const rows = await Promise.all([add, add, long, add, add].map((one) => database.queryAsUser(bob!.claims, one)))
  expect(new Set(rows.map(([row]) => row?.transaction)).size).toBe(5)
  expect(
    await database.queryAsUser(bob!.claims, { name: 'last', text: 'select last_name from users', values: [] }),
  ).toEqual([{ last_name: '++++' }])
})

test('nobody waits longer for their turn than for a connection', async () => {
  const database = open()
  const slow = { name: 'slow_7', text: 'select pg_sleep(6.5)', values: [] }
  const startedAt = performance.now()
  const first = database.queryAsUser(ada!.claims, slow)
  await expect(database.queryAsUser(ada!.claims, seen(1))).rejects.toMatchObject({ code: 'unavailable', status: 503 })
  expect(performance.now() - startedAt).toBeLessThan(6400)
  await first
  expect(await database.queryAsUser(ada!.claims, seen(2))).toMatchObject([{ value: 2 }])
})

test('a heavy user leaves connections to others', async () => {
  const database = open(3)
  const many = Array.from({ length: 200 }, (_, at) => database.queryAsUser(ada!.claims, seen(at)))
  const startedAt = performance.now()
  await database.queryAsUser(bob!.claims, seen(1))
  const waited = performance.now() - startedAt
  await Promise.all(many)
  expect(waited).toBeLessThan((performance.now() - startedAt) / 3)
})

async function openOwner() {
  const client = new pg.Client({ connectionString: db.ownerUrl })
  await client.connect()
  onTestFinished(() => client.end())
  return client
}

test('those that wait for a lock hold two connections of the pool, in the end', async () => {
  const database = open(4)
  const owner = await openOwner()
  await owner.query('begin')
  await owner.query('select from users where id = $1 for update', [ada!.id])
  const wait = { name: 'wait', text: `update users set first_name = 'x' where id = $1`, values: [ada!.id] }
  // The first is by itself, so that the others go together, fail together and are sent one by one.
  const all = Promise.allSettled(
    [seen(1), ...Array.from({ length: 6 }, () => wait)].map((one) => database.queryAsUser(ada!.claims, one)),
  )
  await sleep(1500)
  const { rows } = await owner.query(
    `select count(*)::int as waiting from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`,
  )
  expect(rows).toEqual([{ waiting: 2 }])
  expect(await database.queryAsUser(bob!.claims, seen(2))).toMatchObject([{ value: 2 }])
  await owner.query('rollback')
  const results = await all
  expect(results.map(({ status }) => status)).toEqual(results.map(() => 'fulfilled'))
})

test('a slow one among several is in the log, and what shared its time with it', async () => {
  const lines: { statement: string; duration_ms: number }[] = []
  const log = pino({ level: 'warn' }, { write: (text: string) => void lines.push(JSON.parse(text)) })
  const options = { url: db.serverUrl, poolSize: 3, usePreparedStatements: true, log, slowQueryMs: 200 }
  const database = openDatabase(options)
  onTestFinished(() => database.close())
  const slow = { name: 'slow_shared', text: 'select pg_sleep(0.3)', values: [] }
  await Promise.all([seen(1), seen(2), slow, seen(3)].map((one) => database.queryAsUser(bob!.claims, one)))
  await expect.poll(() => lines.map(({ statement }) => statement)).toContain(slow.text)
  expect(lines.every(({ duration_ms }) => duration_ms >= 200)).toBe(true)
})

test('what is limited to less than its share stays so', async () => {
  const database = openDatabase({
    url: db.serverUrl,
    poolSize: 3,
    usePreparedStatements: true,
    log: createLog('silent'),
    timeLimits: { statement_timeout: '300ms' },
  })
  onTestFinished(() => database.close())
  const limit = { name: 'limit', text: `select current_setting('statement_timeout') as value`, values: [] }
  const rows = await Promise.all([limit, limit, limit].map((one) => database.queryAsUser(bob!.claims, one)))
  expect(rows.flat()).toEqual([{ value: '300ms' }, { value: '300ms' }, { value: '300ms' }])
})
