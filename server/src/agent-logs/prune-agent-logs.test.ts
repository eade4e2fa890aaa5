import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { describe, expect, inject, test } from 'vitest'
import type { Tx } from '../database/database.ts'
import { createId } from '../database/uuid-v7.ts'
import { closeAfterTest, createTestDatabase, type TestDatabase, type TestUser } from '../testing/test-app.ts'
import { rollUpUsage } from '../usage/roll-up-usage.ts'
import { insertTestLog, insertTestLogs, insertTestUserAgent } from './agent-log-testing.ts'
import { type PruneOptions, pruneLogs } from './prune-agent-logs.ts'
import { findPruneReport } from './retention-queries.ts'

const dayMs = 86_400_000
const daysAgo = (days: number) => new Date(Date.now() - days * dayMs)

async function open(): Promise<TestDatabase> {
  const testDatabase = await createTestDatabase()
  closeAfterTest(testDatabase)
  return testDatabase
}

const system = <T>({ database }: TestDatabase, work: (tx: Tx) => Promise<T>) => database.asSystem('a test', work)

async function ownerQuery<Row extends pg.QueryResultRow>({ ownerUrl }: TestDatabase, text: string, values?: unknown[]) {
  const client = new pg.Client({ connectionString: ownerUrl })
  await client.connect()
  return (await client.query<Row>(text, values).finally(() => client.end())).rows
}

const makeMonths = (db: TestDatabase, first: Date, months: number) =>
  ownerQuery(db, 'select app.ensure_agent_log_partitions($1::date, $2::integer)', [
    first.toISOString().slice(0, 10),
    months,
  ])

async function prune(db: TestDatabase, defaultDays: number | null, more: Partial<PruneOptions> = {}) {
  await rollUpUsage(db.database)
  const report = await pruneLogs({ database: db.database, ownerUrl: db.ownerUrl, defaultDays, ...more })
  if (!report) throw new Error('Somebody else prunes.')
  return report
}

/** How many days old each user's logs are, oldest first. */
async function agesOf(db: TestDatabase, user: TestUser): Promise<number[]> {
  const rows = await system(db, (tx) =>
    tx.selectFrom('agent_logs').select('timestamp').where('user_id', '=', user.id).orderBy('timestamp').execute(),
  )
  return rows.map(({ timestamp }) => Math.round((Date.now() - timestamp.getTime()) / dayMs))
}

const addLogs = async (db: TestDatabase, user: TestUser, ages: number[], status = 'succeeded') => {
  for (const age of ages) await insertTestLog(db.database, { user_id: user.id, timestamp: daysAgo(age), status })
}

async function subscribe(
  db: TestDatabase,
  user: TestUser,
  features: object,
  subscription: { status?: string; end_date?: Date | null; is_current?: boolean } = {},
): Promise<void> {
  const planId = createId()
  await system(db, async (tx) => {
    const plan = {
      id: planId,
      name: 'Plan',
      description: 'A plan',
      price: '1.00',
      features: JSON.stringify({ limits: features }),
    }
    await tx.insertInto('plans').values(plan).execute()
    await tx
      .insertInto('subscriptions')
      .values({
        id: createId(),
        user_id: user.id,
        plan_id: planId,
        status: 'active',
        start_date: daysAgo(50),
        is_current: true,
        ...subscription,
      })
      .execute()
  })
}

