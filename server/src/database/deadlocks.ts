import pg from 'pg'

/** Twice in a row is bad luck beside a migration that locks table after table; more often, something else is wrong. */
const mostAttempts = 3
/** After this time nobody waits for another one. */
const longestMs = 5000

/** SQLSTATE deadlock_detected. */
export function isDeadlock(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.code === '40P01'
}

/**
 * Runs `work` anew when PostgreSQL ended a deadlock at its cost: whose wait is a second old first, and beside a migration
 * that is as often the server as the migration, which has no right to change that on a managed database. `work` is a whole
 * transaction, of which nothing was kept then; the other one has what it waited for, so there is no need to pause.
 */
export async function againAfterDeadlock<T>(work: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + longestMs
  for (let attempt = 1; ; attempt++) {
    try {
      return await work()
    } catch (error) {
      if (!isDeadlock(error) || attempt === mostAttempts || performance.now() > deadline) throw error
    }
  }
}
