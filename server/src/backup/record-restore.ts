import pg from 'pg'
import type { BackupHeader } from './backup-format.ts'

/** The chain of the audit log goes on from where the backup ended; its next entry says that it was restored. */
export async function recordRestore(
  ownerUrl: string,
  { name, created_at }: Pick<BackupHeader, 'name' | 'created_at'>,
): Promise<void> {
  const client = new pg.Client({ connectionString: ownerUrl, connectionTimeoutMillis: 10_000 })
  client.on('error', () => {})
  await client.connect()
  try {
    await client.query('begin')
    // What transactions of the server say of themselves: this one is the operator's.
    await client.query(`select set_config('request.account_checked', 'true', true)`)
    await client.query(`select app.record_audit(null, 'backup.restore', 'backup', $1, $2)`, [name, { created_at }])
    await client.query('commit')
  } finally {
    await client.end().catch(() => {})
  }
}
