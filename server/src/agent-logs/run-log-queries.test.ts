import { afterAll, beforeAll, expect, test } from 'vitest'
import { createId, createIdWithTime } from '../database/uuid-v7.ts'
import { createTestDatabase, type TestDatabase, type TestUser } from '../testing/test-app.ts'
import { insertTestUserAgent } from './agent-log-testing.ts'
import { finishRun, type NewRun, startRun } from './run-log-queries.ts'

let db: TestDatabase
let user: TestUser
let userAgentId: string

beforeAll(async () => {
  db = await createTestDatabase()
  user = await db.createUser()
  const configured = await insertTestUserAgent(db.database, user.id)
  userAgentId = configured.userAgentId
})
afterAll(() => db.close())

function newRun(conversationId: string | null): NewRun {
  return {
    ...createIdWithTime(),
    userAgentId,
    conversationId,
    input: 'Hello',
    source: 'api',
    nodeId: createId(),
    defaultModel: 'test/model',
    metadata: {},
    knownSettingsVersion: null,
  }
}

async function runWhole(run: NewRun, output: string) {
  const started = await startRun(db.database, user.claims, run)
  await finishRun(db.database, user.claims, {
    id: run.id,
    timestamp: run.timestamp,
    outcome: {
      output,
      status: 'succeeded',
      error_code: null,
      error_detail: null,
      retry_after_seconds: null,
      steps: [],
      citations: [],
      input_tokens: 1,
      output_tokens: 1,
      finish_reason: 'stop',
      is_sanitised: false,
      has_untrusted: false,
    },
    model: 'test/model',
    costUsd: null,
    latencyMs: 1,
    metadata: { finish_reason: 'stop' },
  })
  return started
}

test.each(['00000000-0000-4000-8000-000000000000', 'ffffffff-ffff-4fff-bfff-ffffffffffff'])(
  'a conversation id that says any year, as %s does, is a conversation that is not there',
  async (conversationId) => {
    expect(await startRun(db.database, user.claims, newRun(conversationId))).toMatchObject({ has_started: false })
  },
)

test('a conversation is remembered across the end of a month, of a year, and after years', async () => {
  const times = ['2023-05-05T12:00:00Z', '2025-12-31T23:59:59.999Z', '2026-01-01T00:00:00Z', '2026-02-01T00:00:00Z']
  const runs: NewRun[] = []
  for (const time of times) runs.push({ ...newRun(runs[0]?.id ?? null), ...atTime(time) })
  expect(await runWhole(runs[0] as NewRun, 'one')).toMatchObject({ has_started: true, history: null })
  await runWhole(runs[1] as NewRun, 'two')
  await runWhole(runs[2] as NewRun, 'three')
  expect(await runWhole(runs[3] as NewRun, 'four')).toMatchObject({
    has_started: true,
    history: [{ output: 'one' }, { output: 'two' }, { output: 'three' }],
  })
})

/** An id and a time as they were made in the past; `createIdWithTime` only goes forward. */
function atTime(time: string) {
  const timestamp = new Date(time)
  const hex = timestamp.getTime().toString(16).padStart(12, '0')
  return { timestamp, id: `${hex.slice(0, 8)}-${hex.slice(8)}${createId().slice(13)}` }
}
