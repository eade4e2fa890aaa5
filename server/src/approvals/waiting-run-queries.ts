import { sql } from 'kysely'
import { againIfMoved } from '../agent-logs/again-if-moved.ts'
import { type RunEnd, usedBy } from '../agent-logs/run-log-queries.ts'
import type { Claims, Database, Tx } from '../database/database.ts'
import { AppError } from '../errors.ts'
import { parkReservation, settleRun, settleUnparked, unparkReservation } from '../limits/reservation-queries.ts'
import type { WaitingState } from '../runtime/waiting-state.ts'

/** Of one user. Each holds a whole prompt, and nobody looks through more. */
export const maxWaitingRuns = 100

/**
 * The run waits from here on: row, state and approvals in one transaction, or none of it. As the system, because nobody
 * else may write the state that the server later acts on. A run that has ended already is left as it is. Throws
 * `too_many_approvals` when so many wait that this one must not.
 */
export function saveWaitingRun(
  database: Database,
  claims: Claims,
  end: RunEnd,
  waiting: NonNullable<RunEnd['waiting']>,
): Promise<void> {
  return database.asSystem('a run begins to wait for its owner', async (tx) => {
    // The first try came through and its answer was lost: by now somebody may have decided, and another server be at work.
    if (await hasAsked(tx, waiting.state)) return
    const run = { id: end.id, timestamp: end.timestamp, userId: claims.sub }
    if (!(await updateLog(tx, claims, end, waiting.state))) {
      // Its log is gone, or was given another end: what it used was used all the same.
      await settleUnparked(tx, run, usedBy(end))
      return
    }
    if (await hasTooManyWaiting(tx, claims.sub)) throw new AppError('too_many_approvals')
    await parkReservation(tx, run, usedBy(end))
    const { userAgentId, expiresAt, state } = waiting
    const row = { log_id: end.id, log_timestamp: end.timestamp, user_id: claims.sub, user_agent_id: userAgentId }
    await tx
      .insertInto('waiting_runs')
      .values({ ...row, state: JSON.stringify(state), expires_at: expiresAt })
      .execute()
    await tx
      .insertInto('approvals')
      .values(
        state.approvals.map((approval) => ({
          ...row,
          id: approval.id,
          // It may have been removed while the model was thinking.
          integration_id: sql<
            string | null
          >`(select id from public.integrations where id = ${approval.integration_id}::uuid)`,
          tool_call_id: approval.tool_call_id,
          tool: approval.tool,
          title: approval.title,
          description: approval.description,
          input: JSON.stringify(approval.input),
          reason: approval.reason,
          expires_at: expiresAt,
        })),
      )
      .execute()
  })
}

async function hasAsked(tx: Tx, { approvals }: WaitingState): Promise<boolean> {
  const ids = approvals.map(({ id }) => id)
  return (await tx.selectFrom('approvals').select('id').where('id', 'in', ids).limit(1).execute()).length > 0
}

async function hasTooManyWaiting(tx: Tx, userId: string): Promise<boolean> {
  const { rows } = await sql`
    select from public.waiting_runs where user_id = ${userId} offset ${maxWaitingRuns - 1} limit 1
  `.execute(tx)
  return rows.length > 0
}

async function updateLog(tx: Tx, claims: Claims, end: RunEnd, state: WaitingState): Promise<boolean> {
  const { outcome } = end
  const asked = state.approvals.map(({ id, tool_call_id, tool, title, description, reason }) => ({
    id,
    tool_call_id,
    tool,
    title,
    description,
    reason,
  }))
  // What was asked for in earlier parts of the run stays.
  const metadata = sql<string>`metadata || ${JSON.stringify(end.metadata)}::jsonb || jsonb_build_object('approvals',
    coalesce(metadata->'approvals', '[]') || ${JSON.stringify(asked)}::jsonb)`
  const update = tx
    .updateTable('agent_logs')
    .set({
      status: 'waiting',
      error_code: null,
      output: outcome.output,
      model: end.model,
      input_tokens: outcome.input_tokens,
      output_tokens: outcome.output_tokens,
      cost_usd: end.costUsd === null ? null : String(end.costUsd),
      latency_ms: end.latencyMs,
      metadata,
      has_untrusted: outcome.has_untrusted,
    })
    .where('id', '=', end.id)
    .where('timestamp', '=', end.timestamp)
    .where('user_id', '=', claims.sub)
    .where('status', 'in', ['running', 'interrupted'])
    .returning('id')
  return (await againIfMoved(() => update.executeTakeFirst())) !== undefined
}

export interface WaitingRun {
  log_id: string
  log_timestamp: Date
  user_id: string
  user_agent_id: string
  state: WaitingState
}

/** Locks the run against everybody else who would decide, cancel or end it. Null: it does not wait any more. */
export async function lockWaitingRun(tx: Tx, logId: string, userId: string): Promise<WaitingRun | null> {
  const row = await tx
    .selectFrom('waiting_runs')
    .select(['log_id', 'log_timestamp', 'user_id', 'user_agent_id', 'state'])
    .where('log_id', '=', logId)
    .where('user_id', '=', userId)
    .forUpdate()
    .executeTakeFirst()
  // Written by saveWaitingRun alone.
  return row ? { ...row, state: row.state as unknown as WaitingState } : null
}

/** Whoever gets true goes on with the run, alone. */
export async function takeWaitingRun(tx: Tx, logId: string): Promise<boolean> {
  const { numDeletedRows } = await tx.deleteFrom('waiting_runs').where('log_id', '=', logId).executeTakeFirstOrThrow()
  return numDeletedRows > 0n
}

export interface ContinuedLog {
  conversation_id: string
  input: string
  metadata: unknown
  latency_ms: number | null
}

/** The row is `running` again, on this server, and counts as such. Null when the log was deleted. */
export async function continueLog(
  tx: Tx,
  { log_id, log_timestamp }: WaitingRun,
  nodeId: string,
): Promise<ContinuedLog | null> {
  const update = tx
    .updateTable('agent_logs')
    .set({ status: 'running', node_id: nodeId })
    .where('id', '=', log_id)
    .where('timestamp', '=', log_timestamp)
    .where('status', '=', 'waiting')
    .returning(['conversation_id', 'input', 'metadata', 'latency_ms'])
  const row = await againIfMoved(() => update.executeTakeFirst())
  if (!row) return null
  await unparkReservation(tx, log_id, nodeId)
  return row
}

/** The run ends without going on, because nobody answered or its owner took it back. */
export async function endWaitingRun(
  tx: Tx,
  { log_id, log_timestamp, user_id }: Pick<WaitingRun, 'log_id' | 'log_timestamp' | 'user_id'>,
  end: { approvals: 'expired' | 'canceled'; status: 'failed' | 'cancelled'; error_code: string },
): Promise<void> {
  await takeWaitingRun(tx, log_id)
  await tx
    .updateTable('approvals')
    .set({ status: end.approvals, decided_at: sql`now()` })
    .where('log_id', '=', log_id)
    .where('status', '=', 'pending')
    .execute()
  const update = tx
    .updateTable('agent_logs')
    .set({ status: end.status, error_code: end.error_code })
    .where('id', '=', log_id)
    .where('timestamp', '=', log_timestamp)
    .where('status', '=', 'waiting')
    .returning('id')
  await againIfMoved(() => update.executeTakeFirst())
  await settleRun(tx, { id: log_id, timestamp: log_timestamp, userId: user_id }, { keeps: end.status === 'cancelled' })
}
