import { sql } from 'kysely'
import type { Tx } from '../database/database.ts'

export interface NewEvent {
  id: string
  type: string
  object_id: string
  customer_id: string | null
  created_at: Date
}

export interface DueEvent {
  id: string
  type: string
  customer_id: string | null
  attempts: number
}

/** False when it is here already. With `leaseSeconds` it is taken at once; null: nothing is to be done about it. */
export async function noteEvent(tx: Tx, event: NewEvent, leaseSeconds: number | null): Promise<boolean> {
  const row = await tx
    .insertInto('stripe_events')
    .values({
      ...event,
      ...(leaseSeconds === null
        ? { handled_at: sql<Date>`now()`, next_attempt_at: null }
        : { attempts: 1, next_attempt_at: secondsFromNow(leaseSeconds) }),
    })
    .onConflict((conflict) => conflict.column('id').doNothing())
    .returning('id')
    .executeTakeFirst()
  return row !== undefined
}

/** Events that are due, taken for one server until the lease ends. The attempt counts from here on. */
export function takeDueEvents(
  tx: Tx,
  { limit, leaseSeconds }: { limit: number; leaseSeconds: number },
): Promise<DueEvent[]> {
  const due = tx
    .selectFrom('stripe_events')
    .select('id')
    .where('next_attempt_at', '<=', sql<Date>`now()`)
    .orderBy('next_attempt_at')
    .limit(limit)
    .forUpdate()
    .skipLocked()
  return (
    tx
      .updateTable('stripe_events')
      .set({ attempts: sql<number>`attempts + 1`, next_attempt_at: secondsFromNow(leaseSeconds) })
      // An array, not IN: the plan for any limit would read the whole table to join them.
      .where('id', '=', sql<string>`any(array(${due}))`)
      .returning(['id', 'type', 'customer_id', 'attempts'])
      .execute()
  )
}

/** For work that takes longer than usual. */
export async function extendLease(
  tx: Tx,
  { id, attempts }: Pick<DueEvent, 'id' | 'attempts'>,
  seconds: number,
): Promise<void> {
  await tx
    .updateTable('stripe_events')
    .set({ next_attempt_at: secondsFromNow(seconds) })
    .where('id', '=', id)
    .where('attempts', '=', attempts)
    .where('handled_at', 'is', null)
    .execute()
}

export async function noteHandled(tx: Tx, id: string): Promise<void> {
  await tx
    .updateTable('stripe_events')
    .set({ handled_at: sql<Date>`now()`, next_attempt_at: null, failure: null })
    .where('id', '=', id)
    .execute()
}

/** Of this attempt alone: a server that comes late changes nothing. `nextInSeconds` null: it is given up. */
export async function noteFailure(
  tx: Tx,
  { id, attempts }: Pick<DueEvent, 'id' | 'attempts'>,
  { failure, nextInSeconds }: { failure: string; nextInSeconds: number | null },
): Promise<void> {
  await tx
    .updateTable('stripe_events')
    .set({ failure, next_attempt_at: nextInSeconds === null ? null : secondsFromNow(nextInSeconds) })
    .where('id', '=', id)
    .where('attempts', '=', attempts)
    .where('handled_at', 'is', null)
    .execute()
}

/** A batch of those that nothing is to be done about any more. Answers how many went. */
export async function deleteOldEvents(tx: Tx, before: Date, limit: number): Promise<number> {
  const old = tx
    .selectFrom('stripe_events')
    .select('id')
    .where('received_at', '<', before)
    .where('next_attempt_at', 'is', null)
    .orderBy('received_at')
    .limit(limit)
  const { numDeletedRows } = await tx
    .deleteFrom('stripe_events')
    .where('id', '=', sql<string>`any(array(${old}))`)
    .executeTakeFirst()
  return Number(numDeletedRows)
}

const secondsFromNow = (seconds: number) => sql<Date>`now() + make_interval(secs => ${seconds})`
