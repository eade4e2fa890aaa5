import { sql } from 'kysely'
import type { Tx } from '../database/database.ts'
import type { AuditAction } from './audit-actions.ts'

export interface AuditEntry {
  /** Id of the admin; null: the server itself, or a command of the operator. */
  actor: string | null
  action: AuditAction
  target: { type: string; id: string }
  /** What changed. Ids and values only: no secrets, no e-mail addresses, for an entry is never taken out again. */
  detail?: Record<string, unknown>
}

/**
 * Adds an entry to the audit log in the transaction that does what is recorded: both are there, or neither. Call it last:
 * until the transaction ends, nobody else can record anything.
 */
export async function recordAudit(tx: Tx, { actor, action, target, detail = {} }: AuditEntry): Promise<void> {
  await sql`select app.record_audit(${actor}::uuid, ${action}, ${target.type}, ${target.id}, ${JSON.stringify(detail)}::jsonb)`.execute(
    tx,
  )
}
