import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { insertTestUserAgent } from '../agent-logs/agent-log-testing.ts'
import { startRun, stopRun } from '../agent-logs/run-log-queries.ts'
import { newTestRun } from '../agent-logs/run-log-testing.ts'
import type { Claims, Database } from '../database/database.ts'
import { queueIsFull, toAppError, toConnectError } from '../database/database-errors.ts'
import type { Statement } from '../database/framed-statement.ts'
import { createIdWithTime } from '../database/uuid-v7.ts'
import { readCounters } from '../limits/limit-testing.ts'
import { describeFailure } from '../runtime/load-run.ts'
import { runAgent } from '../runtime/run-agent.ts'
import type { TestUser } from '../testing/test-app.ts'
import {
  configureTestAgent,
  createRunTestApp,
  findLogRow,
  listLogRows,
  postRun,
  type RunTestApp,
} from './run-testing.ts'

/** What happens to each statement of a run; undefined lets it through. */
type Fault = (statement: Statement, run: () => Promise<unknown[]>) => Promise<unknown[]> | undefined

let testApp: RunTestApp
let user: TestUser
let fault: Fault | null = null

beforeAll(async () => {
  testApp = await createRunTestApp()
  user = await testApp.createUser()
  const { database } = testApp
  const { queryAsUser } = database
  database.queryAsUser = ((claims: Claims, statement: Statement) => {
    const run = () => queryAsUser(claims, statement)
    return fault?.(statement, run) ?? run()
  }) as Database['queryAsUser']
})
afterAll(() => testApp.close())

async function withFault<T>(next: Fault, work: () => Promise<T>): Promise<T> {
  fault = next
  try {
    return await work()
  } finally {
    fault = null
  }
}

const isBegin = ({ name }: Statement) => name.startsWith('run_begin')
const isFinish = ({ name }: Statement) => name.startsWith('run_finish')

test('a run whose row was written, but the answer to it lost, ends as interrupted', async () => {
  const id = await configureTestAgent(testApp.database, user)
  const response = await withFault(
    (statement, run) =>
      isBegin(statement)
        ? run().then(() => {
            throw toAppError(new Error('Connection terminated unexpectedly'), true)
          })
        : undefined,
    () => postRun(testApp.app, user.headers, id, { input: 'Hello' }),
  )
  expect(response.statusCode).toBe(503)
  expect(await listLogRows(testApp.database, id)).toMatchObject([{ status: 'running' }])
  // Not at once: a statement without a client may still be at work.
  await testApp.services.unsettledRuns.settle()
  expect(testApp.services.unsettledRuns.count).toBe(1)
  await testApp.services.unsettledRuns.settleAll()
  expect(testApp.services.unsettledRuns.count).toBe(0)
  expect(await listLogRows(testApp.database, id)).toMatchObject([
    { status: 'interrupted', error_code: 'interrupted', input: 'Hello' },
  ])
})

test('a run that was never sent, or that PostgreSQL refused, leaves nothing to write down', async () => {
  const id = await configureTestAgent(testApp.database, user)
  const lockTimeout = Object.assign(new pg.DatabaseError('lock timeout', 0, 'error'), { code: '55P03' })
  const errors = [queueIsFull(), toConnectError(new Error('connect ECONNREFUSED')), toAppError(lockTimeout, false)]
  for (const error of errors) {
    const refuse: Fault = (statement) => (isBegin(statement) ? Promise.reject(error) : undefined)
    const response = await withFault(refuse, () => postRun(testApp.app, user.headers, id, { input: 'Hello' }))
    expect(response.statusCode).toBe(503)
  }
  expect(testApp.services.unsettledRuns.count).toBe(0)
})

test('what one server could not begin does not end the run that another has begun since, nor one that waits', async () => {
  const { database, services } = testApp
  const owner = await testApp.createUser()
  const { userAgentId } = await insertTestUserAgent(database, owner.id)
  const run = newTestRun(new Date(), userAgentId)
  await startRun(database, owner.claims, run)
  const running = await readCounters(database, owner.id)
  const setStatus = (status: string) =>
    database.asSystem('a test changes a run', (tx) =>
      tx.updateTable('agent_logs').set({ status }).where('id', '=', run.id).execute(),
    )
  for (const status of ['running', 'waiting']) {
    await setStatus(status)
    services.unsettledRuns.add(owner.claims, describeFailure(services, run, 'interrupted'))
    await services.unsettledRuns.settle()
    expect(services.unsettledRuns.count).toBe(0)
    expect(await findLogRow(database, run.id)).toMatchObject({ status })
    expect(await readCounters(database, owner.id)).toEqual(running)
  }
  // It was there to be ended.
  await setStatus('running')
  await stopRun(database, owner.claims, describeFailure({ ...services, nodeId: run.nodeId }, run, 'interrupted'))
  expect(await findLogRow(database, run.id)).toMatchObject({ status: 'interrupted' })
  expect(await readCounters(database, owner.id)).toMatchObject({ runs: 0, running: 0, reservations: 0 })
})

