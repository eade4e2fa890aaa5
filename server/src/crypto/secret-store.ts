import type { Tx } from '../database/database.ts'
import type { SealedSecret, SecretContext } from './seal-secret.ts'

export interface SecretRow {
  id: string
  owner_id: string
  key_id: string
  sealed: unknown
}

export interface SecretReplacement {
  id: string
  /** The row is changed only while it still holds this: what its owner wrote meanwhile stays. */
  before: unknown
  after: SealedSecret
  keyId: string
}

/** A column with secrets, as rotation and verification see it. A row counts as flagged when its secret was given up. */
export interface SecretStore {
  purpose: SecretContext['purpose']
  isNeeded(tx: Tx, keyId: string): Promise<boolean>
  /** One row a key that any row names. */
  countByKey(tx: Tx): Promise<{ key_id: string; readable: number; flagged: number }[]>
  /** Rows with a secret in the order of their ids: flagged or not, of one key or of any. */
  list(
    tx: Tx,
    page: { keyId?: string | undefined; isFlagged: boolean; afterId: string | null; limit: number },
  ): Promise<SecretRow[]>
  /** Answers how many were changed. */
  replace(tx: Tx, replacements: SecretReplacement[]): Promise<number>
  /** Flags rows while they still hold what could not be read. */
  flag(tx: Tx, rows: Pick<SecretRow, 'id' | 'sealed'>[]): Promise<number>
  unflag(tx: Tx, rows: Pick<SecretRow, 'id' | 'sealed'>[]): Promise<number>
  /** Flags up to `limit` rows of a key that nobody has any more. */
  flagKey(tx: Tx, keyId: string, limit: number): Promise<number>
  /** Empties up to `limit` flagged rows of a key. */
  erase(tx: Tx, keyId: string, limit: number): Promise<number>
}