describe('how long a log is kept', () => {
  test('is for ever when neither the operator nor a plan says otherwise', async () => {
    const db = await open()
    const user = await db.createUser()
    await addLogs(db, user, [4000, 400, 1])
    expect((await prune(db, null)).deleted.rows).toBe(0)
    expect(await agesOf(db, user)).toEqual([4000, 400, 1])
  })

  test('is what the present plan says, no shorter for who has lapsed, and the operator’s word for everybody else', async () => {
    const db = await open()
    const ages = [500, 100, 40, 20, 5]
    const people = {
      none: await db.createUser(),
      month: await db.createUser(),
      forever: await db.createUser(),
      former: await db.createUser(),
      unsaid: await db.createUser(),
      ended: await db.createUser(),
      lapsedFromMuch: await db.createUser(),
      admin: await db.createUser('admin'),
      nonsense: await db.createUser(),
      huge: await db.createUser(),
    }
    for (const user of Object.values(people)) await addLogs(db, user, ages)
    const month = { log_retention_days: 30 }
    await subscribe(db, people.month, month)
    await subscribe(db, people.forever, { log_retention_days: null })
    await subscribe(db, people.former, { log_retention_days: null }, { status: 'canceled', is_current: false })
    await subscribe(db, people.former, month)
    await subscribe(db, people.unsaid, {})
    await subscribe(db, people.ended, month, { end_date: daysAgo(1) })
    await subscribe(db, people.lapsedFromMuch, { log_retention_days: 365 }, { status: 'canceled' })
    await subscribe(db, people.admin, month)
    await subscribe(db, people.nonsense, { log_retention_days: 'thirty' })
    await subscribe(db, people.huge, { log_retention_days: 1e300 })

    const plan = await prune(db, 90, { isDryRun: true })
    for (const user of Object.values(people)) expect(await agesOf(db, user)).toEqual(ages)
    const report = await prune(db, 90)
    const count = ({ partitions, deleted }: typeof report) =>
      partitions.reduce((sum, { rows }) => sum + rows, deleted.rows)
    expect(count(report)).toBe(count(plan))
    const upTo = (days: number) => ages.filter((age) => age <= days)
    const expected = {
      none: upTo(90),
      month: upTo(30),
      forever: ages,
      former: upTo(30),
      unsaid: upTo(90),
      ended: upTo(90),
      lapsedFromMuch: upTo(365),
      admin: upTo(90),
      nonsense: upTo(90),
      huge: ages,
    }
    for (const [name, user] of Object.entries(people))
      expect(await agesOf(db, user), name).toEqual(expected[name as keyof typeof expected])
    expect(await system(db, findPruneReport)).toEqual(report)
    expect(count(await prune(db, 90))).toBe(0)
  })

  test('is what the default plan says for who never had a subscription, and for ever for who has lapsed', async () => {
    const db = await open()
    const [none, lapsed] = [await db.createUser(), await db.createUser()]
    for (const user of [none, lapsed]) await addLogs(db, user, [100, 5])
    await subscribe(db, lapsed, { log_retention_days: 30 }, { status: 'expired' })
    const features = JSON.stringify({ limits: { log_retention_days: 10 } })
    const plan = { id: createId(), name: 'Free', description: 'Free', price: '0', features, is_default: true }
    await system(db, (tx) => tx.insertInto('plans').values(plan).execute())
    await prune(db, null)
    expect([await agesOf(db, none), await agesOf(db, lapsed)]).toEqual([[5], [100, 5]])
  })

  test('never ends a run that still runs or waits for an approval, nor takes what usage has not counted', async () => {
    const db = await open()
    const user = await db.createUser()
    await addLogs(db, user, [100, 50])
    await addLogs(db, user, [101], 'running')
    const waiting = await insertTestLog(db.database, { user_id: user.id, timestamp: daysAgo(99), status: 'waiting' })
    const run = { log_id: waiting, log_timestamp: daysAgo(99), user_id: user.id, user_agent_id: createId() }
    const expires_at = daysAgo(-1)
    await system(db, (tx) =>
      tx
        .insertInto('waiting_runs')
        .values({ ...run, state: '{}', expires_at })
        .execute(),
    )
    // Its row is gone, by the owner's own hand past the server: it would never end.
    await addLogs(db, user, [98], 'waiting')
    await subscribe(db, user, { log_retention_days: 0 })
    await insertTestLog(db.database, { user_id: user.id })
    await prune(db, null)
    expect(await agesOf(db, user)).toEqual([101, 99, 0])
    const hours = await system(db, (tx) => tx.selectFrom('usage_hours').select('runs').execute())
    expect(hours.reduce((sum, { runs }) => sum + runs, 0)).toBe(5)
  })
})

