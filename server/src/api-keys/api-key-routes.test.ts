import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { signUpForTest, type TestSession, waitForCredentials } from '../auth/test-sessions.ts'
import { createTestApp, type TestApp } from '../testing/test-app.ts'

let site: TestApp
let mine: TestSession
let other: TestSession
beforeAll(async () => {
  site = await createTestApp()
  mine = await signUpForTest(site)
  other = await signUpForTest(site)
})
afterAll(() => site.close())

const create = (payload: object = { name: 'Shop' }, { headers }: Pick<TestSession, 'headers'> = mine) =>
  site.app.inject({ method: 'POST', url: '/api/v1/api-keys', headers, payload })
const list = async ({ headers }: Pick<TestSession, 'headers'> = mine) =>
  (await site.app.inject({ url: '/api/v1/api-keys', headers })).json().data as Record<string, unknown>[]
const meBy = (key: string) => site.app.inject({ url: '/api/v1/me', headers: { authorization: `Bearer ${key}` } })

describe.each([
  ['GET', '/api/v1/api-keys', undefined],
  ['POST', '/api/v1/api-keys', { name: 'x' }],
  ['PATCH', '/api/v1/api-keys/019ab3c4-1d2e-7f30-8a4b-5c6d7e8f9012', { name: 'x' }],
  ['DELETE', '/api/v1/api-keys/019ab3c4-1d2e-7f30-8a4b-5c6d7e8f9012', undefined],
] as const)('%s %s', (method, url, payload) => {
  test('is closed to strangers', async () => {
    const response = await site.app.inject({ method, url, payload })
    expect([response.statusCode, response.json().code]).toEqual([401, 'unauthenticated'])
  })

  test('is closed to API keys: a key that leaks must not make more', async () => {
    const { headers } = await site.createUser()
    const response = await site.app.inject({ method, url, payload, headers })
    expect([response.statusCode, response.json().code]).toEqual([403, 'forbidden'])
  })
})

test('a key is shown once, works, and only its SHA-256 is kept', async () => {
  const response = await create({ name: ' Shop backend ' })
  expect(response.statusCode).toBe(201)
  const { key, ...row } = response.json()
  expect(key).toMatch(/^ax_[\w-]{43}$/)
  expect(row).toMatchObject({ name: 'Shop backend', prefix: key.slice(0, 9), last_used_at: null, expires_at: null })
  expect((await meBy(key)).json().id).toBe(mine.id)
  const listed = (await list()).find(({ id }) => id === row.id)
  expect(listed).toEqual({ ...row, last_used_at: expect.any(String) })
  expect(JSON.stringify(await list())).not.toContain(key)
  const stored = await site.database.asSystem('a test', (tx) =>
    tx.selectFrom('api_keys').selectAll().where('id', '=', row.id).executeTakeFirstOrThrow(),
  )
  expect(stored.key_hash).toEqual(createHash('sha256').update(key).digest())
})

test('a revoked key stops working and stays in the list', async () => {
  const { key, id } = (await create()).json()
  expect((await meBy(key)).statusCode).toBe(200)
  const revoke = () => site.app.inject({ method: 'DELETE', url: `/api/v1/api-keys/${id}`, headers: mine.headers })
  expect((await revoke()).statusCode).toBe(204)
  const first = (await list()).find((row) => row.id === id)?.revoked_at
  expect(first).toEqual(expect.any(String))
  expect((await revoke()).statusCode).toBe(204)
  expect((await list()).find((row) => row.id === id)?.revoked_at).toBe(first)
  await waitForCredentials()
  expect((await meBy(key)).statusCode).toBe(401)
})

test('a key ends by itself', async () => {
  const { key, id } = (await create({ name: 'short', expires_at: new Date(Date.now() + 60_000).toISOString() })).json()
  expect((await meBy(key)).statusCode).toBe(200)
  await site.database.asSystem('a test lets time pass', (tx) =>
    tx
      .updateTable('api_keys')
      .set({ expires_at: new Date(Date.now() - 1000) })
      .where('id', '=', id)
      .execute(),
  )
  await waitForCredentials()
  expect((await meBy(key)).statusCode).toBe(401)
})

test.each([
  [{ name: 'past', expires_at: '2020-01-01T00:00:00Z' }, '/expires_at'],
  [{ name: 'odd', expires_at: 'tomorrow' }, '/expires_at'],
  [{ name: '' }, '/name'],
  [{ name: 'x'.repeat(101) }, '/name'],
  [{ name: 'nul\u0000' }, '/name'],
  [{}, '/name'],
])('%j is refused', async (payload, path) => {
  const response = await create(payload)
  expect([response.statusCode, response.json().errors[0].path]).toEqual([400, path])
})

test.each([{ user_id: 'x' }, { key: 'ax_mine' }, { key_hash: 'x' }, { revoked_at: null }, { id: 'x' }])(
  'a new key does not take %j',
  async (field) => {
    expect((await create({ name: 'mass', ...field })).statusCode).toBe(400)
  },
)

test('the keys of somebody else are not seen, renamed or revoked', async () => {
  const { id, key } = (await create({ name: 'theirs' }, other)).json()
  expect((await list()).some((row) => row.id === id)).toBe(false)
  const url = `/api/v1/api-keys/${id}`
  const renamed = await site.app.inject({ method: 'PATCH', url, headers: mine.headers, payload: { name: 'stolen' } })
  const revoked = await site.app.inject({ method: 'DELETE', url, headers: mine.headers })
  expect([renamed.statusCode, revoked.statusCode]).toEqual([404, 404])
  expect((await list(other)).find((row) => row.id === id)).toMatchObject({ name: 'theirs', revoked_at: null })
  expect((await meBy(key)).json().id).toBe(other.id)
})

test('a key is renamed', async () => {
  const { id } = (await create()).json()
  const response = await site.app.inject({
    method: 'PATCH',
    url: `/api/v1/api-keys/${id}`,
    headers: mine.headers,
    payload: { name: 'New name' },
  })
  expect(response.json()).toMatchObject({ id, name: 'New name' })
  expect(response.json()).not.toHaveProperty('key')
})

test('at most fifty keys work at once, also when sixty are asked for together', async () => {
  const collector = await signUpForTest(site)
  const responses = await Promise.all(Array.from({ length: 60 }, (_, i) => create({ name: `key ${i}` }, collector)))
  expect(responses.filter(({ statusCode }) => statusCode === 201)).toHaveLength(50)
  expect(responses.filter(({ statusCode }) => statusCode === 409)).toHaveLength(10)
  const [newest] = await list(collector)
  await site.app.inject({ method: 'DELETE', url: `/api/v1/api-keys/${newest?.id}`, headers: collector.headers })
  expect((await create({ name: 'room again' }, collector)).statusCode).toBe(201)
})

test('invented keys are refused, whatever they look like', async () => {
  for (const key of ['ax_short', `ax_${'A'.repeat(43)}`, `ax_${"'".repeat(43)}`, `AX_${'A'.repeat(43)}`]) {
    expect((await meBy(key)).statusCode).toBe(401)
  }
})
