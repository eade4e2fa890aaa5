import { createHash } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createIdWithTime } from '../database/uuid-v7.ts'
import { closeAfterTest, type TestUser } from '../testing/test-app.ts'
import {
  configureTestAgent,
  createRunTestApp,
  eventually,
  findLogRow,
  listLogRows,
  postRun,
  type RunTestApp,
} from './run-testing.ts'

let testApp: RunTestApp
let user: TestUser

beforeAll(async () => {
  testApp = await createRunTestApp()
  user = await testApp.createUser()
})
afterAll(() => testApp.close())

const post = (userAgentId: string, key: string, body: Parameters<typeof postRun>[3], person = user) =>
  postRun(testApp.app, { ...person.headers, 'idempotency-key': key }, userAgentId, body)

test('the same key twice is one run, and both get the same answer', async () => {
  const id = await configureTestAgent(testApp.database, user)
  testApp.provider.setScript([
    { kind: 'tool-calls', calls: [{ name: 'calculator', input: { expression: '6 * 7' } }] },
    { kind: 'text', text: '42, the first time.' },
    { kind: 'text', text: 'Never to be seen.' },
  ])
  const first = await post(id, 'order-1', { input: 'Hello' })
  const second = await post(id, 'order-1', { input: 'Hello' })
  expect(second.statusCode).toBe(200)
  expect(second.json()).toEqual(first.json())
  expect(first.json().output).toBe('42, the first time.')
  expect(await listLogRows(testApp.database, id)).toHaveLength(1)
})

test('fifty at once are one run, and the server is as free afterwards as before', async () => {
  const small = await createRunTestApp({ MAX_RUNS_PER_USER: '2' }, [{ kind: 'text', text: 'Once.', delayMs: 500 }])
  closeAfterTest(small)
  const person = await small.createUser()
  const id = await configureTestAgent(small.database, person)
  const headers = { ...person.headers, 'idempotency-key': 'fifty' }
  const answers = await Promise.all(
    Array.from({ length: 50 }, () => postRun(small.app, headers, id, { input: 'Hello' })),
  )
  expect(new Set(answers.map((answer) => answer.statusCode))).toEqual(new Set([200]))
  for (const answer of answers) expect(answer.json()).toEqual(answers[0]?.json())
  expect(answers[0]?.json().output).toBe('Once.')
  expect(small.provider.requests).toHaveLength(1)
  expect(await listLogRows(small.database, id)).toHaveLength(1)
  expect(small.services.activeRuns.count).toBe(0)
  const after = await Promise.all([
    postRun(small.app, person.headers, id, { input: 'One' }),
    postRun(small.app, person.headers, id, { input: 'Two' }),
  ])
  expect(after.map((answer) => answer.statusCode)).toEqual([200, 200])
})

test('a run that was asked for twice can still be cancelled', async () => {
  const id = await configureTestAgent(testApp.database, user)
  testApp.provider.setScript([{ kind: 'hang' }])
  const answers = Array.from({ length: 5 }, () => post(id, 'cancel-me', { input: 'Hello' }))
  const row = await eventually('the run is there', async () => (await listLogRows(testApp.database, id))[0])
  await eventually('the model is asked', async () => testApp.provider.requests.at(-1)?.isAborted === false)
  await testApp.app.inject({ method: 'POST', url: `/api/v1/agent-logs/${row.id}/cancel`, headers: user.headers })
  for (const answer of await Promise.all(answers)) {
    expect(answer.statusCode).toBe(409)
    expect(answer.json()).toMatchObject({ code: 'cancelled', run_id: row.id })
  }
})

test('the same key with another body is refused', async () => {
  const id = await configureTestAgent(testApp.database, user)
  testApp.provider.setScript([])
  const { id: runId } = (await post(id, 'order-2', { input: 'Hello' })).json()
  for (const response of [
    await post(id, 'order-2', { input: 'Goodbye' }),
    await post(id, 'order-2', { input: 'Hello', conversation_id: runId }),
    await post(await configureTestAgent(testApp.database, user), 'order-2', { input: 'Hello' }),
  ]) {
    expect(response.statusCode).toBe(422)
    expect(response.json().code).toBe('idempotency_key_reused')
  }
  expect(await listLogRows(testApp.database, id)).toHaveLength(1)
})

