import { readFile, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { startTestProvider, type TestProvider } from '../server/src/runtime/test-providers/start-test-provider.ts'
import { type ApiSession, configureAgent, type Log, listLogs, openApiSession, signUp } from './support/api-session.ts'
import { eventually } from './support/eventually.ts'
import { copyPreparedData } from './support/prepared-data.ts'
import { type Program, readPostgresPid, removeDataFolder, startProgram, stopPostgres } from './support/start-program.ts'

const story = 'Once upon a time there was a lamp that nobody could switch off. '.repeat(4)

let provider: TestProvider
let folder: string
let program: Program | undefined

beforeAll(async () => {
  provider = await startTestProvider('compatible')
})
afterAll(() => provider.close())
beforeEach(async () => {
  folder = await copyPreparedData()
})
afterEach(async () => {
  await program?.stop('SIGKILL')
  program = undefined
  // PostgreSQL outlives a server that was killed.
  await stopPostgres(folder)
  await removeDataFolder(folder)
})

async function start(more: Record<string, string> = {}): Promise<Program> {
  program = await startProgram({
    DATA_DIR: folder,
    COMPATIBLE_BASE_URL: provider.url,
    COMPATIBLE_MODELS: 'test-model',
    ...more,
  })
  return program
}

async function begin(more: Record<string, string> = {}) {
  const running = await start(more)
  const session = await signUp(running.url, 'ada@example.test')
  return { running, session, userAgentId: await configureAgent(session) }
}

/** What a caller has been told before the connection broke. */
interface Told {
  input: string
  /** The run's id, once it is known: from then on the run is acknowledged. */
  id?: string
  text: string
  hasEnded: boolean
}

/** Streams a run and keeps what has arrived, whatever happens to the server. */
function followRun(session: ApiSession, userAgentId: string, input: string): { told: Told; done: Promise<void> } {
  const told: Told = { input, text: '', hasEnded: false }
  const read = async () => {
    const response = await session.post(`/user-agents/${userAgentId}/runs`, { input, stream: true })
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
    let rest = ''
    for (let next = await reader?.read(); next && !next.done; next = await reader?.read()) {
      rest += next.value
      const lines = rest.split('\n\n')
      rest = lines.pop() ?? ''
      for (const line of lines) takeIn(told, line)
    }
  }
  return { told, done: read().catch(() => {}) }
}

function takeIn(told: Told, line: string) {
  if (!line.startsWith('data: {')) return
  const chunk = JSON.parse(line.slice('data: '.length))
  if (chunk.type === 'start') told.id = chunk.messageMetadata.run_id
  if (chunk.type === 'text-delta') told.text += chunk.delta
  if (chunk.type === 'message-metadata') told.hasEnded = chunk.messageMetadata.status === 'succeeded'
}

test('kill -9 of the server at any moment loses no run that anybody was told of', async () => {
  provider.setScript(() => ({ kind: 'text', text: story, chunkDelayMs: 100 }))
  let { running, session, userAgentId } = await begin()
  const all: Told[] = []
  for (let round = 0; round < 3; round++) {
    const followed = Array.from({ length: 6 }, (_, number) =>
      followRun(session, userAgentId, `question ${round}.${number}`),
    )
    await eventually('the runs have begun', async () => followed.every(({ told }) => told.id))
    // Within the story, between two progress writes, or about to end.
    await sleep(200 + Math.random() * 3000)
    await running.stop('SIGKILL')
    await Promise.all(followed.map(({ done }) => done))
    all.push(...followed.map(({ told }) => told))

    running = await start()
    session = openApiSession(running.url, session.token)
    const logs = new Map((await listLogs(session)).map((log) => [log.id, log]))
    for (const told of all) {
      const log = logs.get(told.id ?? '')
      expect(log, `the run of "${told.input}" is in the log`).toMatchObject({ input: told.input })
      if (told.hasEnded) expect(log).toMatchObject({ status: 'succeeded', output: told.text })
      else expect(log?.status).toMatch(/^(interrupted|succeeded)$/)
      if (log?.status === 'interrupted') {
        expect(log.error_code).toBe('interrupted')
        expect(story.startsWith(log.output ?? '')).toBe(true)
      }
    }
    expect([...logs.values()].filter(({ status }) => status === 'running')).toEqual([])
  }
  // The server can still do what it is there for.
  provider.setScript([{ kind: 'text', text: 'As good as new.' }])
  const answer = await session.post(`/user-agents/${userAgentId}/runs`, { input: 'How are you?' })
  expect(await answer.json()).toMatchObject({ status: 'succeeded', output: 'As good as new.' })
})

test('what a killed run had said is kept up to a few seconds before', async () => {
  provider.setScript([{ kind: 'stall', afterText: 'The first half of an answer' }])
  const { running, session, userAgentId } = await begin()
  const { told } = followRun(session, userAgentId, 'Tell me both halves.')
  await eventually('the progress is in the log', async () => (await listLogs(session))[0]?.output)
  await running.stop('SIGKILL')
  const next = await start()
  const [log] = await listLogs(openApiSession(next.url, session.token))
  expect(log).toMatchObject({
    id: told.id,
    status: 'interrupted',
    error_code: 'interrupted',
    input: 'Tell me both halves.',
    output: 'The first half of an answer',
  })
})

test('kill -9 of PostgreSQL under load: the server says so, comes back by itself, and loses nothing', async () => {
  provider.setScript(() => ({ kind: 'text', text: 'A quick answer.', delayMs: 30 }))
  const { running, session, userAgentId } = await begin()
  const acknowledged = new Map<string, string>()
  const statuses = new Set<number>()
  let isLoading = true
  // Never anything but an answer, or a sentence and a code.
  const check = async (response: Response) => {
    statuses.add(response.status)
    const body = await response.json()
    if (response.status === 200) return body
    expect(response.headers.get('content-type')).toContain('application/problem+json')
    expect(body).toMatchObject({ code: 'unavailable', status: 503 })
    await sleep(50)
    return null
  }
  const run = async (input: string) => {
    const body = await check(await session.post(`/user-agents/${userAgentId}/runs`, { input }))
    if (body) acknowledged.set(body.id, input)
  }
  const load = Promise.all([
    ...Array.from({ length: 6 }, async (_, worker) => {
      for (let number = 0; isLoading; number++) await run(`question ${worker}.${number}`)
    }),
    (async () => {
      for (; isLoading; await sleep(10)) await check(await session.get('/agent-logs?limit=1'))
    })(),
  ])
  load.catch(() => {})
  for (let round = 0; round < 3; round++) {
    await sleep(500 + Math.random() * 500)
    const pid = await readPostgresPid(folder)
    process.kill(pid, 'SIGKILL')
    await eventually('another PostgreSQL runs', async () => (await readPostgresPid(folder).catch(() => pid)) !== pid)
    const before = acknowledged.size
    await eventually('runs are answered again', async () => acknowledged.size > before + 6)
  }
  isLoading = false
  await load
  expect([...statuses].toSorted()).toEqual([200, 503])
  await eventually('it is ready', async () => (await fetch(`${running.url}/readyz`)).ok)
  const logs = await eventually('no run is left running', async () => {
    const present = await listLogs(session)
    return present.every(({ status }) => status !== 'running') && present
  })
  const byId = new Map<string, Log>(logs.map((log) => [log.id, log]))
  for (const [id, input] of acknowledged)
    expect(byId.get(id)).toMatchObject({ status: 'succeeded', input, output: 'A quick answer.' })
  expect(acknowledged.size).toBeGreaterThan(18)
  expect(await running.stop()).toBe(0)
})

test('a run that thinks while PostgreSQL dies is written down when it is back', async () => {
  provider.setScript([{ kind: 'text', text: 'Nothing happened, did it?', delayMs: 1500 }])
  const { session, userAgentId } = await begin()
  const answer = session.post(`/user-agents/${userAgentId}/runs`, { input: 'Do you mind?' })
  await eventually('it is running', async () => (await listLogs(session))[0]?.status === 'running')
  process.kill(await readPostgresPid(folder), 'SIGKILL')
  const body = await (await answer).json()
  expect(body).toMatchObject({ status: 'succeeded', output: 'Nothing happened, did it?' })
  const log = (await listLogs(session)).find(({ id }) => id === body.id)
  expect(log).toMatchObject({ status: 'succeeded', output: 'Nothing happened, did it?' })
})

test('SIGTERM lets the present run end, takes no new one, and leaves PostgreSQL nothing to recover', async () => {
  provider.setScript([{ kind: 'text', text: 'Just in time.', delayMs: 2500 }])
  const { running, session, userAgentId } = await begin()
  const answer = session.post(`/user-agents/${userAgentId}/runs`, { input: 'Hurry!' })
  await eventually('it is running', async () => (await listLogs(session))[0]?.status === 'running')
  const stopped = running.stop('SIGTERM')
  const refused = await eventually('new runs are refused', async () => {
    const response = await session.post(`/user-agents/${userAgentId}/runs`, { input: 'Too late' })
    return response.status === 503 && response
  })
  expect(await refused.json()).toMatchObject({ code: 'shutting_down' })
  expect(refused.headers.get('retry-after')).toBeTruthy()
  expect(await (await answer).json()).toMatchObject({ status: 'succeeded', output: 'Just in time.' })
  expect(await stopped).toBe(0)
  const log = join(folder, 'postgres.log')
  expect((await readFile(log, 'utf8')).trimEnd()).toMatch(/database system is shut down$/)
  await truncate(log)
  const next = await start()
  expect(await readFile(log, 'utf8')).not.toMatch(/not properly shut down|recovery/)
  // Questions that came before the signal did were answered too.
  const logs = await listLogs(openApiSession(next.url, session.token))
  expect(new Set(logs.map(({ status }) => status))).toEqual(new Set(['succeeded']))
  expect(logs.at(-1)).toMatchObject({ input: 'Hurry!', output: 'Just in time.' })
})

test('SIGTERM with a model that never answers: after DRAIN_SECONDS its run ends as interrupted', async () => {
  provider.setScript(() => ({ kind: 'stall', afterText: 'Well,' }))
  const { running, session, userAgentId } = await begin({ DRAIN_SECONDS: '1' })
  const followed = followRun(session, userAgentId, 'Are you there?')
  await eventually('it has begun to speak', async () => followed.told.text)
  expect(await running.stop('SIGTERM')).toBe(0)
  await followed.done
  const next = await start()
  const [log] = await listLogs(openApiSession(next.url, session.token))
  expect(log).toMatchObject({
    status: 'interrupted',
    error_code: 'interrupted',
    input: 'Are you there?',
    output: 'Well,',
  })
})
