import type { Config } from '../config.ts'
import { readMigrations } from '../database/migrate.ts'
import { BackupError, reasonOf } from './backup-error.ts'
import type { BackupHeader, KeyCheck } from './backup-format.ts'
import { openCanaries } from './canary.ts'
import { findBackup } from './find-backup.ts'
import { readSigningFingerprint } from './key-backup.ts'
import { findOtherKeys, type KeysAtHand, readKeysAtHand } from './keys-at-hand.ts'
import { describeSkipped, type LoadedBackup } from './load-backup.ts'
import { recordRestore } from './record-restore.ts'
import { RestoreFailed, restoreBackup } from './restore-backup.ts'
import { withStopSignals } from './stop-signals.ts'
import { withOwner } from './with-owner.ts'

type Say = (text: string) => void

/** Every row is there, and something after it went wrong: the command ends with this code instead of 1. */
export const restoredWithFaultsCode = 2

/**
 * `backup restore`. Throws when nothing was restored. Answers what is not as it should be though every row is there.
 */
export async function restoreCommand(
  config: Config,
  { name, identity }: { name: string; identity: string | undefined },
  say: Say,
): Promise<{ faults: string[] }> {
  const atHand = await readKeysAtHand(config)
  const { source } = await findBackup(config, name, identity)
  const migrations = await readMigrations()
  return withStopSignals(say, (signal) =>
    withOwner(config, say, async (ownerUrl) => {
      const startedAt = performance.now()
      let checks: KeyCheck[] = []
      const { loaded, faults } = await restoreAndRecord({
        ownerUrl,
        source: { ...source, signal },
        migrations,
        onProgress: say,
        onChecked: async (header) => {
          checks = await tryKeys(atHand, header)
        },
      })
      const { header, manifest, skipped } = loaded
      const rows = manifest.tables.reduce((sum, table) => sum + table.rows, 0)
      const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
      say(`Restored: ${rows} rows as of ${header.created_at}, in ${seconds} s.`)
      for (const text of describeSkipped(skipped)) say(text)
      for (const text of describeKeys(header, { checks, atHand, signing: await readSigningFingerprint(config) }))
        say(text)
      return { faults }
    }),
  )
}

/** From the commit on nothing takes the rows away, and nothing may be said that sounds so. */
async function restoreAndRecord(
  options: Parameters<typeof restoreBackup>[0],
): Promise<{ loaded: LoadedBackup; faults: string[] }> {
  const faults: string[] = []
  const loaded = await restoreBackup(options).catch((error: unknown) => {
    if (!(error instanceof RestoreFailed) || error.kept === null) throw error
    faults.push(error.message)
    return error.kept
  })
  await recordRestore(options.ownerUrl, loaded.header).catch((error: unknown) =>
    faults.push(`The audit log has no entry of this restore: ${reasonOf(error)}`),
  )
  return { loaded, faults }
}

/** Throws, before anything is touched, when an encryption key is here and does not open what the backup sealed with it. */
async function tryKeys({ keySet, takeAway }: KeysAtHand, header: BackupHeader): Promise<KeyCheck[]> {
  return openCanaries(keySet, header).catch((cause: unknown) => {
    throw new BackupError(
      `${reasonOf(cause)} Nothing was restored. The rows of this backup are whole, but connected accounts might not be ` +
        `readable. Take another backup, or ${takeAway} to restore this one nevertheless.`,
      { cause },
    )
  })
}

function describeKeys(
  header: BackupHeader,
  { checks, atHand, signing }: { checks: KeyCheck[]; atHand: KeysAtHand; signing: string | null },
): string[] {
  const others = findOtherKeys(atHand, header)
  const putBack = 'put it back before you start: npm run backup -- restore-keys <file>, see docs/backups.md.'
  const sentences = header.keys.map(({ name, fingerprint }) => {
    const key = `${name.replaceAll('_', ' ')} ${fingerprint}`
    if (name === 'signing_key' && fingerprint === signing) return `The ${key} is here.`
    const state = checks.find((check) => check.fingerprint === fingerprint)?.state ?? 'no_key'
    if (state === 'opened') return `The ${key} is here and opens what the backup sealed with it.`
    if (state === 'no_key') return `This database belongs to the ${key}, which is not here: ${putBack}`
    return `The ${key} is here and was not tried: the backup has nothing that was sealed with it.`
  })
  if (others.length > 0)
    sentences.push(
      `${atHand.place} has encryption keys of another database (${others.join(', ')}): ${atHand.takeAway} first.`,
    )
  return sentences
}
