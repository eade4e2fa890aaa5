import fc from 'fast-check'
import { compactDecrypt, flattenedDecrypt } from 'jose'
import { describe, expect, test } from 'vitest'
import { addKey, formatKeySet, importKeys } from './key-set.ts'
import { createFixedKeyring, createMemoryKeyring } from './keyring.ts'
import {
  findSecretKeyId,
  type JsonValue,
  openSecret,
  type SealedSecret,
  type SecretContext,
  sealSecret,
  UnknownEncryptionKey,
  UnreadableSecret,
} from './seal-secret.ts'

const keyring = await createMemoryKeyring()
const context: SecretContext = {
  purpose: 'integrations.credentials',
  rowId: '0193a1b2-0000-7000-8000-000000000001',
  ownerId: '0193a1b2-0000-7000-8000-00000000000a',
}
// JSON text knows no negative zero.
const json = fc.jsonValue({ maxDepth: 4 }).map((value): JsonValue => JSON.parse(JSON.stringify(value)))
const members = ['protected', 'iv', 'ciphertext', 'tag', 'aad'] as const

describe('any JSON value', () => {
  test('comes back as it was', async () => {
    await fc.assert(
      fc.asyncProperty(json, async (value) => {
        const { sealed, kid } = await sealSecret(keyring, context, value)
        // As it comes out of a jsonb column: other order, new objects.
        const stored = JSON.parse(JSON.stringify(Object.fromEntries(Object.entries(sealed).reverse())))
        expect(await openSecret(keyring, context, stored)).toEqual(value)
        expect(findSecretKeyId(stored)).toBe(kid)
      }),
      { numRuns: 300 },
    )
  })

  test('is not to be found in what is stored, in no encoding', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ minLength: 8, maxLength: 60, unit: 'grapheme' }), async (password) => {
        const { sealed } = await sealSecret(keyring, context, { password })
        const stored = members.flatMap((name) => [
          sealed[name],
          Buffer.from(sealed[name], 'base64url').toString('utf8'),
          Buffer.from(sealed[name], 'base64url').toString('latin1'),
        ])
        for (const needle of [password, Buffer.from(password).toString('latin1'), JSON.stringify(password)])
          expect(stored.some((text) => text.includes(needle))).toBe(false)
      }),
      { numRuns: 300 },
    )
  })

  test('is encrypted differently each time', async () => {
    const sealed = await Promise.all(Array.from({ length: 200 }, () => sealSecret(keyring, context, 'same')))
    expect(new Set(sealed.map(({ sealed }) => sealed.iv)).size).toBe(200)
    expect(new Set(sealed.map(({ sealed }) => sealed.ciphertext)).size).toBe(200)
  })
})

