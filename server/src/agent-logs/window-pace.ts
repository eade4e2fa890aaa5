import { AppError } from '../errors.ts'
import { type LogSelection, needsWindows, windowRows } from './agent-log-queries.ts'

/** Few, since each of them makes statements to prepare. */
const sizes = [100, 1000, windowRows]
const goalMs = 1500

/** Runs the work on a window of rows; again on a smaller one when it met the time limit of statements. */
export type WindowPace = <T>(work: (rows: number) => Promise<T>) => Promise<T>

/**
 * How many rows a window has: whole documents as input or output take a thousand times as long to look at as a sentence,
 * and nobody knows beforehand which they are. Begins with a thousand; one pace for each search. Without windows there is
 * nothing to make smaller.
 */
export function createWindowPace(filter: LogSelection['filter']): WindowPace {
  if (!needsWindows(filter)) return (work) => work(windowRows)
  let size = 1
  let largest = sizes.length - 1
  return async (work) => {
    for (;;) {
      const rows = sizes[size] ?? windowRows
      const startedAt = performance.now()
      try {
        const result = await work(rows)
        const perRow = (performance.now() - startedAt) / rows
        const fitting = sizes.findLastIndex((rows) => rows * perRow <= goalMs)
        size = Math.min(largest, Math.max(0, fitting))
        return result
      } catch (error) {
        const isTooLong = error instanceof AppError && error.code === 'database_timeout'
        if (!isTooLong || size === 0) throw error
        // Not tried again: a window that had its page full early says nothing about the next one.
        size -= 1
        largest = size
      }
    }
  }
}
