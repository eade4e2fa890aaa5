import { hashPassword } from '../auth/password.ts'
import { endSessions } from '../auth/session-queries.ts'
import type { Database } from '../database/database.ts'
import { AppError } from '../errors.ts'
import { checkOwnPassword } from './check-own-password.ts'

/** Ends all sessions but the one that asks. API keys stay: programs do not sign in with the password. */
export async function changePassword(
  database: Database,
  { userId, sessionId }: { userId: string; sessionId: string },
  { current_password, new_password }: { current_password: string; new_password: string },
): Promise<void> {
  const oldHash = await checkOwnPassword(database, userId, current_password, 'current_password')
  const newHash = await hashPassword(new_password)
  await database.asSystem('a person changes the password, which only the system can write', async (tx) => {
    const { numUpdatedRows } = await tx
      .updateTable('users')
      .set({ password: newHash })
      .where('id', '=', userId)
      .where('password', '=', oldHash)
      .executeTakeFirst()
    if (numUpdatedRows !== 1n)
      throw new AppError('conflict', { detail: 'The password was changed elsewhere just now.' })
    await endSessions(tx, userId, sessionId)
  })
}
