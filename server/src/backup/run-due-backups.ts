import type { Config } from '../config.ts'
import { readKeySet } from '../crypto/load-keyring.ts'
import { readMigrations } from '../database/migrate.ts'
import type { Log } from '../log.ts'
import { withBackupLock } from './backup-lock.ts'
import { type ListedBackup, listBackups } from './backup-records.ts'
import { openBackupStore } from './backup-store.ts'
import { describeUnchecked, warnOfMissingCanaries } from './canary.ts'
import { checkSecrets } from './check-secrets.ts'
import { createBackup } from './create-backup.ts'
import { findEncryption, readDecryptionKeys } from './encryption.ts'
import { readSavedFingerprints, warnOfUnsavedKeys } from './key-backup.ts'
import { readVersion } from './program-version.ts'
import { pruneBackups } from './prune-backups.ts'
import { verifyBackup } from './verify-backup.ts'

const hourMs = 3_600_000

export interface DueBackups {
  created: string | null
  verified: string | null
  removed: string[]
  warnings: string[]
}

type BackupConfig = Pick<Config, 'backup' | 'logLevel' | 'dataDir' | 'encryptionKeys'>

/** Whether the schedule wants something done. Without BACKUP_EVERY_HOURS it never does. */
export function findDue(
  newestFirst: ListedBackup[],
  { everyHours, verifyEveryHours, identity, passphrase }: Config['backup'],
  now = new Date(),
): { isBackupDue: boolean; isVerificationDue: boolean } {
  if (everyHours === undefined) return { isBackupDue: false, isVerificationDue: false }
  const isOlder = (time: number | undefined, hours: number) =>
    time === undefined || now.getTime() - time >= hours * hourMs
  const lastVerified = Math.max(
    ...newestFirst.map(({ record }) => (record?.verified ? Date.parse(record.verified.at) : Number.NEGATIVE_INFINITY)),
  )
  // With recipients alone this server cannot open its backups, which is as it should be: they are verified elsewhere.
  const canOpen = identity !== undefined || passphrase !== undefined
  return {
    isBackupDue: isOlder(newestFirst[0]?.createdAt.getTime(), everyHours),
    isVerificationDue: canOpen && isOlder(lastVerified, verifyEveryHours),
  }
}

/** Makes, prunes and verifies what the schedule wants; one server at a time, looked at again under the lock. */
export async function runDueBackups(options: {
  config: BackupConfig
  ownerUrl: string
  log: Log
  signal: AbortSignal
}): Promise<DueBackups> {
  const { config, ownerUrl, log, signal } = options
  const store = openBackupStore(config.backup)
  const done: DueBackups = { created: null, verified: null, removed: [], warnings: [] }
  await withBackupLock(ownerUrl, async () => {
    const migrations = await readMigrations()
    if (findDue(await listBackups(store), config.backup).isBackupDue) {
      const encryption = findEncryption(config.backup, false)
      const agentexpress = await readVersion()
      const readKeys = () => readKeySet(config)
      const created = await createBackup({ ownerUrl, store, encryption, migrations, agentexpress, readKeys, signal })
      done.created = created.record.name
      done.removed = await pruneBackups(store, config.backup.keep)
      done.warnings.push(...warnOfUnsavedKeys(created.keys, await readSavedFingerprints(store)))
      done.warnings.push(...warnOfMissingCanaries(created))
    }
    const backups = await listBackups(store)
    const [newest] = backups
    if (newest && !signal.aborted && findDue(backups, config.backup).isVerificationDue) {
      const { keys = [] } = await verifyBackup({
        ownerUrl,
        source: {
          label: newest.name,
          open: () => store.read(newest.name),
          record: newest.record,
          keys: await readDecryptionKeys(config.backup),
        },
        store,
        migrations,
        log,
        checkSecrets: (header, scratchUrl) => checkSecrets(config, header, scratchUrl),
      })
      done.verified = newest.name
      done.warnings.push(...describeUnchecked(keys).map((text) => `${newest.name} was verified. ${text}`))
    }
  })
  return done
}
