import pg from 'pg'
import type { Keyring } from '../crypto/keyring.ts'
import { findSecretKeyId, type JsonValue, openSecret, sealSecret, UnreadableSecret } from '../crypto/seal-secret.ts'
import type { Claims, Database } from '../database/database.ts'
import { AppError } from '../errors.ts'
import { changeStatus, findSealedCredentials, updateCredentials } from './integration-queries.ts'

const purpose = 'integrations.credentials'

interface Vault {
  database: Database
  keyring: Keyring
}

export type Credentials =
  | { kind: 'connected'; value: JsonValue }
  /** The owner has to enter them again; there is nothing to work with. */
  | { kind: 'reconnect' }
  /** None were entered yet. */
  | { kind: 'none' }

/** Encrypts what the owner entered and puts it in place of what was there. Throws not found for anybody else's. */
export async function saveCredentials(
  { database, keyring }: Vault,
  claims: Claims,
  integrationId: string,
  value: JsonValue,
): Promise<void> {
  const sealed = await sealSecret(keyring, { purpose, rowId: integrationId, ownerId: claims.sub }, value)
  try {
    const isFound = await database.withUser(claims, (tx) => updateCredentials(tx, integrationId, sealed))
    if (!isFound) throw new AppError('not_found')
  } catch (error) {
    if (error instanceof pg.DatabaseError && error.constraint === 'integrations_credentials_key_id_fkey') {
      // Better than to encrypt with a key that was dropped and may be deleted everywhere.
      throw new AppError('unavailable', {
        detail: 'This server encrypts with a key that was dropped. Its operator has to give it the present keys.',
        retryAfterSeconds: 60,
        cause: error,
      })
    }
    throw error
  }
}

/**
 * For tools that act for this user; never goes to a prompt, a log or an answer. Credentials that no key opens are flagged,
 * so that their owner is asked to connect again. Throws `UnknownEncryptionKey` when this server just lacks the key.
 */
export async function readCredentials(
  { database, keyring }: Vault,
  { integrationId, ownerId }: { integrationId: string; ownerId: string },
): Promise<Credentials> {
  const row = await database.asSystem('a tool acts with the account that its user connected', (tx) =>
    findSealedCredentials(tx, { id: integrationId, ownerId }),
  )
  if (!row) throw new AppError('not_found')
  if (row.status !== 'connected') return { kind: 'reconnect' }
  if (row.credentials_key_id === null) return { kind: 'none' }
  try {
    if (findSecretKeyId(row.credentials) !== row.credentials_key_id)
      throw new UnreadableSecret('The row names another key than its secret.')
    const context = { purpose, rowId: integrationId, ownerId } as const
    return { kind: 'connected', value: await openSecret(keyring, context, row.credentials) }
  } catch (error) {
    if (!(error instanceof UnreadableSecret)) throw error
    const seen = { id: integrationId, sealed: row.credentials }
    await database.asSystem('credentials that cannot be read are flagged for their owner', (tx) =>
      changeStatus(tx, [seen], { from: 'connected', to: 'reconnect' }),
    )
    return { kind: 'reconnect' }
  }
}