test('a run that another server took for lost ends as it really did', async () => {
  const id = await configureTestAgent(testApp.database, user)
  testApp.provider.setScript([{ kind: 'text', text: 'Here I am.' }])
  const response = await withFault(
    (statement, run) =>
      isFinish(statement)
        ? testApp.database
            .asSystem('a test plays another server', (tx) =>
              tx.updateTable('agent_logs').set({ status: 'interrupted', error_code: 'interrupted' }).execute(),
            )
            .then(run)
        : undefined,
    () => postRun(testApp.app, user.headers, id, { input: 'Hello' }),
  )
  expect(response.json()).toMatchObject({ status: 'succeeded', output: 'Here I am.' })
  expect(await listLogRows(testApp.database, id)).toMatchObject([
    { status: 'succeeded', error_code: null, output: 'Here I am.' },
  ])
})

test('steps that PostgreSQL cannot keep do not cost the answer', async () => {
  const id = await configureTestAgent(testApp.database, user)
  testApp.provider.setScript([{ kind: 'text', text: 'Paid for.' }])
  const response = await withFault(
    (statement) =>
      isFinish(statement) && JSON.stringify(statement.values).includes('steps')
        ? Promise.reject(new Error('stack depth limit exceeded'))
        : undefined,
    () => postRun(testApp.app, user.headers, id, { input: 'Hello' }),
  )
  expect(response.json()).toMatchObject({ status: 'succeeded', output: 'Paid for.' })
  expect(await listLogRows(testApp.database, id)).toMatchObject([
    { status: 'succeeded', output: 'Paid for.', metadata: { is_reduced: true } },
  ])
})

describe('nonsense of a provider ends the run all the same', () => {
  test.each([
    ['more tokens than there are', { input: 1e15, output: 3_000_000_000 }],
    ['half a token', { input: 10.5, output: 0.25 }],
    ['less than none', { input: -5, output: -1 }],
  ])('%s', async (_what, usage) => {
    const id = await configureTestAgent(testApp.database, user)
    testApp.provider.setScript([{ kind: 'text', text: 'Counted.', usage }])
    const response = await postRun(testApp.app, user.headers, id, { input: 'Hello' })
    expect(response.statusCode).toBe(200)
    const [row] = await listLogRows(testApp.database, id)
    expect(row).toMatchObject({ status: 'succeeded', output: 'Counted.' })
    expect(row?.input_tokens).toBeGreaterThanOrEqual(0)
  })

  test('the input of a tool nested a few thousand deep', async () => {
    const id = await configureTestAgent(testApp.database, user)
    let input: unknown = 1
    for (let depth = 0; depth < 8000; depth++) input = { a: input }
    testApp.provider.setScript([
      { kind: 'tool-calls', calls: [{ name: 'calculator', input }] },
      { kind: 'text', text: 'Done.' },
    ])
    await postRun(testApp.app, user.headers, id, { input: 'Hello' })
    const [row] = await listLogRows(testApp.database, id)
    expect(row?.status).toMatch(/succeeded|failed/)
  })
})

test('a listener that fails does not leave a run behind', async () => {
  const userAgentId = await configureTestAgent(testApp.database, user)
  testApp.provider.setScript([{ kind: 'text', text: 'Nobody heard.' }])
  const fail = () => {
    throw new Error('the stream broke')
  }
  const { outcome } = await runAgent(testApp.services, user.claims, {
    ...createIdWithTime(),
    userAgentId,
    conversationId: null,
    input: 'Hello',
    source: 'api',
    onStart: fail,
    onEvent: fail,
  })
  expect(outcome).toMatchObject({ status: 'succeeded', output: 'Nobody heard.' })
  expect(await listLogRows(testApp.database, userAgentId)).toMatchObject([{ status: 'succeeded' }])
  expect(testApp.services.activeRuns.count).toBe(0)
})
