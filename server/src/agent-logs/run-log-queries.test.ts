import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestDatabase, type TestDatabase, type TestUser } from '../testing/test-app.ts'
import { insertTestUserAgent } from './agent-log-testing.ts'
import { finishRun, type NewRun, startRun } from './run-log-queries.ts'
import { endOfTestRun, newTestRun } from './run-log-testing.ts'

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

async function runWhole(run: NewRun, output: string) {
  const started = await startRun(db.database, user.claims, run)
  await finishRun(db.database, user.claims, endOfTestRun(run, output))
  return started
}

test.each(['00000000-0000-4000-8000-000000000000', 'ffffffff-ffff-4fff-bfff-ffffffffffff'])(
  'a conversation id that says any year, as %s does, is a conversation that is not there',
  async (conversationId) => {
    const run = newTestRun(new Date(), userAgentId, conversationId)
    expect(await startRun(db.database, user.claims, run)).toMatchObject({ has_started: false })
  },
)

test('a conversation is remembered across the end of a month, of a year, and after years', async () => {
  const times = ['2023-05-05T12:00:00Z', '2025-12-31T23:59:59.999Z', '2026-01-01T00:00:00Z', '2026-02-01T00:00:00Z']
  const runs: NewRun[] = []
  for (const time of times) runs.push(newTestRun(new Date(time), userAgentId, runs[0]?.id ?? null))
  expect(await runWhole(runs[0] as NewRun, 'one')).toMatchObject({ has_started: true, history: null })
  await runWhole(runs[1] as NewRun, 'two')
  await runWhole(runs[2] as NewRun, 'three')
  expect(await runWhole(runs[3] as NewRun, 'four')).toMatchObject({
    has_started: true,
    history: [{ output: 'one' }, { output: 'two' }, { output: 'three' }],
  })
})
