import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { ErrorCode } from '../errors.ts'
import type { TestReply } from '../runtime/test-providers/test-reply.ts'
import { closeAfterTest, type TestUser } from '../testing/test-app.ts'
import {
  configureTestAgent,
  createRunTestApp,
  eventually,
  fetchRun,
  findLogRow,
  listen,
  listLogRows,
  postRun,
  type RunTestApp,
} from './run-testing.ts'

let testApp: RunTestApp
let user: TestUser
let url: string

beforeAll(async () => {
  testApp = await createRunTestApp()
  user = await testApp.createUser()
  url = await listen(testApp.app)
})
afterAll(() => testApp.close())
// A run that is left over would hold its place for ever.
afterEach(() => eventually('all runs have ended', async () => testApp.services.activeRuns.count === 0))

const findRunning = (userAgentId: string) =>
  eventually('a run is in the log', async () => (await listLogRows(testApp.database, userAgentId))[0])
const findEnded = (userAgentId: string) =>
  eventually('the run has ended', async () => {
    const [row] = await listLogRows(testApp.database, userAgentId)
    return row && row.status !== 'running' && row
  })
const cancel = (id: string, headers = user.headers) =>
  testApp.app.inject({ method: 'POST', url: `/api/v1/agent-logs/${id}/cancel`, headers })

describe('cancel', () => {
  test('a run that is cancelled ends as cancelled, and its caller is told', async () => {
    const id = await configureTestAgent(testApp.database, user)
    testApp.provider.setScript([{ kind: 'hang' }])
    const answer = postRun(testApp.app, user.headers, id, { input: 'Take your time.' })
    const running = await findRunning(id)
    expect(running.status).toBe('running')
    expect((await cancel(running.id)).statusCode).toBe(202)
    const response = await answer
    expect(response.statusCode).toBe(409)
    expect(response.json()).toMatchObject({ code: 'cancelled', run_id: running.id })
    expect(await findLogRow(testApp.database, running.id)).toMatchObject({
      status: 'cancelled',
      error_code: 'cancelled',
      input: 'Take your time.',
    })
    // The provider is told as well: nobody pays for words that nobody reads.
    await eventually('the call of the model is given up', async () => testApp.provider.requests.at(-1)?.isAborted)
  })

  test('a run that has ended cannot be cancelled', async () => {
    const id = await configureTestAgent(testApp.database, user)
    testApp.provider.setScript([])
    const { id: runId } = (await postRun(testApp.app, user.headers, id, { input: 'Hello' })).json()
    const response = await cancel(runId)
    expect(response.statusCode).toBe(409)
    expect(response.json().code).toBe('run_not_running')
  })

  test('another user finds no run to cancel, a stranger is refused, and the run goes on', async () => {
    const id = await configureTestAgent(testApp.database, user)
    testApp.provider.setScript([{ kind: 'text', text: 'Done.', delayMs: 500 }])
    const answer = postRun(testApp.app, user.headers, id, { input: 'Hello' })
    const { id: runId } = await findRunning(id)
    const other = await testApp.createUser('admin')
    expect((await cancel(runId, other.headers)).statusCode).toBe(404)
    expect((await testApp.app.inject({ method: 'POST', url: `/api/v1/agent-logs/${runId}/cancel` })).statusCode).toBe(
      401,
    )
    expect((await answer).json()).toMatchObject({ status: 'succeeded', output: 'Done.' })
  })
})

