import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { startTestProvider, type TestProvider } from '../server/src/runtime/test-providers/start-test-provider.ts'
import { type ApiSession, configureAgent, openApiSession, signUp } from './support/api-session.ts'
import { eventually } from './support/eventually.ts'
import { copyPreparedData } from './support/prepared-data.ts'
import { type Program, removeDataFolder, startProgram, stopPostgres } from './support/start-program.ts'

let provider: TestProvider
let shop: Server
let shopUrl: string
/** Orders as they came in; answered only when `takes` is true. */
let orders: string[]
let takes: boolean
let folder: string
let program: Program | undefined

beforeAll(async () => {
  provider = await startTestProvider('compatible')
  shop = createServer((request, response) => {
    orders.push(`${request.method} ${request.url}`)
    if (takes) response.writeHead(200, { 'content-type': 'text/plain' }).end('Taken.')
  }).listen(0, '127.0.0.1')
  await once(shop, 'listening')
  shopUrl = `http://127.0.0.1:${(shop.address() as AddressInfo).port}`
})
afterAll(async () => {
  await provider.close()
  shop.closeAllConnections()
  shop.close()
})
beforeEach(async () => {
  orders = []
  takes = true
  folder = await copyPreparedData()
})
afterEach(async () => {
  await program?.stop('SIGKILL')
  program = undefined
  // PostgreSQL outlives a server that was killed.
  await stopPostgres(folder)
  await removeDataFolder(folder)
})

async function start(): Promise<Program> {
  program = await startProgram({
    DATA_DIR: folder,
    COMPATIBLE_BASE_URL: provider.url,
    COMPATIBLE_MODELS: 'test-model',
    ALLOWED_PRIVATE_HOSTS: new URL(shopUrl).host,
  })
  return program
}

/** A server on which a run waits for leave to order. */
async function beginOrder() {
  const running = await start()
  const session = await signUp(running.url, 'ada@example.test')
  const userAgentId = await configureAgent(session)
  const connected = await session.post(`/user-agents/${userAgentId}/integrations`, {
    type: 'http',
    settings: { hosts: [new URL(shopUrl).host], auth: 'none', allow_http: true },
    credentials: {},
  })
  expect(connected.status, await connected.clone().text()).toBe(201)
  const order = { method: 'POST', url: `${shopUrl}/order`, body: { lamp: 1 } }
  provider.setScript([
    { kind: 'tool-calls', calls: [{ name: 'http__send_request', input: order }] },
    { kind: 'text', text: 'It is ordered.' },
  ])
  const answer = await session.post(`/user-agents/${userAgentId}/runs`, { input: 'Order one.' })
  const run = await answer.json()
  expect(run).toMatchObject({ status: 'waiting', approvals: [{ status: 'pending' }] })
  return { running, session, runId: run.id as string, approvalId: run.approvals[0].id as string }
}

const read = async (session: ApiSession, path: string) => (await session.get(path)).json()
const approve = (session: ApiSession, id: string) =>
  session.post(`/approvals/${id}/decision`, { decision: 'approve', comment: 'Go on.' })

test('kill -9 in the middle of an approved call: the run is interrupted, it was done once, and nobody does it again', async () => {
  const { running, session, runId, approvalId } = await beginOrder()
  takes = false
  const decided = approve(session, approvalId).catch(() => null)
  await eventually('the order is on its way', async () => orders.length > 0)
  expect(await read(session, `/agent-logs/${runId}`)).toMatchObject({ status: 'running' })
  await running.stop('SIGKILL')
  expect(await decided).toBeNull()
  takes = true

  const next = openApiSession((await start()).url, session.token)
  expect(await read(next, `/agent-logs/${runId}`)).toMatchObject({ status: 'interrupted', error_code: 'interrupted' })
  expect(await read(next, `/approvals/${approvalId}`)).toMatchObject({ status: 'approved', comment: 'Go on.' })
  const again = await approve(next, approvalId)
  expect(again.status).toBe(409)
  expect(await again.json()).toMatchObject({ code: 'approval_already_decided' })
  expect(orders).toEqual(['POST /order'])
})

test('kill -9 while a run waits: after the next start it is approved, and goes on to its end', async () => {
  const { running, session, runId, approvalId } = await beginOrder()
  await running.stop('SIGKILL')

  const next = openApiSession((await start()).url, session.token)
  expect((await read(next, '/approvals?status=pending')).data).toMatchObject([{ id: approvalId, run_id: runId }])
  expect(orders).toEqual([])
  const answer = await approve(next, approvalId)
  const ended = await answer.json()
  expect(ended).toMatchObject({ id: runId, status: 'succeeded', output: 'It is ordered.' })
  expect(ended.steps[0].tool_results).toMatchObject([{ is_error: false, output: { status: 200 } }])
  expect(orders).toEqual(['POST /order'])
  expect(await read(next, `/agent-logs/${runId}`)).toMatchObject({ status: 'succeeded' })
})

test('kill -9 at any moment around a decision: done at most once, and never lost without a trace', async () => {
  const { session: first, running, runId, approvalId } = await beginOrder()
  // Before the claim, between the claim and the call, or in the middle of the model's last words.
  approve(first, approvalId).catch(() => null)
  await new Promise((resolve) => setTimeout(resolve, Math.random() * 60))
  await running.stop('SIGKILL')
  const session = openApiSession((await start()).url, first.token)
  const { status } = await read(session, `/agent-logs/${runId}`)
  const approval = await read(session, `/approvals/${approvalId}`)
  expect(['waiting', 'interrupted', 'succeeded']).toContain(status)
  expect(approval.status).toBe(status === 'waiting' ? 'pending' : 'approved')
  if (status === 'waiting') expect((await (await approve(session, approvalId)).json()).status).toBe('succeeded')
  expect(orders.length).toBeLessThanOrEqual(1)
  if (status !== 'interrupted') expect(orders).toHaveLength(1)
})
