import { sql } from 'kysely'
import type { Claims, Tx } from '../database/database.ts'
import { isAnswerLost } from '../database/database-errors.ts'
import { AppError } from '../errors.ts'
import { allowContinuedRun } from '../limits/allow-continued-run.ts'
import type { RunAllowance } from '../limits/run-limit.ts'
import type { RunSlot } from '../runtime/active-runs.ts'
import { describeFailure, longestStatementMs } from '../runtime/load-run.ts'
import type { RunServices } from '../runtime/run-agent.ts'
import type { ApprovalDecision } from '../runtime/run-types.ts'
import { type ApprovalRow, decide, findApproval, listApprovalsOfRun } from './approval-queries.ts'
import { checkEditedInput } from './check-edited-input.ts'
import {
  type ContinuedLog,
  continueLog,
  lockWaitingRun,
  takeWaitingRun,
  type WaitingRun,
} from './waiting-run-queries.ts'

export interface Decision {
  id: string
  decision: 'approve' | 'refuse'
  /** Undefined: as it is. */
  input?: unknown
  comment: string | null
}

/** A run that is this server's to go on with, and nobody else's. */
export interface ClaimedRun {
  waited: WaitingRun
  log: ContinuedLog
  decisions: ApprovalDecision[]
  slot: RunSlot
  /** As the limits are now; the run's unit was taken when it began. */
  allowance: RunAllowance
}

/** `open`: other approvals of the run are still to be decided. */
export type Decided = { kind: 'open'; approval: ApprovalRow } | { kind: 'claimed'; run: ClaimedRun }

/**
 * Writes a decision down; the last one of a run claims the run in the same transaction, so that of any number of servers
 * and of requests one goes on with it. Throws without having decided anything.
 */
export async function decideApproval(services: RunServices, claims: Claims, decision: Decision): Promise<Decided> {
  const claimed: { slot?: RunSlot; run?: WaitingRun } = {}
  try {
    return await services.database.asSystem('an owner decides what an agent may do', async (tx): Promise<Decided> => {
      // Of a first time that ended in a deadlock.
      claimed.slot?.end()
      const approval = await decideOne(tx, claims, decision)
      const all = await listApprovalsOfRun(tx, approval.row.log_id, claims.sub)
      const decided = all.find(({ id }) => id === decision.id)
      if (decided && all.some(({ status }) => status === 'pending')) return { kind: 'open', approval: decided }
      const { waited } = approval
      claimed.slot = services.activeRuns.begin(waited.log_id, claims.sub)
      claimed.run = waited
      await takeWaitingRun(tx, waited.log_id)
      const log = await continueLog(tx, waited, services.nodeId)
      if (!log) throw new AppError('not_found')
      const model = services.models.find(waited.state.model) ?? services.models.default
      const allowance = await allowContinuedRun(tx, waited, { isBuiltInModel: model.isBuiltIn })
      const decisions = all.map(toDecision)
      return { kind: 'claimed', run: { waited, log, decisions, slot: claimed.slot, allowance } }
    })
  } catch (error) {
    claimed.slot?.end()
    // The connection may have been lost between the commit and its answer: then nobody works on the run.
    if (claimed.run && isAnswerLost(error)) {
      const run = { id: claimed.run.log_id, timestamp: claimed.run.log_timestamp }
      services.unsettledRuns.add(claims, describeFailure(services, run, 'interrupted'), longestStatementMs)
    }
    throw error
  }
}

async function decideOne(
  tx: Tx,
  claims: Claims,
  { id, decision, input, comment }: Decision,
): Promise<{ row: ApprovalRow; waited: WaitingRun }> {
  const known = await findApproval(tx, id, claims.sub)
  if (!known) throw new AppError('not_found')
  if (await isSuspended(tx, claims.sub)) throw new AppError('account_suspended')
  const waited = await lockWaitingRun(tx, known.log_id, claims.sub)
  // Before the lock another request may have been at work on the same run.
  const row = (await findApproval(tx, id, claims.sub)) ?? known
  if (row.status === 'expired') throw new AppError('approval_expired')
  const asked = waited?.state.approvals.find((approval) => approval.id === id)
  if (row.status !== 'pending' || !waited || !asked) throw new AppError('approval_already_decided')
  if (await isOver(tx, id)) throw new AppError('approval_expired')
  if (input !== undefined) checkEditedInput(input, asked.input_schema)
  const status = decision === 'approve' ? 'approved' : 'refused'
  await decide(tx, id, { status, editedInput: input, comment })
  return { row, waited }
}

/** Looked up anew: a credential may count for some seconds more, which is too long for what is done outside. */
async function isSuspended(tx: Tx, userId: string): Promise<boolean> {
  const row = await tx.selectFrom('users').select('suspended_at').where('id', '=', userId).executeTakeFirst()
  return row?.suspended_at !== null
}

/** By the clock of the database, which is the same for all servers. */
async function isOver(tx: Tx, id: string): Promise<boolean> {
  const row = await tx
    .selectFrom('approvals')
    .select(sql<boolean>`expires_at <= now()`.as('is_over'))
    .where('id', '=', id)
    .executeTakeFirst()
  return row?.is_over !== false
}

function toDecision({ id, tool_call_id, status, comment, edited_input }: ApprovalRow): ApprovalDecision {
  return {
    id,
    tool_call_id,
    decision: status === 'approved' ? 'approve' : 'refuse',
    comment,
    ...(edited_input !== null && { edited_input }),
  }
}
