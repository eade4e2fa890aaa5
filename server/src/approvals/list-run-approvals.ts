import type { Claims, Database } from '../database/database.ts'
import { type ApprovalRow, listApprovalsOfRun, listInputSchemas } from './approval-queries.ts'
import { type Approval, toApproval } from './to-approval.ts'

/** All that was asked for in one run, in that order. */
export async function listRunApprovals(database: Database, claims: Claims, runId: string): Promise<Approval[]> {
  const rows = await database.withUser(claims, (tx) => listApprovalsOfRun(tx, runId, claims.sub))
  return withInputSchemas(database, claims, rows)
}

/** Rows of this user as the API shows them. */
export async function withInputSchemas(database: Database, claims: Claims, rows: ApprovalRow[]): Promise<Approval[]> {
  const waiting = [...new Set(rows.filter(({ status }) => status === 'pending').map(({ log_id }) => log_id))]
  if (waiting.length === 0) return rows.map((row) => toApproval(row, null))
  const schemas = await database.asSystem('an owner sees which input a tool takes', (tx) =>
    listInputSchemas(tx, waiting, claims.sub),
  )
  return rows.map((row) => toApproval(row, schemas.get(row.id)))
}
