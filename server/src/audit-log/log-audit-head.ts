import { sql } from 'kysely'
import type { Database } from '../database/database.ts'
import type { Log } from '../log.ts'
import { findAuditHead } from './audit-log-queries.ts'

/**
 * Writes the hash of the newest entry into the program's log, once a day by whichever server comes first: whoever keeps
 * that log elsewhere can show later that no end was cut off. Answers whether it did.
 */
export async function logAuditHead(database: Database, log: Log): Promise<boolean> {
  const head = await database.asSystem('the head of the audit log goes into the log once a day', async (tx) => {
    const found = await findAuditHead(tx)
    if (!found) return null
    const { rows } = await sql`
      insert into installation (name, value) values ('audit_head_logged', to_jsonb((now() at time zone 'UTC')::date))
      on conflict (name) do update set value = excluded.value where installation.value is distinct from excluded.value
      returning name`.execute(tx)
    return rows.length > 0 ? found : null
  })
  if (head) log.info({ entries: head.id, head_hash: head.hash }, 'head of the audit log')
  return head !== null
}
