import type { z } from 'zod'
import type { ApprovalRow } from './approval-queries.ts'
import type { approvalSchema } from './approval-schemas.ts'

export type Approval = z.output<typeof approvalSchema>

export function toApproval(row: ApprovalRow, inputSchema: unknown): Approval {
  const { log_id, log_timestamp: _, ...approval } = row
  return { ...approval, run_id: log_id, input_schema: row.status === 'pending' ? (inputSchema ?? null) : null }
}
