import { parseArgs } from 'node:util'
import type { Config } from '../config.ts'
import { readKeySet } from '../crypto/load-keyring.ts'
import { connectForCommand } from '../database/connect-for-command.ts'
import { readMigrations } from '../database/migrate.ts'
import { createLog } from '../log.ts'
import { BackupError } from './backup-error.ts'
import type { BackupHeader } from './backup-format.ts'
import { describeHealth } from './backup-health.ts'
import { withBackupLock } from './backup-lock.ts'
import { listBackups } from './backup-records.ts'
import { openBackupStore } from './backup-store.ts'
import { describeUnchecked, openCanaries, warnOfMissingCanaries } from './canary.ts'
import { checkSecrets } from './check-secrets.ts'
import { createBackup } from './create-backup.ts'
import { createIdentityFile, findEncryption } from './encryption.ts'
import { findBackup } from './find-backup.ts'
import { formatBytes, formatList } from './format-list.ts'
import { readSavedFingerprints, restoreKeys, saveKeys, warnOfUnsavedKeys } from './key-backup.ts'
import { readVersion } from './program-version.ts'
import { pruneBackups } from './prune-backups.ts'
import { recordRestore } from './record-restore.ts'
import { restoreBackup } from './restore-backup.ts'
import { verifyBackup } from './verify-backup.ts'

const usage = `Usage: npm run backup -- <command>
  create [--plain]                          a backup into BACKUP_DIR or BACKUP_S3_URL, while the system runs
  list                                      what there is, and when each was verified
  verify [<name>] [--identity <file>]       restores into a scratch database and compares; without a name the newest
  restore <name|path> [--identity <file>]   into an empty database
  prune [--keep <number>]                   removes all but the newest (BACKUP_KEEP)
  new-key <file>                            makes an age key, for BACKUP_RECIPIENTS and BACKUP_IDENTITY
  save-keys <file>                          the keys of this installation, which no backup holds, encrypted into a file
  restore-keys <file> [--identity <file>]   puts them back into DATA_DIR`

const options = {
  plain: { type: 'boolean', default: false },
  identity: { type: 'string' },
  keep: { type: 'string' },
} as const

export async function backupCommand(config: Config, args: string[]): Promise<void> {
  const { values, positionals } = readArguments(args)
  const [action, argument] = positionals
  const say = (text: string) => void process.stdout.write(`${text}\n`)
  switch (action) {
    case 'create':
      return create(config, values.plain, say)
    case 'list':
      return list(config, say)
    case 'verify':
      return verify(config, argument, values.identity, say)
    case 'restore':
      if (argument) return restore(config, argument, values.identity, say)
      break
    case 'prune':
      return prune(config, values.keep, say)
    case 'new-key':
      if (argument)
        return say(
          `Keep ${argument} safe and away from the backups. Set:\nBACKUP_RECIPIENTS=${await createIdentityFile(argument)}`,
        )
      break
    case 'save-keys':
      if (argument) return say(await saveKeys(config, argument))
      break
    case 'restore-keys':
      if (argument) return say(await restoreKeys(config, argument, values.identity))
  }
  throw new BackupError(usage)
}

function readArguments(args: string[]) {
  try {
    return parseArgs({ args, options, allowPositionals: true })
  } catch (cause) {
    throw new BackupError(usage, { cause })
  }
}

async function create(config: Config, isPlain: boolean, say: (text: string) => void): Promise<void> {
  const encryption = findEncryption(config.backup, isPlain)
  const store = openBackupStore(config.backup)
  const startedAt = performance.now()
  const stopping = new AbortController()
  const stop = () => stopping.abort()
  process.once('SIGINT', stop).once('SIGTERM', stop)
  const created = await withOwner(config, say, (ownerUrl) =>
    withBackupLock(ownerUrl, async () =>
      createBackup({
        ownerUrl,
        store,
        encryption,
        migrations: await readMigrations(),
        agentexpress: await readVersion(),
        readKeys: () => readKeySet(config),
        signal: stopping.signal,
      }),
    ),
  )
  process.off('SIGINT', stop).off('SIGTERM', stop)
  const { name, bytes } = created.record
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
  say(
    `${name}: ${created.rows} rows, ${formatBytes(created.rowBytes)} as ${formatBytes(bytes)}, ${seconds} s, in ${store.label}`,
  )
  if (isPlain) say('It is not encrypted: whoever reads the file reads everything.')
  if (!config.backup.s3 && config.backup.dir.startsWith(`${config.dataDir}/`))
    say('It is on the disk of the database. Set BACKUP_DIR or BACKUP_S3_URL to a place that outlives this machine.')
  for (const warning of warnOfUnsavedKeys(created.keys, await readSavedFingerprints(store))) say(warning)
  for (const warning of warnOfMissingCanaries(created)) say(warning)
  say(`Verify it: npm run backup -- verify ${name}`)
}