describe('callers that hang up', () => {
  test('when a caller that waits for JSON goes away, the run ends as cancelled', async () => {
    const id = await configureTestAgent(testApp.database, user)
    testApp.provider.setScript([{ kind: 'hang' }])
    const controller = new AbortController()
    const answer = fetchRun(url, user.headers, id, { input: 'Hello' }, { signal: controller.signal })
    answer.catch(() => {})
    await findRunning(id)
    controller.abort()
    expect(await findEnded(id)).toMatchObject({ status: 'cancelled', error_code: 'cancelled', input: 'Hello' })
  })

  test('when the reader of a stream goes away, the run ends as cancelled with what was written so far', async () => {
    const id = await configureTestAgent(testApp.database, user)
    testApp.provider.setScript([{ kind: 'stall', afterText: 'Once upon a time' }])
    const controller = new AbortController()
    const response = await fetchRun(
      url,
      user.headers,
      id,
      { input: 'Tell me a story.', stream: true },
      { signal: controller.signal },
    )
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
    let received = ''
    while (!received.includes('time')) received += (await reader.read()).value
    reader.closed.catch(() => {})
    controller.abort()
    expect(await findEnded(id)).toMatchObject({
      status: 'cancelled',
      error_code: 'cancelled',
      output: 'Once upon a time',
    })
  })

  test('what a long stream has brought is in the log while it goes on', async () => {
    const id = await configureTestAgent(testApp.database, user)
    testApp.provider.setScript([{ kind: 'stall', afterText: 'The first half' }])
    const controller = new AbortController()
    const response = await fetchRun(
      url,
      user.headers,
      id,
      { input: 'Hello', stream: true },
      { signal: controller.signal },
    )
    const row = await eventually('the progress is saved', async () => {
      const [present] = await listLogRows(testApp.database, id)
      return present?.output && present
    })
    expect(row).toMatchObject({ status: 'running', output: 'The first half' })
    await response.body?.cancel()
    controller.abort()
    await findEnded(id)
  })
})

describe('limits', () => {
  test('a run that takes too long ends as failed with run_timeout and keeps what there was', async () => {
    const slow = await createRunTestApp({ RUN_TIMEOUT_SECONDS: '1' }, [{ kind: 'stall', afterText: 'So far' }])
    closeAfterTest(slow)
    const person = await slow.createUser()
    const id = await configureTestAgent(slow.database, person)
    const slowUrl = await listen(slow.app)
    const response = await fetchRun(slowUrl, person.headers, id, { input: 'Hello', stream: true })
    const text = await response.text()
    expect(text).toContain('"error_code":"run_timeout"')
    expect((await listLogRows(slow.database, id))[0]).toMatchObject({
      status: 'failed',
      error_code: 'run_timeout',
      output: 'So far',
    })
    slow.provider.setScript([{ kind: 'hang' }])
    const json = await postRun(slow.app, person.headers, id, { input: 'Hello' })
    expect(json.statusCode).toBe(504)
    expect(json.json().code).toBe('run_timeout')
  })

  test('a model that never stops calling tools is stopped by the step limit', async () => {
    const id = await configureTestAgent(testApp.database, user)
    testApp.provider.setScript(() => ({
      kind: 'tool-calls',
      calls: [{ name: 'calculator', input: { expression: '1 + 1' } }],
    }))
    const response = await postRun(testApp.app, user.headers, id, { input: 'Count for ever.' })
    expect(response.json().code).toBe('step_limit')
    const row = await findEnded(id)
    expect(row).toMatchObject({ status: 'failed', error_code: 'step_limit' })
    expect((row.metadata as { steps: unknown[] }).steps).toHaveLength(testApp.services.config.runs.maxSteps)
  })

  test('more runs at a time than a user may have are refused, and a place is free again when one ends', async () => {
    const small = await createRunTestApp({ MAX_RUNS_PER_USER: '2', MAX_RUNS: '3' }, () => ({
      kind: 'text',
      text: 'Done.',
      delayMs: 1500,
    }))
    closeAfterTest(small)
    const [ada, bea] = [await small.createUser(), await small.createUser()]
    const adasId = await configureTestAgent(small.database, ada)
    const beasId = await configureTestAgent(small.database, bea)
    const post = (person: TestUser, id: string) => postRun(small.app, person.headers, id, { input: 'Hello' })
    const first = [post(ada, adasId), post(ada, adasId)]
    await eventually('two runs', async () => small.services.activeRuns.count === 2)
    const third = await post(ada, adasId)
    expect(third.statusCode).toBe(429)
    expect(third.json().code).toBe('too_many_runs')
    expect(Number(third.headers['retry-after'])).toBeGreaterThan(0)
    // Others are not held up by one; but the server as a whole has a limit too.
    const others = post(bea, beasId)
    await eventually('three runs', async () => small.services.activeRuns.count === 3)
    expect((await post(bea, beasId)).json().code).toBe('too_many_runs')
    expect((await Promise.all([...first, others])).map((response) => response.statusCode)).toEqual([200, 200, 200])
    expect((await post(ada, adasId)).statusCode).toBe(200)
    expect(await listLogRows(small.database, adasId)).toHaveLength(3)
  })
})

