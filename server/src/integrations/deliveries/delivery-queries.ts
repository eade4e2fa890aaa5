import { sql } from 'kysely'
import type { Tx } from '../../database/database.ts'
import { createId, lowestIdOf } from '../../database/uuid-v7.ts'

const shown = [
  'id',
  'event',
  'payload',
  'log_id',
  'status',
  'attempts',
  'next_attempt_at',
  'response_status',
  'failure',
  'created_at',
  'delivered_at',
] as const

export interface NewDelivery {
  integration_id: string
  user_id: string
  log_id: string | null
  event: string
  payload: string
}

/** Answers the ids of the messages, in the same order. */
export async function queueDeliveries(tx: Tx, deliveries: readonly NewDelivery[]): Promise<string[]> {
  const rows = deliveries.map((delivery) => ({ id: createId(), ...delivery }))
  if (rows.length > 0) await tx.insertInto('webhook_deliveries').values(rows).execute()
  return rows.map(({ id }) => id)
}

/** Newest first; ids ascend with the time. */
export function listDeliveries(
  tx: Tx,
  { integrationId, afterId, limit }: { integrationId: string; afterId: string | null; limit: number },
) {
  let query = tx
    .selectFrom('webhook_deliveries')
    .select(shown)
    .where('integration_id', '=', integrationId)
    .orderBy('id', 'desc')
    .limit(limit)
  if (afterId) query = query.where('id', '<', afterId)
  return query.execute()
}

/** Begins from the first attempt again. Null when there is none; `pending` rows are left as they are. */
export async function requeueDelivery(tx: Tx, { id, integrationId }: { id: string; integrationId: string }) {
  const found = await tx
    .selectFrom('webhook_deliveries')
    .select(shown)
    .where('id', '=', id)
    .where('integration_id', '=', integrationId)
    .forUpdate()
    .executeTakeFirst()
  if (!found) return null
  if (found.status === 'pending') return { isRequeued: false, row: found }
  const row = await tx
    .updateTable('webhook_deliveries')
    .set({ status: 'pending', attempts: 0, next_attempt_at: sql<Date>`now()` })
    .where('id', '=', id)
    .returning(shown)
    .executeTakeFirstOrThrow()
  return { isRequeued: true, row }
}

/**
 * Messages that are due, taken for one server until the lease ends: one that dies in the middle leaves them to the next.
 * The attempt counts from here on.
 */
export async function takeDueDeliveries(tx: Tx, { limit, leaseSeconds }: { limit: number; leaseSeconds: number }) {
  const due = tx
    .selectFrom('webhook_deliveries')
    .select('id')
    // No value: only so does PostgreSQL see in every plan that the partial index has all of them.
    .where(sql<boolean>`status = 'pending'`)
    .where('next_attempt_at', '<=', sql<Date>`now()`)
    .orderBy('next_attempt_at')
    .limit(limit)
    .forUpdate()
    .skipLocked()
  return await tx
    .updateTable('webhook_deliveries')
    .set({
      // Bounded: one number that overflows would stop the messages of all.
      attempts: sql<number>`least(attempts, 1000) + 1`,
      next_attempt_at: sql<Date>`now() + make_interval(secs => ${leaseSeconds})`,
    })
    // An array, not IN: the plan for any limit would read the whole table to join them.
    .where('id', '=', sql<string>`any(array(${due}))`)
    .returning(['id', 'integration_id', 'user_id', 'payload', 'attempts'])
    .execute()
}

export type DueDelivery = Awaited<ReturnType<typeof takeDueDeliveries>>[number]

export interface DeliveryOutcome {
  status: 'pending' | 'delivered' | 'failed'
  response_status: number | null
  failure: string | null
  /** Null: never again by itself. */
  nextInSeconds: number | null
}

/** Of this attempt alone: a server that comes late changes nothing. */
export async function noteAttempt(
  tx: Tx,
  { id, attempts }: { id: string; attempts: number },
  { status, response_status, failure, nextInSeconds }: DeliveryOutcome,
): Promise<void> {
  await tx
    .updateTable('webhook_deliveries')
    .set({
      status,
      response_status,
      failure,
      next_attempt_at: nextInSeconds === null ? null : sql<Date>`now() + make_interval(secs => ${nextInSeconds})`,
      ...(status === 'delivered' && { delivered_at: sql<Date>`now()` }),
    })
    .where('id', '=', id)
    .where('attempts', '=', attempts)
    .where('status', '=', 'pending')
    .execute()
}

/** Of messages that arrived or were given up, a batch of those from before this time. Answers how many went. */
export async function deleteOldDeliveries(tx: Tx, before: Date, limit: number): Promise<number> {
  const old = tx
    .selectFrom('webhook_deliveries')
    .select('id')
    .where('id', '<', lowestIdOf(before))
    .where('status', '<>', 'pending')
    .orderBy('id')
    .limit(limit)
  const { numDeletedRows } = await tx
    .deleteFrom('webhook_deliveries')
    .where('id', '=', sql<string>`any(array(${old}))`)
    .executeTakeFirst()
  return Number(numDeletedRows)
}

/** Its server wants no more messages: what is left is given up. */
export async function giveUpDeliveries(tx: Tx, integrationId: string, failure: string): Promise<void> {
  await tx
    .updateTable('webhook_deliveries')
    .set({ status: 'failed', next_attempt_at: null, failure })
    .where('integration_id', '=', integrationId)
    .where('status', '=', 'pending')
    .execute()
}
