import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import {
  connectTestAccount,
  createMailType,
  type OtherServer,
  type Outside,
  startOutside,
  startServer,
} from '../approvals/approval-testing.ts'
import { expireWaitingRuns } from '../approvals/end-waiting-runs.ts'
import { saveWaitingRun } from '../approvals/waiting-run-queries.ts'
import { insertRunToWait } from '../approvals/waiting-run-testing.ts'
import type { Tx } from '../database/database.ts'
import { interruptRunsOf, touchServerNode } from '../server-nodes/server-node-queries.ts'
import type { TestUser } from '../testing/test-app.ts'
import {
  configureTestAgent,
  createRunTestApp,
  eventually,
  findLogRow,
  postRun,
  type RunTestApp,
} from '../user-agents/run-testing.ts'
import { readCounters, subscribeTestUser, type TestPlan } from './limit-testing.ts'
import { releaseLeakedReservations } from './reservation-queries.ts'

let site: RunTestApp
let outside: Outside
let one: OtherServer
let two: OtherServer
let user: TestUser
let userAgentId: string

beforeAll(async () => {
  site = await createRunTestApp()
  outside = await startOutside()
  one = await startServer(site, [createMailType(outside)])
  two = await startServer(site, [createMailType(outside)])
  for (const { services } of [one, two])
    services.models.setOwnPrices(new Map([['compatible/test-model', { input: 1000, output: 1000 }]]))
})
afterAll(async () => {
  await one.close()
  await two.close()
  await outside.close()
  await site.close()
})
beforeEach(async () => {
  outside.onPost = async () => {}
  user = await site.createUser()
  userAgentId = await configureTestAgent(site.database, user)
  await connectTestAccount(site, user, userAgentId)
})

const asSystem = <T>(work: (tx: Tx) => Promise<T>) => site.database.asSystem('a test', work)
const subscribe = (plan: TestPlan) => subscribeTestUser(site.database, user.id, plan)
const counters = () => readCounters(site.database, user.id)
const ask = () => postRun(one.app, user.headers, userAgentId, { input: 'Write to Anna' })

/** 12 tokens until it waits, 23 afterwards; a dollar a thousand. */
async function park(): Promise<{ id: string; approvalId: string }> {
  site.provider.setScript([
    {
      kind: 'tool-calls',
      calls: [{ name: 'mail__send', input: { to: 'anna@example.com', text: 'See you.' } }],
      usage: { input: 10, output: 2 },
    },
    { kind: 'text', text: 'It is sent.', usage: { input: 20, output: 3 } },
  ])
  const { id, status, approvals } = (await ask()).json()
  expect(status).toBe('waiting')
  return { id, approvalId: approvals[0].id }
}
const decide = (approvalId: string, server = two) =>
  server.app.inject({
    method: 'POST',
    url: `/api/v1/approvals/${approvalId}/decision`,
    headers: user.headers,
    payload: { decision: 'approve' },
  })
const parked = {
  ...{ runs: 1, running: 0, input_tokens: 10, output_tokens: 2, cost_usd: 0.012, reserved_cost_usd: 0 },
  reservations: 1,
}

test('a run that waits keeps its unit and leaves its place to others; all of it is counted once when it goes on', async () => {
  await subscribe({ limits: { runs_per_month: 2, concurrent_runs: 1 } })
  const waiting = await park()
  expect(await counters()).toEqual(parked)
  site.provider.setScript([{ kind: 'text', text: 'Meanwhile.', usage: { input: 0, output: 0 } }])
  expect((await ask()).json()).toMatchObject({ status: 'succeeded' })
  expect((await ask()).json()).toMatchObject({ code: 'plan_limit_reached', limit: 'runs_per_month', used: 2 })
  site.provider.setScript([{ kind: 'text', text: 'It is sent.', usage: { input: 20, output: 3 } }])
  let during: unknown
  outside.onPost = async () => {
    during = await counters()
  }
  const ended = await decide(waiting.approvalId)
  expect(ended.json()).toMatchObject({ status: 'succeeded', input_tokens: 30, output_tokens: 5 })
  expect(ended.headers).toMatchObject({ 'ratelimit-limit': '2', 'ratelimit-remaining': '0' })
  expect(during).toMatchObject({ runs: 2, running: 1, reservations: 1, reserved_cost_usd: 0.01 })
  expect(await counters()).toEqual({
    ...{ runs: 2, running: 0, input_tokens: 30, output_tokens: 5, cost_usd: 0.035, reserved_cost_usd: 0 },
    reservations: 0,
  })
})

test('cancelled it keeps the unit, expired it gives it back; what it used stays used', async () => {
  const first = await park()
  const cancelled = await one.app.inject({
    method: 'POST',
    url: `/api/v1/agent-logs/${first.id}/cancel`,
    headers: user.headers,
  })
  expect(cancelled.statusCode).toBe(202)
  expect(await counters()).toEqual({ ...parked, reservations: 0 })
  const second = await park()
  await asSystem((tx) =>
    tx
      .updateTable('waiting_runs')
      .set({ expires_at: new Date(Date.now() - 1000) })
      .where('log_id', '=', second.id)
      .execute(),
  )
  await expireWaitingRuns(site.database)
  expect(await findLogRow(site.database, second.id)).toMatchObject({ status: 'failed' })
  expect(await counters()).toMatchObject({ runs: 1, input_tokens: 20, reservations: 0 })
})

