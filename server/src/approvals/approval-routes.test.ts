import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import type { IntegrationTool } from '../integrations/integration-type.ts'
import type { TestReply } from '../runtime/test-providers/test-reply.ts'
import { interruptRunsOf, touchServerNode } from '../server-nodes/server-node-queries.ts'
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
import { expireWaitingRuns } from './end-waiting-runs.ts'

let testApp: RunTestApp
let outside: Outside
let one: OtherServer
let two: OtherServer
let user: TestUser
let userAgentId: string

beforeAll(async () => {
  testApp = await createRunTestApp()
  outside = await startOutside()
  one = await startServer(testApp, [createMailType(outside)])
  two = await startServer(testApp, [createMailType(outside)])
})
afterAll(async () => {
  await one.close()
  await two.close()
  await outside.close()
  await testApp.close()
})
beforeEach(async () => {
  outside.posted.length = 0
  outside.mails = []
  outside.onPost = async () => {}
  user = await testApp.createUser()
  userAgentId = await configureTestAgent(testApp.database, user)
})

const mail = { to: 'anna@example.com', subject: 'Hello', text: 'See you.' }
const send = (input: unknown = mail): TestReply => ({
  kind: 'tool-calls',
  calls: [{ name: 'mail__send', input }],
  usage: { input: 10, output: 2 },
})
const say = (text: string): TestReply => ({ kind: 'text', text, usage: { input: 20, output: 3 } })

async function call(
  server: OtherServer,
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE',
  path: string,
  payload?: object,
  as = user,
) {
  const response = await server.app.inject({
    method,
    url: `/api/v1${path}`,
    headers: as.headers,
    ...(payload && { payload }),
  })
  return { status: response.statusCode, body: response.body === '' ? null : response.json(), headers: response.headers }
}
const run = (input = 'Write to Anna', more: object = {}, server = one) =>
  call(server, 'POST', `/user-agents/${userAgentId}/runs`, { input, ...more })
const decide = (id: string, body: object, server = one) => call(server, 'POST', `/approvals/${id}/decision`, body)

/** A run that waits for one mail. */
async function waitForMail(script: TestReply[] = [send(), say('It is sent.')], permissions = {}) {
  await connectTestAccount(testApp, user, userAgentId, { permissions })
  testApp.provider.setScript(script)
  const { status, body } = await run()
  expect(body).toMatchObject({ status: 'waiting', error: null })
  expect(status).toBe(200)
  return body as { id: string; conversation_id: string; approvals: { id: string; tool_call_id: string }[] }
}
const firstOf = (waiting: { approvals: { id: string }[] }) => waiting.approvals[0]?.id ?? ''

test('a tool that writes asks first, shows what it would do, and nothing is done until then', async () => {
  const waiting = await waitForMail()
  expect(waiting.approvals).toEqual([
    expect.objectContaining({
      run_id: waiting.id,
      tool: 'mail__send',
      title: 'Send a mail (Mail)',
      description: 'Send a mail to anna@example.com',
      input: mail,
      input_schema: expect.objectContaining({ required: ['to', 'text'] }),
      reason: 'writes',
      status: 'pending',
      edited_input: null,
    }),
  ])
  expect(outside.posted).toEqual([])
  expect(one.services.activeRuns.count).toBe(0)
  const row = await findLogRow(testApp.database, waiting.id)
  expect(row).toMatchObject({ status: 'waiting', error_code: null, input_tokens: 10, output_tokens: 2 })
  const pending = await call(one, 'GET', '/approvals?status=pending')
  expect(pending.body.data).toEqual(waiting.approvals)
  expect((await call(one, 'GET', `/approvals/${firstOf(waiting)}`)).body).toEqual(waiting.approvals[0])
  expect((await call(one, 'GET', `/agent-logs?status=waiting`)).body.data).toMatchObject([{ id: waiting.id }])
  const log = await call(one, 'GET', `/agent-logs/${waiting.id}`)
  expect(log.body).toMatchObject({
    status: 'waiting',
    metadata: { steps: [{ tool_calls: [{ name: 'mail__send', input: mail }], tool_results: [] }] },
  })
  expect(log.body.metadata.approvals).toMatchObject([{ id: firstOf(waiting), tool: 'mail__send', reason: 'writes' }])
})

