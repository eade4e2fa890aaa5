import { sql } from 'kysely'
import type { Claims, Database } from '../database/database.ts'
import { endWaitingRun, lockWaitingRun } from './waiting-run-queries.ts'

/** False when the run does not wait any more: somebody was faster. */
export function cancelWaitingRun(database: Database, claims: Claims, logId: string): Promise<boolean> {
  return database.asSystem('an owner cancels a run that waits', async (tx) => {
    const waiting = await lockWaitingRun(tx, logId, claims.sub)
    if (!waiting) return false
    await endWaitingRun(tx, waiting, canceled)
    return true
  })
}

const canceled = { approvals: 'canceled', status: 'cancelled', error_code: 'cancelled' } as const
const expired = { approvals: 'expired', status: 'failed', error_code: 'approval_expired' } as const

const isGone = sql<boolean>`not exists (select from public.user_agents where user_agents.id = waiting_runs.user_agent_id)`
const runsAtOnce = 100

/** Ends the runs for which nobody decided in time, and those whose user agent is gone; answers how many. */
export async function expireWaitingRuns(database: Database): Promise<number> {
  for (let ended = 0; ; ) {
    const count = await database.asSystem('runs that waited too long end', async (tx) => {
      const runs = await tx
        .selectFrom('waiting_runs')
        .select(['log_id', 'log_timestamp', 'user_id'])
        .select(isGone.as('is_gone'))
        .where((where) => where.or([where('expires_at', '<=', sql<Date>`now()`), isGone]))
        .orderBy('expires_at')
        .limit(runsAtOnce)
        // Another server may be at the same work, or its owner about to decide.
        .forUpdate()
        .skipLocked()
        .execute()
      // Of one user after the other, so that two servers at this work cannot wait for each other.
      for (const run of runs.sort((a, b) => a.user_id.localeCompare(b.user_id)))
        await endWaitingRun(tx, run, run.is_gone ? canceled : expired)
      return runs.length
    })
    ended += count
    if (count < runsAtOnce) return ended
  }
}
