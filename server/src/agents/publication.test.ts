import { afterAll, beforeAll, expect, test } from 'vitest'
import { createAgentOf, publishAgentOf } from '../testing/agent-fixtures.ts'
import { createTestApp, type TestApp, type TestUser } from '../testing/test-app.ts'

let app: TestApp
let creator: TestUser
let other: TestUser
let admin: TestUser

beforeAll(async () => {
  app = await createTestApp()
  creator = await app.createUser()
  other = await app.createUser()
  admin = await app.createUser('admin')
})
afterAll(() => app.close())

type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE'
async function call(user: TestUser | null, method: Method, path: string, payload?: object) {
  const response = await app.app.inject({
    method,
    url: `/api/v1${path}`,
    ...(user && { headers: user.headers }),
    ...(payload && { payload }),
  })
  return { status: response.statusCode, body: response.body === '' ? null : response.json() }
}
const decide = (user: TestUser | null, id: string, payload: object) =>
  call(user, 'POST', `/admin/agents/${id}/publication`, payload)
const requestedIds = async () =>
  (await call(admin, 'GET', '/admin/publication-requests')).body.data.map((agent: { id: string }) => agent.id)

test('from private over requested to public and back', async () => {
  const { id } = await createAgentOf(app, creator)
  expect(await requestedIds()).not.toContain(id)
  const requested = await call(creator, 'POST', `/agents/${id}/publication`)
  expect(requested).toMatchObject({ status: 200, body: { publication: 'requested', is_public: false, version: 1 } })
  expect(await requestedIds()).toContain(id)
  // Only admins see what waits.
  expect(await call(other, 'GET', `/agents/${id}`)).toMatchObject({ status: 404 })
  expect(await call(admin, 'GET', `/agents/${id}`)).toMatchObject({ status: 200, body: { publication: 'requested' } })
  expect(
    (await call(admin, 'GET', '/agents?limit=200')).body.data.map((agent: { id: string }) => agent.id),
  ).not.toContain(id)

  const published = await decide(admin, id, { decision: 'publish', version: 1 })
  expect(published).toMatchObject({ status: 200, body: { publication: 'public', is_mine: false } })
  expect(await requestedIds()).not.toContain(id)
  expect(await call(other, 'GET', `/agents/${id}`)).toMatchObject({ status: 200 })
  expect(await decide(admin, id, { decision: 'publish' })).toMatchObject({
    status: 200,
    body: { publication: 'public' },
  })
  expect(await call(creator, 'POST', `/agents/${id}/publication`)).toMatchObject({ body: { publication: 'public' } })

  expect(await call(creator, 'DELETE', `/agents/${id}/publication`)).toMatchObject({
    status: 200,
    body: { publication: 'private' },
  })
  expect(await call(other, 'GET', `/agents/${id}`)).toMatchObject({ status: 404 })
  expect(await call(creator, 'GET', `/agents/${id}`)).toMatchObject({ status: 200 })
})

test('a request can be taken back', async () => {
  const { id } = await createAgentOf(app, creator)
  await call(creator, 'POST', `/agents/${id}/publication`)
  expect(await call(creator, 'DELETE', `/agents/${id}/publication`)).toMatchObject({ body: { publication: 'private' } })
  expect(await requestedIds()).not.toContain(id)
  expect(await decide(admin, id, { decision: 'publish' })).toMatchObject({ status: 404 })
})

test('a declined agent shows its creator why, and can be asked for again', async () => {
  const { id } = await createAgentOf(app, creator)
  await call(creator, 'POST', `/agents/${id}/publication`)
  const declined = await decide(admin, id, { decision: 'decline', note: 'Say what it does.' })
  expect(declined).toMatchObject({
    status: 200,
    body: { publication: 'declined', publication_note: 'Say what it does.' },
  })
  expect(await requestedIds()).not.toContain(id)
  expect(await call(creator, 'GET', `/agents/${id}`)).toMatchObject({ body: { publication_note: 'Say what it does.' } })
  expect(await call(admin, 'GET', `/agents/${id}`)).toMatchObject({ status: 404 })
  expect(await call(creator, 'POST', `/agents/${id}/publication`)).toMatchObject({
    body: { publication: 'requested', publication_note: null },
  })
})

test('an admin can take a published agent out of the catalogue', async () => {
  const { id } = await createAgentOf(app, creator)
  await publishAgentOf(app, creator, admin, id)
  expect(await decide(admin, id, { decision: 'decline' })).toMatchObject({ body: { publication: 'declined' } })
  expect(await call(other, 'GET', `/agents/${id}`)).toMatchObject({ status: 404 })
})

