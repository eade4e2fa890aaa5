import type { Database } from '../database/database.ts'
import { AppError, isTemporary } from '../errors.ts'
import { addCorrections, rollUpHour } from './roll-up-queries.ts'

const hoursPerCorrection = 500
const maxTries = 5
/** An hour of millions of runs takes longer than a request may; without it, everything behind it would never be counted. */
const statementTimeoutMs = 60_000

/**
 * Counts every hour that is over into usage_hours, oldest first, then adds corrections to their hours. Any number of
 * servers may do it at once, and each may be killed at any moment: an hour is counted once. Answers how many it counted.
 */
export async function rollUpUsage(database: Database, signal?: AbortSignal): Promise<number> {
  let hours = 0
  while (!signal?.aborted) {
    const hour = await patiently(() =>
      database.asSystem('usage of everybody is counted by the hour', (tx) => rollUpHour(tx), {
        statementTimeoutMs,
      }),
    )
    if (hour === null) break
    hours += 1
  }
  while (!signal?.aborted) {
    const corrected = await patiently(() =>
      database.asSystem(
        'corrections of usage are added to their hours',
        (tx) => addCorrections(tx, hoursPerCorrection),
        { statementTimeoutMs },
      ),
    )
    if (corrected < hoursPerCorrection) break
  }
  return hours
}

/** An agent that is deleted meanwhile, or a deadlock with a deletion, is over at the next try. */
async function patiently<T>(work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await work()
    } catch (error) {
      const code = error instanceof AppError ? error.code : (error as { code?: string }).code
      const isPassing = isTemporary(error) || code === '23503' || code === 'unauthenticated'
      if (!isPassing || tries === maxTries) throw error
    }
  }
}
