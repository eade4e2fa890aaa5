import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { deleteLog, rateLog } from '../../server/src/agent-logs/agent-log-queries.ts'
import { insertTestUserAgent } from '../../server/src/agent-logs/agent-log-testing.ts'
import { forgetDroppedRuns } from '../../server/src/agent-logs/forget-dropped-runs.ts'
import { finishRun, type NewRun, saveProgress, startRun, stopRun } from '../../server/src/agent-logs/run-log-queries.ts'
import { endOfTestRun, newTestRun } from '../../server/src/agent-logs/run-log-testing.ts'
import {
  continueLog,
  endWaitingRun,
  lockWaitingRun,
  saveWaitingRun,
} from '../../server/src/approvals/waiting-run-queries.ts'
import { insertRunToWait } from '../../server/src/approvals/waiting-run-testing.ts'
import type { Tx } from '../../server/src/database/database.ts'
import { createId } from '../../server/src/database/uuid-v7.ts'
import { readCounters } from '../../server/src/limits/limit-testing.ts'
import { releaseLeakedReservations } from '../../server/src/limits/reservation-queries.ts'
import { interruptRunsOf, touchServerNode } from '../../server/src/server-nodes/server-node-queries.ts'
import { createTestDatabase, type TestDatabase, type TestUser } from '../../server/src/testing/test-app.ts'
import { rollUpHour } from '../../server/src/usage/roll-up-queries.ts'
import { connectForTest } from './catalog-queries.ts'

/*
 * The partition of a month is made while a statement about one of its logs is on its way: planned with the default
 * partition alone, it waits for the lock on it, and gets it when the log is no longer there.
 */

let site: TestDatabase
let user: TestUser
let userAgentId: string
let run: NewRun
let months = 0

beforeAll(async () => {
  site = await createTestDatabase()
})
afterAll(() => site.close())
beforeEach(async () => {
  user = await site.createUser()
  userAgentId = (await insertTestUserAgent(site.database, user.id)).userAgentId
  run = newTestRun(new Date(Date.UTC(2041, months++, 15)), userAgentId)
})

const asSystem = <T>(work: (tx: Tx) => Promise<T>) => site.database.asSystem('a test', work)
const start = (which = run) => startRun(site.database, user.claims, which)
const counters = () => readCounters(site.database, user.id)
const partition = () => `agent_log_partitions.agent_logs_${run.timestamp.toISOString().slice(0, 7).replace('-', '_')}`

const readLog = (id = run.id) =>
  asSystem((tx) =>
    tx
      .selectFrom('agent_logs')
      .select(['status', 'output', sql<string>`tableoid::regclass::text`.as('place')])
      .where('id', '=', id)
      .executeTakeFirst(),
  )

/** What `work` answers that began before the partition of its month was there, and could go on only after it was. */
async function whileItMoves<T>(work: () => Promise<T>): Promise<T> {
  const maker = await connectForTest(site.ownerUrl)
  await maker.query('begin')
  const { rows } = await maker.query('select app.ensure_agent_log_partitions($1::date, 1) as made', [run.timestamp])
  expect(rows[0].made).toBe(1)
  const waiting = async () => {
    const found = await maker.query(`select from pg_locks
      where relation = 'agent_log_partitions.agent_logs_default'::regclass and not granted
        and database = (select oid from pg_database where datname = current_database())`)
    return found.rowCount
  }
  const done = work()
  let isDone = false
  const settled = done.then(
    () => (isDone = true),
    () => (isDone = true),
  )
  while (!isDone && (await waiting()) === 0) await Promise.race([settled, new Promise((next) => setTimeout(next, 5))])
  expect(isDone, 'it did not wait').toBe(false)
  await maker.query('commit')
  return done
}

const counted = { runs: 1, running: 0, input_tokens: 1, output_tokens: 1, reservations: 0 }
const running = { runs: 1, running: 1, input_tokens: 0, output_tokens: 0, reservations: 1 }

