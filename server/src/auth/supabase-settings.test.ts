import { describe, expect, test } from 'vitest'
import { ConfigError, readConfig } from '../config.ts'

function readFaults(environment: Record<string, string>): string[] {
  try {
    readConfig(environment)
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.faults
    throw error
  }
}

const SUPABASE_URL = 'https://abc.supabase.co'
const secret = 'k7/pQ2x9'.repeat(6)

describe('the settings of Supabase Auth', () => {
  test('are off by default; the address of the project is enough', () => {
    expect(readConfig({}).supabase).toBeUndefined()
    expect(readConfig({ SUPABASE_URL: `${SUPABASE_URL}/` }).supabase).toEqual({
      issuer: 'https://abc.supabase.co/auth/v1',
      jwksUrl: 'https://abc.supabase.co/auth/v1/.well-known/jwks.json',
      jwtSecret: undefined,
    })
    const SUPABASE_JWKS_URL = 'http://kong:8000/auth/v1/.well-known/jwks.json'
    expect(readConfig({ SUPABASE_URL, SUPABASE_JWKS_URL, SUPABASE_JWT_SECRET: secret }).supabase).toMatchObject({
      issuer: 'https://abc.supabase.co/auth/v1',
      jwksUrl: SUPABASE_JWKS_URL,
      jwtSecret: secret,
    })
  })

  test.each([
    'http://127.0.0.1:54321',
    'http://localhost:54321',
    'http://[::1]:54321',
    'http://kong:8000',
    'http://10.0.0.7',
    'http://supabase.internal',
    'https://example.com/supabase',
  ])('%s is an address keys can safely come from', (url) => {
    expect(readFaults({ SUPABASE_URL: url })).toEqual([])
  })

  test.each([
    'http://abc.supabase.co',
    'http://8.8.8.8',
    'http://[2606:4700::1]',
    'ftp://abc.supabase.co',
    'abc.supabase.co',
    'https://abc.supabase.co/auth/v1',
    'https://abc.supabase.co/rest/v1/',
    'https://user:password@abc.supabase.co',
    'https://abc.supabase.co?x=1',
  ])('%s is none', (url) => {
    expect(readFaults({ SUPABASE_URL: url })).toEqual([expect.stringMatching(/^SUPABASE_URL: must be/)])
  })

  test('need the project: a secret alone would let in the tokens of any', () => {
    expect(readFaults({ SUPABASE_JWT_SECRET: secret })).toEqual(['SUPABASE_JWT_SECRET: set SUPABASE_URL too'])
    expect(readFaults({ SUPABASE_JWKS_URL: 'https://abc.supabase.co/keys' })).toEqual([
      'SUPABASE_JWKS_URL: set SUPABASE_URL too',
    ])
  })

  test.each([
    ['too short', 'x'.repeat(31), 'at least 32'],
    ['a public key as PEM', `-----BEGIN PUBLIC KEY-----\n${'A'.repeat(80)}`, 'not a key'],
    ['a key as a JWK', `{"kty":"EC","crv":"P-256","x":"${'A'.repeat(43)}"}`, 'not a key'],
    ['the key of the project', `eyJhbGciOiJIUzI1NiJ9.${'A'.repeat(80)}.${'B'.repeat(43)}`, 'not a key'],
    ['one of the new keys', `sb_secret_${'A'.repeat(40)}`, 'not a key'],
    ['known to everybody', 'super-secret-jwt-token-with-at-least-32-characters-long', 'published example'],
  ])('refuse a secret that is %s, without repeating it', (_what, jwtSecret, reason) => {
    const faults = readFaults({ SUPABASE_URL, SUPABASE_JWT_SECRET: jwtSecret })
    expect(faults).toEqual([expect.stringMatching(/^SUPABASE_JWT_SECRET: /)])
    expect(faults.join()).toContain(reason)
    expect(faults.join()).not.toContain(jwtSecret)
  })

  test('take the published secret of the local stack on this machine alone', () => {
    const SUPABASE_JWT_SECRET = 'super-secret-jwt-token-with-at-least-32-characters-long'
    expect(readFaults({ SUPABASE_URL: 'http://127.0.0.1:54321', SUPABASE_JWT_SECRET })).toEqual([])
    expect(readFaults({ SUPABASE_URL: 'http://10.0.0.7', SUPABASE_JWT_SECRET })).toHaveLength(1)
  })
})
