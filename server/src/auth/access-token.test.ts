import { createHmac, createPublicKey } from 'node:crypto'
import { createLocalJWKSet, exportJWK, type JWTPayload, jwtVerify, SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createTestApp, type TestApp, type TestUser } from '../testing/test-app.ts'
import { generateSigningKey } from './signing-key.ts'
import { signInForTest, signUpForTest, type TestSession, testPassword, waitForCredentials } from './test-sessions.ts'

let site: TestApp
let admin: TestUser
let session: TestSession
beforeAll(async () => {
  site = await createTestApp()
  admin = await site.createUser('admin')
  session = await signUpForTest(site)
})
afterAll(() => site.close())

const me = (token: string) => site.app.inject({ url: '/api/v1/me', headers: { authorization: `Bearer ${token}` } })

function readPayload(token: string): JWTPayload {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
}

const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')

/** A token signed with the right key but with other claims. */
async function forge(changes: JWTPayload, header: { alg: string; typ?: string } = { alg: 'ES256', typ: 'JWT' }) {
  const { privateKey, kid } = site.services.signingKey
  return await new SignJWT({ ...readPayload(session.accessToken), ...changes })
    .setProtectedHeader({ ...header, kid })
    .sign(privateKey)
}

describe('an access token', () => {
  test('carries the claims that PostgREST and Supabase read, and its key is in the JWK set', async () => {
    const jwks = await site.app.inject('/.well-known/jwks.json')
    expect(jwks.headers['cache-control']).toContain('max-age')
    expect(jwks.body).not.toMatch(/"d":/)
    const { payload, protectedHeader } = await jwtVerify(session.accessToken, createLocalJWKSet(jwks.json()))
    expect(protectedHeader).toMatchObject({ alg: 'ES256', typ: 'JWT', kid: site.services.signingKey.kid })
    expect(payload).toMatchObject({
      iss: 'agentexpress',
      sub: session.id,
      aud: 'authenticated',
      role: 'authenticated',
      email: session.email,
      user_role: 'user',
    })
    expect(payload.session_id).toMatch(/^[0-9a-f-]{36}$/)
    expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(900)
  })

  test('opens the account while its session lasts', async () => {
    expect((await me(session.accessToken)).statusCode).toBe(200)
    expect((await me(await forge({}))).statusCode).toBe(200)
  })

  const now = Math.floor(Date.now() / 1000)
  const hostile: Record<string, () => Promise<string> | string> = {
    'alg none': () => `${encode({ alg: 'none', typ: 'JWT' })}.${session.accessToken.split('.')[1]}.`,
    'HS256 signed with the public key as JSON': async () => {
      const signed = `${encode({ alg: 'HS256', typ: 'JWT' })}.${session.accessToken.split('.')[1]}`
      const key = JSON.stringify(await exportJWK(site.services.signingKey.publicKey))
      return `${signed}.${createHmac('sha256', key).update(signed).digest('base64url')}`
    },
    'HS256 signed with the public key as PEM': async () => {
      const signed = `${encode({ alg: 'HS256', typ: 'JWT' })}.${session.accessToken.split('.')[1]}`
      const jwk = await exportJWK(site.services.signingKey.publicKey)
      const pem = createPublicKey({ key: { ...jwk }, format: 'jwk' }).export({ type: 'spki', format: 'pem' })
      return `${signed}.${createHmac('sha256', pem).update(signed).digest('base64url')}`
    },
    'the key of somebody else': async () => {
      const other = await generateSigningKey()
      return new SignJWT(readPayload(session.accessToken))
        .setProtectedHeader({ alg: 'ES256', typ: 'JWT', kid: site.services.signingKey.kid })
        .sign(other.privateKey)
    },
    'a key that the token brings along': async () => {
      const other = await generateSigningKey()
      return new SignJWT(readPayload(session.accessToken))
        .setProtectedHeader({ alg: 'ES256', typ: 'JWT', jwk: await exportJWK(other.publicKey) })
        .sign(other.privateKey)
    },
    'another audience': () => forge({ aud: 'anon' }),
    'another issuer': () => forge({ iss: 'https://evil.example' }),
    'its time over': () => forge({ exp: now - 61 }),
    'no end': () => forge({ exp: undefined }),
    'its time not come': () => forge({ nbf: now + 120 }),
    'a sub that is no UUID': () => forge({ sub: 'admin' }),
    'a sub with SQL in it': () => forge({ sub: "' or 1=1 --" }),
    'no sub': () => forge({ sub: undefined }),
    'the id of another account': () => forge({ sub: admin.id }),
    'a session that does not exist': () => forge({ session_id: '019ab3c4-1d2e-7f30-8a4b-5c6d7e8f9012' }),
    'the role service_role': () => forge({ role: 'service_role' }),
    'the role postgres': () => forge({ role: 'postgres' }),
    'another type': () => forge({}, { alg: 'ES256', typ: 'at+jwt' }),
    'a changed payload': () => {
      const [header, , signature] = session.accessToken.split('.')
      return `${header}.${encode({ ...readPayload(session.accessToken), user_role: 'admin' })}.${signature}`
    },
    'nothing but dots': () => '..........',
  }

  test('that is not right answers 401 with one body, whatever is wrong with it', async () => {
    const bodies = new Set<string>()
    for (const [name, make] of Object.entries(hostile)) {
      const response = await me(await make())
      expect([name, response.statusCode]).toEqual([name, 401])
      bodies.add(JSON.stringify({ ...response.json(), request_id: '' }))
    }
    expect(bodies.size).toBe(1)
  })

  test('is still good within a minute of its end, for clocks that differ', async () => {
    expect((await me(await forge({ exp: now - 20 }))).statusCode).toBe(200)
  })

  test('that claims to be an admin’s is not: the role comes from the database', async () => {
    const token = await forge({ user_role: 'admin' })
    const response = await site.app.inject({
      url: '/api/v1/admin/users',
      headers: { authorization: `Bearer ${token}` },
    })
    expect([response.statusCode, response.json().code]).toEqual([403, 'forbidden'])
  })

  test('in a header with another scheme does not fall back to the cookie', async () => {
    const response = await site.app.inject({
      url: '/api/v1/me',
      headers: { authorization: 'Basic dXNlcjpwYXNz' },
      cookies: session.cookies,
    })
    expect(response.statusCode).toBe(401)
  })

  test('a header that names another user changes nothing', async () => {
    const response = await site.app.inject({
      url: '/api/v1/me',
      headers: {
        ...session.headers,
        sub: admin.id,
        'x-user-id': admin.id,
        'request.jwt.claims': `{"sub":"${admin.id}"}`,
      },
    })
    expect(response.json().id).toBe(session.id)
  })
})