test('approved on another server, it is done once, and the run ends as one run with all its tokens', async () => {
  const waiting = await waitForMail()
  const { status, body } = await decide(firstOf(waiting), { decision: 'approve', comment: 'Go on' }, two)
  expect(status).toBe(200)
  expect(body).toMatchObject({
    id: waiting.id,
    conversation_id: waiting.conversation_id,
    status: 'succeeded',
    output: 'It is sent.',
    input_tokens: 30,
    output_tokens: 5,
    approvals: [],
  })
  expect(body.steps).toMatchObject([
    {
      tool_calls: [{ input: mail }],
      tool_results: [{ output: { sent: true }, is_error: false, approval: { decision: 'approve', comment: 'Go on' } }],
    },
    { text: 'It is sent.' },
  ])
  expect(outside.posted).toEqual([{ path: '/send', authorization: 'Bearer token-of-a-test', body: mail }])
  expect(JSON.stringify(testApp.provider.requests.at(-1)?.body)).toContain('The user approved it and said: Go on')
  expect(await findLogRow(testApp.database, waiting.id)).toMatchObject({
    status: 'succeeded',
    input_tokens: 30,
    output_tokens: 5,
    output: 'It is sent.',
  })
  expect((await call(one, 'GET', `/approvals/${firstOf(waiting)}`)).body).toMatchObject({
    status: 'approved',
    comment: 'Go on',
    input_schema: null,
  })
  expect((await decide(firstOf(waiting), { decision: 'approve' })).body).toMatchObject({
    code: 'approval_already_decided',
  })
})

test('an edited input is checked against the schema, and done instead', async () => {
  const waiting = await waitForMail()
  const id = firstOf(waiting)
  const faulty = await decide(id, { decision: 'approve', input: { to: 'a', body: 1 } })
  expect(faulty.status).toBe(400)
  expect(faulty.body).toMatchObject({ code: 'invalid_request' })
  expect(faulty.body.errors.every(({ path }: { path: string }) => path.startsWith('/input'))).toBe(true)
  for (const input of [null, 'text', []]) expect((await decide(id, { decision: 'approve', input })).status).toBe(400)
  expect((await decide(id, { decision: 'approve', input: { ...mail, text: 'a\u0000b' } })).status).toBe(400)
  expect((await decide(id, { decision: 'refuse', input: mail })).status).toBe(400)
  const deep = await one.app.inject({
    method: 'POST',
    url: `/api/v1/approvals/${id}/decision`,
    headers: { ...user.headers, 'content-type': 'application/json' },
    payload: `{"decision":"approve","input":${'{"to":'.repeat(50_000)}1${'}'.repeat(50_000)}}`,
  })
  expect(deep.statusCode).toBe(400)
  expect(outside.posted).toEqual([])
  const edited = { to: 'anna@example.com', text: 'See you on Monday.' }
  const { body } = await decide(id, { decision: 'approve', input: edited })
  expect(body).toMatchObject({ status: 'succeeded' })
  expect(outside.posted).toMatchObject([{ body: edited }])
  expect(body.steps[0].tool_calls[0].input).toEqual(mail)
  expect(body.steps[0].tool_results[0].approval.edited_input).toEqual(edited)
  expect(JSON.stringify(testApp.provider.requests.at(-1)?.body)).toContain(
    'The user changed the input before approving',
  )
  expect((await call(one, 'GET', `/approvals/${id}`)).body).toMatchObject({ input: mail, edited_input: edited })
})

test('refused, nothing is done, and the model is told why', async () => {
  const waiting = await waitForMail([send(), say('Then not.')])
  const { body } = await decide(firstOf(waiting), { decision: 'refuse', comment: 'Not before Monday' })
  expect(body).toMatchObject({ status: 'succeeded', output: 'Then not.' })
  expect(body.steps[0].tool_results).toMatchObject([
    { is_error: true, is_refused: true, output: { error: 'The user refused: Not before Monday' } },
  ])
  expect(outside.posted).toEqual([])
  expect(JSON.stringify(testApp.provider.requests.at(-1)?.body)).toContain('The user refused: Not before Monday')
})

