import { randomUUID } from 'node:crypto'
import type { JWTPayload } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createId } from '../database/uuid-v7.ts'
import { closeAfterTest, createTestApp, type TestApp } from '../testing/test-app.ts'
import { deleteExpiredSignInRows } from './session-queries.ts'
import { signInForTest, signUpForTest, testPassword, waitForCredentials } from './test-sessions.ts'
import { startTestSupabase, type TestKey, type TestSupabase } from './test-supabase.ts'

let supabase: TestSupabase
let site: TestApp
let key: TestKey
beforeAll(async () => {
  supabase = await startTestSupabase()
  key = await supabase.makeKey()
  await supabase.publish(key)
  site = await createTestApp({ SUPABASE_URL: supabase.url, ADMIN_EMAIL: 'boss@example.test', SIGN_UP: 'closed' })
})
afterAll(async () => {
  await site?.close()
  await supabase?.close()
})

async function send(
  claims: JWTPayload,
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE' = 'GET',
  path = '/me',
  payload?: object,
) {
  const headers = { authorization: `Bearer ${await supabase.sign(claims, key)}` }
  return site.app.inject({ method, url: `/api/v1${path}`, headers, payload })
}
const outcome = ({ statusCode, body }: { statusCode: number; body: string }) => [statusCode, JSON.parse(body).code]
const findRows = (id: string) =>
  site.database.asSystem('a test', (tx) => tx.selectFrom('users').selectAll().where('id', '=', id).execute())
const now = () => Math.floor(Date.now() / 1000)
const signedIn = (secondsAgo: number) => [{ method: 'password', timestamp: now() - secondsAgo }]

describe('the first token of a user of Supabase', () => {
  test('makes the account with its id, e-mail and names, without a password, also where sign-up is closed', async () => {
    const sub = randomUUID()
    const user_metadata = { first_name: '  Ada ', last_name: `${'L'.repeat(99)}😀😀`, role: 'admin' }
    const app_metadata = { user_role: 'admin', role: 'admin' }
    const claims = supabase.claims({ sub, email: 'Ada@Example.TEST', user_metadata, app_metadata, user_role: 'admin' })
    expect((await send(claims)).json()).toMatchObject({ id: sub, email: 'ada@example.test', role: 'user' })
    expect(await findRows(sub)).toMatchObject([
      { first_name: 'Ada', last_name: 'L'.repeat(99), password: null, role: 'user', suspended_at: null },
    ])
    expect((await send(claims, 'GET', '/admin/users')).statusCode).toBe(403)
  })

  test.each([
    [{ full_name: 'Ada King' }, 'Ada King', null],
    [{ name: 'Ada' }, 'Ada', null],
    [{ given_name: 'Ada', family_name: 'King', full_name: 'x' }, 'Ada', 'King'],
    [{ first_name: 'nul\u0000', last_name: '\ud800', full_name: 7 }, null, null],
    [{ first_name: { toString: 1 }, last_name: '   ' }, null, null],
    ['no object', null, null],
  ])('has its names from %j, as far as they are names', async (user_metadata, first_name, last_name) => {
    const claims = supabase.claims({ user_metadata })
    expect((await send(claims)).json()).toMatchObject({ first_name, last_name })
  })

  test('makes one account when fifty come at once', async () => {
    const claims = supabase.claims()
    // Each of another session, so that no answer is remembered from another one.
    const responses = await Promise.all(
      Array.from({ length: 50 }, () =>
        send({ ...claims, session_id: randomUUID() }, 'POST', '/api-keys', { name: 'k' }),
      ),
    )
    expect(new Set(responses.map(({ statusCode }) => statusCode))).toEqual(new Set([201]))
    expect(await findRows(String(claims.sub))).toHaveLength(1)
    expect((await send(claims, 'GET', '/api-keys')).json().data).toHaveLength(50)
  })

  test('gives one of two people the e-mail address that both have, when they come at once', async () => {
    const email = `${randomUUID()}@example.test`
    const responses = await Promise.all(Array.from({ length: 10 }, () => send(supabase.claims({ email }))))
    expect(responses.map(({ statusCode }) => statusCode).sort()).toEqual([200, ...Array(9).fill(409)])
  })

  test.each<[string, JWTPayload]>([
    ['anonymous', { is_anonymous: true }],
    ['known by phone alone', { email: '', phone: '4915112345678' }],
    ['without any address', { email: undefined }],
    ['with an address that is none', { email: 'nobody' }],
    ['with an address too long for its column', { email: `${'a'.repeat(250)}@example.test` }],
  ])('of somebody %s makes none and says what to do', async (_what, changes) => {
    const claims = supabase.claims(changes)
    expect(outcome(await send(claims))).toEqual([403, 'email_required'])
    expect(await findRows(String(claims.sub))).toEqual([])
  })

  test('never reaches the account of another id that has the e-mail address', async () => {
    const open = await createTestApp({ SUPABASE_URL: supabase.url })
    closeAfterTest(open)
    const own = await signUpForTest(open)
    const claims = supabase.claims({ email: own.email.toUpperCase(), user_metadata: { email_verified: true } })
    const headers = { authorization: `Bearer ${await supabase.sign(claims, key)}` }
    expect(outcome(await open.app.inject({ url: '/api/v1/me', headers }))).toEqual([409, 'email_of_other_account'])
    // What everybody may see they see too.
    expect((await open.app.inject({ url: '/api/v1/agents', headers })).statusCode).toBe(200)
    const again = await signInForTest(open, own.email)
    expect(again.id).toBe(own.id)
    // The operator joins the two by making the user of Supabase under the id of the account.
    const joined = { authorization: `Bearer ${await supabase.sign({ ...claims, sub: own.id }, key)}` }
    const response = await open.app.inject({ url: '/api/v1/me', headers: joined })
    expect(response.json()).toMatchObject({ id: own.id, email: own.email })
    expect((await signInForTest(open, own.email)).id).toBe(own.id)
  })

  test('does not get hold of the address of ADMIN_EMAIL, whose owner signs up here', async () => {
    expect(outcome(await send(supabase.claims({ email: 'Boss@example.test' })))).toEqual([
      409,
      'email_of_other_account',
    ])
    const boss = await signUpForTest(site, 'boss@example.test')
    expect((await site.app.inject({ url: '/api/v1/admin/users', headers: boss.headers })).statusCode).toBe(200)
  })
})