describe('within a second', () => {
  const patchUser = (id: string, payload: object) =>
    site.app.inject({ method: 'PATCH', url: `/api/v1/admin/users/${id}`, headers: admin.headers, payload })

  test('a token dies with the change of the password elsewhere, and the changing session goes on', async () => {
    const first = await signUpForTest(site)
    const second = await signInForTest(site, first.email)
    expect((await me(first.accessToken)).statusCode).toBe(200)
    const changed = await site.app.inject({
      method: 'POST',
      url: '/api/v1/me/password',
      headers: second.headers,
      payload: { current_password: testPassword, new_password: 'another long password' },
    })
    expect(changed.statusCode).toBe(204)
    await waitForCredentials()
    expect((await me(first.accessToken)).statusCode).toBe(401)
    expect((await me(second.accessToken)).statusCode).toBe(200)
  })

  test('a suspended account is out, and stays signed out when it comes back', async () => {
    const suspended = await signUpForTest(site)
    expect((await me(suspended.accessToken)).statusCode).toBe(200)
    expect((await patchUser(suspended.id, { is_suspended: true })).statusCode).toBe(200)
    await waitForCredentials()
    expect((await me(suspended.accessToken)).statusCode).toBe(401)
    await patchUser(suspended.id, { is_suspended: false })
    expect((await me(suspended.accessToken)).statusCode).toBe(401)
    await expect(signInForTest(site, suspended.email)).resolves.toMatchObject({ id: suspended.id })
  })

  test('an API key of a suspended account is refused, and works again afterwards', async () => {
    const { id, headers } = await site.createUser()
    const getMe = () => site.app.inject({ url: '/api/v1/me', headers })
    expect((await getMe()).statusCode).toBe(200)
    await patchUser(id, { is_suspended: true })
    await waitForCredentials()
    const refused = await getMe()
    expect([refused.statusCode, refused.json().code]).toEqual([403, 'account_suspended'])
    await patchUser(id, { is_suspended: false })
    await waitForCredentials()
    expect((await getMe()).statusCode).toBe(200)
  })

  test('an admin who is demoted is no admin any more', async () => {
    const former = await signUpForTest(site)
    const listUsers = () => site.app.inject({ url: '/api/v1/admin/users', headers: former.headers })
    await patchUser(former.id, { role: 'admin' })
    await waitForCredentials()
    expect((await listUsers()).statusCode).toBe(200)
    await patchUser(former.id, { role: 'user' })
    await waitForCredentials()
    expect((await listUsers()).statusCode).toBe(403)
    expect((await me(former.accessToken)).json().role).toBe('user')
  })
})
