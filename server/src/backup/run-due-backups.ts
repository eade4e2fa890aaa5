import type { Config } from '../config.ts'
import { readKeySet } from '../crypto/load-keyring.ts'
import { type Migration, readMigrations } from '../database/migrate.ts'
import type { Log } from '../log.ts'
import { reasonOf } from './backup-error.ts'
import { BackupRunning, withBackupLock } from './backup-lock.ts'
import { isOfFuture, type ListedBackup, listBackups } from './backup-records.ts'
import { type BackupStore, openBackupStore } from './backup-store.ts'
import { describeUnchecked, warnOfMissingCanaries } from './canary.ts'
import { checkSecrets } from './check-secrets.ts'
import { createBackup } from './create-backup.ts'
import { findEncryption, readDecryptionKeys } from './encryption.ts'
import { readSavedFingerprints, warnOfUnsavedKeys } from './key-backup.ts'
import { readKeysAtHand } from './keys-at-hand.ts'
import { readVersion } from './program-version.ts'
import { pruneBackups } from './prune-backups.ts'
import { type VerifiedBackup, verifyBackup } from './verify-backup.ts'

const hourMs = 3_600_000

export interface DueBackups {
  created: string | null
  verified: string | null
  /** Why the verification that was due failed; null when it did not. */
  unverified: string | null
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
  const newest = newestFirst.find(({ createdAt }) => !isOfFuture(createdAt, now))
  const verifiedAt = newestFirst.flatMap(({ record }) => (record?.verified ? Date.parse(record.verified.at) : []))
  const lastVerified = Math.max(Number.NEGATIVE_INFINITY, ...verifiedAt.filter((time) => !isOfFuture(time, now)))
  // With recipients alone this server cannot open its backups, which is as it should be: they are verified elsewhere.
  const canOpen = identity !== undefined || passphrase !== undefined
  return {
    isBackupDue: isOlder(newest?.createdAt.getTime(), everyHours),
    isVerificationDue: canOpen && isOlder(lastVerified, verifyEveryHours),
  }
}

/** Makes, prunes and verifies what the schedule wants; one server at a time, looked at again under the lock. */
export async function runDueBackups(options: {
  config: BackupConfig
  ownerUrl: string
  log: Log
  signal: AbortSignal
  mayVerify: boolean
}): Promise<DueBackups> {
  const { config, ownerUrl, log, signal, mayVerify } = options
  const store = openBackupStore(config.backup)
  const done: DueBackups = { created: null, verified: null, unverified: null, removed: [], warnings: [] }
  await withBackupLock(ownerUrl, async () => {
    const migrations = await readMigrations()
    if (findDue(await listBackups(store), config.backup).isBackupDue) {
      const encryption = findEncryption(config.backup, false)
      const agentexpress = await readVersion()
      const readKeys = () => readKeySet(config)
      const created = await createBackup({ ownerUrl, store, encryption, migrations, agentexpress, readKeys, signal })
      done.created = created.record.name
      done.removed = await pruneBackups(store, config.backup.keep).catch((error: unknown) => {
        done.warnings.push(`Old backups could not be removed from ${store.label}: ${reasonOf(error)}`)
        return []
      })
      done.warnings.push(...warnOfUnsavedKeys(created.keys, await readSavedFingerprints(store)))
      done.warnings.push(...warnOfMissingCanaries(created))
    }
    const backups = await listBackups(store)
    const newest = backups.find(({ createdAt }) => !isOfFuture(createdAt, new Date()))
    if (newest && mayVerify && !signal.aborted && findDue(backups, config.backup).isVerificationDue) {
      try {
        const { keys = [] } = await verifyNewest(newest, { ...options, store, migrations })
        done.verified = newest.name
        done.warnings.push(...describeUnchecked(keys).map((text) => `${newest.name} was verified. ${text}`))
      } catch (error) {
        done.unverified = `${newest.name}: ${reasonOf(error)}`
      }
    }
  }).catch((error: unknown) => {
    if (!(error instanceof BackupRunning)) throw error
    log.info(reasonOf(error))
  })
  return done
}

async function verifyNewest(
  { name, record }: ListedBackup,
  options: { config: BackupConfig; ownerUrl: string; log: Log; signal: AbortSignal } & {
    store: BackupStore
    migrations: Migration[]
  },
): Promise<VerifiedBackup> {
  const { config, ownerUrl, log, signal, store, migrations } = options
  const atHand = await readKeysAtHand(config)
  const keys = await readDecryptionKeys(config.backup)
  return verifyBackup({
    ownerUrl,
    source: { label: name, open: () => store.read(name), record, keys, signal },
    store,
    migrations,
    log,
    checkSecrets: (header, scratchUrl) => checkSecrets(atHand, header, scratchUrl),
  })
}
