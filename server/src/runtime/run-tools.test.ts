import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  connectTestAccount,
  createMailType,
  type OtherServer,
  type Outside,
  startOutside,
  startServer,
} from '../approvals/approval-testing.ts'
import type { IntegrationTool, IntegrationType } from '../integrations/integration-type.ts'
import type { TestUser } from '../testing/test-app.ts'
import { configureTestAgent, createRunTestApp, eventually, type RunTestApp } from '../user-agents/run-testing.ts'
import type { TestReply } from './test-providers/test-reply.ts'

const noInput = { type: 'object' as const, properties: {}, additionalProperties: false }
const tool = (name: string, more: Partial<IntegrationTool>): IntegrationTool => ({
  name,
  title: name,
  description: `Does ${name}.`,
  inputSchema: noInput,
  effect: 'reads',
  isUntrusted: true,
  execute: async () => ({ done: name }),
  ...more,
})
const subjects = ['invoice', 'calendar', 'issue', 'branch', 'contact', 'photo', 'weather', 'parcel', 'ticket', 'song']
const verbs = ['create', 'read', 'delete', 'archive', 'share', 'rename']

let testApp: RunTestApp
let outside: Outside
let server: OtherServer
let user: TestUser
let userAgentId: string

beforeAll(async () => {
  testApp = await createRunTestApp()
  outside = await startOutside()
  const mail = createMailType(outside, [
    tool('long', { execute: async () => ({ rows: 'ab'.repeat(100_000), end: 'the last row' }) }),
    tool('endless', { execute: async () => 'x'.repeat(1_500_000) }),
    tool('schema', {
      outputSchema: { type: 'object', properties: { count: { type: 'integer' } }, required: ['count'] },
      execute: async () => ({ count: 'many' }),
    }),
    tool('fails', { execute: () => Promise.reject(new Error('The mailbox is locked.')) }),
  ])
  const many: IntegrationType = {
    ...mail,
    type: 'many',
    title: 'Many',
    tools: subjects.flatMap((subject) =>
      verbs.map((verb) =>
        tool(`${verb}_${subject}`, { title: `${verb} a ${subject}`, description: `Use it to ${verb} one ${subject}.` }),
      ),
    ),
  }
  server = await startServer(testApp, [mail, many])
})
afterAll(async () => {
  await server.close()
  await outside.close()
  await testApp.close()
})
beforeEach(async () => {
  user = await testApp.createUser()
  userAgentId = await configureTestAgent(testApp.database, user)
  testApp.provider.requests.length = 0
})

const use = (name: string, input: unknown = {}): TestReply => ({ kind: 'tool-calls', calls: [{ name, input }] })
const done: TestReply = { kind: 'text', text: 'Done.' }

async function run(input: string, ...script: TestReply[]) {
  testApp.provider.setScript([...script, done])
  const url = `/api/v1/user-agents/${userAgentId}/runs`
  const response = await server.app.inject({ method: 'POST', url, headers: user.headers, payload: { input } })
  return response.json()
}
const readLog = async (id: string) =>
  (await server.app.inject({ url: `/api/v1/agent-logs/${id}`, headers: user.headers })).json()
const lastPrompt = () => JSON.stringify(testApp.provider.requests.at(-1)?.body)
const shownTools = (at: number) =>
  ((testApp.provider.requests.at(at)?.body.tools ?? []) as { function: { name: string } }[]).map(
    (one) => one.function.name,
  )

describe('results', () => {
  test('of great length are cut for the model, and kept whole in the log', async () => {
    await connectTestAccount(testApp, user, userAgentId)
    const { id, status, steps } = await run('Go', use('mail__long'), use('mail__endless'))
    expect(status).toBe('succeeded')
    expect(steps[0].tool_results[0]).not.toHaveProperty('full_output')
    expect(/\[Cut here: the whole result has 2000\d\d characters\.\]/.test(lastPrompt())).toBe(true)
    expect(lastPrompt().includes('the last row')).toBe(false)
    const log = await readLog(id)
    const [first, second] = log.metadata.steps
    expect(first.tool_results[0].full_output).toEqual({ rows: 'ab'.repeat(100_000), end: 'the last row' })
    expect(first.tool_results[0].output.length).toBeLessThan(51_000)
    expect(second.tool_results[0].full_output).toMatch(/^x{1000000}\n\[Cut here\.\]$/)
  })

  test('that do not fit what the tool says of itself, and failures, are told to the model', async () => {
    await connectTestAccount(testApp, user, userAgentId)
    const { status, steps } = await run('Go', use('mail__schema'), use('mail__fails'))
    expect(status).toBe('succeeded')
    expect(steps[0].tool_results[0]).toMatchObject({
      is_error: true,
      output: { error: expect.stringMatching(/something else than its output schema says\. .*\/count: /) },
    })
    expect(steps[1].tool_results[0]).toMatchObject({ is_error: true, output: { error: 'The mailbox is locked.' } })
    expect(lastPrompt()).toContain('The mailbox is locked.')
  })

  test('from outside stand in an envelope for the model, and as they are in the log', async () => {
    outside.mails = [{ text: 'Hello' }]
    await connectTestAccount(testApp, user, userAgentId)
    const { steps } = await run('Go', use('mail__read_mails'), use('calculator', { expression: '1+1' }))
    expect(steps[0].tool_results[0]).toMatchObject({ output: [{ text: 'Hello' }], is_untrusted: true })
    expect(steps[1].tool_results[0]).not.toHaveProperty('is_untrusted')
    const messages = testApp.provider.requests.at(-1)?.body.messages as { role: string; content: string }[]
    const results = messages.filter(({ role }) => role === 'tool').map(({ content }) => content)
    expect(results[0]).toMatch(
      /^<outside-data mark="([\w-]{12})" tool="mail__read_mails">\n[^\n]+\n\[\{"text":"Hello"\}\]\n<\/outside-data mark="\1">$/,
    )
    expect(results[1]).toBe('{"expression":"1+1","result":2}')
    expect(messages[0]?.content).toContain('<outside-data>')
  })
})