test('reading tools of the same step run at once; several approvals are all waited for, and asking goes on', async () => {
  const both: TestReply = {
    kind: 'tool-calls',
    calls: [
      { id: 'r', name: 'mail__read_mails', input: {} },
      { id: 'a', name: 'mail__send', input: { ...mail, to: 'a@example.com' } },
      { id: 'b', name: 'mail__send', input: { ...mail, to: 'b@example.com' } },
    ],
  }
  outside.mails = [{ from: 'x@example.com', text: 'A mail' }]
  const waiting = await waitForMail([both, send({ ...mail, to: 'c@example.com' }), say('All sent.')])
  const log = await call(one, 'GET', `/agent-logs/${waiting.id}`)
  expect(log.body.metadata.steps[0].tool_results).toMatchObject([{ id: 'r', is_untrusted: true }])
  const [a, b] = waiting.approvals
  const open = await decide(b?.id ?? '', { decision: 'refuse' }, two)
  expect(open.body).toMatchObject({
    approval: { id: b?.id, status: 'refused' },
    run: { id: waiting.id, status: 'waiting' },
  })
  expect(outside.posted).toEqual([])
  const again = await decide(a?.id ?? '', { decision: 'approve' })
  expect(again.body).toMatchObject({ status: 'waiting' })
  expect(outside.posted.map(({ body }) => (body as typeof mail).to)).toEqual(['a@example.com'])
  const next = again.body.approvals.filter(({ status }: { status: string }) => status === 'pending')
  // What strangers wrote is in the prompt by now.
  expect(next).toMatchObject([{ input: { to: 'c@example.com' }, reason: 'after_untrusted' }])
  const done = await decide(next[0].id, { decision: 'approve' })
  expect(done.body).toMatchObject({ status: 'succeeded', output: 'All sent.' })
  expect(done.body.steps[0].tool_results.map(({ id }: { id: string }) => id)).toEqual(['r', 'a', 'b'])
  const whole = await call(one, 'GET', `/agent-logs/${waiting.id}`)
  expect(whole.body.metadata.approvals).toHaveLength(3)
  expect(await findLogRow(testApp.database, waiting.id)).toMatchObject({ has_untrusted: true })
})

test('what waits is read page by page from the oldest on, and counted over all pages', async () => {
  await connectTestAccount(testApp, user, userAgentId, {})
  const asked: string[] = []
  for (const to of ['a@example.com', 'b@example.com', 'c@example.com']) {
    testApp.provider.setScript([send({ ...mail, to })])
    asked.push((await run()).body.approvals[0].id)
  }
  const read = async (order: string) => {
    const first = await call(one, 'GET', `/approvals?status=pending&limit=2&${order}`)
    expect(first.body).toMatchObject({ total: 3, next_cursor: expect.any(String) })
    const rest = await call(one, 'GET', `/approvals?status=pending&limit=2&${order}&cursor=${first.body.next_cursor}`)
    expect(rest.body).toMatchObject({ total: 3, next_cursor: null })
    return [...first.body.data, ...rest.body.data].map(({ id }) => id)
  }
  expect(await read('order=asc')).toEqual(asked)
  expect(await read('')).toEqual(asked.toReversed())
  testApp.provider.setScript([say('Then not.')])
  await decide(asked[0] ?? '', { decision: 'refuse' })
  expect((await call(one, 'GET', '/approvals?status=pending&limit=1')).body.total).toBe(2)
  expect((await call(one, 'GET', '/approvals?status=refused')).body.total).toBe(1)
  expect((await call(one, 'GET', '/approvals?order=sideways')).status).toBe(400)
})

describe('two servers', () => {
  test('of twenty decisions at the same moment one goes on with the run', async () => {
    const waiting = await waitForMail()
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, at) => decide(firstOf(waiting), { decision: 'approve' }, at % 2 ? one : two)),
    )
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    expect(new Set(answers.filter(({ status }) => status !== 200).map(({ body }) => body.code))).toEqual(
      new Set(['approval_already_decided']),
    )
    expect(outside.posted).toHaveLength(1)
  })

  test('two approvals of one run, decided at the same moment on two servers, let it go on once', async () => {
    const two_mails: TestReply = {
      kind: 'tool-calls',
      calls: [
        { id: 'a', name: 'mail__send', input: mail },
        { id: 'b', name: 'mail__send', input: mail },
      ],
    }
    const waiting = await waitForMail([two_mails, say('Both.')])
    const [a, b] = waiting.approvals
    const answers = await Promise.all([
      decide(a?.id ?? '', { decision: 'approve' }, one),
      decide(b?.id ?? '', { decision: 'approve' }, two),
    ])
    expect(answers.map(({ status }) => status)).toEqual([200, 200])
    expect(answers.map(({ body }) => body.status ?? body.run.status).sort()).toEqual(['succeeded', 'waiting'])
    expect(outside.posted).toHaveLength(2)
  })

  test('a run waits through a restart of every server', async () => {
    const waiting = await waitForMail()
    const third = await startServer(testApp, [createMailType(outside)])
    try {
      expect((await decide(firstOf(waiting), { decision: 'approve' }, third)).body).toMatchObject({
        status: 'succeeded',
      })
      expect(outside.posted).toHaveLength(1)
    } finally {
      await third.close()
    }
  })

  test('a cancellation and a decision at the same moment: the mail is sent only when the run went on', async () => {
    const waiting = await waitForMail()
    const [cancelled, decided] = await Promise.all([
      call(two, 'POST', `/agent-logs/${waiting.id}/cancel`),
      decide(firstOf(waiting), { decision: 'approve' }),
    ])
    expect([202, 409]).toContain(cancelled.status)
    const row = await eventually('it has ended', async () => {
      const found = await findLogRow(testApp.database, waiting.id)
      return found?.status !== 'running' && found
    })
    if (decided.status === 409) {
      expect(row.status).toBe('cancelled')
      expect(outside.posted).toEqual([])
    } else expect(row.status).toBe('succeeded')
  })
})

