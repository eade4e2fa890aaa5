import { CompiledQuery, sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { finishRun, startRun } from '../agent-logs/run-log-queries.ts'
import { endOfTestRun, newTestRun } from '../agent-logs/run-log-testing.ts'
import { type OtherServer, startServer } from '../approvals/approval-testing.ts'
import type { Tx } from '../database/database.ts'
import { createId } from '../database/uuid-v7.ts'
import { interruptRunsOf, touchServerNode } from '../server-nodes/server-node-queries.ts'
import type { TestUser } from '../testing/test-app.ts'
import {
  configureTestAgent,
  createRunTestApp,
  eventually,
  findLogRow,
  listLogRows,
  postRun,
  type RunTestApp,
} from '../user-agents/run-testing.ts'
import { insertTestPlan, readCounters, subscribeTestUser, type TestPlan } from './limit-testing.ts'
import { releaseLeakedReservations } from './reservation-queries.ts'

let site: RunTestApp
let other: OtherServer
let user: TestUser
let userAgentId: string

beforeAll(async () => {
  site = await createRunTestApp({ MAX_RUNS: '2000', MAX_RUNS_PER_USER: '2000' })
  site.services.models.setOwnPrices(new Map([['compatible/test-model', { input: 1000, output: 2000 }]]))
  other = await startServer(site, [])
})
afterAll(async () => {
  await other.close()
  await site.close()
})
beforeEach(async () => {
  // Plans of one test are no upgrade in the next.
  await asSystem((tx) => tx.updateTable('plans').set({ is_public: false }).execute())
  user = await site.createUser()
  userAgentId = await configureTestAgent(site.database, user)
  site.provider.setScript([])
})

const subscribe = (plan: TestPlan, more = {}) => subscribeTestUser(site.database, user.id, plan, more)
const run = (input = 'Hello', more: object = {}) => postRun(site.app, user.headers, userAgentId, { input, ...more })
const counters = () => readCounters(site.database, user.id)
const asSystem = <T>(work: (tx: Tx) => Promise<T>) => site.database.asSystem('a test', work)
const noCost = { cost_usd: 0, reserved_cost_usd: 0 }

/** Runs that have begun and whose model has not answered. */
async function beginStalled(app = site.app): Promise<{ id: string; end: () => Promise<unknown> }> {
  const before = new Set((await listLogRows(site.database, userAgentId)).map(({ id }) => id))
  const asked = site.provider.requests.length
  site.provider.setScript([{ kind: 'stall', afterText: 'Well,' }])
  const answer = postRun(app, user.headers, userAgentId, { input: 'Are you there?' })
  const row = await eventually('it runs', async () =>
    (await listLogRows(site.database, userAgentId)).find(({ id }) => !before.has(id)),
  )
  // Before that another script would be its answer.
  await eventually('its model is asked', async () => site.provider.requests.length > asked)
  const end = async () => {
    for (const services of [site.services, other.services]) services.activeRuns.abort(row.id, 'cancelled')
    return answer
  }
  return { id: row.id, end }
}

test('of 1,000 runs at once on two servers exactly 100 begin, and the others say why, until when, and what would help', async () => {
  await insertTestPlan(site.database, {
    name: 'Too small',
    price: '1.00',
    is_public: true,
    limits: { runs_per_month: 100 },
  })
  const upgrade = await insertTestPlan(site.database, {
    name: 'Larger',
    price: '20.00',
    is_public: true,
    limits: { runs_per_month: 101 },
  })
  await insertTestPlan(site.database, { name: 'Largest', price: '90.00', is_public: true })
  await subscribe({ limits: { runs_per_month: 100 } })
  // Whoever is told that the server is too busy asks again, as its answer says.
  const ask = async (number: number) => {
    for (const { app } of Array.from({ length: 200 }, (_, attempt) => ((number + attempt) % 2 ? site : other))) {
      const answer = await postRun(app, user.headers, userAgentId, { input: `${number}` })
      if (answer.statusCode !== 503) return answer
    }
    throw new Error('The servers were too busy for too long.')
  }
  const answers = await Promise.all(Array.from({ length: 1000 }, (_, number) => ask(number)))
  expect(new Set(answers.map(({ statusCode }) => statusCode))).toEqual(new Set([200, 429]))
  // What a server could not write down because it was too busy, its heartbeat writes; then there is room for others.
  for (const { unsettledRuns } of [site.services, other.services]) await unsettledRuns.settleAll()
  let first = await ask(1000)
  for (let number = 1001; first.statusCode === 200; number++) first = await ask(number)
  const rows = await listLogRows(site.database, userAgentId)
  expect(rows.filter(({ status }) => status === 'succeeded')).toHaveLength(100)
  expect(rows.filter(({ status }) => status === 'running')).toEqual([])
  expect(site.provider.requests).toHaveLength(100)
  expect(await counters()).toMatchObject({ runs: 100, running: 0, reservations: 0 })
  const now = new Date()
  const resetsAt = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1))
  expect(first.json()).toMatchObject({
    code: 'plan_limit_reached',
    status: 429,
    limit: 'runs_per_month',
    limit_value: 100,
    used: 100,
    resets_at: resetsAt.toISOString(),
    upgrade: { plan_id: upgrade, name: 'Larger' },
  })
  expect(first.headers).toMatchObject({ 'ratelimit-limit': '100', 'ratelimit-remaining': '0' })
  expect(Math.abs(Number(first.headers['ratelimit-reset']) - (resetsAt.getTime() - Date.now()) / 1000)).toBeLessThan(60)
  expect(first.headers['retry-after']).toBeUndefined()
})