describe('a month that is over for everybody', () => {
  const partitionsOf = async (db: TestDatabase) =>
    (
      await ownerQuery<{ name: string }>(
        db,
        `select relname as name from pg_class where relname ~ '^agent_logs_20(1|20)' and relkind = 'r' order by 1`,
      )
    ).map(({ name }) => name)

  test('is dropped as a whole; one with a log to keep is not, and loses the others', async () => {
    const db = await open()
    await makeMonths(db, new Date('2020-01-01Z'), 4)
    const [user, keeper] = [await db.createUser(), await db.createUser()]
    await subscribe(db, keeper, { log_retention_days: null })
    for (const month of ['01', '02', '03'])
      await insertTestLogs(db.database, user.id, { count: 50, start: `2020-${month}-10T00:00:00Z` })
    await insertTestLog(db.database, { user_id: keeper.id, timestamp: new Date('2020-02-20T00:00:00Z') })
    await insertTestLog(db.database, {
      user_id: user.id,
      timestamp: new Date('2020-03-20T00:00:00Z'),
      status: 'running',
    })

    const dry = await prune(db, 30, { isDryRun: true })
    expect(dry.partitions.map(({ name, rows }) => `${name} ${rows}`)).toEqual(['agent_logs_2020_01 50'])
    expect(dry.deleted).toMatchObject({ rows: 100, users: 1 })
    expect(await partitionsOf(db)).toHaveLength(4)

    const report = await prune(db, 30)
    expect(report.partitions.map(({ name, rows }) => `${name} ${rows}`)).toEqual(['agent_logs_2020_01 50'])
    expect(report.partitions[0]?.bytes).toBeGreaterThan(8192)
    expect(report.deleted).toMatchObject({ rows: 100, users: 1 })
    expect(await partitionsOf(db)).toEqual(['agent_logs_2020_02', 'agent_logs_2020_03', 'agent_logs_2020_04'])
    expect(await system(db, (tx) => tx.selectFrom('agent_logs').select('user_id').execute())).toHaveLength(2)
    const usage = await system(db, (tx) => tx.selectFrom('usage_hours').select('runs').execute())
    expect(usage.reduce((sum, { runs }) => sum + runs, 0)).toBe(152)
  })

  test('takes along what was said elsewhere in its runs, also when the drop itself was long ago', async () => {
    const db = await open()
    await makeMonths(db, new Date('2020-01-01Z'), 1)
    await makeMonths(db, new Date('2020-03-01Z'), 1)
    const [user, keeper] = [await db.createUser(), await db.createUser()]
    await subscribe(db, keeper, { log_retention_days: null })
    const { userAgentId } = await insertTestUserAgent(db.database, user.id)
    const log = (owner: TestUser, day: string) =>
      insertTestLog(db.database, { user_id: owner.id, timestamp: new Date(day) })
    const dropped = await log(user, '2020-01-10T00:00:00Z')
    const kept = await log(keeper, '2020-03-10T00:00:00Z')
    // In the default partition; its month is between the others.
    const stray = await log(keeper, '2020-02-10T00:00:00Z')
    const ids = [dropped, kept, stray]
    const expires = new Date('2020-04-01T00:00:00Z')
    await system(db, async (tx) => {
      for (const log_id of ids) {
        const of = { user_id: user.id, user_agent_id: userAgentId, log_id, log_timestamp: expires }
        const said = { tool_call_id: 'c', tool: 't', title: 'T', description: 'Secret', input: '{}', reason: 'writes' }
        await tx
          .insertInto('approvals')
          .values({ id: createId(), ...of, ...said, expires_at: expires })
          .execute()
        await tx
          .insertInto('waiting_runs')
          .values({ ...of, state: '{}', expires_at: expires })
          .execute()
      }
    })
    const left = async () => {
      const [a, w] = await Promise.all([
        system(db, (tx) => tx.selectFrom('approvals').select('log_id').orderBy('log_id').execute()),
        system(db, (tx) => tx.selectFrom('waiting_runs').select('log_id').orderBy('log_id').execute()),
      ])
      expect(a).toEqual(w)
      return a.map(({ log_id }) => log_id)
    }
    expect((await prune(db, null)).partitions).toEqual([])
    expect(await left()).toEqual([dropped, stray, kept])
    expect((await prune(db, 30)).partitions).toMatchObject([{ name: 'agent_logs_2020_01' }])
    expect(await left()).toEqual([stray, kept])
    // A kill after the drop leaves its rows to the next run.
    await ownerQuery(db, 'drop table agent_log_partitions.agent_logs_2020_03')
    await prune(db, null)
    expect(await left()).toEqual([stray])
  })

  test('stays when somebody buys a longer time between the look and the drop', async () => {
    const db = await open()
    await makeMonths(db, new Date('2020-01-01Z'), 1)
    const user = await db.createUser()
    await insertTestLogs(db.database, user.id, { count: 5, start: '2020-01-10T00:00:00Z' })
    // The subscription comes with the second look, which is made under the lock.
    let looks = 0
    const database: typeof db.database = {
      ...db.database,
      async asSystem(reason, work) {
        const answer = await db.database.asSystem(reason, work)
        if (answer === true && ++looks === 2) await subscribe(db, user, { log_retention_days: null })
        return answer
      },
    }
    await rollUpUsage(db.database)
    await pruneLogs({ database, ownerUrl: db.ownerUrl, defaultDays: 30 })
    expect(looks).toBeGreaterThanOrEqual(2)
    expect(await partitionsOf(db)).toEqual(['agent_logs_2020_01'])
    expect(await agesOf(db, user)).toHaveLength(5)
  })

  test('goes beside fifty clients that read and write, none of which fails or waits long', {
    timeout: 120_000,
  }, async () => {
    const db = await open()
    await makeMonths(db, new Date('2020-01-01Z'), 6)
    const user = await db.createUser()
    for (let month = 1; month <= 6; month++)
      await insertTestLogs(db.database, user.id, { count: 3000, start: `2020-0${month}-10T00:00:00Z` })
    await rollUpUsage(db.database)
    let isOver = false
    let slowest = 0
    let statements = 0
    const client = async (n: number) => {
      const { id, claims } = await db.createUser()
      while (!isOver) {
        const startedAt = performance.now()
        if (n % 2 === 0) await insertTestLog(db.database, { user_id: id })
        else
          await db.database.withUser(claims, (tx) =>
            tx.selectFrom('agent_logs').select('id').orderBy('timestamp', 'desc').limit(50).execute(),
          )
        slowest = Math.max(slowest, performance.now() - startedAt)
        statements += 1
      }
    }
    const clients = Array.from({ length: 50 }, (_, n) => client(n))
    await sleep(500)
    const before = slowest
    const report = await pruneLogs({ database: db.database, ownerUrl: db.ownerUrl, defaultDays: 30 })
    isOver = true
    await Promise.all(clients)
    expect(report?.busy).toEqual([])
    expect(report?.partitions).toHaveLength(6)
    expect(statements).toBeGreaterThan(200)
    // Far from the 5 s after which a statement gives up; the machine of the tests may be busy.
    expect(slowest - before).toBeLessThan(3000)
  })
})