describe('an account of Supabase', () => {
  test('is refused while it is suspended, and works again afterwards', async () => {
    const claims = supabase.claims()
    const id = String((await send(claims)).json().id)
    const suspend = (suspended_at: Date | null) =>
      site.database.asSystem('a test', (tx) =>
        tx.updateTable('users').set({ suspended_at }).where('id', '=', id).execute(),
      )
    await suspend(new Date())
    await waitForCredentials()
    expect(outcome(await send(claims))).toEqual([403, 'account_suspended'])
    expect(outcome(await send({ ...claims, iat: now() + 1, email: 'new@example.test' }))).toEqual([
      403,
      'account_suspended',
    ])
    await suspend(null)
    await waitForCredentials()
    expect((await send(claims)).statusCode).toBe(200)
  })

  test('is what the database says: an admin makes it an admin', async () => {
    const claims = supabase.claims()
    await send(claims)
    await site.database.asSystem('a test', (tx) =>
      tx.updateTable('users').set({ role: 'admin' }).where('id', '=', String(claims.sub)).execute(),
    )
    await waitForCredentials()
    expect((await send(claims, 'GET', '/admin/users')).statusCode).toBe(200)
    await site.database.asSystem('a test', (tx) =>
      tx.updateTable('users').set({ role: 'user' }).where('id', '=', String(claims.sub)).execute(),
    )
  })

  test('follows the e-mail address of newer tokens, not of older ones, and takes none from another account', async () => {
    const claims = supabase.claims({ iat: now() - 100 })
    const sub = String(claims.sub)
    await send(claims)
    const email = `${randomUUID()}@example.test`
    await send({ ...claims, email })
    expect(await findRows(sub)).toMatchObject([{ email: claims.email }])
    const newer = { ...claims, iat: now() + 2 }
    await send({ ...newer, email })
    expect(await findRows(sub)).toMatchObject([{ email }])
    await send({ ...claims, session_id: randomUUID() })
    const other = supabase.claims()
    await send(other)
    for (const taken of [other.email, 'boss@example.test', '', 'nobody']) {
      expect((await send({ ...newer, iat: now() + 5, email: taken })).statusCode).toBe(200)
    }
    expect(await findRows(sub)).toMatchObject([{ email }])
  })

  test('can do what a signed-in person can, but for the password, which is Supabase’s', async () => {
    const claims = supabase.claims()
    expect((await send(claims, 'PATCH', '/me', { first_name: 'Ada' })).json()).toMatchObject({ first_name: 'Ada' })
    // A later token does not put back the names of Supabase.
    await send({ ...claims, iat: now() + 2, user_metadata: { first_name: 'Eve' } })
    expect(await findRows(String(claims.sub))).toMatchObject([{ first_name: 'Ada' }])
    expect((await send(claims, 'GET', '/me/sessions')).json()).toEqual({ data: [] })
    expect((await send(claims, 'DELETE', `/me/sessions/${createId()}`)).statusCode).toBe(404)
    expect((await send(claims, 'GET', '/me/export')).json().profile).toMatchObject({ id: claims.sub })
    expect((await send(claims, 'POST', '/auth/sign-out')).statusCode).toBe(204)
    const passwords = { current_password: testPassword, new_password: 'another one entirely' }
    expect(outcome(await send(claims, 'POST', '/me/password', passwords))).toEqual([409, 'password_managed_elsewhere'])
    await expect(signInForTest(site, String(claims.email))).rejects.toThrow('wrong_credentials')
    const { key: apiKey } = (await send(claims, 'POST', '/api-keys', { name: 'k' })).json()
    const headers = { authorization: `Bearer ${apiKey}` }
    expect((await site.app.inject({ url: '/api/v1/me', headers })).json().id).toBe(claims.sub)
    expect((await site.app.inject({ method: 'DELETE', url: '/api/v1/me', headers })).statusCode).toBe(403)
  })

  test.each<[string, JWTPayload]>([
    ['signed in eleven minutes ago', { amr: signedIn(660) }],
    ['only refreshed', { amr: [...signedIn(660), { method: 'token_refresh', timestamp: now() }] }],
    ['has a token that does not say when', { amr: ['password'] }],
    ['has a token without methods', { amr: undefined }],
    ['has a token with a sign-in in the future', { amr: signedIn(-600) }],
  ])('is not deleted by somebody who %s', async (_what, changes) => {
    const claims = supabase.claims(changes)
    expect(outcome(await send(claims, 'DELETE'))).toEqual([403, 'fresh_sign_in_required'])
    expect(outcome(await send(claims, 'DELETE', '/me', { password: 'any' }))).toEqual([403, 'fresh_sign_in_required'])
    expect(await findRows(String(claims.sub))).toHaveLength(1)
  })

  test('stays deleted for pages that are still open, and is made anew after the next sign-in', async () => {
    const claims = supabase.claims({ iat: now() - 60, amr: signedIn(60), user_metadata: { name: 'Ada' } })
    const sub = String(claims.sub)
    await send(claims, 'POST', '/api-keys', { name: 'k' })
    expect((await send(claims, 'DELETE')).statusCode).toBe(204)
    await waitForCredentials()
    const refreshed = {
      ...claims,
      iat: now() + 2,
      amr: [...signedIn(60), { method: 'token_refresh', timestamp: now() }],
    }
    for (const late of [claims, refreshed, { ...claims, amr: undefined }])
      expect(outcome(await send(late))).toEqual([401, 'unauthenticated'])
    expect(await findRows(sub)).toEqual([])
    const anew = { ...claims, iat: now() + 2, amr: signedIn(-2) }
    expect((await send(anew)).json()).toMatchObject({ id: sub, first_name: 'Ada', role: 'user' })
    expect((await send(anew, 'GET', '/api-keys')).json()).toEqual({ data: [] })
    // Deleted a second time, it is the second time that counts.
    expect((await send(anew, 'DELETE')).statusCode).toBe(204)
  })

  test('is forgotten altogether thirty days after it was deleted', async () => {
    const [old, recent] = [randomUUID(), randomUUID()]
    const day = 86_400_000
    const remembered = await site.database.asSystem('a test', async (tx) => {
      await tx
        .insertInto('account_deletions')
        .values([
          { user_id: old, deleted_at: new Date(Date.now() - 31 * day) },
          { user_id: recent, deleted_at: new Date(Date.now() - 29 * day) },
        ])
        .execute()
      await deleteExpiredSignInRows(tx)
      return tx.selectFrom('account_deletions').select('user_id').where('user_id', 'in', [old, recent]).execute()
    })
    expect(remembered).toEqual([{ user_id: recent }])
  })
})

test('an account of our own is deleted with its password alone, as before', async () => {
  const open = await createTestApp({ SUPABASE_URL: supabase.url })
  closeAfterTest(open)
  await signUpForTest(open)
  const { headers } = await signUpForTest(open)
  for (const payload of [undefined, {}]) {
    const response = await open.app.inject({ method: 'DELETE', url: '/api/v1/me', headers, payload })
    expect([response.statusCode, response.json().errors]).toEqual([
      400,
      [{ path: '/password', message: 'Please fill this in.' }],
    ])
  }
  const payload = { password: testPassword }
  expect((await open.app.inject({ method: 'DELETE', url: '/api/v1/me', headers, payload })).statusCode).toBe(204)
})