test('every answer says how many runs are left: as JSON, as a stream, through OpenAI’s door and repeated', async () => {
  await subscribe({ limits: { runs_per_month: 4 } })
  const left = (response: { headers: Record<string, unknown> }) => [
    response.headers['ratelimit-limit'],
    response.headers['ratelimit-remaining'],
  ]
  expect(left(await run())).toEqual(['4', '3'])
  expect(left(await run('Hello', { stream: true }))).toEqual(['4', '2'])
  const once = { ...user.headers, 'idempotency-key': createId() }
  expect(left(await postRun(site.app, once, userAgentId, { input: 'Once' }))).toEqual(['4', '1'])
  const complete = (stream: boolean) =>
    other.app.inject({
      method: 'POST',
      url: '/v1/chat/completions',
      headers: user.headers,
      payload: { model: userAgentId, messages: [{ role: 'user', content: 'Hello' }], stream },
    })
  expect(left(await complete(false))).toEqual(['4', '0'])
  // What ran before is answered, whatever is left.
  const again = await postRun(site.app, once, userAgentId, { input: 'Once' })
  expect([again.statusCode, ...left(again)]).toEqual([200, '4', '0'])
  for (const stream of [false, true]) {
    const refused = await complete(stream)
    expect([refused.statusCode, ...left(refused)]).toEqual([429, '4', '0'])
    expect(refused.json().error).toMatchObject({
      type: 'rate_limit_error',
      code: 'plan_limit_reached',
      limit: 'runs_per_month',
      upgrade: null,
    })
  }
})

test('no plan, an admin, and a plan without this limit say nothing of runs that are left', async () => {
  expect((await run()).headers).not.toHaveProperty('ratelimit-limit')
  await subscribe({})
  expect((await run()).headers).not.toHaveProperty('ratelimit-limit')
  const admin = await site.createUser('admin')
  const id = await configureTestAgent(site.database, admin)
  await subscribeTestUser(site.database, admin.id, { limits: { runs_per_month: 0 } })
  expect((await postRun(site.app, admin.headers, id, { input: 'Hello' })).statusCode).toBe(200)
})

test('one Idempotency-Key, sent many times at once with one run left, is one run and one answer', async () => {
  await subscribe({ limits: { runs_per_month: 1 } })
  const headers = { ...user.headers, 'idempotency-key': createId() }
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, number) =>
      postRun((number % 2 ? site : other).app, headers, userAgentId, { input: 'Once' }),
    ),
  )
  expect(answers.map(({ statusCode }) => statusCode)).toEqual(Array(20).fill(200))
  expect(new Set(answers.map((answer) => answer.json().id)).size).toBe(1)
  expect(await counters()).toMatchObject({ runs: 1, running: 0, reservations: 0 })
})

