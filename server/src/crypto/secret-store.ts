import type { Tx } from '../database/database.ts'
import type { SealedSecret, SecretContext } from './seal-secret.ts'

export interface SecretRow {
  id: string
  owner_id: string
  key_id: string
  sealed: unknown
  /** Nobody expects this secret to be read any more; its owner is asked for another. */
  is_given_up: boolean
}

export type SeenSecret = Pick<SecretRow, 'id' | 'sealed'>

export interface SecretReplacement {
  id: string
  /** The row is changed only while it still holds this: what its owner wrote meanwhile stays. */
  before: unknown
  after: SealedSecret
  keyId: string
}

/**
 * A column with secrets, as rotation and verification see it. What waits for its owner is set aside: either it was given up
 * because no key opened it, or it is needed like all others and just refused by whoever it is for.
 */
export interface SecretStore {
  purpose: SecretContext['purpose']
  /** Whether there is a secret of this key that was not given up. */
  isNeeded(tx: Tx, keyId: string): Promise<boolean>
  /** One row a key that any row names. */
  countByKey(tx: Tx): Promise<{ key_id: string; needed: number; given_up: number }[]>
  /** Rows with a secret in the order of their ids: set aside or not, of one key or of any. */
  list(
    tx: Tx,
    page: { keyId?: string | undefined; isSetAside: boolean; afterId: string | null; limit: number },
  ): Promise<SecretRow[]>
  /** Leaves everything but the secret as it is. Answers how many were changed. */
  replace(tx: Tx, replacements: SecretReplacement[]): Promise<number>
  /** Gives rows up while they still hold what could not be read. */
  giveUp(tx: Tx, rows: SeenSecret[]): Promise<number>
  /** Rows that were given up are in use again. */
  takeBack(tx: Tx, rows: SeenSecret[]): Promise<number>
  /** Empties rows that were given up while they still hold what could not be read. */
  erase(tx: Tx, rows: SeenSecret[]): Promise<number>
  /** Gives up to `limit` rows up of a key that nobody has any more. */
  giveUpKey(tx: Tx, keyId: string, limit: number): Promise<number>
}
