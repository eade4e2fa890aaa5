import { sql } from 'kysely'
import type { Tx } from './database.ts'

/**
 * Reads a page in the order of an index; both statements leave at once. The planner does not know whom
 * `auth.uid()` names and takes everybody for average: where the average user has few rows, it would collect and sort all
 * of them, which takes seconds for the one who has a million. So it is told not to sort. One plan serves all values, for it
 * leaves out partitions when it starts, and planning over many of them costs more than reading a page.
 */
export async function readInOrder<Row>(tx: Tx, page: { execute(): Promise<Row[]> }): Promise<Row[]> {
  const settings = sql`select set_config('enable_sort', 'off', true), set_config('enable_bitmapscan', 'off', true),
    set_config('plan_cache_mode', 'force_generic_plan', true)`
  const [, rows] = await Promise.all([settings.execute(tx), page.execute()])
  return rows
}