describe('a secret does not open', () => {
  test('with any single bit changed', async () => {
    const { sealed } = await sealSecret(keyring, context, { token: 'abc', list: [1, 2, 3] })
    for (const name of members) {
      const bytes = Buffer.from(sealed[name], 'base64url')
      for (let bit = 0; bit < bytes.length * 8; bit++) {
        const changed = Buffer.from(bytes)
        changed[bit >> 3]! ^= 1 << (bit & 7)
        const spoilt = { ...sealed, [name]: changed.toString('base64url') }
        await expect(openSecret(keyring, context, spoilt), `${name} ${bit}`).rejects.toThrow(
          // A flipped bit in the kid names another key.
          name === 'protected' ? /./ : UnreadableSecret,
        )
      }
    }
  })

  test('with any character of its stored text changed, cut off or added', async () => {
    const { sealed } = await sealSecret(keyring, context, { token: 'abc' })
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...members),
        fc.nat(),
        fc.string({ maxLength: 2, unit: 'binary-ascii' }),
        async (name, at, replacement) => {
          const index = at % sealed[name].length
          const text = sealed[name].slice(0, index) + replacement + sealed[name].slice(index + 1)
          fc.pre(text !== sealed[name])
          await expect(openSecret(keyring, context, { ...sealed, [name]: text })).rejects.toThrow(
            name === 'protected' ? /./ : UnreadableSecret,
          )
        },
      ),
      { numRuns: 500 },
    )
  })

  test.each<[string, Partial<Record<keyof SecretContext, string>>]>([
    ['in another row', { rowId: '0193a1b2-0000-7000-8000-000000000002' }],
    ['as another owner', { ownerId: '0193a1b2-0000-7000-8000-00000000000b' }],
    ['for another purpose', { purpose: 'users.password' }],
    ['with row and owner exchanged', { rowId: context.ownerId, ownerId: context.rowId }],
  ])('%s, also when its own note of it is changed as well', async (_name, other) => {
    const elsewhere = { ...context, ...other } as SecretContext
    const { sealed } = await sealSecret(keyring, context, 'x')
    await expect(openSecret(keyring, elsewhere, sealed)).rejects.toThrow(UnreadableSecret)
    const { sealed: theirs } = await sealSecret(keyring, elsewhere, 'x')
    await expect(openSecret(keyring, elsewhere, { ...sealed, aad: theirs.aad })).rejects.toThrow(UnreadableSecret)
  })

  test('in any other place', async () => {
    const other = fc.record({ rowId: fc.uuid(), ownerId: fc.uuid() })
    const { sealed } = await sealSecret(keyring, context, 'x')
    await fc.assert(
      fc.asyncProperty(other, async (place) => {
        await expect(openSecret(keyring, { ...context, ...place }, sealed)).rejects.toThrow(UnreadableSecret)
      }),
    )
  })

  test('with another key, which is told by its name', async () => {
    const { sealed, kid } = await sealSecret(keyring, context, 'x')
    const error = await openSecret(await createMemoryKeyring(), context, sealed).catch((caught) => caught)
    expect(error).toBeInstanceOf(UnknownEncryptionKey)
    expect(error).toMatchObject({ kid, message: expect.stringContaining(kid) })
  })

  test('with another key under its name', async () => {
    const { sealed, kid } = await sealSecret(keyring, context, 'x')
    const { key } = await (await createMemoryKeyring()).current()
    await expect(openSecret({ find: async () => ({ kid, key }) }, context, sealed)).rejects.toThrow(UnreadableSecret)
  })

  test.each([[null], [{}], [[]], ['a.b.c.d.e'], [{ password: 'x' }], [3]])('when it is none: %j', async (value) => {
    await expect(openSecret(keyring, context, value)).rejects.toThrow(UnreadableSecret)
    expect(findSecretKeyId(value)).toBeNull()
  })

  test('under another algorithm or with more in its header', async () => {
    const { sealed, kid } = await sealSecret(keyring, context, 'x')
    for (const header of [
      { alg: 'dir', enc: 'A128GCM', kid },
      { alg: 'A256GCMKW', enc: 'A256GCM', kid },
      { alg: 'dir', enc: 'A256GCM', kid, zip: 'DEF' },
      { alg: 'dir', enc: 'A256GCM' },
    ]) {
      const spoilt = { ...sealed, protected: Buffer.from(JSON.stringify(header)).toString('base64url') }
      await expect(openSecret(keyring, context, spoilt)).rejects.toThrow(UnreadableSecret)
    }
  })
})

test('an error never holds what was secret', async () => {
  const { sealed } = await sealSecret(keyring, context, 'hunter2-hunter2')
  const { key } = await keyring.current()
  // Opens, and is no JSON: what a bug in writing would leave.
  const spoilt: SealedSecret = { ...sealed, tag: sealed.iv }
  const error = await openSecret(keyring, context, spoilt).catch((caught) => caught)
  expect(JSON.stringify([String(error), error.stack, error.cause ?? null])).not.toContain('hunter2')
  expect(key.extractable).toBe(false)
})

test('any other JOSE tool reads a secret with the key of the file', async () => {
  const { keySet } = addKey(null)
  const { sealed } = await sealSecret(await createFixedKeyring(keySet), context, { token: 'abc' })
  const file = JSON.parse(formatKeySet(keySet))
  const secret = Buffer.from(file.keys[0].k, 'base64url')
  const { plaintext, protectedHeader, additionalAuthenticatedData } = await flattenedDecrypt(sealed, secret)
  expect(JSON.parse(Buffer.from(plaintext).toString())).toEqual({ token: 'abc' })
  expect(protectedHeader).toEqual({ alg: 'dir', enc: 'A256GCM', kid: keySet.current })
  expect(JSON.parse(Buffer.from(additionalAuthenticatedData ?? []).toString())).toEqual(Object.values(context))
  // The compact form has no place for what binds it to its row.
  const compact = [sealed.protected, '', sealed.iv, sealed.ciphertext, sealed.tag].join('.')
  await expect(compactDecrypt(compact, secret)).rejects.toThrow('decryption')
  expect((await importKeys(keySet)).size).toBe(1)
})