test('two servers do not prune at once', async () => {
  const db = await open()
  await db.createUser()
  const [client] = [new pg.Client({ connectionString: db.ownerUrl })]
  await client.connect()
  await client.query('select pg_advisory_lock(72707373)')
  expect(await pruneLogs({ database: db.database, ownerUrl: db.ownerUrl, defaultDays: 1 })).toBeNull()
  await client.end()
  for (let tries = 0; tries < 50; tries++) {
    if (await pruneLogs({ database: db.database, ownerUrl: db.ownerUrl, defaultDays: 1 })) return
    await sleep(100)
  }
  throw new Error('The lock of a connection that is gone was still held.')
})

test('what a kill cut off goes on with the next run, in batches that leave room for others', {
  timeout: 120_000,
}, async () => {
  const db = await open()
  const user = await db.createUser()
  const keeper = await db.createUser()
  await subscribe(db, keeper, { log_retention_days: null })
  // In the default partition, which is never dropped.
  await insertTestLogs(db.database, user.id, { count: 16_000, start: '2015-01-01T00:00:00Z' })
  await insertTestLogs(db.database, keeper.id, { count: 100, start: '2015-01-01T00:00:00Z' })
  await rollUpUsage(db.database)
  const program = `
    import { openDatabase } from '${import.meta.dirname}/../database/database.ts'
    import { createLog } from '${import.meta.dirname}/../log.ts'
    import { pruneLogs } from '${import.meta.dirname}/prune-agent-logs.ts'
    const database = openDatabase({ url: '${db.serverUrl}', poolSize: 1, usePreparedStatements: ${inject('usePreparedStatements')}, slowQueryMs: 10000, log: createLog('silent') })
    await pruneLogs({ database, ownerUrl: '${db.ownerUrl}', defaultDays: 30 })`
  const countLeft = async () => (await agesOf(db, user)).length
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: 'ignore' })
  const ended = once(child, 'close')
  while (child.exitCode === null && (await countLeft()) > 14_000) await sleep(20)
  child.kill('SIGKILL')
  await ended
  const left = await countLeft()
  expect(left).toBeGreaterThan(0)
  expect(left).toBeLessThanOrEqual(14_000)
  const report = await prune(db, 30)
  expect(report.deleted.rows).toBe(left)
  expect([await countLeft(), (await agesOf(db, keeper)).length]).toEqual([0, 100])
})
