import { sql } from 'kysely'
import type { Tx } from '../database/database.ts'

/** Number of the advisory lock that lets one server at a time choose what it sends. */
const advisoryLock = 72707375

/** How often an e-mail is tried, and when after what it tells of; what is a day old is said in the app alone. */
export const maxMailAttempts = 5
const schedule = sql`(array['0', '5 minutes', '30 minutes', '2 hours', '8 hours']::interval[])`

/** Whether what happened at `since` is to be told at `now`, after so many attempts. */
export const isMailDue = (since: ReturnType<typeof sql.ref>, attempts: ReturnType<typeof sql.ref>, now: Date) =>
  sql<boolean>`(${since} > ${now}::timestamptz - interval '1 day' and ${since} + ${schedule}[${attempts} + 1] <= ${now}::timestamptz)`

/** Until the end of the transaction. What is chosen after it counts as sent from then on, so that nobody is told twice. */
export async function lockMailTurns(tx: Tx): Promise<void> {
  // A statement of its own: the next one sees what the server before has taken.
  await sql`select pg_advisory_xact_lock(${sql.lit(advisoryLock)})`.execute(tx)
}