test('its log is deleted: the unit stays taken, and nothing is left behind', async () => {
  const { id } = await park()
  await site.database.withUser(user.claims, (tx) => tx.deleteFrom('agent_logs').where('id', '=', id).execute())
  const age = () =>
    asSystem((tx) =>
      tx
        .updateTable('run_reservations')
        .set({ created_at: new Date(0) })
        .execute(),
    )
  await age()
  await asSystem((tx) => releaseLeakedReservations(tx))
  expect(await counters()).toEqual({ ...parked, reservations: 0 })
  // One that still waits is none of this.
  const waiting = await park()
  await age()
  expect(await asSystem((tx) => releaseLeakedReservations(tx))).toBe(0)
  expect((await decide(waiting.approvalId)).json()).toMatchObject({ status: 'succeeded' })
})

test('the server that went on with it dies: the unit is given back once, and taken again by its end', async () => {
  const waiting = await park()
  await asSystem((tx) => touchServerNode(tx, two.services.nodeId))
  let letGo = () => {}
  const isHeld = new Promise<void>((held) => {
    outside.onPost = () =>
      new Promise((resolve) => {
        letGo = resolve
        held()
      })
  })
  const decided = decide(waiting.approvalId)
  await isHeld
  expect(await counters()).toMatchObject({ runs: 1, running: 1, reservations: 1 })
  await asSystem((tx) => interruptRunsOf(tx, two.services.nodeId))
  expect(await counters()).toEqual({ ...parked, runs: 0, reservations: 0 })
  letGo()
  await decided
  expect(await findLogRow(site.database, waiting.id)).toMatchObject({ status: 'succeeded' })
  expect(await counters()).toMatchObject({ runs: 1, running: 0, input_tokens: 30, output_tokens: 5, reservations: 0 })
})

test('a write that is repeated, because its answer was lost, counts once', async () => {
  const { end } = await insertRunToWait(site.database, { userId: user.id, userAgentId })
  for (let attempt = 0; attempt < 3; attempt++) await saveWaitingRun(site.database, user.claims, end, end.waiting)
  // It was inserted past the limits, as one that another server had taken for dead.
  expect(await counters()).toMatchObject({ runs: 1, running: 0, input_tokens: 1, output_tokens: 1, reservations: 1 })
})

test('where the money is spent by the time it is approved, it does what was approved and ends', async () => {
  const { id, approvalId } = await park()
  await asSystem((tx) => tx.updateTable('users').set({ cost_cap_usd: '0.01' }).where('id', '=', user.id).execute())
  outside.posted.length = 0
  const response = await decide(approvalId)
  expect([response.statusCode, response.json().code]).toEqual([429, 'cost_cap_reached'])
  expect(outside.posted).toHaveLength(1)
  expect(await findLogRow(site.database, id)).toMatchObject({ status: 'failed', error_code: 'cost_cap_reached' })
  expect(await counters()).toEqual({ ...parked, runs: 0, reservations: 0 })
})

test('what waited does not go on for who has lapsed, past the runs at once, or with money that others spend', async () => {
  const { id, approvalId } = await park()
  await subscribeTestUser(site.database, user.id, {}, { status: 'expired' })
  outside.posted.length = 0
  expect((await decide(approvalId)).json()).toMatchObject({ status: 402, code: 'subscription_lapsed' })
  await subscribe({ models: 'built_in' })
  expect((await decide(approvalId)).json()).toMatchObject({ code: 'not_in_plan', feature: 'models' })
  await subscribe({ limits: { concurrent_runs: 0 } })
  expect((await decide(approvalId)).json()).toMatchObject({ code: 'plan_limit_reached', limit: 'concurrent_runs' })
  expect(outside.posted).toHaveLength(0)
  expect(await counters()).toEqual(parked)
  expect(await findLogRow(site.database, id)).toMatchObject({ status: 'waiting' })
  await subscribe({ limits: { cost_usd_per_month: 1 } })
  await asSystem((tx) =>
    tx.updateTable('usage_months').set({ reserved_cost_usd: '0.99' }).where('user_id', '=', user.id).execute(),
  )
  expect((await decide(approvalId)).json()).toMatchObject({ code: 'plan_limit_reached' })
  expect(await findLogRow(site.database, id)).toMatchObject({ status: 'failed', error_code: 'plan_limit_reached' })
})

test('what it costs in a later month counts, and is left, in the month it began in', async () => {
  await subscribe({ limits: { cost_usd_per_month: 1 } })
  const { approvalId } = await park()
  // As if it had waited over the end of a month in which all was spent.
  await asSystem(async (tx) => {
    const [month, spent] = ['2026-01-01', '1.00']
    await tx.insertInto('usage_months').values({ user_id: user.id, month, runs: 1, cost_usd: spent }).execute()
    await tx.updateTable('run_reservations').set({ month }).where('user_id', '=', user.id).execute()
  })
  expect((await decide(approvalId)).json()).toMatchObject({ code: 'plan_limit_reached' })
})

test('types of integration that the plan does not include are connected and not used', async () => {
  await subscribe({ integration_types: ['slack'] })
  site.provider.setScript([])
  const { id } = (await ask()).json()
  expect(await findLogRow(site.database, id)).toMatchObject({ status: 'succeeded' })
  const asked = await eventually('the model was asked', async () => site.provider.requests.at(-1))
  expect(JSON.stringify(asked.body.tools)).not.toContain('mail__send')
  await subscribe({ integration_types: ['mail'] })
  await ask()
  expect(JSON.stringify(site.provider.requests.at(-1)?.body.tools)).toContain('mail__send')
})
