import { recordAudit } from '../audit-log/record-audit.ts'
import { endSessions } from '../auth/session-queries.ts'
import type { Database } from '../database/database.ts'
import { AppError } from '../errors.ts'
import { findUser, hasOtherAdmin, lockAdmins, type User, type UserRole } from './user-queries.ts'

/** An admin changes somebody's role or suspension. One such change at a time, so that two admins cannot demote each other. */
export async function updateAccount(
  database: Database,
  adminId: string,
  userId: string,
  changes: { role?: UserRole; is_suspended?: boolean },
): Promise<User> {
  return await database.asSystem('an admin changes the role or suspension of an account', async (tx) => {
    await lockAdmins(tx)
    const admin = await findUser(tx, adminId)
    // What the request brought along may be a second old.
    if (admin?.role !== 'admin' || admin.suspended_at !== null) throw new AppError('forbidden')
    const user = await findUser(tx, userId)
    if (!user) throw new AppError('not_found')
    const role = changes.role ?? user.role
    const isSuspended = changes.is_suspended ?? user.suspended_at !== null
    const remainsAdmin = role === 'admin' && !isSuspended
    const wasAdmin = user.role === 'admin' && user.suspended_at === null
    if (wasAdmin && !remainsAdmin && !(await hasOtherAdmin(tx, userId))) {
      throw new AppError('conflict', {
        detail: 'This is the last admin of this site: make another account admin first.',
      })
    }
    await tx
      .updateTable('users')
      .set({ role, suspended_at: isSuspended ? (user.suspended_at ?? new Date()) : null })
      .where('id', '=', userId)
      .execute()
    if (isSuspended) await endSessions(tx, userId)
    const changed = await findUser(tx, userId)
    if (!changed) throw new AppError('not_found')
    const entry = { actor: adminId, target: { type: 'user', id: userId } }
    if (role !== user.role)
      await recordAudit(tx, { ...entry, action: 'user.role', detail: { from: user.role, to: role } })
    if (isSuspended !== (user.suspended_at !== null))
      await recordAudit(tx, { ...entry, action: isSuspended ? 'user.suspend' : 'user.restore' })
    return changed
  })
}
