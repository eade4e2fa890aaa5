import { sql } from 'kysely'
import { recordAudit } from '../../audit-log/record-audit.ts'
import type { Database } from '../../database/database.ts'
import { AppError } from '../../errors.ts'
import { findUser } from '../../users/user-queries.ts'

/** Ends all sessions of a user, and with `withApiKeys` revokes the keys that work. Answers how many of each there were. */
export async function signOutUser(
  database: Database,
  { adminId, userId, withApiKeys }: { adminId: string; userId: string; withApiKeys: boolean },
): Promise<{ sessions: number; api_keys: number }> {
  return await database.asSystem('an admin signs somebody out everywhere', async (tx) => {
    const admin = await findUser(tx, adminId)
    // What the request brought along may be a second old.
    if (admin?.role !== 'admin' || admin.suspended_at !== null) throw new AppError('forbidden')
    if (!(await findUser(tx, userId))) throw new AppError('not_found')
    const ended = await tx.deleteFrom('sessions').where('user_id', '=', userId).executeTakeFirstOrThrow()
    const revoked = withApiKeys
      ? await tx
          .updateTable('api_keys')
          .set({ revoked_at: sql`now()` })
          .where('user_id', '=', userId)
          .where('revoked_at', 'is', null)
          .where((where) => where.or([where('expires_at', 'is', null), where('expires_at', '>', sql<Date>`now()`)]))
          .executeTakeFirstOrThrow()
      : { numUpdatedRows: 0n }
    const counts = { sessions: Number(ended.numDeletedRows), api_keys: Number(revoked.numUpdatedRows) }
    await recordAudit(tx, {
      actor: adminId,
      action: 'user.sign_out',
      target: { type: 'user', id: userId },
      detail: counts,
    })
    return counts
  })
}