describe('a run', () => {
  test('begins, once', async () => {
    expect(await whileItMoves(start)).toMatchObject({ has_started: true })
    expect(await readLog()).toMatchObject({ status: 'running', place: partition() })
    expect(await counters()).toMatchObject(running)
  })

  test('goes on with a conversation that moves', async () => {
    await start()
    await finishRun(site.database, user.claims, endOfTestRun(run, 'Yes.'))
    const next = newTestRun(new Date(run.timestamp.getTime() + 1000), userAgentId, run.id)
    expect(await whileItMoves(() => start(next))).toMatchObject({
      has_started: true,
      history: [{ input: 'Hello', output: 'Yes.' }],
    })
    expect(await readLog(next.id)).toMatchObject({ status: 'running', place: partition() })
    expect(await counters()).toMatchObject({ runs: 2, running: 1, reservations: 1 })
  })

  test('remembers all of a conversation of several months whose newest runs move', async () => {
    await start()
    await finishRun(site.database, user.claims, endOfTestRun(run, 'Yes.'))
    await (await connectForTest(site.ownerUrl)).query('select app.ensure_agent_log_partitions($1::date, 1)', [
      run.timestamp,
    ])
    const first = run
    run = newTestRun(new Date(Date.UTC(2041, months++, 15)), userAgentId, first.id)
    await start()
    await finishRun(site.database, user.claims, endOfTestRun(run, 'Indeed.'))
    const next = newTestRun(new Date(run.timestamp.getTime() + 1000), userAgentId, first.id)
    expect(await whileItMoves(() => start(next))).toMatchObject({
      has_started: true,
      history: [{ output: 'Yes.' }, { output: 'Indeed.' }],
    })
  })

  test('keeps its answer and is counted once', async () => {
    await start()
    await whileItMoves(() => finishRun(site.database, user.claims, endOfTestRun(run, 'Yes.')))
    expect(await readLog()).toEqual({ status: 'succeeded', output: 'Yes.', place: partition() })
    expect(await counters()).toMatchObject(counted)
  })

  test('that was taken for dead keeps its answer and is counted once', async () => {
    await start()
    await asSystem((tx) => touchServerNode(tx, run.nodeId))
    await asSystem((tx) => interruptRunsOf(tx, run.nodeId))
    expect(await counters()).toMatchObject({ runs: 0, running: 0, reservations: 0 })
    await whileItMoves(() => finishRun(site.database, user.claims, endOfTestRun(run, 'Yes.')))
    expect(await readLog()).toMatchObject({ status: 'succeeded', output: 'Yes.' })
    expect(await counters()).toMatchObject(counted)
  })

  test('ends as it stands', async () => {
    await start()
    const end = endOfTestRun(run, '')
    const failed = {
      ...end,
      outcome: { ...end.outcome, status: 'failed' as const, error_code: 'internal_error' as const },
      stoppedOn: run.nodeId,
    }
    await whileItMoves(() => stopRun(site.database, user.claims, failed))
    expect(await readLog()).toMatchObject({ status: 'failed', place: partition() })
    expect(await counters()).toMatchObject({ runs: 0, running: 0, reservations: 0 })
  })

  test('keeps what it has so far', async () => {
    await start()
    await whileItMoves(() => saveProgress(site.database, user.claims, run, 'Ye', false))
    expect(await readLog()).toEqual({ status: 'running', output: 'Ye', place: partition() })
  })

  test('of a server that died ends as interrupted', async () => {
    await start()
    await asSystem((tx) => touchServerNode(tx, run.nodeId))
    expect(await whileItMoves(() => asSystem((tx) => interruptRunsOf(tx, run.nodeId)))).toBe(1)
    expect(await readLog()).toMatchObject({ status: 'interrupted', place: partition() })
    expect(await counters()).toMatchObject({ runs: 0, running: 0, reservations: 0 })
  })
})

describe('a log', () => {
  const finished = async () => {
    await start()
    await finishRun(site.database, user.claims, endOfTestRun(run, 'Yes.'))
  }

  test('keeps the rating it is given', async () => {
    await finished()
    const rated = await whileItMoves(() =>
      site.database.withUser(user.claims, (tx) => rateLog(tx, run.id, { rating: 1, comment: 'Good' })),
    )
    expect(rated).toMatchObject({ rating: 1, rating_comment: 'Good' })
  })

  test('is deleted', async () => {
    await finished()
    await whileItMoves(() => site.database.withUser(user.claims, (tx) => deleteLog(tx, run.id)))
    expect(await readLog()).toBeUndefined()
  })

  test('of a server that signed out ends as interrupted with what it took', async () => {
    await start()
    await asSystem((tx) =>
      tx
        .updateTable('run_reservations')
        .set({ created_at: new Date(0) })
        .where('log_id', '=', run.id)
        .execute(),
    )
    expect(await whileItMoves(() => asSystem(releaseLeakedReservations))).toBe(1)
    expect(await readLog()).toMatchObject({ status: 'interrupted', place: partition() })
    expect(await counters()).toMatchObject({ runs: 0, running: 0, reservations: 0 })
  })
})

