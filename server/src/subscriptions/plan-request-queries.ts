import type { Tx } from '../database/database.ts'
import { createId } from '../database/uuid-v7.ts'
import { AppError } from '../errors.ts'
import type { BillingInterval, Keep } from './subscription-schemas.ts'

export type PlanRequestStatus = 'open' | 'accepted' | 'refused' | 'withdrawn'

const columns = [
  'plan_requests.id',
  'plan_requests.user_id',
  'plan_requests.plan_id',
  'plans.name as plan_name',
  'plan_requests.billing_interval',
  'plan_requests.message',
  'plan_requests.status',
  'plan_requests.answer',
  'plan_requests.created_at',
  'plan_requests.decided_at',
] as const

const selectRequests = (tx: Tx) =>
  tx.selectFrom('plan_requests').innerJoin('plans', 'plans.id', 'plan_requests.plan_id').select(columns)

interface NewPlanRequest {
  userId: string
  planId: string
  billingInterval: BillingInterval | null
  message: string | null
  keep: Keep | null
}

/** One at a time a user: throws `plan_request_open`. */
export async function createPlanRequest(tx: Tx, { userId, planId, billingInterval, message, keep }: NewPlanRequest) {
  const id = createId()
  const { numInsertedOrUpdatedRows } = await tx
    .insertInto('plan_requests')
    .values({
      id,
      user_id: userId,
      plan_id: planId,
      billing_interval: billingInterval,
      message,
      keep: keep && JSON.stringify(keep),
    })
    .onConflict((conflict) => conflict.column('user_id').where('status', '=', 'open').doNothing())
    .executeTakeFirst()
  if (Number(numInsertedOrUpdatedRows) === 0) throw new AppError('plan_request_open')
  return asRequest(await selectRequests(tx).where('plan_requests.id', '=', id).executeTakeFirstOrThrow())
}

/** The newest one that was not withdrawn. */
export async function findLatestRequest(tx: Tx, userId: string) {
  const row = await selectRequests(tx)
    .where('plan_requests.user_id', '=', userId)
    .where('plan_requests.status', '<>', 'withdrawn')
    .orderBy('plan_requests.id', 'desc')
    .limit(1)
    .executeTakeFirst()
  return row ? asRequest(row) : null
}

/** Locked until the transaction ends. Throws `not_found`, and `conflict` when it is decided or withdrawn. */
export async function getOpenRequest(tx: Tx, id: string) {
  const row = await tx
    .selectFrom('plan_requests')
    .select(['id', 'user_id', 'plan_id', 'billing_interval', 'keep', 'status'])
    .where('id', '=', id)
    .forUpdate()
    .executeTakeFirst()
  if (!row) throw new AppError('not_found')
  if (row.status !== 'open')
    throw new AppError('conflict', { detail: 'This request was decided or withdrawn in the meantime.' })
  // Both columns are written by createPlanRequest alone.
  return { ...row, billing_interval: row.billing_interval as BillingInterval | null, keep: row.keep as Keep | null }
}

export async function decideRequest(
  tx: Tx,
  id: string,
  { status, answer, adminId }: { status: 'accepted' | 'refused'; answer: string; adminId: string },
): Promise<void> {
  await tx
    .updateTable('plan_requests')
    .set({ status, answer: answer || null, decided_by: adminId, decided_at: new Date() })
    .where('id', '=', id)
    .execute()
}

/** False when the user has no such open request. */
export async function withdrawRequest(tx: Tx, userId: string, id: string): Promise<boolean> {
  const { numUpdatedRows } = await tx
    .updateTable('plan_requests')
    .set({ status: 'withdrawn' })
    .where('id', '=', id)
    .where('user_id', '=', userId)
    .where('status', '=', 'open')
    .executeTakeFirst()
  return numUpdatedRows > 0n
}

interface RequestPage {
  status: PlanRequestStatus | undefined
  afterId: string | undefined
  limit: number
}

/** Newest first, with whose it is. */
export async function listRequests(tx: Tx, { status, afterId, limit }: RequestPage) {
  let statement = selectWithUser(tx).orderBy('plan_requests.id', 'desc').limit(limit)
  if (status !== undefined) statement = statement.where('plan_requests.status', '=', status)
  if (afterId !== undefined) statement = statement.where('plan_requests.id', '<', afterId)
  return (await statement.execute()).map(withUser)
}

export async function getRequestForAdmin(tx: Tx, id: string) {
  return withUser(await selectWithUser(tx).where('plan_requests.id', '=', id).executeTakeFirstOrThrow())
}

const selectWithUser = (tx: Tx) =>
  selectRequests(tx)
    .innerJoin('users', 'users.id', 'plan_requests.user_id')
    .select(['users.email', 'users.first_name', 'users.last_name'])

type RequestRow = Awaited<ReturnType<ReturnType<typeof selectRequests>['executeTakeFirstOrThrow']>>
type RequestRowWithUser = Awaited<ReturnType<ReturnType<typeof selectWithUser>['executeTakeFirstOrThrow']>>

// Both columns are text with a CHECK.
function asRequest<Row extends RequestRow>(row: Row) {
  return {
    ...row,
    status: row.status as PlanRequestStatus,
    billing_interval: row.billing_interval as BillingInterval | null,
  }
}

function withUser({ email, first_name, last_name, ...row }: RequestRowWithUser) {
  return { ...asRequest(row), user: { id: row.user_id, email, first_name, last_name } }
}
