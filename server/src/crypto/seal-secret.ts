import { FlattenedEncrypt, flattenedDecrypt } from 'jose'
import { z } from 'zod'
import type { Keyring } from './keyring.ts'

/** Where a secret lives and whose it is. Bound to the ciphertext: read in another place it does not open. */
export interface SecretContext {
  /** Table and column; `oauth.state` is not stored at all, `backup.canary` in a backup alone. */
  purpose: 'integrations.credentials' | 'oauth.state' | 'backup.canary'
  /** Of a canary the name of its backup. */
  rowId: string
  /** Id of the user; of a canary the fingerprint of its key. */
  ownerId: string
}

/** A JWE in flattened JSON serialisation (RFC 7516, section 7.2.2), which other tools can read. */
export type SealedSecret = z.infer<typeof sealedSchema>

export type JsonValue = string | number | boolean | null | JsonValue[] | { [name: string]: JsonValue }

/** The secret is whole, this server just does not have its key: the operator can help, the owner need not do anything. */
export class UnknownEncryptionKey extends Error {
  override name = 'UnknownEncryptionKey'
  readonly kid: string
  constructor(kid: string) {
    super(`This server does not have the encryption key ${kid}. \`npm run keys -- list\` shows which keys there are.`)
    this.kid = kid
  }
}

/** Nothing will open this secret: it is no JWE, was changed, or was sealed for another row, owner or purpose. */
export class UnreadableSecret extends Error {
  override name = 'UnreadableSecret'
}

// Base64url has spare bits at its end. Strict, so that one secret has one form and any changed bit is noticed.
const base64url = z.string().refine((text) => Buffer.from(text, 'base64url').toString('base64url') === text)
const sealedSchema = z.strictObject({
  protected: base64url,
  iv: base64url,
  ciphertext: base64url,
  tag: base64url,
  aad: base64url,
})
const headerSchema = z.strictObject({
  alg: z.literal('dir'),
  enc: z.literal('A256GCM'),
  kid: z.string().regex(/^[\w-]{43}$/),
})

/**
 * Encrypts `value` with the present key, for this row and owner alone. The IV is random, which is safe for 2^32 secrets
 * a key (NIST SP 800-38D, section 8.3).
 */
export async function sealSecret(
  keyring: Pick<Keyring, 'current'>,
  context: SecretContext,
  value: JsonValue,
): Promise<{ sealed: SealedSecret; kid: string }> {
  const { kid, key } = await keyring.current()
  const json = JSON.stringify(value)
  if (json === undefined) throw new TypeError('A secret is a JSON value.')
  const jwe = await new FlattenedEncrypt(Buffer.from(json, 'utf8'))
    .setProtectedHeader({ alg: 'dir', enc: 'A256GCM', kid })
    .setAdditionalAuthenticatedData(boundData(context))
    .encrypt(key)
  return { sealed: sealedSchema.parse(jwe), kid }
}

/** Throws `UnknownEncryptionKey` or `UnreadableSecret`; neither tells anything about the value. */
export async function openSecret(
  keyring: Pick<Keyring, 'find'>,
  context: SecretContext,
  sealed: unknown,
): Promise<JsonValue> {
  const parsed = sealedSchema.safeParse(sealed)
  const kid = findSecretKeyId(sealed)
  if (!parsed.success || kid === null) throw new UnreadableSecret('This is no encrypted secret.')
  const aad = boundData(context)
  if (parsed.data.aad !== Buffer.from(aad).toString('base64url'))
    throw new UnreadableSecret('This secret was encrypted for another row, owner or purpose.')
  const found = await keyring.find(kid)
  if (!found) throw new UnknownEncryptionKey(kid)
  try {
    const { plaintext } = await flattenedDecrypt(parsed.data, found.key, {
      keyManagementAlgorithms: ['dir'],
      contentEncryptionAlgorithms: ['A256GCM'],
    })
    return JSON.parse(Buffer.from(plaintext).toString('utf8'))
  } catch {
    // Never the cause: what is nearly readable may hold parts of the value.
    throw new UnreadableSecret('This secret was changed after it had been encrypted.')
  }
}

/** The key that the protected header names; null when this is no secret of ours. */
export function findSecretKeyId(sealed: unknown): string | null {
  const parsed = sealedSchema.safeParse(sealed)
  if (!parsed.success) return null
  try {
    return headerSchema.parse(JSON.parse(Buffer.from(parsed.data.protected, 'base64url').toString('utf8'))).kid
  } catch {
    return null
  }
}

function boundData({ purpose, rowId, ownerId }: SecretContext): Uint8Array {
  return Buffer.from(JSON.stringify([purpose, rowId, ownerId]), 'utf8')
}
