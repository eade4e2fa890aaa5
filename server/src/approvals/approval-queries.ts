import { sql } from 'kysely'
import type { Tx } from '../database/database.ts'
import type { ApprovalStatus } from './approval-schemas.ts'

export type ApprovalRow = Awaited<ReturnType<typeof listApprovals>>[number]

/** Counting goes no further. */
export const maxTotal = 100

export interface ApprovalFilter {
  status?: ApprovalStatus | undefined
  run_id?: string | undefined
  user_agent_id?: string | undefined
}

const columns = [
  'id',
  'log_id',
  'log_timestamp',
  'user_agent_id',
  'integration_id',
  'tool_call_id',
  'tool',
  'title',
  'description',
  'input',
  'edited_input',
  sql<'writes' | 'after_untrusted'>`reason`.as('reason'),
  sql<ApprovalStatus>`status`.as('status'),
  'comment',
  'created_at',
  'expires_at',
  'decided_at',
] as const

/** By time of creation, with which ids ascend. */
export function listApprovals(
  tx: Tx,
  userId: string,
  filter: ApprovalFilter,
  { order, afterId, limit }: { order: 'asc' | 'desc'; afterId: string | null; limit: number },
) {
  let query = selectMatching(tx, userId, filter).select(columns).orderBy('id', order).limit(limit)
  if (afterId !== null) query = query.where('id', order === 'asc' ? '>' : '<', afterId)
  return query.execute()
}

/** How many there are, up to `maxTotal`. */
export async function countApprovals(tx: Tx, userId: string, filter: ApprovalFilter): Promise<number> {
  const matching = selectMatching(tx, userId, filter).select('id').limit(maxTotal)
  const { total } = await tx
    .selectFrom(matching.as('matching'))
    .select((eb) => eb.cast<number>(eb.fn.countAll(), 'integer').as('total'))
    .executeTakeFirstOrThrow()
  return total
}

function selectMatching(tx: Tx, userId: string, { status, run_id, user_agent_id }: ApprovalFilter) {
  let query = tx.selectFrom('approvals').where('user_id', '=', userId)
  if (status !== undefined) query = query.where('status', '=', status)
  if (run_id !== undefined) query = query.where('log_id', '=', run_id)
  if (user_agent_id !== undefined) query = query.where('user_agent_id', '=', user_agent_id)
  return query
}

/** All of one run of this user, in the order they were asked. */
export function listApprovalsOfRun(tx: Tx, logId: string, userId: string): Promise<ApprovalRow[]> {
  return tx
    .selectFrom('approvals')
    .select(columns)
    .where('log_id', '=', logId)
    .where('user_id', '=', userId)
    .orderBy('id')
    .execute()
}

/** Null also when it is somebody else's. */
export async function findApproval(tx: Tx, id: string, userId: string): Promise<ApprovalRow | null> {
  const row = await tx
    .selectFrom('approvals')
    .select(columns)
    .where('id', '=', id)
    .where('user_id', '=', userId)
    .executeTakeFirst()
  return row ?? null
}

export async function decide(
  tx: Tx,
  id: string,
  decision: { status: 'approved' | 'refused'; editedInput: unknown; comment: string | null },
): Promise<void> {
  const { status, editedInput, comment } = decision
  await tx
    .updateTable('approvals')
    .set({
      status,
      edited_input: editedInput === undefined ? null : JSON.stringify(editedInput),
      comment,
      decided_at: sql`now()`,
    })
    .where('id', '=', id)
    .execute()
}

/** The schemas of what is asked for in runs that wait; only the system may read their state. */
export async function listInputSchemas(tx: Tx, runIds: string[], userId: string): Promise<Map<string, unknown>> {
  const { rows } = await sql<{ id: string; input_schema: unknown }>`
    select approval->>'id' as id, approval->'input_schema' as input_schema
    from public.waiting_runs, json_array_elements(state->'approvals') as approval
    where log_id = any(${runIds}::uuid[]) and user_id = ${userId}
  `.execute(tx)
  return new Map(rows.map((row) => [row.id, row.input_schema]))
}
