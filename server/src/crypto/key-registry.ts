import type { Tx } from '../database/database.ts'

/** The fingerprints of all keys this database has seen and not yet dropped, oldest first. */
export async function listKnownKeys(tx: Tx): Promise<{ id: string; created_at: Date }[]> {
  return tx.selectFrom('encryption_keys').select(['id', 'created_at']).orderBy('created_at').orderBy('id').execute()
}

export async function registerKeys(tx: Tx, kids: string[]): Promise<void> {
  await tx
    .insertInto('encryption_keys')
    .values(kids.map((id) => ({ id })))
    .onConflict((conflict) => conflict.column('id').doNothing())
    .execute()
}

/** Throws with SQLSTATE 23503 while any row names the key. */
export async function forgetKey(tx: Tx, kid: string): Promise<void> {
  await tx.deleteFrom('encryption_keys').where('id', '=', kid).execute()
}
