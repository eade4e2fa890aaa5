import type { Claims, Database } from '../database/database.ts'
import { decodeCursor, toPage } from '../http/pagination.ts'
import { listEventActors, listSubscriptionEvents } from './subscription-queries.ts'
import type { SubscriptionEventType, SubscriptionStatus } from './transitions.ts'

type EventRow = Awaited<ReturnType<typeof listSubscriptionEvents>>[number]

/** The history of somebody's subscriptions, newest first, as far as the claims may see it. */
export async function listEvents(
  database: Database,
  claims: Claims,
  userId: string,
  { limit, cursor }: { limit: number; cursor?: string | undefined },
) {
  const afterId = cursor === undefined ? undefined : decodeCursor(cursor).id
  const rows = await database.withUser(claims, (tx) => listSubscriptionEvents(tx, userId, afterId, limit + 1))
  const page = toPage(rows, limit, ({ created_at, id }) => ({ timestamp: created_at, id }))
  const actors = await database.asSystem('a history says that an admin did it, not which one', (tx) =>
    listEventActors(
      tx,
      page.data.map(({ id }) => id),
    ),
  )
  return { ...page, data: page.data.map((row) => ({ ...toEvent(row), by: actors.get(row.id) ?? ('server' as const) })) }
}

function toEvent(row: EventRow) {
  return {
    ...row,
    // Written by apply-subscription.ts alone.
    type: row.type as SubscriptionEventType,
    from_status: row.from_status as SubscriptionStatus | null,
    to_status: row.to_status as SubscriptionStatus,
    detail: row.detail as Record<string, unknown>,
  }
}
