import type { Claims, Database } from '../database/database.ts'
import { findWindowEnd, type LogOrder, type LogSelection, listWholeLogs } from './agent-log-queries.ts'
import { type AgentLog, csvColumns } from './agent-log-schemas.ts'
import { continueSpan } from './agent-log-span.ts'
import { formatCsvLine } from './format-csv.ts'
import { createWindowPace } from './window-pace.ts'

export type ExportFormat = 'ndjson' | 'csv'

const pageSize = 500

export interface Export {
  selection: LogSelection
  order: LogOrder
  format: ExportFormat
}

/**
 * The file in pieces, one a page. A page is read when the one before was taken, in a short transaction of its own, so that
 * a slow reader holds neither a connection nor more than a page of memory. Rows begun after the first page are left out
 * when newest come first.
 */
export async function* exportLogs(database: Database, claims: Claims, wanted: Export): AsyncGenerator<string> {
  const { order, format } = wanted
  let { selection } = wanted
  const pace = createWindowPace(selection.filter)
  let head = format === 'csv' ? formatCsvLine(csvColumns) : ''
  while (true) {
    const { logs, last } = await pace((rows) =>
      database.withUser(claims, async (tx) => {
        const window = { ...selection, rows }
        const logs = await listWholeLogs(tx, window, order, pageSize)
        return { logs, last: logs.at(-1) ?? (await findWindowEnd(tx, window, order)) }
      }),
    )
    const piece = head + logs.map(format === 'csv' ? toCsv : toNdjson).join('')
    if (piece !== '') yield piece
    head = ''
    if (!last) return
    selection = { ...selection, span: continueSpan(selection.span, last, order) }
  }
}

function toNdjson(log: AgentLog): string {
  return `${JSON.stringify(log)}\n`
}

function toCsv(log: AgentLog): string {
  return formatCsvLine(csvColumns.map((column) => log[column]))
}