describe('a run that waits', () => {
  /** Begun, and not yet waiting. */
  async function startToWait() {
    await start()
    const { end } = await insertRunToWait(site.database, { userId: user.id, userAgentId })
    const waiting = { ...end, id: run.id, timestamp: run.timestamp }
    return () => saveWaitingRun(site.database, user.claims, waiting, waiting.waiting)
  }
  const waitingRun = () => asSystem((tx) => lockWaitingRun(tx, run.id, user.id))

  test('begins to wait', async () => {
    const save = await startToWait()
    await whileItMoves(save)
    expect(await readLog()).toMatchObject({ status: 'waiting', place: partition() })
    expect(await waitingRun()).toMatchObject({ log_id: run.id })
    expect(await counters()).toMatchObject({ ...counted, reservations: 1 })
  })

  test('is not taken for one of a dropped month', async () => {
    await (await startToWait())()
    const laterMonth = { from: new Date('2090-01-01'), to: new Date('2090-02-01') }
    expect(await whileItMoves(() => forgetDroppedRuns(site.database, [laterMonth]))).toBe(0)
    expect(await waitingRun()).toMatchObject({ log_id: run.id })
  })

  test('goes on', async () => {
    await (await startToWait())()
    const continued = await whileItMoves(() =>
      asSystem(async (tx) => {
        const waiting = await lockWaitingRun(tx, run.id, user.id)
        return waiting && continueLog(tx, waiting, createId())
      }),
    )
    expect(continued).toMatchObject({ input: 'Hello' })
    expect(await readLog()).toMatchObject({ status: 'running', place: partition() })
    expect(await counters()).toMatchObject({ running: 1, reservations: 1 })
  })

  test('ends without going on', async () => {
    await (await startToWait())()
    const end = { approvals: 'expired', status: 'failed', error_code: 'approval_expired' } as const
    const of = { log_id: run.id, log_timestamp: run.timestamp, user_id: user.id }
    await whileItMoves(() => asSystem((tx) => endWaitingRun(tx, of, end)))
    expect(await readLog()).toMatchObject({ status: 'failed', place: partition() })
    expect(await waitingRun()).toBeNull()
    expect(await counters()).toMatchObject({ runs: 0, reservations: 0 })
  })
})

test('an hour is counted with the logs that move', async () => {
  run = newTestRun(new Date('2020-03-10T10:30:00Z'), userAgentId)
  await start()
  await finishRun(site.database, user.claims, endOfTestRun(run, 'Yes.'))
  expect(await whileItMoves(() => asSystem(rollUpHour))).toEqual(new Date('2020-03-10T10:00:00Z'))
  const hours = await asSystem((tx) =>
    tx.selectFrom('usage_hours').select(['runs', 'output_tokens']).where('user_id', '=', user.id).execute(),
  )
  expect(hours).toEqual([{ runs: 1, output_tokens: 1 }])
})

test('the end of a run whose log is gone is no error, and what it used counts once', async () => {
  await start()
  await asSystem((tx) => tx.deleteFrom('agent_logs').where('id', '=', run.id).execute())
  for (let attempt = 0; attempt < 2; attempt++) await finishRun(site.database, user.claims, endOfTestRun(run, 'Yes.'))
  expect(await readLog()).toBeUndefined()
  expect(await counters()).toMatchObject(counted)
})

test('the end of a run whose user is gone is no error', async () => {
  await start()
  await asSystem((tx) => tx.deleteFrom('users').where('id', '=', user.id).execute())
  await finishRun(site.database, user.claims, endOfTestRun(run, 'Yes.'))
  await saveProgress(site.database, user.claims, run, 'Ye', false)
  expect(await readLog()).toBeUndefined()
})
