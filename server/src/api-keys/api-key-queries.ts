import { createHash, randomBytes } from 'node:crypto'
import { sql } from 'kysely'
import type { Tx } from '../database/database.ts'
import { createId } from '../database/uuid-v7.ts'
import { AppError } from '../errors.ts'

const maxLiveKeys = 50
const maxListed = 500

// Never key_hash, which the role of the user cannot read anyway.
const columns = ['id', 'name', 'prefix', 'last_used_at', 'expires_at', 'revoked_at', 'created_at'] as const

export function listApiKeys(tx: Tx, userId: string) {
  return tx
    .selectFrom('api_keys')
    .select(columns)
    .where('user_id', '=', userId)
    .orderBy('id', 'desc')
    .limit(maxListed)
    .execute()
}

/** Throws `conflict` when the user has 50 keys that work. */
export async function createApiKey(
  tx: Tx,
  { userId, name, expiresAt }: { userId: string; name: string; expiresAt: Date | null },
) {
  // One at a time a user: several at once would each count the same number of keys.
  await sql`select pg_advisory_xact_lock(hashtextextended(${`agentexpress:api-keys:${userId}`}, 0))`.execute(tx)
  const { live } = await tx
    .selectFrom('api_keys')
    .select((select) => select.fn.countAll<number>().as('live'))
    .where('user_id', '=', userId)
    .where('revoked_at', 'is', null)
    .where((where) => where.or([where('expires_at', 'is', null), where('expires_at', '>', sql<Date>`now()`)]))
    .executeTakeFirstOrThrow()
  if (live >= maxLiveKeys) {
    throw new AppError('conflict', { detail: `You have ${maxLiveKeys} keys that work: revoke one first.` })
  }
  // 256 random bits need no slow hash: there is nothing to guess.
  const key = `ax_${randomBytes(32).toString('base64url')}`
  const row = await tx
    .insertInto('api_keys')
    .values({
      id: createId(),
      user_id: userId,
      name,
      prefix: key.slice(0, 9),
      key_hash: createHash('sha256').update(key).digest(),
      expires_at: expiresAt,
    })
    .returning(columns)
    .executeTakeFirstOrThrow()
  return { ...row, key }
}

export async function renameApiKey(tx: Tx, { userId, id, name }: { userId: string; id: string; name: string }) {
  const row = await tx
    .updateTable('api_keys')
    .set({ name })
    .where('id', '=', id)
    .where('user_id', '=', userId)
    .returning(columns)
    .executeTakeFirst()
  if (!row) throw new AppError('not_found')
  return row
}

/** A key that is revoked already keeps its first date. */
export async function revokeApiKey(tx: Tx, { userId, id }: { userId: string; id: string }): Promise<void> {
  const { numUpdatedRows } = await tx
    .updateTable('api_keys')
    .set({ revoked_at: sql`coalesce(revoked_at, now())` })
    .where('id', '=', id)
    .where('user_id', '=', userId)
    .executeTakeFirst()
  if (numUpdatedRows === 0n) throw new AppError('not_found')
}
