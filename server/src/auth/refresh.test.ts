import { createHash, randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestApp, type TestApp } from '../testing/test-app.ts'
import { createRefreshToken } from './refresh-token.ts'
import { generateSigningKey } from './signing-key.ts'
import { readSession, signUpForTest } from './test-sessions.ts'

let site: TestApp
beforeAll(async () => {
  site = await createTestApp()
})
afterAll(() => site.close())

const refresh = (refresh_token: string) =>
  site.app.inject({ method: 'POST', url: '/api/v1/auth/refresh', payload: { refresh_token } })
const me = (accessToken: string) =>
  site.app.inject({ url: '/api/v1/me', headers: { authorization: `Bearer ${accessToken}` } })

/** Makes the session look as if its last refresh was so long ago. */
async function letPass(refreshToken: string, seconds: number): Promise<void> {
  await site.database.asSystem('a test lets time pass', (tx) =>
    tx
      .updateTable('sessions')
      .set({ rotated_at: new Date(Date.now() - seconds * 1000) })
      .where('id', '=', refreshToken.split('.')[0] ?? '')
      .execute(),
  )
}

test('a refresh gives new tokens that work, in body and cookies', async () => {
  const { refreshToken } = await signUpForTest(site)
  const response = await refresh(refreshToken)
  expect(response.statusCode).toBe(200)
  const next = readSession(response)
  expect(next.refreshToken).not.toBe(refreshToken)
  expect(next.refreshToken.split('.')[0]).toBe(refreshToken.split('.')[0])
  expect(response.cookies.map(({ name, value }) => [name, value])).toEqual(Object.entries(next.cookies))
  expect((await me(next.accessToken)).statusCode).toBe(200)
})

test('a browser refreshes with its cookie and no body at all', async () => {
  const { cookies } = await signUpForTest(site)
  const response = await site.app.inject({
    method: 'POST',
    url: '/api/v1/auth/refresh',
    cookies: { ax_refresh: cookies.ax_refresh },
  })
  expect(response.statusCode).toBe(200)
})

test('several tabs that refresh at once get the same next token, and all of them go on', async () => {
  const { refreshToken } = await signUpForTest(site)
  const responses = await Promise.all(Array.from({ length: 5 }, () => refresh(refreshToken)))
  expect(responses.map(({ statusCode }) => statusCode)).toEqual(Array(5).fill(200))
  const tokens = new Set(responses.map((response) => response.json().refresh_token))
  expect(tokens.size).toBe(1)
  for (const response of responses) expect((await me(response.json().access_token)).statusCode).toBe(200)
  expect((await refresh([...tokens][0]!)).statusCode).toBe(200)
})

test('the previous token ends the session when it comes back after ten seconds', async () => {
  const stolen = await signUpForTest(site)
  const next = readSession(await refresh(stolen.refreshToken))
  await letPass(next.refreshToken, 11)
  const reused = await refresh(stolen.refreshToken)
  expect([reused.statusCode, reused.json().code]).toEqual([401, 'unauthenticated'])
  expect((await refresh(next.refreshToken)).statusCode).toBe(401)
  expect((await me(next.accessToken)).statusCode).toBe(401)
})

test('a token from before the previous one ends the session at once', async () => {
  const first = await signUpForTest(site)
  const second = readSession(await refresh(first.refreshToken))
  const third = readSession(await refresh(second.refreshToken))
  expect((await refresh(first.refreshToken)).statusCode).toBe(401)
  expect((await refresh(third.refreshToken)).statusCode).toBe(401)
})

test('who knows the id of a session but no token of it can neither refresh nor end it', async () => {
  const { refreshToken } = await signUpForTest(site)
  const id = refreshToken.split('.')[0]
  const foreign = createRefreshToken(await generateSigningKey(), id ?? '')
  for (const guess of [
    `${id}.${randomBytes(32).toString('base64url')}`,
    `${id}.`,
    `${id}`,
    `${refreshToken}x`,
    `${refreshToken}.`,
    foreign.text,
    'x.y',
    "' or 1=1",
  ]) {
    expect((await refresh(guess)).statusCode).toBe(401)
  }
  expect((await refresh(refreshToken)).statusCode).toBe(200)
})

test('a session that was not used for thirty days is over', async () => {
  const { refreshToken, headers } = await signUpForTest(site)
  const sessions = await site.app.inject({ url: '/api/v1/me/sessions', headers })
  const days = (Date.parse(sessions.json().data[0].expires_at) - Date.now()) / 86_400_000
  expect(days).toBeGreaterThan(29.9)
  expect(days).toBeLessThanOrEqual(30)
  await site.database.asSystem('a test lets time pass', (tx) =>
    tx
      .updateTable('sessions')
      .set({ expires_at: new Date(Date.now() - 1000) })
      .where('id', '=', refreshToken.split('.')[0] ?? '')
      .execute(),
  )
  expect((await refresh(refreshToken)).statusCode).toBe(401)
})

test('a suspended account cannot refresh', async () => {
  const { refreshToken, id } = await signUpForTest(site)
  await site.database.asSystem('a test', (tx) =>
    tx.updateTable('users').set({ suspended_at: new Date() }).where('id', '=', id).execute(),
  )
  const response = await refresh(refreshToken)
  expect([response.statusCode, response.json().code]).toEqual([403, 'account_suspended'])
})

test('without token it is 401, and a dead cookie is cleared', async () => {
  const without = await site.app.inject({ method: 'POST', url: '/api/v1/auth/refresh', payload: {} })
  expect(without.statusCode).toBe(401)
  const dead = await site.app.inject({
    method: 'POST',
    url: '/api/v1/auth/refresh',
    cookies: { ax_refresh: 'dead' },
  })
  expect(dead.statusCode).toBe(401)
  expect(dead.cookies.map(({ name, value }) => [name, value])).toEqual([
    ['ax_access', ''],
    ['ax_refresh', ''],
  ])
})

test('another site cannot make a browser refresh', async () => {
  const { cookies } = await signUpForTest(site)
  const response = await site.app.inject({
    method: 'POST',
    url: '/api/v1/auth/refresh',
    cookies,
    headers: { 'sec-fetch-site': 'cross-site' },
  })
  expect(response.statusCode).toBe(403)
})

test('the database holds hashes of tokens alone', async () => {
  const { refreshToken } = await signUpForTest(site)
  const row = await site.database.asSystem('a test', (tx) =>
    tx
      .selectFrom('sessions')
      .selectAll()
      .where('id', '=', refreshToken.split('.')[0] ?? '')
      .executeTakeFirstOrThrow(),
  )
  expect(row.refresh_token_hash).toEqual(createHash('sha256').update(refreshToken).digest())
  expect(JSON.stringify(row)).not.toContain(refreshToken.split('.')[1])
})
