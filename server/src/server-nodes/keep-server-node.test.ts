import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { insertTestUserAgent } from '../agent-logs/agent-log-testing.ts'
import { startRun } from '../agent-logs/run-log-queries.ts'
import { newTestRun } from '../agent-logs/run-log-testing.ts'
import type { Database, Tx } from '../database/database.ts'
import { createId } from '../database/uuid-v7.ts'
import { AppError } from '../errors.ts'
import { readCounters } from '../limits/limit-testing.ts'
import { createLog } from '../log.ts'
import { createTestDatabase, type TestDatabase, type TestUser } from '../testing/test-app.ts'
import { eventually } from '../user-agents/run-testing.ts'
import { keepServerNode } from './keep-server-node.ts'
import { listOtherNodes, lockSilentNode, touchServerNode } from './server-node-queries.ts'

let testDatabase: TestDatabase
let database: Database
let user: TestUser
let userAgentId: string

beforeAll(async () => {
  testDatabase = await createTestDatabase()
  database = testDatabase.database
  user = await testDatabase.createUser()
  userAgentId = (await insertTestUserAgent(database, user.id)).userAgentId
})
afterAll(() => testDatabase.close())

const heartbeatMs = 50
const log = createLog('silent')
const system = <T>(work: (tx: Tx) => Promise<T>) => database.asSystem('a test looks at servers', work)
const nothingUnsettled = { settle: async () => {}, settleAll: async () => {} }

async function keep(
  nodeId: string,
  { isAlone = false, ...services }: Partial<Parameters<typeof keepServerNode>[0] & { isAlone: boolean }> = {},
) {
  const node = await keepServerNode(
    { database, log, nodeId, unsettledRuns: nothingUnsettled, ...services },
    { heartbeatDatabase: database, isAlone, heartbeatMs },
  )
  onTestFinished(() => node.stop())
  return node
}

const findNode = (id: string) =>
  system((tx) => tx.selectFrom('server_nodes').select('heartbeat_at').where('id', '=', id).executeTakeFirst())
const isGone = async (id: string) => (await findNode(id)) === undefined

/** Begins a run on a server whose clock says this. */
async function leaveRun(nodeId: string, moment = new Date()): Promise<string> {
  const run = { ...newTestRun(moment, userAgentId), nodeId }
  await startRun(database, user.claims, run)
  return run.id
}

const statusOf = (id: string) =>
  system(
    async (tx) => (await tx.selectFrom('agent_logs').select('status').where('id', '=', id).executeTakeFirst())?.status,
  )

async function insertDeadNode(heartbeatAt = new Date()): Promise<string> {
  const id = createId()
  await system((tx) => tx.insertInto('server_nodes').values({ id, heartbeat_at: heartbeatAt }).execute())
  return id
}

const hourMs = 3_600_000
const inHours = (hours: number) => new Date(Date.now() + hours * hourMs)

test('runs of a server that died end as interrupted, whatever its clock said, also one that an old Idempotency-Key began again', async () => {
  const dead = await insertDeadNode()
  const runs = [await leaveRun(dead), await leaveRun(dead, inHours(-20)), await leaveRun(dead, inHours(30))]
  expect(await readCounters(database, user.id)).toMatchObject({ running: 3, reservations: 3 })
  await keep(createId())
  await eventually('the others have seen it', () => isGone(dead))
  for (const id of runs) expect(await statusOf(id)).toBe('interrupted')
  expect(await readCounters(database, user.id)).toMatchObject({ runs: 0, running: 0, reservations: 0 })
})

test('who is alone on the database ends at once what the one before left, though the clock was set back since', async () => {
  const dead = await insertDeadNode(inHours(1))
  const run = await leaveRun(dead)
  await keep(createId(), { isAlone: true })
  expect(await statusOf(run)).toBe('interrupted')
  expect(await isGone(dead)).toBe(true)
})

test('a server that others took for dead signs in again', async () => {
  const id = createId()
  await keep(id)
  await system((tx) => tx.deleteFrom('server_nodes').where('id', '=', id).execute())
  await eventually('it is back', async () => !(await isGone(id)))
})

test('a server that stops leaves no run as running', async () => {
  const id = createId()
  const node = await keep(id)
  const left = await leaveRun(id)
  await node.stop()
  expect(await statusOf(left)).toBe('interrupted')
  expect(await isGone(id)).toBe(true)
})

test('a server that has no connection left, or long writes down ends of runs, shows that it lives', async () => {
  const id = createId()
  const held = Promise.withResolvers<void>()
  let settling = 0
  const settle = () => {
    settling++
    return held.promise
  }
  const busy: Pick<Database, 'asSystem'> = { asSystem: () => Promise.reject(new AppError('unavailable')) }
  let isBusy = true
  await keep(id, {
    database: { asSystem: (...args) => (isBusy ? busy : database).asSystem(...args) },
    unsettledRuns: { ...nothingUnsettled, settle },
  })
  onTestFinished(() => {
    isBusy = false
    held.resolve()
  })
  const lastBeat = async () => (await findNode(id))?.heartbeat_at.getTime() ?? 0
  // Somebody whose runs it would end if it could.
  await insertDeadNode()
  for (let beat = 0; beat < 3; beat++) {
    const before = await lastBeat()
    await eventually('the next heartbeat', async () => (await lastBeat()) > before)
  }
  expect(settling).toBe(1)
})

test('a server that shows a sign of life while it is taken for dead keeps its runs', async () => {
  const [id, other] = [createId(), createId()]
  await system((tx) => touchServerNode(tx, id))
  const [sign] = (await system((tx) => listOtherNodes(tx, other))).filter((node) => node.id === id)
  if (!sign) throw new Error('The server is there.')
  await system((tx) => touchServerNode(tx, id))
  expect(await system((tx) => lockSilentNode(tx, sign))).toBe(false)
  const [newSign] = (await system((tx) => listOtherNodes(tx, other))).filter((node) => node.id === id)
  expect(newSign && (await system((tx) => lockSilentNode(tx, newSign)))).toBe(true)
})
