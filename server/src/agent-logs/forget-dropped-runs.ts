import { sql } from 'kysely'
import type { Database, Tx } from '../database/database.ts'
import { lowestIdOf } from '../database/uuid-v7.ts'
import type { LogRange } from './retention-queries.ts'

/** What a trigger deletes with a log; it knows nothing of partitions that are dropped. */
const tables = ['approvals', 'waiting_runs', 'webhook_deliveries'] as const
const runsPerBatch = 1000
const reason = 'what was said in runs whose month was dropped is forgotten as well, whoever they belonged to'

/**
 * Forgets what belongs to runs of months that have no partition, unless their log lies in the default one. To be called
 * whether or not a month was dropped just now: the last time may have been killed between the drop and this.
 */
export async function forgetDroppedRuns(
  database: Database,
  partitions: LogRange[],
  signal?: AbortSignal,
): Promise<number> {
  let forgotten = 0
  for (const gap of findGaps(partitions)) {
    for (const table of tables) {
      for (let rows = 1; rows > 0 && !signal?.aborted; ) {
        rows = await database.asSystem(reason, (tx) => forgetBatch(tx, table, gap))
        forgotten += rows
      }
    }
  }
  return forgotten
}

/** Before the first month and between months, with the times that ids can name. */
function findGaps(partitions: LogRange[]): LogRange[] {
  const gaps: LogRange[] = []
  let to = new Date(0)
  for (const month of partitions.toSorted((a, b) => a.from.getTime() - b.from.getTime())) {
    if (month.from > to) gaps.push({ from: to, to: month.from })
    if (month.to > to) to = month.to
  }
  return gaps
}

/** By the id of the run, which is indexed in each of them and names its time. */
async function forgetBatch(tx: Tx, table: (typeof tables)[number], { from, to }: LogRange): Promise<number> {
  const name = sql.table(table)
  // Waits for a partition that is being made, and lets none be made before the end: a statement that is planned while logs
  // move from the default partition finds them in neither, and would take them for dropped.
  await sql`lock table agent_logs in access share mode`.execute(tx)
  const { numAffectedRows } = await sql`
    delete from ${name} where log_id = any(array(
      select log_id from ${name} left_over
      where log_id >= ${lowestIdOf(from)}::uuid and log_id < ${lowestIdOf(to)}::uuid
        and not exists (select from agent_logs where agent_logs.id = left_over.log_id)
      order by log_id limit ${sql.lit(runsPerBatch)}))`.execute(tx)
  return Number(numAffectedRows ?? 0)
}