describe('a unit', () => {
  test('of a run that fails is given back, its tokens and its cost are not', async () => {
    await subscribe({ limits: { runs_per_month: 1 } })
    site.provider.setScript([{ kind: 'text', text: ' ', usage: { input: 10, output: 5 } }])
    const failed = await run()
    expect([failed.statusCode, failed.json().code]).toEqual([502, 'model_bad_response'])
    expect(await counters()).toEqual({
      ...{ runs: 0, running: 0, input_tokens: 10, output_tokens: 5, cost_usd: 0.02, reserved_cost_usd: 0 },
      reservations: 0,
    })
    expect((await run()).statusCode).toBe(200)
    expect((await run()).statusCode).toBe(429)
  })

  test('of a run that cannot begin is given back', async () => {
    await subscribe({ limits: { runs_per_month: 1 } })
    const needy = await configureTestAgent(site.database, user, {
      capabilities: { integrations: [{ type: 'slack', required: true }] },
    })
    expect((await postRun(site.app, user.headers, needy, { input: 'Hello' })).json().code).toBe('integration_missing')
    expect(await counters()).toMatchObject({ runs: 0, running: 0, reservations: 0, ...noCost })
  })

  test('is not taken where nothing runs: an agent that is off, a conversation that is not there', async () => {
    await subscribe({ limits: { runs_per_month: 1 } })
    const off = await configureTestAgent(site.database, user, { is_active: false })
    expect((await postRun(site.app, user.headers, off, { input: 'Hello' })).json().code).toBe('agent_not_active')
    expect((await run('Hello', { conversation_id: createId() })).json().code).toBe('conversation_not_found')
    const mine = user
    user = await site.createUser()
    expect((await run()).statusCode).toBe(404)
    expect(await readCounters(site.database, mine.id)).toMatchObject({ runs: 0, reservations: 0 })
    expect(await counters()).toMatchObject({ runs: 0, reservations: 0 })
  })

  test('is kept by a run that its owner cancels', async () => {
    const stalled = await beginStalled()
    expect(await counters()).toMatchObject({ runs: 1, running: 1, reservations: 1 })
    await stalled.end()
    expect(await counters()).toMatchObject({ runs: 1, running: 0, reservations: 0, reserved_cost_usd: 0 })
  })

  test('of a server that died is given back by whoever notices, and taken again when it was alive after all', async () => {
    await subscribe({ limits: { runs_per_month: 1 } })
    const { nodeId } = other.services
    await asSystem((tx) => touchServerNode(tx, nodeId))
    const stalled = await beginStalled(other.app)
    expect((await run()).statusCode).toBe(429)
    await asSystem((tx) => interruptRunsOf(tx, nodeId))
    expect(await counters()).toMatchObject({ runs: 0, running: 0, reservations: 0, reserved_cost_usd: 0 })
    await stalled.end()
    expect(await findLogRow(site.database, stalled.id)).toMatchObject({ status: 'cancelled' })
    expect(await counters()).toMatchObject({ runs: 1, running: 0, reservations: 0 })
  })

  test('of a run whose server signed out is given back by the sweep, that of a run on a living one is not', async () => {
    const { nodeId } = other.services
    await asSystem((tx) => touchServerNode(tx, nodeId))
    const living = await beginStalled(other.app)
    const lost = await beginStalled(site.app)
    const age = () =>
      asSystem((tx) =>
        tx
          .updateTable('run_reservations')
          .set({ created_at: new Date(Date.now() - 600_000) })
          .execute(),
      )
    await age()
    expect(await asSystem((tx) => releaseLeakedReservations(tx))).toBe(1)
    expect(await counters()).toMatchObject({ runs: 1, running: 1, reservations: 1 })
    expect(await findLogRow(site.database, lost.id)).toMatchObject({ status: 'interrupted' })
    expect(await findLogRow(site.database, living.id)).toMatchObject({ status: 'running' })
    await living.end()
    await lost.end()
    expect(await counters()).toMatchObject({ runs: 2, running: 0, reservations: 0 })
  })

  test('is not freed by who deletes the log while it runs, and nothing is left behind', async () => {
    await subscribe({ limits: { runs_per_month: 1 } })
    const stalled = await beginStalled()
    // As with a token of one's own past the API.
    await site.database.withUser(user.claims, (tx) =>
      tx.deleteFrom('agent_logs').where('id', '=', stalled.id).execute(),
    )
    expect(await findLogRow(site.database, stalled.id)).toBeNull()
    expect((await run()).statusCode).toBe(429)
    await stalled.end()
    expect(await counters()).toMatchObject({ runs: 1, running: 0, reservations: 0, reserved_cost_usd: 0 })
    expect((await run()).statusCode).toBe(429)
  })

  test.each(['succeeded', 'failed', 'cancelled', 'interrupted'] as const)(
    'is counted once when it %s and that is written twice, because the answer of the first time was lost',
    async (status) => {
      const run = newTestRun(new Date(), userAgentId)
      await startRun(site.database, user.claims, run)
      const end = endOfTestRun(run, 'As far as it came')
      end.outcome.status = status
      for (let time = 0; time < 2; time++) await finishRun(site.database, user.claims, end)
      const runs = status === 'succeeded' || status === 'cancelled' ? 1 : 0
      expect(await counters()).toMatchObject({ runs, running: 0, input_tokens: 1, output_tokens: 1, reservations: 0 })
    },
  )

  test('counts for the UTC month it began in, and the next month begins with all of them', async () => {
    await subscribe({ limits: { runs_per_month: 1 } })
    expect((await run()).statusCode).toBe(200)
    await asSystem((tx) =>
      tx
        .updateTable('usage_months')
        .set({ month: sql<Date>`(month - interval '1 month')::date` })
        .where('user_id', '=', user.id)
        .execute(),
    )
    expect((await run()).statusCode).toBe(200)
    expect((await run()).statusCode).toBe(429)
  })

  test('can be taken, given back or changed by nobody past the server', async () => {
    const stalled = await beginStalled()
    const directly = (statement: string) =>
      asSystem(async (tx) => {
        const json = JSON.stringify({ ...user.claims, role: 'authenticated' })
        await tx.executeQuery(CompiledQuery.raw('set local role authenticated'))
        await tx.executeQuery(CompiledQuery.raw(`select set_config('request.jwt.claims', '${json}', true)`))
        return tx.executeQuery(CompiledQuery.raw(statement))
      })
    const statements = [
      `select app.reserve_run('${createId()}', now(), '${createId()}', false)`,
      `select app.settle_run('${stalled.id}', now(), '${user.id}', false, 0, 0, 0, false)`,
      `update public.usage_months set runs = 0`,
      `delete from public.usage_months`,
      `insert into public.usage_months (user_id, month, runs) values ('${user.id}', '2020-01-01', -1)`,
      `delete from public.run_reservations`,
      `select * from public.run_reservations`,
    ]
    for (const statement of statements)
      await expect(directly(statement), statement).rejects.toMatchObject({ code: 'forbidden' })
    expect(await counters()).toMatchObject({ runs: 1, running: 1, reservations: 1 })
    await stalled.end()
  })

  test('of somebody else is not settled with claims of one’s own', async () => {
    const stalled = await beginStalled()
    const stranger = await site.createUser()
    await expect(
      site.database.withUser(stranger.claims, (tx) =>
        sql`select app.settle_run(${stalled.id}::uuid, now(), ${user.id}::uuid, false, 0, 0, 0, false)`.execute(tx),
      ),
    ).rejects.toMatchObject({ code: 'forbidden' })
    await stalled.end()
  })
})

