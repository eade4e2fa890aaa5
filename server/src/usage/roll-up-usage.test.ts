import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { insertTestLog, insertTestLogs, insertTestUserAgent } from '../agent-logs/agent-log-testing.ts'
import type { Tx } from '../database/database.ts'
import { closeAfterTest, createTestDatabase, type TestDatabase, type TestUser } from '../testing/test-app.ts'
import { getRolledUntil, rollUpHour } from './roll-up-queries.ts'
import { rollUpUsage } from './roll-up-usage.ts'
import { readUsage } from './usage-queries.ts'
import type { UsageGroup, UsageQuery } from './usage-schemas.ts'

let testDatabase: TestDatabase
beforeAll(async () => {
  testDatabase = await createTestDatabase()
})
afterAll(() => testDatabase.close())

const hourMs = 3_600_000
const system = <T>(work: (tx: Tx) => Promise<T>) => testDatabase.database.asSystem('a test', work)
const lastDay = (group?: UsageGroup): UsageQuery => {
  const to = new Date(Date.now() + hourMs)
  return {
    from: new Date(to.getTime() - 26 * hourMs),
    to,
    by: 'hour',
    time_zone: 'UTC',
    group,
    user_agent_id: undefined,
  }
}
const usageOf = (user: TestUser, group?: UsageGroup) =>
  testDatabase.database.withUser(user.claims, (tx) => readUsage(tx, lastDay(group)))

/** What happened, kept beside the database: a run with its present end, whether or not its log is still there. */
interface Happened {
  id: string
  timestamp: Date
  status: string
  model: string
  tokens: number
  cost: number | null
  isDeleted: boolean
}

async function begin(user: TestUser, ageMs: number, model: string): Promise<Happened> {
  const timestamp = new Date(Date.now() - ageMs)
  const id = await insertTestLog(testDatabase.database, { user_id: user.id, timestamp, status: 'running', model })
  return { id, timestamp, status: 'running', model, tokens: 0, cost: null, isDeleted: false }
}

async function end(run: Happened, status: string, tokens: number, model = run.model): Promise<void> {
  const cost = tokens % 3 === 0 ? null : tokens / 1000
  const { numUpdatedRows } = await system((tx) =>
    tx
      .updateTable('agent_logs')
      .set({
        status,
        model,
        input_tokens: tokens,
        output_tokens: 2 * tokens,
        cost_usd: cost?.toFixed(8) ?? null,
        latency_ms: 100,
      })
      .where('id', '=', run.id)
      .where('timestamp', '=', run.timestamp)
      .executeTakeFirstOrThrow(),
  )
  if (numUpdatedRows === 1n) Object.assign(run, { status, tokens, cost, model })
}

async function forget(user: TestUser, run: Happened): Promise<void> {
  await testDatabase.database.withUser(user.claims, (tx) =>
    tx.deleteFrom('agent_logs').where('id', '=', run.id).where('timestamp', '=', run.timestamp).execute(),
  )
  run.isDeleted = true
}

function expectedOf(runs: Happened[]) {
  const count = (status: string) => runs.filter((run) => run.status === status).length
  const ended = runs.filter(({ status }) => status !== 'running' && status !== 'waiting')
  const timed = runs.filter(({ status }) => status !== 'running')
  const tokens = runs.reduce((sum, run) => sum + run.tokens, 0)
  return {
    runs: runs.length,
    succeeded: count('succeeded'),
    failed: count('failed'),
    cancelled: count('cancelled'),
    interrupted: count('interrupted'),
    running: count('running') + count('waiting'),
    input_tokens: tokens,
    output_tokens: 2 * tokens,
    cost_usd: runs.reduce((sum, { cost }) => sum + Math.round((cost ?? 0) * 1000), 0) / 1000,
    unpriced_runs: ended.filter(({ cost }) => cost === null).length,
    latency_ms: timed.length > 0 ? 100 : null,
  }
}

