import { createHmac, createPublicKey } from 'node:crypto'
import { exportJWK, importJWK, type JWTPayload, SignJWT } from 'jose'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { closeAfterTest, createTestApp, type TestApp } from '../testing/test-app.ts'
import { signUpForTest } from './test-sessions.ts'
import { startTestSupabase, type TestKey, type TestSupabase } from './test-supabase.ts'

let supabase: TestSupabase
let site: TestApp
let key: TestKey
let rsaKey: TestKey
beforeAll(async () => {
  supabase = await startTestSupabase()
  key = await supabase.makeKey('ES256')
  rsaKey = await supabase.makeKey('RS256')
  await supabase.publish(key, rsaKey)
  site = await createTestApp({ SUPABASE_URL: `${supabase.url}/`, SUPABASE_JWT_SECRET: supabase.jwtSecret })
})
afterAll(async () => {
  await site?.close()
  await supabase?.close()
})
beforeEach(() => {
  supabase.answer = 'keys'
})

const me = (token: string, { app } = site) =>
  app.inject({ url: '/api/v1/me', headers: { authorization: `Bearer ${token}` } })
const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
const now = () => Math.floor(Date.now() / 1000)

describe('a token of Supabase Auth', () => {
  test.each(['ES256', 'RS256', 'HS256'])('that is signed with %s opens the account of its user', async (alg) => {
    const claims = supabase.claims()
    const token = await (alg === 'HS256'
      ? supabase.signWithSecret(claims)
      : supabase.sign(claims, alg === 'ES256' ? key : rsaKey))
    const response = await me(token)
    expect([response.statusCode, response.json().id, response.json().role]).toEqual([200, claims.sub, 'user'])
  })

  test('is as good with 4 kB of metadata in it', async () => {
    const claims = supabase.claims({ user_metadata: { bio: 'x'.repeat(4000) } })
    expect((await me(await supabase.sign(claims, key))).statusCode).toBe(200)
  })

  test.each<[string, (() => JWTPayload) | JWTPayload]>([
    ['another audience', { aud: 'anon' }],
    ['no audience', { aud: undefined }],
    ['another project', { iss: 'https://other.supabase.co/auth/v1' }],
    ['the issuer of the project’s own keys', { iss: 'supabase' }],
    ['no issuer', { iss: undefined }],
    ['an end more than a minute ago', () => ({ exp: now() - 61 })],
    ['no end', { exp: undefined }],
    ['a beginning in more than a minute', () => ({ nbf: now() + 90 })],
    ['a time of issue in more than a minute', () => ({ iat: now() + 90 })],
    ['no time of issue', { iat: undefined }],
    ['a subject that is no UUID', { sub: '1' }],
    ['the subject as SQL', { sub: `' or true --` }],
    ['no subject', { sub: undefined }],
    ['the role service_role', { role: 'service_role' }],
    ['the role anon', { role: 'anon' }],
    ['the role postgres', { role: 'postgres' }],
    ['an empty role', { role: '' }],
    ['no role', { role: undefined }],
    ['several roles', { role: ['authenticated'] }],
    ['an app it was given to by OAuth', { client_id: '9a8b7c6d-5e4f-3a2b-1c0d-9e8f7a6b5c4d' }],
  ])('is refused with %s, whatever key signed it', async (_what, changes) => {
    const claims = { ...supabase.claims(), ...(typeof changes === 'function' ? changes() : changes) }
    for (const token of [await supabase.sign(claims, key), await supabase.signWithSecret(claims)]) {
      const response = await me(token)
      expect([response.statusCode, response.json().code]).toEqual([401, 'unauthenticated'])
    }
    expect((await me(await supabase.sign(supabase.claims(), key))).statusCode).toBe(200)
  })

  test('has a minute of grace where clocks differ', async () => {
    for (const changes of [{ exp: now() - 30 }, { nbf: now() + 30 }, { iat: now() + 30 }])
      expect((await me(await supabase.sign(supabase.claims(changes), key))).statusCode).toBe(200)
  })

  const hostile: Record<string, () => Promise<string> | string> = {
    'alg none': () => `${encode({ alg: 'none', typ: 'JWT' })}.${encode(supabase.claims())}.`,
    'HS256 signed with the public key as JSON': async () => signByHand(JSON.stringify(await exportJWK(key.publicKey))),
    'HS256 signed with the public key as PEM': async () => {
      const jwk = await exportJWK(rsaKey.publicKey)
      return signByHand(createPublicKey({ key: { ...jwk }, format: 'jwk' }).export({ type: 'spki', format: 'pem' }))
    },
    'HS256 signed with another secret': () => supabase.signWithSecret(supabase.claims(), 'x'.repeat(64)),
    'HS256 signed with nothing': () => signByHand(''),
    'HS512 signed with the secret': () =>
      new SignJWT(supabase.claims())
        .setProtectedHeader({ alg: 'HS512', typ: 'JWT' })
        .sign(new TextEncoder().encode(supabase.jwtSecret)),
    'a key of somebody else under a known id': async () =>
      supabase.sign(supabase.claims(), { ...(await supabase.makeKey()), kid: key.kid }),
    'a key that the token brings along': async () => {
      const other = await supabase.makeKey()
      return new SignJWT(supabase.claims())
        .setProtectedHeader({ alg: 'ES256', typ: 'JWT', kid: other.kid, jwk: await exportJWK(other.publicKey) })
        .sign(other.privateKey)
    },
    'an RSA key under an algorithm that is not allowed': async () =>
      new SignJWT(supabase.claims())
        .setProtectedHeader({ alg: 'RS512', typ: 'JWT', kid: rsaKey.kid })
        .sign(await importJWK(await exportJWK(rsaKey.privateKey), 'RS512')),
    'a changed payload': async () => {
      const [header, , signature] = (await supabase.sign(supabase.claims(), key)).split('.')
      return `${header}.${encode(supabase.claims())}.${signature}`
    },
    'our own signing key': () =>
      new SignJWT(supabase.claims())
        .setProtectedHeader({ alg: 'ES256', typ: 'JWT', kid: site.services.signingKey.kid })
        .sign(site.services.signingKey.privateKey),
    'a payload that is no JSON': () => `${encode({ alg: 'ES256', kid: key.kid })}.AAAA.AAAA`,
  }
  function signByHand(secret: string | Buffer): string {
    const signed = `${encode({ alg: 'HS256', typ: 'JWT', kid: key.kid })}.${encode(supabase.claims())}`
    return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`
  }
  test.each(Object.keys(hostile))('is refused with %s', async (name) => {
    const response = await me((await hostile[name]?.()) ?? '')
    expect([response.statusCode, response.json().code]).toEqual([401, 'unauthenticated'])
  })

  test('that was signed with HS256 is refused where no secret is set, also with the public key as one', async () => {
    const other = await createTestApp({ SUPABASE_URL: supabase.url })
    closeAfterTest(other)
    const tokens = [
      await supabase.signWithSecret(supabase.claims()),
      await hostile['HS256 signed with the public key as PEM']?.(),
    ]
    for (const token of tokens) expect((await me(token ?? '', other)).statusCode).toBe(401)
    expect((await me(await supabase.sign(supabase.claims(), key), other)).statusCode).toBe(200)
  })

  test('is refused where no project is configured', async () => {
    const other = await createTestApp()
    closeAfterTest(other)
    expect((await me(await supabase.sign(supabase.claims(), key), other)).statusCode).toBe(401)
  })

  test('is answered with 503 while its key cannot be fetched; our own sign-in, keys and HS256 go on', async () => {
    const fresh = await createTestApp({ SUPABASE_URL: supabase.url, SUPABASE_JWT_SECRET: supabase.jwtSecret })
    closeAfterTest(fresh)
    supabase.answer = 'away'
    const token = await supabase.sign(supabase.claims(), key)
    const response = await me(token, fresh)
    expect([response.statusCode, response.json().code, response.headers['retry-after']]).toEqual([
      503,
      'unavailable',
      '5',
    ])
    const asked = supabase.fetches
    const own = await signUpForTest(fresh)
    expect((await me(own.accessToken, fresh)).statusCode).toBe(200)
    expect((await me(own.accessToken.slice(0, -8), fresh)).statusCode).toBe(401)
    expect((await me(await supabase.signWithSecret(supabase.claims()), fresh)).statusCode).toBe(200)
    const { headers } = await fresh.createUser()
    expect((await fresh.app.inject({ url: '/api/v1/me', headers })).statusCode).toBe(200)
    expect(
      (await fresh.app.inject({ url: '/api/v1/agents', headers: { authorization: `Bearer ${token}` } })).statusCode,
    ).toBe(200)
    expect(supabase.fetches).toBe(asked)
  })
})
