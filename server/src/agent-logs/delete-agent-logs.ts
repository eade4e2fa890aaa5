import type { Claims, Database } from '../database/database.ts'
import { deleteLogBatch, type LogSelection } from './agent-log-queries.ts'
import { continueSpan } from './agent-log-span.ts'
import { createWindowPace } from './window-pace.ts'

// Small enough that no lock is held long and the statement stays far from its time limit.
const batchSize = 1000
const maxBatches = 10

/** Deletes a selection, newest first, in short transactions and at most 10,000 rows a call; runs that still run stay. */
export async function deleteLogs(
  database: Database,
  claims: Claims,
  selection: LogSelection,
): Promise<{ deleted: number; skipped_running: number; has_more: boolean }> {
  const total = { deleted: 0, skipped_running: 0, has_more: true }
  let rest = selection
  const pace = createWindowPace(selection.filter)
  // A batch that finds nothing does not count, or a call that finds nothing in so many would have to be repeated for ever.
  for (let batch = 0; batch < maxBatches && total.has_more; ) {
    const { deleted, running, last } = await pace((rows) =>
      database.withUser(claims, (tx) => deleteLogBatch(tx, { ...rest, rows }, batchSize)),
    )
    total.deleted += deleted
    if (deleted > 0) batch++
    total.skipped_running += running
    total.has_more = last !== null
    if (last) rest = { ...rest, span: continueSpan(rest.span, last, 'desc') }
  }
  return total
}
