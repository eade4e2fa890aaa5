import { afterAll, beforeAll, expect, test } from 'vitest'
import { insertTestLog, insertTestLogs, insertTestUserAgent } from '../agent-logs/agent-log-testing.ts'
import { createId } from '../database/uuid-v7.ts'
import { createTestApp, type TestApp, type TestUser } from '../testing/test-app.ts'

let server: TestApp
let user: TestUser
let other: TestUser
let userAgentId: string

beforeAll(async () => {
  server = await createTestApp()
  user = await server.createUser()
  other = await server.createUser()
  ;({ userAgentId } = await insertTestUserAgent(server.database, user.id))
})
afterAll(() => server.close())

async function send(who: TestUser | null, method: 'GET' | 'DELETE', path: string) {
  const response = await server.app.inject({ method, url: `/api/v1/user-agents/${path}`, headers: who?.headers ?? {} })
  return { status: response.statusCode, body: response.body === '' ? null : response.json() }
}
const insert = (log: object) => insertTestLog(server.database, { user_id: user.id, user_agent_id: userAgentId, ...log })

test('a stranger sees and deletes no conversation', async () => {
  expect((await send(null, 'GET', `${userAgentId}/conversations`)).status).toBe(401)
  expect((await send(null, 'DELETE', `${userAgentId}/conversations/${createId()}`)).status).toBe(401)
})

test('conversations are listed by their first input, newest first, page by page, for their owner alone', async () => {
  const first = await insert({ input: '  Do you\n ship to\tNorway? ' })
  await insert({ conversation_id: first, input: 'And to Iceland?' })
  const second = await insert({ input: '🎉'.repeat(100) })
  await insert({ user_agent_id: null, input: 'elsewhere' })

  expect((await send(other, 'GET', `${userAgentId}/conversations`)).status).toBe(404)
  const { body } = await send(user, 'GET', `${userAgentId}/conversations`)
  expect(body).toEqual({
    data: [
      { id: second, title: `${'🎉'.repeat(79)}…`, timestamp: expect.any(String) },
      { id: first, title: 'Do you ship to Norway?', timestamp: expect.any(String) },
    ],
    next_cursor: null,
  })
  const page = (await send(user, 'GET', `${userAgentId}/conversations?limit=1`)).body
  expect(page.data[0].id).toBe(second)
  const rest = (await send(user, 'GET', `${userAgentId}/conversations?limit=1&cursor=${page.next_cursor}`)).body
  expect(rest.data[0].id).toBe(first)
  expect(rest.next_cursor).toBeNull()
})

test('deleting a conversation deletes all its runs and nothing else, for its owner alone', async () => {
  const first = await insert({ input: 'Delete me' })
  const reply = await insert({ conversation_id: first })
  const kept = await insert({ input: 'Keep me' })
  const path = `${userAgentId}/conversations/${first}`
  expect((await send(other, 'DELETE', path)).status).toBe(404)
  const logs = async (id: string) =>
    (await server.app.inject({ url: `/api/v1/agent-logs?conversation_id=${id}`, headers: user.headers })).json().data
  expect((await logs(first)).map((log: { id: string }) => log.id)).toEqual([reply, first])

  expect((await send(user, 'DELETE', `${createId()}/conversations/${first}`)).status).toBe(404)
  expect((await send(user, 'DELETE', path)).status).toBe(204)
  expect(await logs(first)).toEqual([])
  expect(await logs(kept)).toHaveLength(1)
  expect((await send(user, 'DELETE', path)).status).toBe(404)
})

test('a conversation in which a run is running is not deleted', async () => {
  const first = await insert({})
  await insert({ conversation_id: first, status: 'running', output: null })
  const { status, body } = await send(user, 'DELETE', `${userAgentId}/conversations/${first}`)
  expect(status).toBe(409)
  expect(body.code).toBe('conflict')
  const { data } = (
    await server.app.inject({ url: `/api/v1/agent-logs?conversation_id=${first}`, headers: user.headers })
  ).json()
  expect(data).toHaveLength(2)
})

test('a conversation of more runs than one batch is deleted whole', async () => {
  const writer = await server.createUser()
  const { userAgentId: busy } = await insertTestUserAgent(server.database, writer.id)
  const first = await insertTestLog(server.database, {
    user_id: writer.id,
    user_agent_id: busy,
    timestamp: new Date('2026-10-31T00:00:00.000Z'),
  })
  await insertTestLogs(server.database, writer.id, { count: 11_000 })
  await server.database.asSystem('a test puts logs into one conversation', (tx) =>
    tx
      .updateTable('agent_logs')
      .set({ user_agent_id: busy, conversation_id: first })
      .where('user_id', '=', writer.id)
      .execute(),
  )
  expect((await send(writer, 'DELETE', `${busy}/conversations/${first}`)).status).toBe(204)
  const list = await server.app.inject({ url: '/api/v1/agent-logs', headers: writer.headers })
  expect(list.json().data).toEqual([])
})