async function expectExact(user: TestUser, runs: Happened[]): Promise<void> {
  const usage = await usageOf(user, 'model')
  expect(usage.total).toMatchObject(expectedOf(runs))
  const models = Object.fromEntries(usage.groups.map((row) => [row.group, row]))
  const byModel = Map.groupBy(runs, ({ model }) => model)
  expect(Object.keys(models).sort()).toEqual([...byModel.keys()].sort())
  for (const [model, ofModel] of byModel) expect(models[model], model).toMatchObject(expectedOf(ofModel))
  const byHour = Map.groupBy(runs, ({ timestamp }) => Math.floor(timestamp.getTime() / hourMs) * hourMs)
  for (const [hour, ofHour] of byHour) {
    const rows = usage.data.filter(({ start }) => start.getTime() === hour)
    expect(rows.reduce((sum, row) => sum + row.runs, 0)).toBe(ofHour.length)
    expect(rows.reduce((sum, row) => sum + row.input_tokens, 0)).toBe(expectedOf(ofHour).input_tokens)
  }
}

const model = fc.constantFrom('a', 'b')
const outcome = fc.constantFrom('waiting', 'succeeded', 'failed', 'cancelled', 'interrupted')
const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('begin' as const),
      ageHours: fc.double({ min: 0, max: 9, noNaN: true }),
      model,
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constant('end' as const), which: fc.nat(), outcome, tokens: fc.nat(500), model }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('delete' as const), which: fc.nat() }) },
  { weight: 2, arbitrary: fc.constant({ kind: 'roll up' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'roll up an hour' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'break off' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'prune' as const }) },
)

test('whatever happens in whatever order, usage is what happened', { timeout: 240_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
      // A database would be too slow for each: everything of this attempt belongs to a user of its own.
      await system((tx) =>
        tx
          .updateTable('usage_rollup')
          .set({ rolled_until: new Date(0) })
          .execute(),
      )
      await system((tx) => tx.deleteFrom('users').execute())
      const user = await testDatabase.createUser()
      const runs: Happened[] = []
      for (const one of steps) {
        const run = 'which' in one && runs.length > 0 ? runs[one.which % runs.length] : undefined
        if (one.kind === 'begin') runs.push(await begin(user, one.ageHours * hourMs, one.model))
        if (one.kind === 'end' && run) await end(run, one.outcome, one.tokens, one.model)
        if (one.kind === 'delete' && run) await forget(user, run)
        if (one.kind === 'roll up') await rollUpUsage(testDatabase.database)
        if (one.kind === 'roll up an hour') await system(rollUpHour)
        if (one.kind === 'break off')
          await system(async (tx) => {
            await rollUpHour(tx)
            throw new Error('killed')
          }).catch(() => {})
        if (one.kind === 'prune')
          await system(async (tx) => {
            const until = await getRolledUntil(tx)
            await tx.deleteFrom('agent_logs').where('timestamp', '<', until).execute()
            for (const old of runs) if (old.timestamp < until) old.isDeleted = true
          })
      }
      await expectExact(user, runs)
      await rollUpUsage(testDatabase.database)
      await expectExact(user, runs)
      await rollUpUsage(testDatabase.database)
      await expectExact(user, runs)
      const left = await system((tx) => tx.selectFrom('usage_hours').select('is_correction').execute())
      const until = await system(getRolledUntil)
      const isLate = (run: Happened) => run.isDeleted && run.timestamp >= until
      if (!runs.some(isLate)) expect(left.filter((row) => row.is_correction)).toEqual([])
    }),
    { numRuns: 40 },
  )
})

