import pg from 'pg'
import type { Migration } from '../database/migrate.ts'
import type { Log } from '../log.ts'
import { BackupError, DamagedBackup, reasonOf } from './backup-error.ts'
import type { BackupHeader, KeyCheck } from './backup-format.ts'
import { writeRecord } from './backup-records.ts'
import type { BackupStore } from './backup-store.ts'
import type { LoadedBackup } from './load-backup.ts'
import type { BackupSource } from './read-backup.ts'
import { RestoreFailed, restoreBackup } from './restore-backup.ts'
import { createScratchDatabase } from './scratch-database.ts'

export interface VerifiedBackup {
  loaded: LoadedBackup
  seconds: number
  postgres: string
  /** Undefined when nobody looked. */
  keys: KeyCheck[] | undefined
}

/**
 * Restores into a scratch database, compares counts and checksums, migrates it to the present version and drops it; then
 * writes down that it was verified and with which keys. `checkSecrets` gets the restored database and throws when its
 * secrets cannot be read.
 */
export async function verifyBackup(options: {
  ownerUrl: string
  source: BackupSource
  store: BackupStore | null
  migrations: Migration[]
  log: Log
  onProgress?: (text: string) => void
  checkSecrets?: (header: BackupHeader, scratchUrl: string) => Promise<KeyCheck[]>
}): Promise<VerifiedBackup> {
  const { ownerUrl, source, store, migrations, log, onProgress = () => {}, checkSecrets } = options
  const startedAt = performance.now()
  onProgress('making a scratch database')
  const scratch = await createScratchDatabase(ownerUrl, log, onProgress)
  let verified: VerifiedBackup
  try {
    const loaded = await restoreBackup({ ownerUrl: scratch.ownerUrl, source, migrations, onProgress })
    const keys = await checkSecrets?.(loaded.header, scratch.ownerUrl)
    const seconds = Math.round((performance.now() - startedAt) / 100) / 10
    verified = { loaded, seconds, postgres: await readVersion(scratch.ownerUrl), keys }
  } catch (error) {
    if (error instanceof DamagedBackup) await recordDamage(store, source, error.message)
    // What a failed restore says of its database would be about one that is gone.
    if (!(error instanceof RestoreFailed)) throw error
    throw new BackupError(`${source.label} could not be restored for a check: ${error.reason}`, { cause: error })
  } finally {
    await scratch
      .drop()
      .catch((error: unknown) => log.error({ err: error }, 'the scratch database could not be dropped'))
  }
  if (store && source.record) {
    const { seconds, postgres, keys } = verified
    const at = new Date().toISOString()
    const { damaged: _, ...record } = source.record
    const changed = { ...record, verified: { at, postgres, seconds, ...(keys && { keys }) } }
    await writeRecord(store, changed).catch((cause: unknown) => {
      throw new BackupError(
        `${source.label} is good, but that could not be written down beside it, and nobody else will know: ${reasonOf(cause)}`,
        { cause },
      )
    })
  }
  return verified
}

/** A backup that was good once and is not any more must not count as verified. */
async function recordDamage(store: BackupStore | null, source: BackupSource, reason: string): Promise<void> {
  if (!store || !source.record) return
  const damaged = { at: new Date().toISOString(), reason }
  // Whoever may not write there is told of the damage all the same.
  await writeRecord(store, { ...source.record, verified: null, damaged }).catch(() => {})
}

async function readVersion(url: string): Promise<string> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return String((await client.query('show server_version')).rows[0]?.server_version)
  } finally {
    await client.end()
  }
}