async function list(config: Config, say: (text: string) => void): Promise<void> {
  const store = openBackupStore(config.backup)
  const backups = await listBackups(store)
  say(backups.length > 0 ? `${store.label}\n${formatList(backups)}` : `There are no backups in ${store.label}.`)
  for (const warning of describeHealth(backups, config.backup.alertAfterHours)) say(warning)
}

async function verify(
  config: Config,
  name: string | undefined,
  identity: string | undefined,
  say: (text: string) => void,
): Promise<void> {
  const { source, store } = await findBackup(config, name, identity)
  await withOwner(config, say, async (ownerUrl) => {
    const {
      loaded,
      seconds,
      keys = [],
    } = await verifyBackup({
      ownerUrl,
      source,
      store,
      migrations: await readMigrations(),
      log: createLog('error'),
      onProgress: say,
      checkSecrets: (header, scratchUrl) => checkSecrets(config, header, scratchUrl),
    })
    const rows = loaded.manifest.tables.reduce((sum, table) => sum + table.rows, 0)
    say(`${source.label} is good: ${rows} rows restored in ${seconds} s, every count and checksum is equal.`)
    const opened = keys.filter(({ state }) => state === 'opened').map(({ fingerprint }) => fingerprint)
    if (opened.length > 0) say(`The keys of this machine open what was encrypted with ${opened.join(', ')}.`)
    for (const warning of describeUnchecked(keys)) say(warning)
    sayWhatElse(loaded.skipped, say)
  })
}

async function restore(
  config: Config,
  name: string,
  identity: string | undefined,
  say: (text: string) => void,
): Promise<void> {
  const { source } = await findBackup(config, name, identity)
  await withOwner(config, say, async (ownerUrl) => {
    const startedAt = performance.now()
    const { header, manifest, skipped } = await restoreBackup({
      ownerUrl,
      source,
      migrations: await readMigrations(),
      onProgress: say,
    })
    const rows = manifest.tables.reduce((sum, table) => sum + table.rows, 0)
    say(
      `Restored: ${rows} rows as of ${header.created_at}, in ${((performance.now() - startedAt) / 1000).toFixed(1)} s.`,
    )
    await recordRestore(ownerUrl, header)
    sayWhatElse(skipped, say)
    await sayWhichKeys(config, header, say)
  })
}

/** Throws when an encryption key is here and does not open what the backup sealed with it. */
async function sayWhichKeys(config: Config, header: BackupHeader, say: (text: string) => void): Promise<void> {
  const checks = await openCanaries(await readKeySet(config), header)
  for (const { name, fingerprint } of header.keys) {
    const state = checks.find((check) => check.fingerprint === fingerprint)?.state ?? 'no_key'
    const key = `${name.replaceAll('_', ' ')} ${fingerprint}`
    if (state === 'no_key')
      say(`This database belongs to the ${key}: put it back before you start, see docs/backups.md.`)
    else if (state === 'opened') say(`The ${key} is here and opens what the backup sealed with it.`)
    else say(`The ${key} is here and was not tried: the backup has nothing that was sealed with it.`)
  }
}

async function prune(config: Config, keep: string | undefined, say: (text: string) => void): Promise<void> {
  const count = keep === undefined ? config.backup.keep : Number(keep)
  if (!Number.isInteger(count) || count < 1) throw new BackupError('--keep is a number from 1 on.')
  const removed = await pruneBackups(openBackupStore(config.backup), count)
  say(removed.length > 0 ? `Removed: ${removed.join(', ')}` : 'Nothing to remove.')
}

function sayWhatElse(skipped: string[], say: (text: string) => void): void {
  if (skipped.length > 0)
    say(
      `Not part of AgentExpress and not restored: ${skipped.join(', ')}. Their rows are in data/ of the backup, see docs/backups.md.`,
    )
}

async function withOwner<T>(
  config: Config,
  say: (text: string) => void,
  work: (ownerUrl: string) => Promise<T>,
): Promise<T> {
  const connected = await connectForCommand(config, createLog('error'), say)
  try {
    return await work(connected.ownerUrl)
  } finally {
    await connected.close()
  }
}
