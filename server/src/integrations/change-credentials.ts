import pg from 'pg'
import type { Settings } from '../agents/capabilities.ts'
import {
  findSecretKeyId,
  openSecret,
  sealSecret,
  UnknownEncryptionKey,
  UnreadableSecret,
} from '../crypto/seal-secret.ts'
import type { Tx } from '../database/database.ts'
import { AppError } from '../errors.ts'
import { findWholeIntegration, lockIntegration, replaceCredentials } from './integration-queries.ts'
import { findIntegrationType, type IntegrationServices } from './integration-services.ts'
import type { Credentials, IntegrationType } from './integration-type.ts'
import { summarizeCredentials } from './summarize-credentials.ts'

const purpose = 'integrations.credentials'

type WholeRow = NonNullable<Awaited<ReturnType<typeof findWholeIntegration>>>
export type Vault = Pick<IntegrationServices, 'database' | 'keyring' | 'integrationTypes'>

export interface OpenIntegration {
  row: WholeRow
  type: IntegrationType
  settings: Settings
  /** Empty also when they cannot be read; then `isReadable` is false. */
  credentials: Credentials
  isReadable: boolean
}

/** An integration with its credentials in clear. Throws not found for anybody but its owner. */
export async function readIntegration(
  services: Vault,
  key: { integrationId: string; ownerId: string },
): Promise<OpenIntegration> {
  const { integrationId: id, ownerId } = key
  const row = await services.database.asSystem('a tool acts with the account that its user connected', (tx) =>
    findWholeIntegration(tx, { id, ownerId }),
  )
  return await open(services, row, ownerId)
}

/**
 * Changes credentials, and with them what belongs together, while nobody else does: of two changes at the same time none
 * is lost. `change` must ask nobody outside, because the row is locked meanwhile. Null leaves the credentials as they are.
 */
export async function changeCredentials<Result>(
  services: Vault,
  { integrationId: id, ownerId }: { integrationId: string; ownerId: string },
  change: (
    present: OpenIntegration,
    tx: Tx,
  ) => Promise<{
    credentials: Credentials | null
    result: Result
    /** What is changed does not make the connection work again. */
    keepsState?: boolean
  }>,
): Promise<Result> {
  const why = 'credentials are changed, for which they have to be read'
  const work = services.database.asSystem(why, async (tx) => {
    const present = await open(services, await lockIntegration(tx, { id, ownerId }), ownerId)
    const { credentials, result, keepsState = false } = await change(present, tx)
    if (credentials) {
      const sealed =
        Object.keys(credentials).length === 0
          ? null
          : await sealSecret(services.keyring, { purpose, rowId: id, ownerId }, credentials)
      const summary = summarizeCredentials(present.type.credentials, credentials)
      await replaceCredentials(tx, id, { sealed, summary, keepsState })
    }
    return result
  })
  return await explainDroppedKey(work)
}

/** A server without the present keys may read and must not write: better than to encrypt with a key that is gone. */
export async function explainDroppedKey<Result>(work: Promise<Result>): Promise<Result> {
  try {
    return await work
  } catch (error) {
    if (!(error instanceof pg.DatabaseError && error.constraint === 'integrations_credentials_key_id_fkey')) throw error
    throw new AppError('unavailable', {
      detail: 'This server encrypts with a key that was dropped. Its operator has to give it the present keys.',
      retryAfterSeconds: 60,
      cause: error,
    })
  }
}

async function open(services: Vault, row: WholeRow | null, ownerId: string): Promise<OpenIntegration> {
  const type = row && findIntegrationType(services, row.type)
  if (!type) throw new AppError('not_found')
  const known = { row, type, settings: row.settings as Settings }
  if (row.credentials_key_id === null) return { ...known, credentials: {}, isReadable: true }
  try {
    if (findSecretKeyId(row.credentials) !== row.credentials_key_id)
      throw new UnreadableSecret('The row names another key than its secret.')
    const context = { purpose, rowId: row.id, ownerId } as const
    return {
      ...known,
      credentials: (await openSecret(services.keyring, context, row.credentials)) as Credentials,
      isReadable: true,
    }
  } catch (error) {
    // The rows of a key that is lost for good were given up; then their owners enter everything anew. Else only this server
    // lacks it, also when the provider refused the account: that says nothing about the key.
    const isLost = error instanceof UnknownEncryptionKey && row.status === 'reconnect' && row.failing_since === null
    if (!isLost && !(error instanceof UnreadableSecret)) throw error
    return { ...known, credentials: {}, isReadable: false }
  }
}
