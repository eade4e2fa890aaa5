import pg from 'pg'
import type { Migration } from '../database/migrate.ts'
import type { Log } from '../log.ts'
import type { BackupRecord } from './backup-format.ts'
import { writeRecord } from './backup-records.ts'
import type { BackupStore } from './backup-store.ts'
import type { LoadedBackup } from './load-backup.ts'
import type { BackupSource } from './read-backup.ts'
import { restoreBackup } from './restore-backup.ts'
import { createScratchDatabase } from './scratch-database.ts'

export interface VerifiedBackup {
  loaded: LoadedBackup
  seconds: number
  postgres: string
}

/**
 * Restores into a scratch database, compares counts and checksums, migrates it to the present version and drops it; then
 * writes down that it was verified. `checkSecrets` gets the restored database and throws when its secrets cannot be read.
 */
export async function verifyBackup(options: {
  ownerUrl: string
  source: BackupSource
  store: BackupStore | null
  migrations: Migration[]
  log: Log
  onProgress?: (text: string) => void
  checkSecrets?: (scratchUrl: string) => Promise<void>
}): Promise<VerifiedBackup> {
  const { ownerUrl, source, store, migrations, log, onProgress = () => {}, checkSecrets } = options
  const startedAt = performance.now()
  const scratch = await createScratchDatabase(ownerUrl, log, onProgress)
  let verified: VerifiedBackup
  try {
    const loaded = await restoreBackup({ ownerUrl: scratch.ownerUrl, source, migrations, onProgress })
    await checkSecrets?.(scratch.ownerUrl)
    const seconds = (performance.now() - startedAt) / 1000
    verified = { loaded, seconds: Math.round(seconds * 10) / 10, postgres: await readVersion(scratch.ownerUrl) }
  } finally {
    await scratch
      .drop()
      .catch((error: unknown) => log.error({ err: error }, 'the scratch database could not be dropped'))
  }
  if (store && source.record) {
    const { seconds, postgres } = verified
    const record: BackupRecord = { ...source.record, verified: { at: new Date().toISOString(), postgres, seconds } }
    await writeRecord(store, record)
  }
  return verified
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