const failures: [string, TestReply, ErrorCode, number][] = [
  ['refuses the key', { kind: 'error', status: 401 }, 'model_auth_failed', 502],
  ['is out of credit', { kind: 'quota-exceeded' }, 'model_quota_exceeded', 502],
  ['gives a page of HTML', { kind: 'html' }, 'model_bad_response', 502],
  ['is asked for too long a conversation', { kind: 'context-exceeded' }, 'model_context_exceeded', 502],
  ['blocks the answer', { kind: 'text', text: '', finishReason: 'content-filter' }, 'model_refused', 502],
]

describe('model errors', () => {
  test.each(failures)('when the provider %s', async (_name, reply, code, status) => {
    const id = await configureTestAgent(testApp.database, user)
    testApp.provider.setScript(() => reply)
    const response = await postRun(testApp.app, user.headers, id, { input: 'Hello' })
    expect(response.statusCode).toBe(status)
    expect(response.headers['content-type']).toContain('application/problem+json')
    const problem = response.json()
    expect(problem).toMatchObject({ code, status, run_id: expect.any(String) })
    expect(await findLogRow(testApp.database, problem.run_id)).toMatchObject({
      status: 'failed',
      error_code: code,
      input: 'Hello',
      user_agent_id: id,
    })
  })

  test('when the provider asks to wait longer than a run may take, the caller is told how long', async () => {
    const id = await configureTestAgent(testApp.database, user)
    testApp.provider.setScript(() => ({ kind: 'error', status: 429, headers: { 'retry-after': '60' } }))
    const response = await postRun(testApp.app, user.headers, id, { input: 'Hello' })
    expect(response.statusCode).toBe(503)
    expect(response.json().code).toBe('model_rate_limited')
    expect(response.headers['retry-after']).toBe('60')
  })

  test('a provider that fails once is asked again', async () => {
    const id = await configureTestAgent(testApp.database, user)
    testApp.provider.setScript([
      { kind: 'error', status: 503 },
      { kind: 'text', text: 'Here I am.' },
    ])
    const response = await postRun(testApp.app, user.headers, id, { input: 'Hello' })
    expect(response.json()).toMatchObject({ output: 'Here I am.', steps: [{ retries: 1 }] })
  })

  test('a provider that is not there', async () => {
    const lost = await createRunTestApp({ COMPATIBLE_BASE_URL: 'http://127.0.0.1:9/v1' })
    closeAfterTest(lost)
    const person = await lost.createUser()
    const id = await configureTestAgent(lost.database, person)
    const response = await postRun(lost.app, person.headers, id, { input: 'Hello' })
    expect(response.json()).toMatchObject({ code: 'model_unreachable', run_id: expect.any(String) })
  })
})

test('a server that is about to stop takes no new runs, lets those that run end, and cuts off the rest', async () => {
  const stopping = await createRunTestApp({}, [{ kind: 'text', text: 'Made it.', delayMs: 400 }, { kind: 'hang' }])
  closeAfterTest(stopping)
  const person = await stopping.createUser()
  const ids = [
    await configureTestAgent(stopping.database, person),
    await configureTestAgent(stopping.database, person),
  ] as const
  const quick = postRun(stopping.app, person.headers, ids[0], { input: 'Quick' })
  await eventually('the first call', async () => stopping.provider.requests.length === 1)
  const endless = postRun(stopping.app, person.headers, ids[1], { input: 'Endless' })
  await eventually('the second call', async () => stopping.provider.requests.length === 2)
  const drained = stopping.services.activeRuns.drain(1500)
  const refused = await postRun(stopping.app, person.headers, ids[0], { input: 'Too late' })
  expect(refused.statusCode).toBe(503)
  expect(refused.json().code).toBe('shutting_down')
  expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0)
  expect((await stopping.app.inject('/readyz')).statusCode).toBe(503)
  expect((await stopping.app.inject('/healthz')).statusCode).toBe(200)
  expect((await quick).json()).toMatchObject({ status: 'succeeded', output: 'Made it.' })
  expect((await endless).json()).toMatchObject({ code: 'interrupted' })
  await drained
  expect((await listLogRows(stopping.database, ids[1]))[0]).toMatchObject({
    status: 'interrupted',
    error_code: 'interrupted',
    input: 'Endless',
  })
  expect(await listLogRows(stopping.database, ids[0])).toHaveLength(1)
})
