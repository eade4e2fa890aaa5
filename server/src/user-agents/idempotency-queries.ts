import type { Claims, Database } from '../database/database.ts'

export interface IdempotentRequest {
  key: string
  requestHash: Buffer
}

export interface ClaimedKey {
  /** The run the key belongs to: ours when we were first. */
  log_id: string
  is_same_request: boolean
}

/**
 * Ties a key to a run before the run begins; the first request wins and every later one is told whose run it is.
 * One statement cannot see a row that another transaction inserts meanwhile, hence the second look.
 */
export async function claimIdempotencyKey(
  database: Database,
  claims: Claims,
  { key, requestHash }: IdempotentRequest,
  run: { id: string; timestamp: Date },
): Promise<ClaimedKey> {
  return database.withUser(claims, async (tx) => {
    await tx
      .insertInto('idempotency_keys')
      .values({ user_id: claims.sub, key, request_hash: requestHash, log_id: run.id, log_timestamp: run.timestamp })
      .onConflict((conflict) => conflict.columns(['user_id', 'key']).doNothing())
      .execute()
    const row = await tx
      .selectFrom('idempotency_keys')
      .select(['log_id', 'request_hash'])
      .where('user_id', '=', claims.sub)
      .where('key', '=', key)
      .executeTakeFirstOrThrow()
    return { log_id: row.log_id, is_same_request: row.request_hash.equals(requestHash) }
  })
}