test("another user's same key is a run of their own", async () => {
  const other = await testApp.createUser()
  const id = await configureTestAgent(testApp.database, user)
  const othersId = await configureTestAgent(testApp.database, other)
  testApp.provider.setScript([
    { kind: 'text', text: 'For you.' },
    { kind: 'text', text: 'For the other.' },
  ])
  expect((await post(id, 'shared', { input: 'Hello' })).json().output).toBe('For you.')
  expect((await post(othersId, 'shared', { input: 'Hello' }, other)).json().output).toBe('For the other.')
})

test('when the server died between claiming the key and running, the next request runs it', async () => {
  const id = await configureTestAgent(testApp.database, user)
  testApp.provider.setScript([{ kind: 'text', text: 'At last.' }])
  const claimed = createIdWithTime()
  await testApp.database.withUser(user.claims, (tx) =>
    tx
      .insertInto('idempotency_keys')
      .values({
        user_id: user.id,
        key: 'died',
        request_hash: createHash('sha256')
          .update(JSON.stringify([id, null, 'Hello', null, null]))
          .digest(),
        log_id: claimed.id,
        log_timestamp: claimed.timestamp,
      })
      .execute(),
  )
  const response = await post(id, 'died', { input: 'Hello' })
  expect(response.json()).toMatchObject({ id: claimed.id, output: 'At last.' })
  expect(await findLogRow(testApp.database, claimed.id)).toMatchObject({ status: 'succeeded' })
})

test('what could not be run is tried again with the same key, what failed is not', async () => {
  const offId = await configureTestAgent(testApp.database, user, { is_active: false })
  const refused = await Promise.all([
    post(offId, 'later', { input: 'Hello' }),
    post(offId, 'later', { input: 'Hello' }),
    post(offId, 'later', { input: 'Hello' }),
  ])
  expect(refused.map((response) => response.json().code)).toEqual(Array(3).fill('agent_not_active'))
  await testApp.database.withUser(user.claims, (tx) =>
    tx.updateTable('user_agents').set({ is_active: true }).where('id', '=', offId).execute(),
  )
  testApp.provider.setScript([{ kind: 'text', text: 'Now it works.' }])
  expect((await post(offId, 'later', { input: 'Hello' })).json().output).toBe('Now it works.')

  testApp.provider.setScript([{ kind: 'error', status: 401 }])
  const failed = await post(offId, 'fails', { input: 'Hello' })
  const again = await post(offId, 'fails', { input: 'Hello' })
  expect(again.statusCode).toBe(502)
  expect(again.json()).toMatchObject({ code: 'model_auth_failed', run_id: failed.json().run_id })
})

test('a stream is repeated as a stream', async () => {
  const id = await configureTestAgent(testApp.database, user, {
    settings: { faq: [{ question: 'Do you ship to Austria?', answer: 'Yes, within three days.' }] },
  })
  testApp.provider.setScript([
    { kind: 'tool-calls', calls: [{ name: 'search_knowledge', input: { query: 'ship to Austria' } }] },
    { kind: 'text', text: 'Within three days. [1]' },
  ])
  const first = await post(id, 'streamed', { input: 'Hello', stream: true })
  const second = await post(id, 'streamed', { input: 'Hello', stream: true })
  expect(second.headers['x-vercel-ai-ui-message-stream']).toBe('v1')
  for (const part of ['Within', '"source-document"', '"status":"succeeded"', '"type":"finish"', '[DONE]']) {
    expect(first.body).toContain(part)
    expect(second.body).toContain(part)
  }
  expect(await listLogRows(testApp.database, id)).toHaveLength(1)
})

test.each(['', ' ', 'x'.repeat(256), '\u00e9\u0000'])('the key %j is refused', async (key) => {
  const id = await configureTestAgent(testApp.database, user)
  const response = await post(id, key, { input: 'Hello' })
  expect(response.statusCode).toBe(400)
})