test('a waiting run can be cancelled; then nothing can be decided any more', async () => {
  const waiting = await waitForMail()
  expect((await call(two, 'POST', `/agent-logs/${waiting.id}/cancel`)).status).toBe(202)
  expect(await findLogRow(testApp.database, waiting.id)).toMatchObject({ status: 'cancelled', error_code: 'cancelled' })
  expect((await decide(firstOf(waiting), { decision: 'approve' })).body).toMatchObject({
    code: 'approval_already_decided',
  })
  expect((await call(one, 'GET', `/approvals/${firstOf(waiting)}`)).body).toMatchObject({ status: 'canceled' })
  expect((await call(two, 'POST', `/agent-logs/${waiting.id}/cancel`)).body).toMatchObject({ code: 'run_not_running' })
  expect(outside.posted).toEqual([])
})

test('a run that nobody decides about in time ends as expired', async () => {
  const waiting = await waitForMail()
  await testApp.database.asSystem('a test lets time pass', async (tx) => {
    const past = new Date(Date.now() - 1000)
    await tx.updateTable('approvals').set({ expires_at: past }).where('log_id', '=', waiting.id).execute()
    await tx.updateTable('waiting_runs').set({ expires_at: past }).where('log_id', '=', waiting.id).execute()
  })
  const late = await decide(firstOf(waiting), { decision: 'approve' })
  expect(late.status).toBe(409)
  expect(late.body).toMatchObject({ code: 'approval_expired' })
  const counts = await Promise.all([expireWaitingRuns(one.services.database), expireWaitingRuns(two.services.database)])
  expect(counts[0] + counts[1]).toBe(1)
  expect(await findLogRow(testApp.database, waiting.id)).toMatchObject({
    status: 'failed',
    error_code: 'approval_expired',
  })
  expect((await call(one, 'GET', `/approvals/${firstOf(waiting)}`)).body).toMatchObject({ status: 'expired' })
  expect((await decide(firstOf(waiting), { decision: 'approve' })).body).toMatchObject({ code: 'approval_expired' })
  expect(outside.posted).toEqual([])
})

