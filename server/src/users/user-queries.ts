import { sql } from 'kysely'
import type { Tx } from '../database/database.ts'

export type UserRole = 'user' | 'admin'

/** Every column of an account but its password. */
export const userColumns = [
  'id',
  'email',
  'first_name',
  'last_name',
  'avatar_url',
  'role',
  'suspended_at',
  'cost_cap_usd',
  'created_at',
  'updated_at',
] as const

export interface User {
  id: string
  email: string
  first_name: string | null
  last_name: string | null
  avatar_url: string | null
  role: UserRole
  suspended_at: Date | null
  /** As PostgreSQL writes numeric(12, 2); null: no cap. */
  cost_cap_usd: string | null
  created_at: Date
  updated_at: Date
}

export async function findUser(tx: Tx, id: string): Promise<User | null> {
  const row = await tx.selectFrom('users').select(userColumns).where('id', '=', id).executeTakeFirst()
  return row ? asUser(row) : null
}

/** With the password's hash; only the system may read it. */
export async function findUserByEmail(tx: Tx, email: string) {
  const row = await tx.selectFrom('users').select(['id', 'password']).where('email', '=', email).executeTakeFirst()
  return row ?? null
}

export async function updateProfile(
  tx: Tx,
  id: string,
  changes: {
    first_name?: string | null
    last_name?: string | null
    avatar_url?: string | null
    cost_cap_usd?: string | null
  },
): Promise<User | null> {
  if (Object.keys(changes).length === 0) return findUser(tx, id)
  const row = await tx.updateTable('users').set(changes).where('id', '=', id).returning(userColumns).executeTakeFirst()
  return row ? asUser(row) : null
}

/**
 * Makes one transaction at a time decide who is an admin: first sign-up, change of role, suspension, deletion. Take it
 * before the statement that looks, so that this statement sees what the transaction before has done.
 */
export async function lockAdmins(tx: Tx): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended('agentexpress:admins', 0))`.execute(tx)
}

/** Whether somebody else can do an admin's work. */
export async function hasOtherAdmin(tx: Tx, userId: string): Promise<boolean> {
  const row = await tx
    .selectFrom('users')
    .select('id')
    .where('role', '=', 'admin')
    .where('suspended_at', 'is', null)
    .where('id', '<>', userId)
    .limit(1)
    .executeTakeFirst()
  return row !== undefined
}

export async function hasOtherUser(tx: Tx, userId: string | null): Promise<boolean> {
  let statement = tx.selectFrom('users').select('id').limit(1)
  if (userId !== null) statement = statement.where('id', '<>', userId)
  return (await statement.executeTakeFirst()) !== undefined
}

// The column is text with a CHECK; the generated type does not know its two values.
function asUser(row: Omit<User, 'role'> & { role: string }): User {
  return { ...row, role: row.role === 'admin' ? 'admin' : 'user' }
}