test('runs that begin, end and go while servers roll up are counted once', { timeout: 120_000 }, async () => {
  const user = await testDatabase.createUser()
  const runs: Happened[] = []
  let isOver = false
  const random = (max: number) => Math.floor(Math.random() * max)
  const write = async () => {
    for (let n = 0; n < 60; n++) {
      const run = await begin(user, random(8 * hourMs), random(2) === 0 ? 'a' : 'b')
      runs.push(run)
      if (random(4) > 0) await end(run, random(2) === 0 ? 'succeeded' : 'failed', random(500))
      if (random(4) === 0) await forget(user, run)
    }
  }
  const rollUp = async () => {
    while (!isOver) await rollUpUsage(testDatabase.database)
  }
  const rollers = [rollUp(), rollUp()]
  await Promise.all([write(), write(), write()])
  isOver = true
  await Promise.all(rollers)
  await expectExact(user, runs)
})

test('a run that waits for an approval has not ended: its price is not unknown, before and after its hour is counted', async () => {
  const user = await testDatabase.createUser()
  const [soon, late] = [await begin(user, 0, 'a'), await begin(user, 5 * hourMs, 'a')]
  for (const run of [soon, late]) await end(run, 'waiting', 0)
  const expected = { runs: 2, running: 2, unpriced_runs: 0 }
  expect((await usageOf(user)).total).toMatchObject(expected)
  await rollUpUsage(testDatabase.database)
  expect((await usageOf(user)).total).toMatchObject(expected)
  for (const run of [soon, late]) await end(run, 'succeeded', 0)
  await rollUpUsage(testDatabase.database)
  expect((await usageOf(user)).total).toMatchObject({ runs: 2, running: 0, unpriced_runs: 2 })
})

test('costs that nobody can have keep no hour from being counted', async () => {
  const [user, debtor, other] = [
    await testDatabase.createUser(),
    await testDatabase.createUser(),
    await testDatabase.createUser(),
  ]
  const timestamp = new Date(Math.floor(Date.now() / hourMs) * hourMs - 5 * hourMs)
  await system((tx) => tx.updateTable('usage_rollup').set({ rolled_until: timestamp }).execute())
  for (const { id } of [user, debtor])
    await insertTestLog(testDatabase.database, { user_id: id, timestamp, cost_usd: '5' })
  await insertTestLog(testDatabase.database, { user_id: other.id, timestamp, cost_usd: '1' })
  await system((tx) =>
    sql`insert into usage_hours (user_id, hour, source, runs, succeeded, failed, cancelled, interrupted, input_tokens,
        output_tokens, cost_usd, unpriced_runs, latency_ms, timed_runs, is_correction)
      select id, ${timestamp}, 'api', 0, 0, 0, 0, 0, 0, 0, cost_usd, 0, 0, 0, true
      from (values (${user.id}::uuid, 900000000000), (${debtor.id}::uuid, -900000000000)) costs (id, cost_usd), generate_series(1, 2)`.execute(
      tx,
    ),
  )
  await rollUpUsage(testDatabase.database)
  expect((await usageOf(other)).total).toMatchObject({ runs: 1, cost_usd: 1 })
  expect((await usageOf(user)).total).toMatchObject({ runs: 1, cost_usd: 999_999_999_999 })
  expect((await usageOf(debtor)).total).toMatchObject({ runs: 1, cost_usd: -999_999_999_999 })
})

test('whoever reads while hours are rolled up sees the same sum all the time', async () => {
  const fresh = await createTestDatabase()
  closeAfterTest(fresh)
  const user = await fresh.createUser()
  await insertTestLogs(fresh.database, user.id, {
    count: 2000,
    start: new Date(Date.now() - 23 * hourMs).toISOString(),
    stepMs: 36_000,
  })
  const read = () => fresh.database.withUser(user.claims, (tx) => readUsage(tx, lastDay()))
  const rolling = { isOver: false }
  const done = rollUpUsage(fresh.database).finally(() => {
    rolling.isOver = true
  })
  const seen = new Set<number>()
  while (!rolling.isOver) seen.add((await read()).total.runs)
  expect(await done).toBeGreaterThan(15)
  seen.add((await read()).total.runs)
  expect([...seen]).toEqual([2000])
})

