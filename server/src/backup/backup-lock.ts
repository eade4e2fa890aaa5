import pg from 'pg'
import { BackupError } from './backup-error.ts'

/** Number of the advisory lock that one backup at a time holds, whichever server or command makes it. */
const advisoryLock = 72707371

/** Throws when another backup of this database is being made. A killed process gives the lock back by itself. */
export async function withBackupLock<T>(ownerUrl: string, work: () => Promise<T>): Promise<T> {
  const client = new pg.Client({
    connectionString: ownerUrl,
    application_name: 'agentexpress backup lock',
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
  })
  client.on('error', () => {})
  await client.connect()
  try {
    const { rows } = await client.query<{ is_free: boolean }>('select pg_try_advisory_lock($1) as is_free', [
      advisoryLock,
    ])
    if (!rows[0]?.is_free) throw new BackupError('Another backup of this database is being made at this moment.')
    return await work()
  } finally {
    await client.end().catch(() => {})
  }
}
