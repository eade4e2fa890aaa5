import type { Log } from './log.ts'

/**
 * Closes what has been opened, the last first. One that fails does not keep the rest open: PostgreSQL must stop even when
 * a last word could not be written to it. Throws the first failure at the end; a second call finds nothing left to do.
 */
export async function closeInReverse(closers: (() => Promise<unknown>)[], log: Log): Promise<void> {
  const failures: unknown[] = []
  for (let close = closers.pop(); close; close = closers.pop()) {
    try {
      await close()
    } catch (error) {
      log.error({ err: error }, 'something could not be closed')
      failures.push(error)
    }
  }
  if (failures.length > 0) throw failures[0]
}
