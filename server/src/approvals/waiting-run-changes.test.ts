import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Tx } from '../database/database.ts'
import type { TestReply } from '../runtime/test-providers/test-reply.ts'
import type { TestUser } from '../testing/test-app.ts'
import {
  configureTestAgent,
  createRunTestApp,
  eventually,
  findLogRow,
  type RunTestApp,
} from '../user-agents/run-testing.ts'
import {
  connectTestAccount,
  createMailType,
  type OtherServer,
  type Outside,
  startOutside,
  startServer,
} from './approval-testing.ts'
import { saveWaitingRun, takeWaitingRun } from './waiting-run-queries.ts'
import { insertRunToWait } from './waiting-run-testing.ts'

let testApp: RunTestApp
let outside: Outside
let server: OtherServer
let user: TestUser
let userAgentId: string

beforeAll(async () => {
  testApp = await createRunTestApp()
  outside = await startOutside()
  server = await startServer(testApp, [createMailType(outside)])
})
afterAll(async () => {
  await server.close()
  await outside.close()
  await testApp.close()
})
beforeEach(async () => {
  outside.posted.length = 0
  user = await testApp.createUser()
  userAgentId = await configureTestAgent(testApp.database, user, { capabilities: { tools: ['remember'] } })
})

const change = <T>(work: (tx: Tx) => Promise<T>) => testApp.database.asSystem('a test changes what is there', work)

async function post(path: string, payload: object) {
  const response = await server.app.inject({ method: 'POST', url: `/api/v1${path}`, headers: user.headers, payload })
  return { status: response.statusCode, body: response.json() }
}
const decide = (id: string) => post(`/approvals/${id}/decision`, { decision: 'approve' })

/** A run that waits for leave to call this tool. */
async function waitFor(calls: Extract<TestReply, { kind: 'tool-calls' }>['calls']) {
  await connectTestAccount(testApp, user, userAgentId)
  testApp.provider.setScript([
    { kind: 'tool-calls', calls },
    { kind: 'text', text: 'So it is.' },
  ])
  const { body } = await post(`/user-agents/${userAgentId}/runs`, { input: 'Write to Anna' })
  expect(body).toMatchObject({ status: 'waiting' })
  return { runId: body.id as string, approvalId: body.approvals[0].id as string }
}
const mail = { name: 'mail__send', input: { to: 'anna@example.com', text: 'See you.' } }

test('somebody suspended meanwhile approves nothing, and after that it can still be decided', async () => {
  const { runId, approvalId } = await waitFor([mail])
  const suspend = (suspended_at: Date | null) =>
    change((tx) => tx.updateTable('users').set({ suspended_at }).where('id', '=', user.id).execute())
  await suspend(new Date())
  expect([401, 403]).toContain((await decide(approvalId)).status)
  expect(await findLogRow(testApp.database, runId)).toMatchObject({ status: 'waiting' })
  expect(outside.posted).toEqual([])
  await suspend(null)
  // Who is suspended is remembered for a second.
  await eventually('they may decide again', async () => (await decide(approvalId)).body.status === 'succeeded')
})

test('a model that is not offered any more gives way to the default one', async () => {
  const { approvalId, runId } = await waitFor([mail])
  await change(async (tx) => {
    const { state } = await tx
      .selectFrom('waiting_runs')
      .select('state')
      .where('log_id', '=', runId)
      .executeTakeFirstOrThrow()
    const moved = JSON.stringify({ ...(state as object), model: 'gone/model' })
    await tx.updateTable('waiting_runs').set({ state: moved }).where('log_id', '=', runId).execute()
  })
  const { body } = await decide(approvalId)
  expect(body).toMatchObject({ status: 'succeeded' })
  expect(body.model).not.toBe('gone/model')
  expect(outside.posted).toHaveLength(1)
})

test('a tool that the new version of the agent does not have is refused; an account stays', async () => {
  const remember = { name: 'remember', input: { content: 'Anna likes tea.' } }
  const { approvalId } = await waitFor([mail])
  await change(async (tx) => {
    const version = await tx
      .selectFrom('agent_versions')
      .innerJoin('user_agents', 'user_agents.agent_id', 'agent_versions.agent_id')
      .select(['agent_versions.agent_id', 'agent_versions.name', 'description', 'capabilities'])
      .where('user_agents.id', '=', userAgentId)
      .executeTakeFirstOrThrow()
    const capabilities = JSON.stringify({ ...(version.capabilities as object), tools: [] })
    await tx
      .insertInto('agent_versions')
      .values({ ...version, capabilities, version: 2 })
      .execute()
    await tx.updateTable('agents').set({ version: 2 }).where('id', '=', version.agent_id).execute()
    await tx.updateTable('user_agents').set({ agent_version: 2 }).where('id', '=', userAgentId).execute()
  })
  testApp.provider.setScript([
    { kind: 'tool-calls', calls: [remember] },
    { kind: 'text', text: 'So it is.' },
  ])
  const { body } = await decide(approvalId)
  expect(outside.posted).toHaveLength(1)
  expect(body.steps[1].tool_results).toMatchObject([
    { is_error: true, output: { error: expect.stringContaining('no tool "remember"') } },
  ])
})

test('an agent that its maker takes back goes on with those who have it', async () => {
  const { approvalId } = await waitFor([mail])
  await change((tx) =>
    tx
      .updateTable('agents')
      .set({ is_public: false })
      .where('id', 'in', (sub) => sub.selectFrom('user_agents').select('agent_id').where('id', '=', userAgentId))
      .execute(),
  )
  expect((await decide(approvalId)).body).toMatchObject({ status: 'succeeded' })
})

test('of somebody who is gone nothing is left that waits', async () => {
  const { approvalId, runId } = await waitFor([mail])
  await change((tx) => tx.deleteFrom('users').where('id', '=', user.id).execute())
  expect([401, 404]).toContain((await decide(approvalId)).status)
  const left = await change(async (tx) => [
    ...(await tx.selectFrom('waiting_runs').select('log_id').where('log_id', '=', runId).execute()),
    ...(await tx.selectFrom('approvals').select('log_id').where('log_id', '=', runId).execute()),
  ])
  expect(left).toEqual([])
  expect(outside.posted).toEqual([])
})

test('a run that went on elsewhere is not made to wait again by a server that did not hear of its own success', async () => {
  const { end } = await insertRunToWait(testApp.database, { userId: user.id, userAgentId })
  const save = () => saveWaitingRun(testApp.database, { sub: user.id, user_role: 'user' }, end, end.waiting)
  await save()
  await change(async (tx) => {
    await takeWaitingRun(tx, end.id)
    await tx.updateTable('agent_logs').set({ status: 'running' }).where('id', '=', end.id).execute()
  })
  await save()
  expect(await findLogRow(testApp.database, end.id)).toMatchObject({ status: 'running' })
})
