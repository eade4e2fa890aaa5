import type { Config } from '../config.ts'
import type { Database, Tx } from '../database/database.ts'
import { createId } from '../database/uuid-v7.ts'
import { AppError } from '../errors.ts'
import { findUser, hasOtherAdmin, hasOtherUser, lockAdmins, type User, type UserRole } from '../users/user-queries.ts'
import { readAddressOwner, refuseIfTooMany, takeAttempt } from './attempt-limits.ts'
import { hashPassword } from './password.ts'
import type { RefreshToken } from './refresh-token.ts'
import { createSession } from './session-queries.ts'

export interface NewAccount {
  email: string
  password: string
  first_name: string | null
  last_name: string | null
}

interface Origin {
  ip: string
  userAgent: string | undefined
}

type Rules = Pick<Config, 'isSignUpOpen' | 'adminEmail'>

/** Makes an account and its first session. */
export async function signUp(
  database: Database,
  rules: Rules,
  account: NewAccount,
  token: RefreshToken,
  origin: Origin,
): Promise<User> {
  const before = await database.asSystem('signing up counts attempts and looks whether it is open', async (tx) => ({
    isOpen: await isOpenFor(tx, rules, account.email),
    waitSeconds: await takeAttempt(tx, { limit: 'sign-up:address', of: readAddressOwner(origin.ip) }),
  }))
  refuseIfTooMany(before.waitSeconds)
  if (!before.isOpen) throw new AppError('sign_up_closed')
  // Also for an address that has an account: taken and free ones cost the same time.
  const password = await hashPassword(account.password)
  return await database.asSystem('signing up makes an account, which nobody is yet', async (tx) => {
    await lockAdmins(tx)
    if (!(await isOpenFor(tx, rules, account.email))) throw new AppError('sign_up_closed')
    const id = createId()
    const role = await chooseRole(tx, rules, account.email)
    const { numInsertedOrUpdatedRows } = await tx
      .insertInto('users')
      .values({ ...account, id, password, role })
      .onConflict((conflict) => conflict.column('email').doNothing())
      .executeTakeFirst()
    if (numInsertedOrUpdatedRows !== 1n) throw new AppError('email_not_available')
    await createSession(tx, { userId: id, token, userAgent: origin.userAgent })
    const user = await findUser(tx, id)
    if (!user) throw new Error('The new account is not there.')
    return user
  })
}

/** A closed site still takes the account it cannot work without: the very first, or the one ADMIN_EMAIL names. */
async function isOpenFor(tx: Tx, { isSignUpOpen, adminEmail }: Rules, email: string): Promise<boolean> {
  if (isSignUpOpen) return true
  return adminEmail === undefined ? !(await hasOtherUser(tx, null)) : adminEmail === email
}

async function chooseRole(tx: Tx, { adminEmail }: Rules, email: string): Promise<UserRole> {
  const isAdmin = adminEmail === undefined ? !(await hasOtherUser(tx, null)) : adminEmail === email
  return isAdmin ? 'admin' : 'user'
}

/** Lets the account of ADMIN_EMAIL, when it was made before that was set, take over a site that has no admin. Needs `lockAdmins`. */
export async function promoteNamedAdmin(tx: Tx, user: User, adminEmail: string | undefined): Promise<User> {
  if (user.role === 'admin' || user.email !== adminEmail) return user
  if (await hasOtherAdmin(tx, user.id)) return user
  await tx.updateTable('users').set({ role: 'admin' }).where('id', '=', user.id).execute()
  return { ...user, role: 'admin' }
}
