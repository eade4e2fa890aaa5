import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { insertTestLog } from '../agent-logs/agent-log-testing.ts'
import type { Tx } from '../database/database.ts'
import { createId } from '../database/uuid-v7.ts'
import { createLog } from '../log.ts'
import { createTestDatabase, type TestDatabase, type TestUser } from '../testing/test-app.ts'
import { reconcileUsage } from './reconcile-usage.ts'
import { rollUpUsage } from './roll-up-usage.ts'

let site: TestDatabase
beforeAll(async () => {
  site = await createTestDatabase()
})
afterAll(() => site.close())

const night = new Date('2026-11-22T02:00:00Z')
const system = <T>(work: (tx: Tx) => Promise<T>) => site.database.asSystem('a test', work)
beforeEach(() =>
  system(async (tx) => {
    await tx.deleteFrom('users').execute()
    await tx.deleteFrom('usage_reconciliations').execute()
  }),
)

const reconcile = (at = night, lines?: string[]) =>
  reconcileUsage(
    {
      database: site.database,
      log: lines ? createLog('warn', { write: (line) => lines.push(line) }) : createLog('silent'),
    },
    at,
  )
const run = (user: TestUser, moment: string, log: object = {}) =>
  insertTestLog(site.database, {
    user_id: user.id,
    timestamp: new Date(moment),
    input_tokens: 10,
    cost_usd: '0.01',
    ...log,
  })
const count = (user: TestUser, month: string, counted: { runs: number; input_tokens: number; cost_usd: number }) =>
  system((tx) =>
    sql`insert into usage_months (user_id, month, runs, input_tokens, cost_usd)
      values (${user.id}, ${month}::date, ${counted.runs}, ${counted.input_tokens}, ${counted.cost_usd})`.execute(tx),
  )

test('what limits counted is what the logs say, rolled up or not, and whatever became of the runs', async () => {
  const user = await site.createUser()
  await site.createUser()
  await run(user, '2026-11-01T00:00:00Z')
  await run(user, '2026-11-20T10:00:00Z', { status: 'cancelled' })
  await run(user, '2026-11-20T11:00:00Z', { status: 'waiting' })
  await rollUpUsage(site.database)
  await run(user, '2026-11-21T10:00:00Z', { status: 'running', input_tokens: null, cost_usd: null })
  // Tokens and cost of runs that failed were spent; their unit was given back.
  await run(user, '2026-11-21T11:00:00Z', { status: 'failed' })
  await run(user, '2026-10-31T23:59:59Z')
  await run(user, '2026-12-01T00:00:00Z')
  await count(user, '2026-11-01', { runs: 4, input_tokens: 40, cost_usd: 0.04 })
  expect(await reconcile()).toEqual([
    { month: '2026-11-01', users: 1, released_reservations: 0, difference_count: 0, differences: [] },
  ])
})

test('differences are reported with both figures and logged, and nothing is changed', async () => {
  const [more, less] = [await site.createUser(), await site.createUser()]
  await run(more, '2026-11-20T10:00:00Z')
  await count(less, '2026-11-01', { runs: 3, input_tokens: 0, cost_usd: 1.25 })
  const lines: string[] = []
  const [found] = (await reconcile(night, lines)) ?? []
  const differences = [
    {
      user_id: more.id,
      runs: { counted: 0, logged: 1 },
      input_tokens: { counted: 0, logged: 10 },
      cost_usd: { counted: 0, logged: 0.01 },
    },
    { user_id: less.id, runs: { counted: 3, logged: 0 }, cost_usd: { counted: 1.25, logged: 0 } },
  ]
  expect(found).toMatchObject({ users: 2, difference_count: 2, differences })
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([
    { month: '2026-11-01', difference_count: 2, differences },
  ])
  const rows = await system((tx) => tx.selectFrom('usage_reconciliations').selectAll().execute())
  expect(rows).toMatchObject([{ users: 2, difference_count: 2, differences }])
  const counted = await system((tx) => tx.selectFrom('usage_months').select(['runs']).execute())
  expect(counted).toEqual([{ runs: 3 }])
})

test('a hundred differences are listed and all are counted, over pages of users', async () => {
  await system((tx) =>
    sql`with made as (
        insert into users (id, email, password) select gen_random_uuid(), n || '@example.test', 'unused'
        from generate_series(1, 250) n returning id)
      insert into usage_months (user_id, month, runs) select id, '2026-11-01', 1 from made`.execute(tx),
  )
  const [found] = (await reconcile()) ?? []
  expect(found).toMatchObject({ users: 250, difference_count: 250 })
  expect(found?.differences).toHaveLength(100)
})

test('one server compares, once a night; until the third of a month the last one as well', async () => {
  const both = await Promise.all([reconcile(), reconcile(), reconcile()])
  expect(both.filter((found) => found !== null)).toHaveLength(1)
  expect(await reconcile(new Date('2026-11-23T01:59:59Z'))).toBeNull()
  expect(await reconcile(new Date('2026-11-23T02:00:00Z'))).toHaveLength(1)
  const months = async (at: string) => (await reconcile(new Date(at)))?.map(({ month }) => month)
  expect(await months('2027-01-01T02:00:00Z')).toEqual(['2026-12-01', '2027-01-01'])
  expect(await months('2027-01-03T23:00:00Z')).toEqual(['2026-12-01', '2027-01-01'])
  expect(await months('2027-01-04T02:00:00Z')).toEqual(['2027-01-01'])
})

test('reservations of runs that have ended and of servers that are gone are given back', async () => {
  const user = await site.createUser()
  const id = await run(user, '2026-11-21T10:00:00Z', { status: 'running', input_tokens: null, cost_usd: null })
  await count(user, '2026-11-01', { runs: 1, input_tokens: 0, cost_usd: 0 })
  await system(async (tx) => {
    await sql`update usage_months set running = 1, reserved_cost_usd = 0.01`.execute(tx)
    await sql`insert into run_reservations (log_id, user_id, month, cost_usd, node_id, created_at)
      values (${id}, ${user.id}, '2026-11-01', 0.01, ${createId()}, now() - interval '1 day')`.execute(tx)
  })
  expect(await reconcile()).toMatchObject([{ released_reservations: 1, difference_count: 0 }])
  const left = await system((tx) =>
    sql`select runs, running, reserved_cost_usd::float8 as reserved, (select count(*) from run_reservations) as reservations
      from usage_months`.execute(tx),
  )
  expect(left.rows).toEqual([{ runs: 0, running: 0, reserved: 0, reservations: 0 }])
})
