import { createHash, randomBytes, webcrypto } from 'node:crypto'
import { z } from 'zod'

/** A key for secrets at rest. Its bytes cannot be taken out of the program's memory by mistake: not logged, not exported. */
export interface EncryptionKey {
  /** RFC 7638 thumbprint. Of 32 random bytes it tells nothing about the key (section 7 warns for passwords). */
  kid: string
  key: webcrypto.CryptoKey
}

/** What the key file holds: a JWK Set (RFC 7517) that also says which key is the present one. */
export interface KeySet {
  /** What new secrets are encrypted with. */
  current: string
  keys: StoredKey[]
}

interface StoredKey {
  kty: 'oct'
  use: 'enc'
  kid: string
  k: string
  created_at: string
}

const keyBytes = 32

const keySetSchema = z.object({
  current: z.string(),
  keys: z
    .array(
      z.object({
        kty: z.literal('oct'),
        use: z.literal('enc').default('enc'),
        kid: z.string(),
        k: z.base64url(),
        created_at: z.iso.datetime().default('1970-01-01T00:00:00.000Z'),
      }),
    )
    .min(1),
})

/** Text of the key file or of ENCRYPTION_KEYS, as JSON or base64url of it. Throws a sentence that never holds key bytes. */
export function parseKeySet(text: string, source: string): KeySet {
  const trimmed = text.trim()
  const json = trimmed.startsWith('{') ? trimmed : Buffer.from(trimmed, 'base64url').toString('utf8')
  let keySet: KeySet
  try {
    keySet = keySetSchema.parse(JSON.parse(json))
  } catch {
    throw new DamagedKeySet(
      `${source} does not hold encryption keys: a JWK Set (RFC 7517) in JSON with "keys" and "current", or base64url of it.`,
    )
  }
  for (const { k, kid } of keySet.keys) {
    const length = Buffer.from(k, 'base64url').length
    if (length !== keyBytes)
      throw new DamagedKeySet(`The key ${kid} in ${source} is damaged: it has ${length} bytes instead of ${keyBytes}.`)
    if (thumbprint(k) !== kid)
      throw new DamagedKeySet(`The key ${kid} in ${source} is damaged: its bytes are those of another key.`)
  }
  const kids = keySet.keys.map(({ kid }) => kid)
  if (!kids.includes(keySet.current))
    throw new DamagedKeySet(`${source} names ${keySet.current} as "current", and has no such key.`)
  if (new Set(kids).size < kids.length) throw new DamagedKeySet(`${source} has a key twice.`)
  return keySet
}

/** Put the file back; nothing that was encrypted is lost by it. */
export class DamagedKeySet extends Error {
  override name = 'DamagedKeySet'
}

export function formatKeySet(keySet: KeySet): string {
  return `${JSON.stringify(keySet, null, 2)}\n`
}

/** `keySet` with a new key, which is not yet the present one. Null is an empty set. */
export function addKey(keySet: KeySet | null): { keySet: KeySet; kid: string } {
  const k = randomBytes(keyBytes).toString('base64url')
  const kid = thumbprint(k)
  const key: StoredKey = { kty: 'oct', use: 'enc', kid, k, created_at: new Date().toISOString() }
  return { keySet: { current: keySet?.current ?? kid, keys: [...(keySet?.keys ?? []), key] }, kid }
}

export async function importKeys(keySet: KeySet): Promise<Map<string, EncryptionKey>> {
  const keys = await Promise.all(
    keySet.keys.map(async ({ kid, k }): Promise<EncryptionKey> => {
      const bytes = Buffer.from(k, 'base64url')
      return { kid, key: await webcrypto.subtle.importKey('raw', bytes, 'AES-GCM', false, ['encrypt', 'decrypt']) }
    }),
  )
  return new Map(keys.map((key) => [key.kid, key]))
}

function thumbprint(k: string): string {
  return createHash('sha256')
    .update(JSON.stringify({ k, kty: 'oct' }))
    .digest('base64url')
}
