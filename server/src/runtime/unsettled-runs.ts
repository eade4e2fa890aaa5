import type { RunEnd } from '../agent-logs/run-log-queries.ts'
import type { Claims, Database } from '../database/database.ts'
import { AppError, isTemporary } from '../errors.ts'
import type { Log } from '../log.ts'
import { failWaiting, writeRunEnd } from './save-run-end.ts'

/** Ends of runs that could not be written when they were due, because the database was away. */
export interface UnsettledRuns {
  /** Writes this end when there is such a row that has none, not before `delayMs` are over. */
  add(claims: Claims, end: RunEnd, delayMs?: number): void
  /** Writes what is due; what cannot be written now stays. Never throws. */
  settle(): Promise<void>
  /** The same without waiting for delays, for a server that is about to stop. */
  settleAll(): Promise<void>
  readonly count: number
}

interface Unsettled {
  claims: Claims
  end: RunEnd
  dueAt: number
}

// Each holds a whole answer. Those that do not fit end as interrupted when this server stops.
const maxUnsettled = 5000

export function createUnsettledRuns(services: {
  database: Database
  log: Log
  activeRuns: { has(runId: string): boolean }
}): UnsettledRuns {
  const { database, log, activeRuns } = services
  const unsettled = new Map<string, Unsettled>()

  async function settleDue(now: number): Promise<void> {
    for (const [id, { claims, end, dueAt }] of unsettled) {
      if (dueAt > now) continue
      try {
        // With an Idempotency-Key the same run may have begun anew; then it has an end of its own to come.
        if (!activeRuns.has(id)) await writeRunEnd(database, claims, end)
      } catch (error) {
        if (isTemporary(error)) return
        log.error({ err: error, run_id: id }, 'the end of a run could not be written')
        if (end.waiting) {
          // Nobody may wait for it: the next time it is written as failed.
          const code = error instanceof AppError ? error.code : 'internal_error'
          unsettled.set(id, { claims, end: failWaiting(end, code), dueAt })
          continue
        }
      }
      unsettled.delete(id)
    }
  }

  return {
    add(claims, end, delayMs = 0) {
      if (unsettled.size >= maxUnsettled) {
        log.error({ run_id: end.id }, 'too many ends of runs wait for the database')
        return
      }
      unsettled.set(end.id, { claims, end, dueAt: performance.now() + delayMs })
    },
    settle: () => settleDue(performance.now()),
    settleAll: () => settleDue(Number.POSITIVE_INFINITY),
    get count() {
      return unsettled.size
    },
  }
}