test('a changed public agent leaves the catalogue until an admin agrees', async () => {
  const { id } = await createAgentOf(app, creator, { name: 'Good' })
  await publishAgentOf(app, creator, admin, id)
  const changed = await call(creator, 'PATCH', `/agents/${id}`, { name: 'Bad' })
  expect(changed).toMatchObject({ status: 200, body: { publication: 'requested', is_public: false, version: 2 } })
  expect(await call(other, 'GET', `/agents/${id}`)).toMatchObject({ status: 404 })
  expect(await call(null, 'GET', `/agents/${id}`)).toMatchObject({ status: 404 })
  expect(await requestedIds()).toContain(id)
})

test('what the creator changed while the admin was reading is not published unseen', async () => {
  const { id } = await createAgentOf(app, creator, { name: 'Good' })
  await call(creator, 'POST', `/agents/${id}/publication`)
  await call(creator, 'PATCH', `/agents/${id}`, { name: 'Bad' })
  for (const decision of ['publish', 'decline']) {
    const answer = await decide(admin, id, { decision, version: 1 })
    expect(answer).toMatchObject({ status: 409, body: { code: 'conflict' } })
  }
  expect(await call(other, 'GET', `/agents/${id}`)).toMatchObject({ status: 404 })
  expect(await decide(admin, id, { decision: 'publish', version: 2 })).toMatchObject({ status: 200 })
  expect(await call(other, 'GET', `/agents/${id}`)).toMatchObject({ status: 200, body: { name: 'Bad' } })
})

test('only admins decide and see what waits', async () => {
  const { id } = await createAgentOf(app, creator)
  await call(creator, 'POST', `/agents/${id}/publication`)
  for (const [user, status] of [
    [creator, 403],
    [other, 403],
    [null, 401],
  ] as const) {
    expect(await decide(user, id, { decision: 'publish' })).toMatchObject({ status })
    expect(await call(user, 'GET', '/admin/publication-requests')).toMatchObject({ status })
  }
  expect(await call(creator, 'GET', `/agents/${id}`)).toMatchObject({ body: { publication: 'requested' } })
})

test('an admin publishes nothing that nobody asked for, and does not learn that it exists', async () => {
  const { id } = await createAgentOf(app, creator)
  for (const decision of ['publish', 'decline']) {
    expect(await decide(admin, id, { decision })).toMatchObject({ status: 404 })
  }
  expect(await call(creator, 'GET', `/agents/${id}`)).toMatchObject({ body: { publication: 'private' } })
})

test("an admin's own agent needs a request and a nod as well", async () => {
  const { id } = await createAgentOf(app, admin)
  expect(await decide(admin, id, { decision: 'publish' })).toMatchObject({ status: 409 })
  expect(await publishAgentOf(app, admin, admin, id)).toMatchObject({ publication: 'public', is_mine: true })
})

test('requests come oldest first, page by page', async () => {
  const ids: string[] = []
  for (let index = 0; index < 3; index += 1) {
    const { id } = await createAgentOf(app, other)
    await call(other, 'POST', `/agents/${id}/publication`)
    ids.push(id)
  }
  const seen: string[] = []
  let cursor = ''
  do {
    const { body } = await call(admin, 'GET', `/admin/publication-requests?limit=1${cursor && `&cursor=${cursor}`}`)
    seen.push(...body.data.map((agent: { id: string }) => agent.id))
    cursor = body.next_cursor ?? ''
  } while (cursor)
  expect(seen).toEqual(await requestedIds())
  expect(seen.filter((id) => ids.includes(id))).toEqual(ids)
})

test('a request that cannot be read stands in the way of no other, nor does a history that is none', async () => {
  const ids: string[] = []
  for (const change of [{ capabilities: '{}' }, { changes: '[1, {"version": 1, "summary": "First."}]' }]) {
    const { id } = await createAgentOf(app, other)
    await call(other, 'POST', `/agents/${id}/publication`)
    await app.database.asSystem('a test makes a row unreadable', (tx) =>
      tx.updateTable('agents').set(change).where('id', '=', id).execute(),
    )
    ids.push(id)
  }
  const [unreadable, readable] = ids as [string, string]
  const seen = await requestedIds()
  expect(seen).not.toContain(unreadable)
  expect(seen).toContain(readable)
  expect(await decide(admin, readable, { decision: 'decline' })).toMatchObject({
    status: 200,
    body: { changes: [{ version: 1, summary: 'First.' }] },
  })
})
