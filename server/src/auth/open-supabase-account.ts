import pg from 'pg'
import type { Database, Tx } from '../database/database.ts'
import { AppError } from '../errors.ts'
import type { SupabaseUser } from './supabase-token.ts'

interface Account {
  user_id: string
  role: string
  suspended_at: Date | null
}

/**
 * The account of a user of Supabase Auth, under the same id; made when it is seen for the first time. Never an account
 * of another id, whatever its e-mail: neither side knows that the other one proved it. Never an admin either. Null when
 * the person deleted the account and has not signed in since.
 */
export async function openSupabaseAccount(
  database: Database,
  user: SupabaseUser,
  reservedEmail: string | undefined,
): Promise<Account | null> {
  const found = await database.asSystem(
    'a token of Supabase tells who is asking; the first one makes the account',
    (tx) => findOrCreateAccount(tx, user, reservedEmail),
  )
  if (found?.mayFollow && user.email !== null && user.email !== reservedEmail) {
    await followEmail(database, user.id, user.email)
  }
  return found
}

async function findOrCreateAccount(tx: Tx, user: SupabaseUser, reservedEmail: string | undefined) {
  const known = await findAccount(tx, user)
  if (known) return known
  if (user.email === null) throw new AppError('email_required')
  if (await isDeleted(tx, user)) return null
  if (user.email === reservedEmail) throw new AppError('email_of_other_account')
  const { id, email, first_name, last_name } = user
  // Many first requests come at once. The others wait here for the first one's commit, then see its row.
  await tx
    .insertInto('users')
    .values({ id, email, first_name, last_name })
    .onConflict((conflict) => conflict.doNothing())
    .execute()
  const made = await findAccount(tx, user)
  if (!made) throw new AppError('email_of_other_account')
  return made
}

async function findAccount(tx: Tx, user: SupabaseUser) {
  const row = await tx
    .selectFrom('users')
    .select(['id as user_id', 'email', 'password', 'role', 'suspended_at', 'updated_at'])
    .where('id', '=', user.id)
    .executeTakeFirst()
  if (!row) return null
  const { password, email, updated_at, ...account } = row
  // For an hour after a change, tokens with the old address are about: only one that is newer than the row may change it.
  const isNews = user.email !== email && user.issuedAt > updated_at
  return { ...account, mayFollow: isNews && password === null && account.suspended_at === null }
}

async function isDeleted(tx: Tx, { id, signedInAt, issuedAt }: SupabaseUser): Promise<boolean> {
  const row = await tx.selectFrom('account_deletions').select('deleted_at').where('user_id', '=', id).executeTakeFirst()
  return row !== undefined && (signedInAt ?? issuedAt) <= row.deleted_at
}

/** Remembers that the person left, so that a page which is still open does not bring the account back. */
export async function noteDeletion(tx: Tx, userId: string): Promise<void> {
  await tx
    .insertInto('account_deletions')
    .values({ user_id: userId })
    .onConflict((conflict) =>
      conflict.column('user_id').doUpdateSet((set) => ({ deleted_at: set.ref('excluded.deleted_at') })),
    )
    .execute()
}

/** Supabase decides which address a user has. One that another account has here is not taken from it. */
async function followEmail(database: Database, id: string, email: string): Promise<void> {
  try {
    await database.asSystem('an account of Supabase has the e-mail address that Supabase says', (tx) =>
      tx
        .updateTable('users')
        .set({ email })
        .where('id', '=', id)
        .where((where) =>
          where.not(
            where.exists(where.selectFrom('users as other').select('other.id').where('other.email', '=', email)),
          ),
        )
        .execute(),
    )
  } catch (error) {
    const isTaken = error instanceof pg.DatabaseError && error.code === '23505'
    if (!isTaken) throw error
  }
}