describe('other limits', () => {
  test('concurrent runs are counted over servers, and a later one may begin', async () => {
    await subscribe({ limits: { concurrent_runs: 2 } })
    const stalled = [await beginStalled(), await beginStalled(other.app)]
    const refused = await run()
    expect(refused.json()).toMatchObject({
      code: 'plan_limit_reached',
      limit: 'concurrent_runs',
      used: 2,
      resets_at: null,
    })
    expect(refused.headers['retry-after']).toBe('2')
    await stalled[0]?.end()
    site.provider.setScript([])
    expect((await run()).statusCode).toBe(200)
    await stalled[1]?.end()
  })

  test('tokens of the month', async () => {
    await subscribe({ limits: { tokens_per_month: 100 } })
    site.provider.setScript([{ kind: 'text', text: 'Long.', usage: { input: 60, output: 41 } }])
    expect((await run()).statusCode).toBe(200)
    expect((await run()).json()).toMatchObject({ limit: 'tokens_per_month', limit_value: 100, used: 101 })
  })

  test('cost of the month, with what present runs may cost set aside', async () => {
    await subscribe({ limits: { cost_usd_per_month: 0.02 } })
    const stalled = [await beginStalled(), await beginStalled()]
    expect((await run()).json()).toMatchObject({ limit: 'cost_usd_per_month', limit_value: 0.02 })
    for (const one of stalled) await one.end()
  })

  test('the cap that one sets for oneself holds without a plan, for admins too', async () => {
    await asSystem((tx) =>
      tx.updateTable('users').set({ cost_cap_usd: '0.05', role: 'admin' }).where('id', '=', user.id).execute(),
    )
    site.provider.setScript([{ kind: 'text', text: 'Dear.', usage: { input: 50, output: 0 } }])
    expect((await run()).statusCode).toBe(200)
    const asked = site.provider.requests.length
    expect((await run()).json()).toMatchObject({ code: 'cost_cap_reached', status: 429, limit_value: 0.05, used: 0.05 })
    expect(site.provider.requests).toHaveLength(asked)
  })

  test('a run that spends what is left ends between its steps, with what it said', async () => {
    await asSystem((tx) => tx.updateTable('users').set({ cost_cap_usd: '0.05' }).where('id', '=', user.id).execute())
    site.provider.setScript([
      {
        kind: 'tool-calls',
        text: 'Let me count.',
        calls: [{ name: 'calculator', input: { expression: '6*7' } }],
        usage: { input: 60, output: 0 },
      },
      { kind: 'text', text: 'Never said.' },
    ])
    const response = await run()
    expect(response.statusCode).toBe(429)
    expect(response.json()).toMatchObject({ code: 'cost_cap_reached', output: 'Let me count.', limit_value: 0.05 })
    expect(await counters()).toMatchObject({ runs: 0, cost_usd: 0.06, reservations: 0, reserved_cost_usd: 0 })
  })
})

