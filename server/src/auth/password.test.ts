import { parseOptions } from '@node-rs/argon2'
import { expect, test } from 'vitest'
import { hashPassword, nobodysHash, passwordHashOptions, verifyPassword } from './password.ts'

test('a hash is argon2id with the parameters of OWASP, salted, and fits its password alone', async () => {
  const [one, two] = await Promise.all([hashPassword('a long password'), hashPassword('a long password')])
  expect(one).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
  expect(one).not.toBe(two)
  expect(one.length).toBeLessThanOrEqual(255)
  expect(await verifyPassword(one, 'a long password')).toBe(true)
  expect(await verifyPassword(one, 'a long passwore')).toBe(false)
})

test('the hash for nobody costs what a real one costs, and nothing fits it', async () => {
  const real = parseOptions(await hashPassword('a long password'))
  expect(parseOptions(nobodysHash)).toEqual(real)
  expect(real).toMatchObject(passwordHashOptions)
  expect(await verifyPassword(null, 'anything at all')).toBe(false)
})

test('what is no argon2id hash fits nothing', async () => {
  expect(await verifyPassword('unused', 'unused')).toBe(false)
})

test('more hashes than can wait are refused with a time to come back, and the rest are made', async () => {
  const results = await Promise.allSettled(Array.from({ length: 100 }, () => hashPassword('a long password')))
  const refused = results.filter((result) => result.status === 'rejected')
  expect(refused).toHaveLength(18)
  expect(refused[0]?.reason).toMatchObject({ code: 'unavailable', retryAfterSeconds: 3 })
  expect(await hashPassword('a long password')).toContain('argon2id')
})
