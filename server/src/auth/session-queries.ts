import { sql } from 'kysely'
import type { Tx } from '../database/database.ts'
import type { RefreshToken } from './refresh-token.ts'

export const sessionDays = 30
// Two tabs that wake up together both hold the token that the first of them uses up.
const graceSeconds = 10
const maxSessions = 100

const lifetime = sql<Date>`now() + make_interval(days => ${sql.lit(sessionDays)})`

export async function createSession(
  tx: Tx,
  { userId, token, userAgent }: { userId: string; token: RefreshToken; userAgent: string | undefined },
): Promise<void> {
  await tx
    .deleteFrom('sessions')
    .where('id', 'in', (from) =>
      from
        .selectFrom('sessions')
        .select('id')
        .where('user_id', '=', userId)
        .orderBy('expires_at', 'desc')
        .offset(maxSessions - 1),
    )
    .execute()
  await tx
    .insertInto('sessions')
    .values({
      id: token.sessionId,
      user_id: userId,
      refresh_token_hash: token.hash,
      user_agent_header: userAgent?.slice(0, 300) ?? null,
      expires_at: lifetime,
    })
    .execute()
}

/**
 * Trades a refresh token for the next one, in one statement so that only one of several requests does it. The others
 * present what has just become the previous token: within ten seconds they get the same next token. Any older token
 * that we once issued was copied by somebody: the session ends for both sides. Answers whose session it is, or null.
 */
export async function rotateSession(tx: Tx, token: RefreshToken, next: RefreshToken): Promise<string | null> {
  const rotated = await tx
    .updateTable('sessions')
    .set({
      refresh_token_hash: next.hash,
      previous_token_hash: token.hash,
      rotated_at: sql`now()`,
      expires_at: lifetime,
    })
    .where('id', '=', token.sessionId)
    .where('refresh_token_hash', '=', token.hash)
    .where('expires_at', '>', sql<Date>`now()`)
    .returning('user_id')
    .executeTakeFirst()
  if (rotated) return rotated.user_id
  const inGrace = await tx
    .selectFrom('sessions')
    .select('user_id')
    .where('id', '=', token.sessionId)
    .where('previous_token_hash', '=', token.hash)
    .where('refresh_token_hash', '=', next.hash)
    .where('rotated_at', '>', sql<Date>`now() - make_interval(secs => ${sql.lit(graceSeconds)})`)
    .executeTakeFirst()
  if (inGrace) return inGrace.user_id
  await tx.deleteFrom('sessions').where('id', '=', token.sessionId).execute()
  return null
}

export async function endSession(tx: Tx, sessionId: string): Promise<void> {
  await tx.deleteFrom('sessions').where('id', '=', sessionId).execute()
}

/** Ends all sessions of a user but one. */
export async function endSessions(tx: Tx, userId: string, exceptId: string | null = null): Promise<void> {
  let statement = tx.deleteFrom('sessions').where('user_id', '=', userId)
  if (exceptId !== null) statement = statement.where('id', '<>', exceptId)
  await statement.execute()
}

export function listSessions(tx: Tx, userId: string) {
  return tx
    .selectFrom('sessions')
    .select(['id', 'user_agent_header', 'created_at', 'rotated_at', 'expires_at'])
    .where('user_id', '=', userId)
    .where('expires_at', '>', sql<Date>`now()`)
    .orderBy('rotated_at', 'desc')
    .orderBy('id', 'desc')
    .execute()
}

/** False when the user has no such session. */
export async function endOwnSession(tx: Tx, userId: string, sessionId: string): Promise<boolean> {
  const { numDeletedRows } = await tx
    .deleteFrom('sessions')
    .where('id', '=', sessionId)
    .where('user_id', '=', userId)
    .executeTakeFirst()
  return numDeletedRows > 0n
}

/** Rows that no longer mean anything; a day is longer than any window of `attempt-limits.ts`. */
export async function deleteExpiredSignInRows(tx: Tx): Promise<void> {
  await tx.deleteFrom('sessions').where('expires_at', '<', sql<Date>`now()`).execute()
  await tx.deleteFrom('sign_in_attempts').where('window_start', '<', sql<Date>`now() - interval '1 day'`).execute()
  await tx.deleteFrom('account_deletions').where('deleted_at', '<', sql<Date>`now() - interval '30 days'`).execute()
}
