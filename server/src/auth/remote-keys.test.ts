import { type JWK, jwtVerify } from 'jose'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { createLog } from '../log.ts'
import { createRemoteKeys } from './remote-keys.ts'
import { startTestSupabase, type TestKey, type TestSupabase } from './test-supabase.ts'

const minute = 60_000

let supabase: TestSupabase
let key: TestKey
let clock: number
let keys: ReturnType<typeof createRemoteKeys>
beforeEach(async () => {
  supabase = await startTestSupabase()
  key = await supabase.makeKey()
  await supabase.publish(key)
  clock = 0
  const url = `${supabase.issuer}/.well-known/jwks.json`
  keys = createRemoteKeys({ url, log: createLog('silent'), now: () => clock })
  const { close } = supabase
  onTestFinished(close)
})

const verify = async (by = key) => jwtVerify(await supabase.sign(supabase.claims(), by), keys)

describe('the keys of the other side', () => {
  test('are fetched once for many tokens at the same time, and kept for ten minutes', async () => {
    await Promise.all(Array.from({ length: 20 }, () => verify()))
    clock = 10 * minute - 1
    await verify()
    expect(supabase.fetches).toBe(1)
    clock += 1
    await verify()
    expect(supabase.fetches).toBe(2)
  })

  test('that are new are fetched at first sight, but unknown key ids make at most one fetch in 30 seconds', async () => {
    await verify()
    const next = await supabase.makeKey('RS256')
    await supabase.publish(key, next)
    clock = 29_999
    await expect(verify(next)).rejects.toThrow('no applicable key')
    expect(supabase.fetches).toBe(1)
    clock = 30_000
    await verify(next)
    await verify(key)
    const unknown = await supabase.makeKey()
    for (let i = 0; i < 10; i++) await expect(verify(unknown)).rejects.toThrow('no applicable key')
    expect(supabase.fetches).toBe(2)
  })

  test('that are revoked are refused ten minutes later', async () => {
    await verify()
    await supabase.publish(await supabase.makeKey())
    clock = 10 * minute
    await expect(verify()).rejects.toThrow('no applicable key')
  })

  test('go on counting while the other side is away, up to a day', async () => {
    await verify()
    supabase.answer = { status: 503, body: 'away' }
    clock = 24 * 60 * minute - 1
    await verify()
    clock += 1
    await expect(verify()).rejects.toMatchObject({ code: 'unavailable', retryAfterSeconds: 5 })
    supabase.answer = 'keys'
    clock += 30_000
    await verify()
  })

  test('that may be new while the other side is away are not known: come back later', async () => {
    await verify()
    supabase.answer = 'away'
    clock = minute
    await expect(verify(await supabase.makeKey())).rejects.toMatchObject({ code: 'unavailable' })
    await verify(key)
  })

  test('are asked for again after five seconds when there never were any', async () => {
    supabase.answer = 'away'
    for (let i = 0; i < 5; i++) await expect(verify()).rejects.toMatchObject({ code: 'unavailable' })
    expect(supabase.fetches).toBe(1)
    supabase.answer = 'keys'
    clock = 5000
    await verify()
  })

  test('are waited for three seconds', async () => {
    supabase.answer = 'hang'
    const began = performance.now()
    await expect(verify()).rejects.toMatchObject({ code: 'unavailable' })
    expect(performance.now() - began).toBeLessThan(9000)
  }, 15_000)

  test.each([
    ['HTML', { status: 200, body: '<html>' }],
    ['no set', { status: 200, body: '{"keys": {}}' }],
    ['too long', { status: 200, body: `{"keys": [], "x": "${'x'.repeat(300_000)}"}` }],
    ['an error', { status: 404, body: '{"keys": []}' }],
    ['a redirect', { status: 302, body: '' }],
  ])('are not read from an answer that is %s', async (_what, answer) => {
    supabase.answer = answer
    await expect(verify()).rejects.toMatchObject({ code: 'unavailable' })
  })

  test('hold no secrets: what is published as one verifies nothing', async () => {
    const secret = Buffer.from(supabase.jwtSecret)
    const published: JWK = { kty: 'oct', k: secret.toString('base64url'), kid: 'known', alg: 'HS256' }
    supabase.published.push(published)
    const token = await supabase.signWithSecret(supabase.claims())
    await expect(jwtVerify(token, keys)).rejects.toThrow()
    await verify()
  })
})
