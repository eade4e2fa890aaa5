import { setTimeout as sleep } from 'node:timers/promises'
import { finishRun, type RunEnd, stopRun } from '../agent-logs/run-log-queries.ts'
import { saveWaitingRun } from '../approvals/waiting-run-queries.ts'
import type { Claims, Database } from '../database/database.ts'
import { AppError, type ErrorCode, isTemporary } from '../errors.ts'
import { toCount } from './compute-cost.ts'
import type { EndedRun, RunServices } from './run-agent.ts'

/** Writes that a run has ended, or that it waits; a run that has ended already is left as it is. */
export function writeRunEnd(database: Database, claims: Claims, end: RunEnd): Promise<void> {
  if (end.waiting) return saveWaitingRun(database, claims, end, end.waiting)
  const { stoppedOn } = end
  return stoppedOn ? stopRun(database, claims, { ...end, stoppedOn }) : finishRun(database, claims, end)
}

/**
 * The answer has been paid for: when the database is away it is tried again until it is back. Answers what was written,
 * which is a failure when the run was to wait and that could not be kept.
 */
export async function saveRunEnd(
  services: RunServices,
  claims: Claims,
  ended: EndedRun,
  end: RunEnd,
): Promise<EndedRun> {
  const { database, log, unsettledRuns } = services
  let present = { ended, end }
  const deadline = performance.now() + 60_000
  for (let waitMs = 100; ; waitMs = Math.min(2000, waitMs * 2)) {
    try {
      await writeRunEnd(database, claims, present.end)
      return present.ended
    } catch (error) {
      const isAway = isTemporary(error)
      if (isAway && performance.now() < deadline) {
        await sleep(waitMs)
        continue
      }
      if (error instanceof AppError && error.code === 'too_many_approvals') {
        present = failInstead(present, error.code, present.end.metadata)
        continue
      }
      log.error({ err: error, run_id: end.id }, 'the end of a run could not be written')
      if (isAway || 'is_reduced' in present.end.metadata) {
        unsettledRuns.add(claims, present.end)
        throw error
      }
      // A step that PostgreSQL cannot keep must not cost the answer.
      present = failInstead(present, 'internal_error', { is_reduced: true })
    }
  }
}

/** With this metadata; what was to wait ends as failed. */
function failInstead(
  { ended, end }: { ended: EndedRun; end: RunEnd },
  error_code: ErrorCode,
  metadata: RunEnd['metadata'],
): { ended: EndedRun; end: RunEnd } {
  if (!end.waiting) return { ended, end: { ...end, metadata } }
  const failed = failWaiting({ ...end, metadata }, error_code)
  return { ended: { ...ended, outcome: failed.outcome }, end: failed }
}

/** The end of a run that was to wait and may not, or cannot. */
export function failWaiting({ waiting: _, ...end }: RunEnd, error_code: ErrorCode): RunEnd {
  const { waiting: __, ...outcome } = end.outcome
  return { ...end, outcome: { ...outcome, status: 'failed', error_code } }
}

export function describeRunEnd(
  run: { id: string; timestamp: Date; userAgentId: string },
  { outcome, model, costUsd, used, latencyMs, expiresAt }: EndedRun,
): RunEnd {
  const { steps, citations, error_detail, finish_reason, is_sanitised, waiting } = outcome
  return {
    id: run.id,
    timestamp: run.timestamp,
    outcome: {
      ...outcome,
      input_tokens: toCount(outcome.input_tokens),
      output_tokens: toCount(outcome.output_tokens),
    },
    model: model.id,
    costUsd,
    ...(used && { used }),
    latencyMs,
    metadata: {
      steps,
      citations,
      finish_reason,
      ...(error_detail === null ? {} : { error_detail }),
      ...(is_sanitised ? { is_sanitised } : {}),
      ...(model.isBuiltIn ? { is_built_in_model: true } : {}),
    },
    ...(waiting && { waiting: { userAgentId: run.userAgentId, expiresAt, state: waiting } }),
  }
}
