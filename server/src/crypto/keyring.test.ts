import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { replaceFile } from '../auth/secret-file.ts'
import { createLog } from '../log.ts'
import { addKey, formatKeySet, type KeySet, parseKeySet } from './key-set.ts'
import { openKeyringFile } from './keyring.ts'

let folder: string
let path: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'agentexpress-keyring-'))
  path = join(folder, 'encryption-keys.json')
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const log = createLog('silent')

describe('a key file that is replaced beside a running server', () => {
  test('is seen at the next use: new keys are found, and the new present key is used', async () => {
    const one = addKey(null)
    await writeFile(path, formatKeySet(one.keySet))
    const keyring = await openKeyringFile(path, log)
    expect((await keyring.current()).kid).toBe(one.kid)

    const two = addKey(one.keySet)
    await replaceFile(path, formatKeySet(two.keySet))
    expect((await keyring.find(two.kid))?.kid).toBe(two.kid)
    expect((await keyring.current()).kid).toBe(one.kid)

    await replaceFile(path, formatKeySet({ ...two.keySet, current: two.kid }))
    expect((await keyring.current()).kid).toBe(two.kid)
    expect((await keyring.find(one.kid))?.kid).toBe(one.kid)

    // Dropped.
    await replaceFile(path, formatKeySet({ current: two.kid, keys: two.keySet.keys.slice(1) }))
    expect((await keyring.current()).kid).toBe(two.kid)
    expect(await keyring.find(one.kid)).toBeNull()
  })

  test('by one that is damaged, or taken away, leaves the keys in use until it is whole again', async () => {
    const one = addKey(null)
    await writeFile(path, formatKeySet(one.keySet))
    const keyring = await openKeyringFile(path, log)
    await replaceFile(path, formatKeySet(one.keySet).slice(0, 90))
    expect((await keyring.current()).kid).toBe(one.kid)
    await rename(path, `${path}.away`)
    expect((await keyring.current()).kid).toBe(one.kid)
    expect((await keyring.find(one.kid))?.kid).toBe(one.kid)
    const two = addKey(one.keySet)
    await replaceFile(path, formatKeySet({ ...two.keySet, current: two.kid }))
    expect((await keyring.current()).kid).toBe(two.kid)
  })

  test('is found by many who ask for a new key at once', async () => {
    const one = addKey(null)
    await writeFile(path, formatKeySet(one.keySet))
    const keyring = await openKeyringFile(path, log)
    const two = addKey(one.keySet)
    const early = Array.from({ length: 20 }, () => keyring.find(two.kid))
    await Promise.all(early)
    await replaceFile(path, formatKeySet(two.keySet))
    const found = await Promise.all(Array.from({ length: 50 }, () => keyring.find(two.kid)))
    expect(found.every((key) => key?.kid === two.kid)).toBe(true)
  })
})

describe('a text that is no set of keys', () => {
  const { keySet, kid } = addKey(null)
  const key = keySet.keys[0]!
  const shorter = Buffer.from(key.k, 'base64url').subarray(1).toString('base64url')
  const cases: [string, string | KeySet, string][] = [
    ['nothing', '', 'does not hold encryption keys'],
    ['nonsense', 'hunter2', 'does not hold encryption keys'],
    ['cut off', formatKeySet(keySet).slice(0, -20), 'does not hold encryption keys'],
    ['without keys', { current: kid, keys: [] }, 'does not hold encryption keys'],
    [
      'one byte short',
      { current: kid, keys: [{ ...key, k: shorter }] },
      `The key ${kid} in the file is damaged: it has 31`,
    ],
    [
      'with other bytes',
      { current: kid, keys: [{ ...key, k: addKey(null).keySet.keys[0]!.k }] },
      `The key ${kid} in the file is damaged`,
    ],
    ['without its present key', { ...keySet, current: 'x' }, 'has no such key'],
    ['with a key twice', { current: kid, keys: [key, key] }, 'twice'],
  ]
  test.each(cases)('%s is refused with a sentence that holds no key', (_name, value, message) => {
    const text = typeof value === 'string' ? value : formatKeySet(value)
    const error = (() => {
      try {
        parseKeySet(text, 'the file')
        return null
      } catch (caught) {
        return caught as Error
      }
    })()
    expect(error?.message).toContain(message)
    expect(`${error?.message} ${error?.stack}`).not.toContain(key.k)
    expect(error?.message).not.toContain('hunter2')
  })

  test('while JSON and base64url of it are read', () => {
    const text = formatKeySet(keySet)
    expect(parseKeySet(text, 'x')).toEqual(keySet)
    expect(parseKeySet(Buffer.from(text).toString('base64url'), 'x')).toEqual(keySet)
  })
})
