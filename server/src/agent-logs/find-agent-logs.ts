import type { Claims, Database } from '../database/database.ts'
import type { Cursor } from '../http/pagination.ts'
import { findWindowEnd, type LogOrder, type LogSelection, listLogs, needsWindows } from './agent-log-queries.ts'
import type { AgentLogSummary } from './agent-log-schemas.ts'
import { continueSpan, splitByAge } from './agent-log-span.ts'
import { createWindowPace } from './window-pace.ts'

/** After this time no further window is begun, so that somebody with millions of logs sees how far it has come. */
const searchMs = 1000

/**
 * A page of logs, gathered from as many windows as it takes, each in a short transaction of its own. `searchedTo` is the
 * last row looked at when time was up before the page was full; null when it is full or everything was looked at.
 */
export async function findLogs(
  database: Database,
  claims: Claims,
  { filter, span }: LogSelection,
  order: LogOrder,
  limit: number,
): Promise<{ logs: AgentLogSummary[]; searchedTo: Cursor | null }> {
  if (!needsWindows(filter)) {
    return { logs: await listByAge(database, claims, { filter, span }, order, limit), searchedTo: null }
  }
  const logs: AgentLogSummary[] = []
  const deadline = performance.now() + searchMs
  const pace = createWindowPace(filter)
  for (let rest = span; ; ) {
    const { found, end } = await pace((rows) =>
      database.withUser(claims, async (tx) => {
        const window = { filter, span: rest, rows }
        const found = await listLogs(tx, window, order, limit - logs.length)
        return { found, end: logs.length + found.length < limit ? await findWindowEnd(tx, window, order) : null }
      }),
    )
    logs.push(...found)
    if (!end) return { logs, searchedTo: null }
    if (performance.now() > deadline) return { logs, searchedTo: end }
    rest = continueSpan(rest, end, order)
  }
}

function listByAge(
  database: Database,
  claims: Claims,
  { filter, span }: LogSelection,
  order: LogOrder,
  limit: number,
): Promise<AgentLogSummary[]> {
  return database.withUser(claims, async (tx) => {
    const logs: AgentLogSummary[] = []
    for (const part of order === 'desc' ? splitByAge(span) : [span]) {
      if (logs.length < limit) logs.push(...(await listLogs(tx, { filter, span: part }, order, limit - logs.length)))
    }
    return logs
  })
}