describe('a subscription', () => {
  const past = new Date(Date.now() - 1000)
  const future = new Date(Date.now() + 3_600_000)
  test.each([
    ['canceled', {}],
    ['expired', {}],
    ['active', { end_date: past }],
    ['past_due', {}],
    ['past_due', { grace_until: past }],
  ])('that is %s %j runs nothing', async (status, more) => {
    await subscribe({}, { status, ...more })
    const response = await run()
    expect([response.statusCode, response.json().code]).toEqual([402, 'subscription_lapsed'])
    expect(await listLogRows(site.database, userAgentId)).toEqual([])
  })

  test.each([
    ['trialing', {}],
    ['active', { end_date: future }],
    ['past_due', { grace_until: future }],
  ])('that is %s %j runs', async (status, more) => {
    await subscribe({}, { status, ...more })
    expect((await run()).statusCode).toBe(200)
  })

  test('of the built-in model alone refuses others before they are asked, and says which plan has them', async () => {
    await subscribe({ models: 'built_in' })
    const upgrade = await insertTestPlan(site.database, { name: 'All models', is_public: true })
    const refused = await run()
    expect([refused.statusCode, refused.json().code]).toEqual([403, 'not_in_plan'])
    expect(refused.json()).toMatchObject({ feature: 'models', upgrade: { plan_id: upgrade } })
    await asSystem((tx) =>
      tx.updateTable('user_agents').set({ model: 'built-in/retrieval' }).where('id', '=', userAgentId).execute(),
    )
    expect((await run()).json()).toMatchObject({ status: 'succeeded', is_built_in_model: true })
  })

  test('nobody has: the default plan counts, also when it is not in the list', async () => {
    const id = await insertTestPlan(site.database, { price: '0.00', is_default: true, limits: { runs_per_month: 1 } })
    expect((await run()).statusCode).toBe(200)
    expect((await run()).json()).toMatchObject({ code: 'plan_limit_reached', limit_value: 1 })
    const limits = await site.app.inject({ url: '/api/v1/me/limits', headers: user.headers })
    expect(limits.json()).toMatchObject({
      plan: { id },
      subscription: null,
      is_lapsed: false,
      usage: { runs: 1, running: 0 },
      warnings: [{ limit: 'runs_per_month', threshold: 100 }],
    })
    await asSystem((tx) => tx.updateTable('plans').set({ is_default: false }).where('id', '=', id).execute())
  })
})
