import pg from 'pg'
import { BackupError } from './backup-error.ts'

/** Number of the advisory lock that one backup at a time holds, whichever server or command makes it. */
const backupLock = 72707371

/** Not the one above: a backup that hangs is what an alert has to tell of. */
const alertLock = 72707377

/** No fault: another server or command is at work. */
export class BackupRunning extends BackupError {
  override name = 'BackupRunning'
}

/** Throws `BackupRunning` when another backup of this database is being made. A killed process gives the lock back by itself. */
export function withBackupLock<T>(ownerUrl: string, work: () => Promise<T>): Promise<T> {
  return withLock(ownerUrl, backupLock, work, () => {
    throw new BackupRunning('Another backup of this database is being made or verified at this moment.')
  })
}

/** Answers false while another server sends an alert. */
export function withAlertLock(ownerUrl: string, work: () => Promise<boolean>): Promise<boolean> {
  return withLock(ownerUrl, alertLock, work, () => false)
}

async function withLock<T>(ownerUrl: string, lock: number, work: () => Promise<T>, otherwise: () => T): Promise<T> {
  const client = new pg.Client({
    connectionString: ownerUrl,
    application_name: 'agentexpress backup lock',
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
  })
  client.on('error', () => {})
  await client.connect()
  try {
    const { rows } = await client.query<{ is_free: boolean }>('select pg_try_advisory_lock($1) as is_free', [lock])
    return rows[0]?.is_free ? await work() : otherwise()
  } finally {
    await client.end().catch(() => {})
  }
}