describe('what changes while a run waits', () => {
  test('a tool that was switched to never is refused, and so is that of a removed account', async () => {
    for (const change of ['never', 'removed'] as const) {
      const waiting = await waitForMail([send(), say('I could not.')])
      await testApp.database.asSystem('a test takes the tool away', async (tx) => {
        if (change === 'removed') await tx.deleteFrom('integrations').where('user_agent_id', '=', userAgentId).execute()
        else
          await tx
            .updateTable('integrations')
            .set({ tool_permissions: JSON.stringify({ send: 'never' }) })
            .where('user_agent_id', '=', userAgentId)
            .execute()
      })
      const { body } = await decide(firstOf(waiting), { decision: 'approve' })
      expect(body).toMatchObject({ status: 'succeeded', output: 'I could not.' })
      expect(body.steps[0].tool_results).toMatchObject([
        { is_refused: true, output: { error: expect.stringMatching(/switched off or its account was disconnected/) } },
      ])
      await testApp.database.asSystem('a test begins anew', (tx) =>
        tx.deleteFrom('integrations').where('user_agent_id', '=', userAgentId).execute(),
      )
    }
    expect(outside.posted).toEqual([])
  })

  test('a tool that its server changed meanwhile is not what was approved', async () => {
    const changes = [
      { title: 'Send money' },
      { inputSchema: { type: 'object' as const, properties: { to: { type: 'string' as const, title: 'Who pays' } } } },
    ]
    for (const change of changes) {
      const waiting = await waitForMail([send(), say('I could not.')])
      const type = createMailType(outside)
      const tools = (type.tools as IntegrationTool[]).map((tool) =>
        tool.name === 'send' ? { ...tool, ...change } : tool,
      )
      const later = await startServer(testApp, [{ ...type, tools }])
      onTestFinished(() => later.close())
      const { body } = await decide(firstOf(waiting), { decision: 'approve' }, later)
      expect(body.steps[0].tool_results).toMatchObject([
        { is_refused: true, output: { error: expect.stringContaining('has changed since') } },
      ])
      await testApp.database.asSystem('a test begins anew', (tx) =>
        tx.deleteFrom('integrations').where('user_agent_id', '=', userAgentId).execute(),
      )
    }
    expect(outside.posted).toEqual([])
  })

  test('an approval stays with its account, also when another one gets its name', async () => {
    const first = await connectTestAccount(testApp, user, userAgentId, { token: 'first' })
    await connectTestAccount(testApp, user, userAgentId, { token: 'second' })
    testApp.provider.setScript([send(), say('No.')])
    const { body: waiting } = await run()
    await testApp.database.asSystem('a test removes the first account', (tx) =>
      tx.deleteFrom('integrations').where('id', '=', first).execute(),
    )
    const { body } = await decide(firstOf(waiting), { decision: 'approve' })
    expect(body.steps[0].tool_results).toMatchObject([{ is_refused: true }])
    expect(outside.posted).toEqual([])
  })

  test('an agent that is switched off does nothing, and its run ends', async () => {
    const waiting = await waitForMail()
    await call(one, 'PATCH', `/user-agents/${userAgentId}`, { is_active: false })
    expect((await decide(firstOf(waiting), { decision: 'approve' })).body).toMatchObject({ code: 'agent_not_active' })
    expect(await findLogRow(testApp.database, waiting.id)).toMatchObject({
      status: 'failed',
      error_code: 'agent_not_active',
      input_tokens: 10,
    })
    expect(outside.posted).toEqual([])
  })

  test('a user agent that is deleted takes its approvals along, and its run ends', async () => {
    const waiting = await waitForMail()
    expect((await call(one, 'DELETE', `/user-agents/${userAgentId}`)).status).toBe(204)
    expect((await decide(firstOf(waiting), { decision: 'approve' })).status).toBe(404)
    await expireWaitingRuns(one.services.database)
    expect(await findLogRow(testApp.database, waiting.id)).toMatchObject({ status: 'cancelled' })
  })

  test('a run that is deleted takes its approvals and its state along', async () => {
    const waiting = await waitForMail()
    expect((await call(one, 'DELETE', `/agent-logs/${waiting.id}`)).status).toBe(204)
    expect((await decide(firstOf(waiting), { decision: 'approve' })).status).toBe(404)
    const left = await testApp.database.asSystem('a test looks what is left', (tx) =>
      tx.selectFrom('waiting_runs').select('log_id').where('log_id', '=', waiting.id).execute(),
    )
    expect(left).toEqual([])
  })

  test('a server too full to go on decides nothing', async () => {
    const waiting = await waitForMail()
    const slots = Array.from({ length: 100 }, (_, at) => one.services.activeRuns.begin(`${at}`, user.id))
    expect((await decide(firstOf(waiting), { decision: 'approve' })).status).toBe(429)
    for (const slot of slots) slot.end()
    expect((await decide(firstOf(waiting), { decision: 'approve' })).body).toMatchObject({ status: 'succeeded' })
  })
})

test('a server that dies in the middle of the approved call: the run ends as interrupted and the mail was sent once', async () => {
  const waiting = await waitForMail()
  const dying = await startServer(testApp, [createMailType(outside)])
  const { nodeId } = dying.services
  await testApp.database.asSystem('a test signs a server in', (tx) => touchServerNode(tx, nodeId))
  let die = () => {}
  outside.onPost = () =>
    new Promise((resolve) => {
      die = resolve
    })
  const decided = decide(firstOf(waiting), { decision: 'approve' }, dying).catch(() => null)
  await eventually('the mail is on its way', async () => outside.posted.length > 0)
  expect(await findLogRow(testApp.database, waiting.id)).toMatchObject({ status: 'running', node_id: nodeId })
  const ended = await testApp.database.asSystem('a test ends the runs of a dead server', (tx) =>
    interruptRunsOf(tx, nodeId),
  )
  expect(ended).toBe(1)
  expect(await findLogRow(testApp.database, waiting.id)).toMatchObject({ status: 'interrupted' })
  for (const server of [one, two])
    expect((await decide(firstOf(waiting), { decision: 'approve' }, server)).status).toBe(409)
  expect(outside.posted).toHaveLength(1)
  die()
  await decided
  await dying.close()
})