test('a server that is killed while it rolls up leaves nothing uncounted and nothing counted twice', {
  timeout: 120_000,
}, async () => {
  const fresh = await createTestDatabase()
  closeAfterTest(fresh)
  const user = await fresh.createUser()
  // 400 hours, so that there is something to be killed in.
  await insertTestLogs(fresh.database, user.id, {
    count: 4000,
    start: new Date(Date.now() - 410 * hourMs).toISOString(),
    stepMs: hourMs / 10,
  })
  const program = `
    import { openDatabase } from '${import.meta.dirname}/../database/database.ts'
    import { createLog } from '${import.meta.dirname}/../log.ts'
    import { rollUpUsage } from '${import.meta.dirname}/roll-up-usage.ts'
    await rollUpUsage(openDatabase({ url: '${fresh.serverUrl}', poolSize: 1, usePreparedStatements: true, log: createLog('silent') }))`
  let kills = 0
  const rolledUntil = () => fresh.database.asSystem('a test', getRolledUntil)
  for (let isOver = false; !isOver && kills < 5; ) {
    const before = await rolledUntil()
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: 'ignore' })
    const ended = once(child, 'close')
    while (child.exitCode === null && (await rolledUntil()).getTime() - before.getTime() < 5 * hourMs) await sleep(5)
    if (child.exitCode === null) {
      child.kill('SIGKILL')
      kills += 1
    } else isOver = true
    await ended
  }
  expect(kills).toBeGreaterThan(0)
  await rollUpUsage(fresh.database)
  const [row] = await fresh.database.asSystem('a test', async (tx) => {
    const { rows } = await sql<{ rolled: number; logs: number; rows: number; hours: number }>`
      select (select sum(runs)::int from usage_hours) as rolled,
        (select count(*)::int from agent_logs where "timestamp" < (select rolled_until from usage_rollup)) as logs,
        (select count(*)::int from usage_hours) as rows, (select count(distinct hour)::int from usage_hours) as hours`.execute(
      tx,
    )
    return rows
  })
  expect(row?.rolled).toBe(row?.logs)
  expect(row?.rows).toBe(row?.hours)
})

test('usage loses the name of a deleted agent and nothing else, and goes with its user', async () => {
  const user = await testDatabase.createUser()
  const { agentId, userAgentId } = await insertTestUserAgent(testDatabase.database, user.id)
  const timestamp = new Date(Date.now() - 5 * hourMs)
  await insertTestLog(testDatabase.database, {
    user_id: user.id,
    timestamp,
    agent_id: agentId,
    user_agent_id: userAgentId,
  })
  await insertTestLog(testDatabase.database, { user_id: user.id, agent_id: agentId, user_agent_id: userAgentId })
  await rollUpUsage(testDatabase.database)
  expect((await usageOf(user, 'agent')).groups).toMatchObject([
    { group: agentId, group_name: 'Customer service', runs: 2 },
  ])
  expect((await usageOf(user, 'user_agent')).groups).toMatchObject([
    { group: userAgentId, group_name: 'Shop help', runs: 2 },
  ])
  await system(async (tx) => {
    await tx.deleteFrom('user_agents').where('id', '=', userAgentId).execute()
    await tx.deleteFrom('agents').where('id', '=', agentId).execute()
  })
  expect((await usageOf(user, 'agent')).groups).toMatchObject([{ group: null, group_name: null, runs: 2 }])
  expect((await usageOf(user, 'user_agent')).groups).toMatchObject([{ group: userAgentId, group_name: null, runs: 2 }])
  await system((tx) => tx.deleteFrom('users').where('id', '=', user.id).execute())
  const left = await system((tx) => tx.selectFrom('usage_hours').select('id').where('user_id', '=', user.id).execute())
  expect(left).toEqual([])
})
