import { sql } from 'kysely'
import { releaseAgents } from '../agents/release-agents.ts'
import type { Person } from '../auth/authenticate.ts'
import { noteDeletion } from '../auth/open-supabase-account.ts'
import type { Database, Tx } from '../database/database.ts'
import { AppError } from '../errors.ts'
import type { IntegrationServices } from '../integrations/integration-services.ts'
import { revokeAllAccess } from '../integrations/revoke-access.ts'
import { endPayments } from '../stripe/end-payments.ts'
import type { StripeService } from '../stripe/stripe-service.ts'
import { forgetDifferences } from '../usage/reconciliation-queries.ts'
import { checkOwnPassword } from './check-own-password.ts'
import { findUser, hasOtherAdmin, hasOtherUser, lockAdmins } from './user-queries.ts'

// Far below the time limit of a statement, whatever the size of the logs.
const logsPerBatch = 2000
const freshSignInMs = 10 * 60_000

/** Deletes the account and everything of it. Agents that others configured are withdrawn and stay with those others. */
export async function deleteAccount(
  services: IntegrationServices & { stripe: StripeService | null },
  person: Person,
  password: string | undefined,
): Promise<void> {
  const { database } = services
  const { claims } = person
  const userId = claims.sub
  await checkPresence(database, person, password)
  await eraseUser(database, userId, {
    isOfSupabase: person.via === 'supabase',
    endPayments: () => endPayments(database, services.stripe, userId),
    beforeErasing: () => revokeAllAccess(services, claims),
  })
}

/**
 * Erases a user from every table, whoever asks for it. What was cut off by a kill goes on when it is asked again: the
 * account stays until all its logs are gone. Throws `conflict` for the last admin.
 */
export async function eraseUser(
  database: Database,
  userId: string,
  {
    isOfSupabase = false,
    endPayments,
    beforeErasing,
    onProgress,
    record,
  }: {
    isOfSupabase?: boolean
    /** Once it is clear that they may go: when it throws, nothing was erased. And again right before the account goes. */
    endPayments?: () => Promise<void>
    /** After that; never in the way. */
    beforeErasing?: () => Promise<void>
    onProgress?: (deletedLogs: number) => void
    /** In the transaction that deletes the account. */
    record?: (tx: Tx) => Promise<void>
  } = {},
): Promise<void> {
  await database.asSystem('the last admin may not leave', (tx) => refuseLastAdmin(tx, userId))
  await endPayments?.()
  await beforeErasing?.()
  // Batch by batch beforehand: one cascade over a million logs would run into the time limit and never succeed.
  const claims = { sub: userId, user_role: 'user' } as const
  for (let deleted = 0, batch = logsPerBatch; batch === logsPerBatch; ) {
    batch = await database.withUser(claims, (tx) => deleteSomeLogs(tx, userId))
    deleted += batch
    onProgress?.(deleted)
  }
  await releaseAgents(database, { creatorId: userId, countsOwnUse: false })
  // Many logs take their time, in which another page may have been paid.
  await endPayments?.()
  await database.asSystem('deleting an account looks at who uses its agents', async (tx) => {
    await lockAdmins(tx)
    await refuseLastAdmin(tx, userId)
    await leaveAgents(tx, userId)
    await forgetDifferences(tx, userId)
    await tx.deleteFrom('users').where('id', '=', userId).execute()
    if (isOfSupabase) await noteDeletion(tx, userId)
    await record?.(tx)
  })
}

/** A page that somebody left open is not enough: the password, or, where we know none, a sign-in just now. */
async function checkPresence(database: Database, person: Person, password: string | undefined): Promise<void> {
  if (person.via === 'supabase') {
    const { signedInAt } = person
    if (signedInAt !== null && Date.now() - signedInAt.getTime() <= freshSignInMs) return
    throw new AppError('fresh_sign_in_required')
  }
  if (password === undefined) {
    throw new AppError('invalid_request', { faults: [{ path: '/password', message: 'Please fill this in.' }] })
  }
  await checkOwnPassword(database, person.claims.sub, password, 'password')
}

async function refuseLastAdmin(tx: Tx, userId: string): Promise<void> {
  const user = await findUser(tx, userId)
  if (user?.role !== 'admin' || (await hasOtherAdmin(tx, userId)) || !(await hasOtherUser(tx, userId))) return
  throw new AppError('conflict', {
    detail: 'You are the last admin of this site: make another account admin before you delete yours.',
  })
}

async function deleteSomeLogs(tx: Tx, userId: string): Promise<number> {
  const { numAffectedRows } = await sql`
    delete from public.agent_logs where (id, "timestamp") in (
      select id, "timestamp" from public.agent_logs where user_id = ${userId} limit ${sql.lit(logsPerBatch)}
    )`.execute(tx)
  return Number(numAffectedRows ?? 0)
}

async function leaveAgents(tx: Tx, userId: string): Promise<void> {
  await tx.deleteFrom('user_agents').where('user_id', '=', userId).execute()
  // Locked first, and looked at in a second statement: nobody can configure one of them in between.
  await tx.selectFrom('agents').select('id').where('creator_id', '=', userId).forUpdate().execute()
  await tx
    .deleteFrom('agents')
    .where('creator_id', '=', userId)
    .where((where) =>
      where.not(
        where.exists(
          where.selectFrom('user_agents').select('user_agents.id').whereRef('user_agents.agent_id', '=', 'agents.id'),
        ),
      ),
    )
    .execute()
  await tx
    .updateTable('agents')
    .set({ is_public: false, publication_requested_at: null })
    .where('creator_id', '=', userId)
    .execute()
}