test('webhooks that asked for it are told when a run has ended, and not while it waits', async () => {
  await connectTestAccount(testApp, user, userAgentId)
  const id = await connectTestAccount(testApp, user, userAgentId, { type: 'webhook' })
  const listDeliveries = () =>
    testApp.database.asSystem('a test looks at deliveries', async (tx) => {
      const settings = JSON.stringify({ send_run_ended: true })
      await tx.updateTable('integrations').set({ settings }).where('id', '=', id).execute()
      return tx.selectFrom('webhook_deliveries').selectAll().where('integration_id', '=', id).execute()
    })
  expect(await listDeliveries()).toEqual([])
  const waiting = await run('Write', use('mail__send', { to: 'anna@example.com', text: 'Hello' }))
  expect(waiting.status).toBe('waiting')
  expect(await listDeliveries()).toEqual([])
  const url = `/api/v1/approvals/${waiting.approvals[0].id}/decision`
  await server.app.inject({ method: 'POST', url, headers: user.headers, payload: { decision: 'approve' } })
  const told = await eventually('it is told', async () => {
    const deliveries = await listDeliveries()
    return deliveries.length > 0 && deliveries
  })
  expect(told).toMatchObject([{ event: 'run.ended', log_id: waiting.id }])
})

describe('many tools', () => {
  test('only those that fit are shown, and others can be found and used in the next step', async () => {
    await connectTestAccount(testApp, user, userAgentId, { type: 'many' })
    const { steps } = await run(
      'Please rename the photo of my cat',
      use('many__share_parcel'),
      use('find_tools', { query: 'share a parcel' }),
      use('many__share_parcel'),
    )
    const first = shownTools(0)
    expect(first).toEqual(
      expect.arrayContaining(['calculator', 'search_knowledge', 'find_tools', 'many__rename_photo']),
    )
    expect(first.length).toBeLessThanOrEqual(40)
    expect(first).not.toContain('many__share_parcel')
    expect(steps[0].tool_results[0].output.error).toMatch(/Look for "many__share_parcel" with find_tools/)
    expect(steps[1].tool_results[0].output.found.map(({ name }: { name: string }) => name)).toContain(
      'many__share_parcel',
    )
    expect(shownTools(2)).toContain('many__share_parcel')
    expect(steps[2].tool_results[0].output).toEqual({ done: 'share_parcel' })
  })

  test('up to forty are all shown', async () => {
    await connectTestAccount(testApp, user, userAgentId)
    await run('Hello')
    expect(shownTools(0)).toEqual(expect.arrayContaining(['mail__send', 'mail__long', 'calculator']))
    expect(shownTools(0)).not.toContain('find_tools')
  })
})

describe('an agent that needs an account', () => {
  beforeEach(async () => {
    userAgentId = await configureTestAgent(testApp.database, user, {
      capabilities: {
        integrations: [
          { type: 'mail', required: true, reason: 'To send what you approve.' },
          { type: 'many', required: false },
        ],
      },
    })
  })
  const getUserAgent = async () =>
    (await server.app.inject({ url: `/api/v1/user-agents/${userAgentId}`, headers: user.headers })).json()

  test('says so before the run, and asks no model', async () => {
    const wanted = { type: 'mail', title: 'Mail', reason: 'To send what you approve.' }
    expect(await getUserAgent()).toMatchObject({
      missing_integrations: [wanted],
      optional_integrations: [{ type: 'many', title: 'Many', reason: null }],
    })
    const problem = await run('Hello')
    expect(problem).toMatchObject({ status: 409, code: 'integration_missing' })
    expect(problem.title).toContain(
      `Mail, which is not connected. Connect it at /user-agents/${userAgentId}/integrations`,
    )
    expect(testApp.provider.requests).toEqual([])
    const logs = (await server.app.inject({ url: '/api/v1/agent-logs', headers: user.headers })).json()
    expect(logs.data).toMatchObject([{ status: 'failed', error_code: 'integration_missing', input: 'Hello' }])
  })

  test('runs once it is connected, and not while it has to be connected again', async () => {
    const id = await connectTestAccount(testApp, user, userAgentId)
    expect(await run('Hello')).toMatchObject({ status: 'succeeded' })
    expect((await getUserAgent()).missing_integrations).toEqual([])
    await testApp.database.asSystem('a test breaks an account', (tx) =>
      tx.updateTable('integrations').set({ status: 'reconnect' }).where('id', '=', id).execute(),
    )
    expect(await run('Hello')).toMatchObject({ code: 'integration_missing' })
    expect((await getUserAgent()).missing_integrations).toHaveLength(1)
  })
})
