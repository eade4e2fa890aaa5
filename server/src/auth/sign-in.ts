import type { Config } from '../config.ts'
import type { Database } from '../database/database.ts'
import { AppError } from '../errors.ts'
import { findUser, findUserByEmail, lockAdmins, type User } from '../users/user-queries.ts'
import {
  type Attempt,
  clearAttempts,
  readAddressOwner,
  refuseIfTooMany,
  returnAttempt,
  takeAttempt,
} from './attempt-limits.ts'
import { verifyPassword } from './password.ts'
import type { RefreshToken } from './refresh-token.ts'
import { createSession } from './session-queries.ts'
import { promoteNamedAdmin } from './sign-up.ts'

/**
 * Checks the password and makes a session. Unknown e-mail, wrong password and an account without password take the same
 * steps, so that neither the answer nor its time tells them apart; no transaction is open while the password is hashed.
 */
export async function signIn(
  database: Database,
  config: Pick<Config, 'adminEmail'>,
  given: { email: string; password: string },
  token: RefreshToken,
  origin: { ip: string; userAgent: string | undefined },
): Promise<User> {
  const byAddress: Attempt = { limit: 'sign-in:address', of: readAddressOwner(origin.ip) }
  const byAccount: Attempt = { limit: 'sign-in:account', of: given.email }
  const { waitSeconds, found } = await database.asSystem('signing in counts attempts and reads a hash', async (tx) => ({
    waitSeconds: (await takeAttempt(tx, byAddress)) ?? (await takeAttempt(tx, byAccount)),
    found: await findUserByEmail(tx, given.email),
  }))
  refuseIfTooMany(waitSeconds)
  const isRight = await verifyPassword(found?.password ?? null, given.password)
  if (!isRight || !found) throw new AppError('wrong_credentials')
  return await database.asSystem('signing in makes a session after the password was right', async (tx) => {
    // Before any row lock, in the order in which everybody takes them.
    if (given.email === config.adminEmail) await lockAdmins(tx)
    // Locked and compared once more: a session must not slip in behind a change of password that ends all sessions.
    const row = await tx
      .selectFrom('users')
      .select('suspended_at')
      .where('id', '=', found.id)
      .where('password', '=', found.password)
      .forShare()
      .executeTakeFirst()
    const user = row && (await findUser(tx, found.id))
    if (!user) throw new AppError('wrong_credentials')
    if (user.suspended_at !== null) throw new AppError('account_suspended')
    await clearAttempts(tx, byAccount)
    await returnAttempt(tx, byAddress)
    await createSession(tx, { userId: user.id, token, userAgent: origin.userAgent })
    return promoteNamedAdmin(tx, user, config.adminEmail)
  })
}