test('waiting does not count as time of the run', async () => {
  const waiting = await waitForMail()
  await sleep(1500)
  const { body } = await decide(firstOf(waiting), { decision: 'approve' })
  expect(body.latency_ms).toBeLessThan(1400)
  expect(body.latency_ms).toBeGreaterThan(0)
})

test('the same Idempotency-Key is answered with the run that waits, and with its end', async () => {
  await connectTestAccount(testApp, user, userAgentId)
  testApp.provider.setScript([send(), say('Sent.')])
  const ask = (server: OtherServer) =>
    server.app.inject({
      method: 'POST',
      url: `/api/v1/user-agents/${userAgentId}/runs`,
      headers: { ...user.headers, 'idempotency-key': 'one' },
      payload: { input: 'Write' },
    })
  const first = (await ask(one)).json()
  const second = (await ask(two)).json()
  expect(second).toMatchObject({ id: first.id, status: 'waiting', approvals: first.approvals })
  await decide(first.approvals[0].id, { decision: 'approve' })
  expect((await ask(two)).json()).toMatchObject({ id: first.id, status: 'succeeded', output: 'Sent.' })
  expect(outside.posted).toHaveLength(1)
})

test('permissions: always does not ask, never is not offered', async () => {
  await connectTestAccount(testApp, user, userAgentId, { permissions: { send: 'always', read_mails: 'never' } })
  testApp.provider.setScript([send(), say('Sent.')])
  expect((await run()).body).toMatchObject({ status: 'succeeded' })
  expect(outside.posted).toHaveLength(1)
  const tools = testApp.provider.requests.at(-1)?.body.tools as { function: { name: string } }[]
  expect(tools.map((tool) => tool.function.name)).toContain('mail__send')
  expect(tools.map((tool) => tool.function.name)).not.toContain('mail__read_mails')
})

describe('after content from outside a tool that writes always asks', () => {
  const read: TestReply = { kind: 'tool-calls', calls: [{ name: 'mail__read_mails', input: {} }] }

  test('in the same run', async () => {
    await connectTestAccount(testApp, user, userAgentId, { permissions: { send: 'always' } })
    testApp.provider.setScript([read, send(), say('Sent.')])
    const { body } = await run()
    expect(body).toMatchObject({ status: 'waiting', approvals: [{ reason: 'after_untrusted' }] })
    expect(outside.posted).toEqual([])
  })

  test('in a later run of the conversation, whose history has it, and not in another conversation', async () => {
    await connectTestAccount(testApp, user, userAgentId, { permissions: { send: 'always' } })
    testApp.provider.setScript([read, say('There is one mail.')])
    const { body: first } = await run('What is new?')
    testApp.provider.setScript([say('You are welcome.')])
    await run('Thank you', { conversation_id: first.conversation_id })
    testApp.provider.setScript([send(), say('Sent.')])
    const { body } = await run('Answer it', { conversation_id: first.conversation_id })
    expect(body).toMatchObject({ status: 'waiting', approvals: [{ reason: 'after_untrusted' }] })
    testApp.provider.setScript([send(), say('Sent.')])
    expect((await run('Write to Anna')).body).toMatchObject({ status: 'succeeded' })
    expect(outside.posted).toHaveLength(1)
  })
})

test('nobody but its owner sees an approval or decides about it', async () => {
  const waiting = await waitForMail()
  for (const stranger of [await testApp.createUser(), await testApp.createUser('admin')]) {
    expect((await call(one, 'GET', `/approvals/${firstOf(waiting)}`, undefined, stranger)).status).toBe(404)
    expect((await call(one, 'GET', '/approvals', undefined, stranger)).body.data).toEqual([])
    const decided = await call(
      one,
      'POST',
      `/approvals/${firstOf(waiting)}/decision`,
      { decision: 'approve' },
      stranger,
    )
    expect(decided.status).toBe(404)
    expect((await call(one, 'POST', `/agent-logs/${waiting.id}/cancel`, undefined, stranger)).status).toBe(404)
  }
  expect((await call(one, 'GET', `/approvals/${firstOf(waiting)}`)).status).toBe(200)
  expect(outside.posted).toEqual([])
})
