import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { openRunMemories } from '../runtime/run-memories.ts'
import type { TestReply } from '../runtime/test-providers/test-reply.ts'
import type { TestUser } from '../testing/test-app.ts'
import { configureTestAgent, createRunTestApp, postRun, type RunTestApp } from '../user-agents/run-testing.ts'

let testApp: RunTestApp
let user: TestUser
let userAgentId: string

beforeAll(async () => {
  testApp = await createRunTestApp()
})
afterAll(() => testApp.close())
beforeEach(async () => {
  user = await testApp.createUser()
  userAgentId = await configureTestAgent(testApp.database, user, {
    capabilities: { tools: ['remember', 'recall'], knowledge: [] },
  })
})

const call = (method: 'GET' | 'DELETE', path: string, as = user) =>
  testApp.app.inject({ method, url: `/api/v1/user-agents/${userAgentId}/memories${path}`, headers: as.headers })
const use = (name: string, input: unknown): TestReply => ({ kind: 'tool-calls', calls: [{ name, input }] })
const say: TestReply = { kind: 'text', text: 'Done.' }

async function run(...script: TestReply[]) {
  testApp.provider.setScript([...script, say])
  return (await postRun(testApp.app, user.headers, userAgentId, { input: 'Hello' })).json()
}

test('what is remembered in one conversation is recalled in another, and its user sees and deletes it', async () => {
  await run(use('remember', { content: 'Anna wants calls in the morning.' }))
  await run(use('remember', { content: 'The shop is closed on Mondays.' }))
  const recalled = await run(use('recall', { query: 'when to call Anna' }))
  expect(recalled.steps[0].tool_results[0].output.memories).toMatchObject([
    { content: 'The shop is closed on Mondays.' },
    { content: 'Anna wants calls in the morning.' },
  ])
  const { data } = (await call('GET', '')).json()
  expect(data).toMatchObject([
    { content: 'The shop is closed on Mondays.', is_untrusted: false },
    { content: 'Anna wants calls in the morning.', is_untrusted: false },
  ])
  expect((await call('DELETE', `/${data[0].id}`)).statusCode).toBe(204)
  expect((await call('DELETE', `/${data[0].id}`)).statusCode).toBe(404)
  expect((await call('GET', '')).json().data).toHaveLength(1)
  expect((await call('DELETE', '')).json()).toEqual({ deleted: 1 })
  expect((await call('GET', '')).json().data).toEqual([])
})

test('pages go through all of them, newest first', async () => {
  const memories = openRunMemories(testApp.database, user.claims, userAgentId)
  for (let at = 0; at < 5; at++) await memories.remember(`Fact ${at}`, false)
  const first = (await call('GET', '?limit=3')).json()
  const second = (await call('GET', `?limit=3&cursor=${first.next_cursor}`)).json()
  expect([...first.data, ...second.data].map(({ content }: { content: string }) => content)).toEqual(
    [4, 3, 2, 1, 0].map((at) => `Fact ${at}`),
  )
  expect(second.next_cursor).toBeNull()
})

test('a user agent remembers 200 things and not one more, also when many come at once', async () => {
  const memories = openRunMemories(testApp.database, user.claims, userAgentId)
  for (let at = 0; at < 195; at++) await memories.remember(`Fact ${at}`, false)
  const more = await Promise.allSettled(Array.from({ length: 10 }, (_, at) => memories.remember(`More ${at}`, false)))
  expect(more.filter(({ status }) => status === 'fulfilled')).toHaveLength(5)
  const { steps } = await run(use('remember', { content: 'One more.' }))
  expect(steps[0].tool_results[0]).toMatchObject({
    is_error: true,
    output: { error: expect.stringMatching(/200 memories/) },
  })
  const found = await memories.recall('Fact 17', 20)
  expect(found.map(({ content }) => content)).toContain('Fact 17')
  expect(found.length).toBeLessThanOrEqual(20)
})

test('the same thing is kept once, and what is too long not at all', async () => {
  const same = use('remember', { content: 'Anna is vegetarian.' })
  await run(same, same)
  expect((await call('GET', '')).json().data).toHaveLength(1)
  const { steps } = await run(use('remember', { content: 'x'.repeat(2001) }))
  expect(steps[0].tool_results[0]).toMatchObject({ is_error: true })
})

test('nobody else sees or deletes them', async () => {
  await run(use('remember', { content: 'A secret of mine.' }))
  const [{ id }] = (await call('GET', '')).json().data
  for (const stranger of [await testApp.createUser(), await testApp.createUser('admin')]) {
    expect((await call('GET', '', stranger)).statusCode).toBe(404)
    expect((await call('DELETE', `/${id}`, stranger)).statusCode).toBe(404)
    expect((await call('DELETE', '', stranger)).statusCode).toBe(404)
    const foreign = openRunMemories(testApp.database, stranger.claims, userAgentId)
    expect(await foreign.recall('', 20)).toEqual([])
    await expect(foreign.remember('Planted', false)).rejects.toMatchObject({ code: 'forbidden' })
  }
  expect((await call('GET', '')).json().data).toHaveLength(1)
})
