import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { insertTestLog } from '../agent-logs/agent-log-testing.ts'
import type { Database } from '../database/database.ts'
import { createId } from '../database/uuid-v7.ts'
import { AppError } from '../errors.ts'
import { createLog } from '../log.ts'
import { createUnsettledRuns } from '../runtime/unsettled-runs.ts'
import { createTestDatabase, type TestDatabase, type TestUser } from '../testing/test-app.ts'
import { keepServerNode } from './keep-server-node.ts'

let testDatabase: TestDatabase
let database: Database
let user: TestUser

beforeAll(async () => {
  testDatabase = await createTestDatabase()
  database = testDatabase.database
  user = await testDatabase.createUser()
})
afterAll(() => testDatabase.close())

const heartbeatMs = 300
const log = createLog('silent')

async function keep(id: string, on: Database = database) {
  const unsettledRuns = createUnsettledRuns({ database, log, activeRuns: { has: () => false } })
  const node = await keepServerNode(on, id, { isAlone: false, log, unsettledRuns, heartbeatMs })
  onTestFinished(() => node.stop())
  return node
}

const isThere = (id: string) =>
  database.asSystem('a test looks for a server', async (tx) => {
    const row = await tx.selectFrom('server_nodes').select('id').where('id', '=', id).executeTakeFirst()
    return row !== undefined
  })

async function leaveRun(nodeId: string, timestamp?: Date): Promise<string> {
  const id = await insertTestLog(database, { user_id: user.id, status: 'running', ...(timestamp && { timestamp }) })
  await database.asSystem('a test gives a run to a server', (tx) =>
    tx.updateTable('agent_logs').set({ node_id: nodeId }).where('id', '=', id).execute(),
  )
  return id
}

const statusOf = (id: string) =>
  database.asSystem('a test looks at a run', async (tx) => {
    const row = await tx.selectFrom('agent_logs').select('status').where('id', '=', id).executeTakeFirst()
    return row?.status
  })

async function insertSilentNode(): Promise<string> {
  const id = createId()
  const longAgo = new Date(Date.now() - 3_600_000)
  await database.asSystem('a test makes a server that died', (tx) =>
    tx.insertInto('server_nodes').values({ id, started_at: longAgo, heartbeat_at: longAgo }).execute(),
  )
  return id
}

test('runs of a server that died end as interrupted, also one that an old Idempotency-Key began again', async () => {
  const dead = await insertSilentNode()
  const runs = [
    await leaveRun(dead, new Date(Date.now() - 3_600_000)),
    await leaveRun(dead, new Date(Date.now() - 20 * 3_600_000)),
  ]
  await keep(createId())
  for (const id of runs) expect(await statusOf(id)).toBe('interrupted')
  expect(await isThere(dead)).toBe(false)
})

test('a server that others took for dead signs in again', async () => {
  const id = createId()
  await keep(id)
  await database.asSystem('a test takes a server for dead', (tx) =>
    tx.deleteFrom('server_nodes').where('id', '=', id).execute(),
  )
  await sleep(heartbeatMs * 3)
  expect(await isThere(id)).toBe(true)
})

test('a server that stops leaves no run as running', async () => {
  const id = createId()
  const node = await keep(id)
  const left = await leaveRun(id)
  await node.stop()
  expect(await statusOf(left)).toBe('interrupted')
  expect(await isThere(id)).toBe(false)
})

test('after the database was away nobody is taken for dead before there was time for a sign of life', async () => {
  let isAway = false
  const failing: Database = {
    ...database,
    asSystem: (reason, work) =>
      isAway ? Promise.reject(new AppError('unavailable')) : database.asSystem(reason, work),
  }
  await keep(createId(), failing)
  isAway = true
  await sleep(heartbeatMs * 8)
  const other = await insertSilentNode()
  const run = await leaveRun(other)
  isAway = false
  await sleep(heartbeatMs * 3)
  expect(await statusOf(run)).toBe('running')
  await sleep(heartbeatMs * 12)
  expect(await isThere(other)).toBe(false)
})
