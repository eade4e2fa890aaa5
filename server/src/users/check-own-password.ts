import { type Attempt, clearAttempts, refuseIfTooMany, takeAttempt } from '../auth/attempt-limits.ts'
import { verifyPassword } from '../auth/password.ts'
import type { Database } from '../database/database.ts'
import { AppError } from '../errors.ts'

/**
 * Asks a signed-in person for the password again; `field` is where the fault is shown. It is a fault of the input and not
 * 401: the session is good, and a client would refresh it and send the wrong password once more. Answers the hash that fit.
 */
export async function checkOwnPassword(
  database: Database,
  userId: string,
  given: string,
  field: string,
): Promise<string> {
  const attempt: Attempt = { limit: 'password:user', of: userId }
  const { waitSeconds, hash } = await database.asSystem('a grave change needs the password again', async (tx) => ({
    waitSeconds: await takeAttempt(tx, attempt),
    hash:
      (await tx.selectFrom('users').select('password').where('id', '=', userId).executeTakeFirst())?.password ?? null,
  }))
  refuseIfTooMany(waitSeconds)
  if (!(await verifyPassword(hash, given)) || hash === null) {
    throw new AppError('invalid_request', {
      detail: 'The password is not right.',
      faults: [{ path: `/${field}`, message: 'This is not your present password.' }],
    })
  }
  await database.asSystem('the right password clears its counter', (tx) => clearAttempts(tx, attempt))
  return hash
}
