import { parseArgs } from 'node:util'
import type { Config } from '../config.ts'
import { readKeySet } from '../crypto/load-keyring.ts'
import { readMigrations } from '../database/migrate.ts'
import { createLog } from '../log.ts'
import { BackupError, reasonOf } from './backup-error.ts'
import { describeHealth } from './backup-health.ts'
import { withBackupLock } from './backup-lock.ts'
import { listBackups } from './backup-records.ts'
import { openBackupStore } from './backup-store.ts'
import { describeUnchecked, warnOfMissingCanaries } from './canary.ts'
import { checkSecrets } from './check-secrets.ts'
import { createBackup } from './create-backup.ts'
import { createIdentityFile, findEncryption } from './encryption.ts'
import { findBackup } from './find-backup.ts'
import { formatBytes, formatList } from './format-list.ts'
import { readSavedFingerprints, restoreKeys, saveKeys, warnOfUnsavedKeys } from './key-backup.ts'
import { readKeysAtHand } from './keys-at-hand.ts'
import { describeSkipped } from './load-backup.ts'
import { readVersion } from './program-version.ts'
import { pruneBackups } from './prune-backups.ts'
import { restoreCommand, restoredWithFaultsCode } from './restore-command.ts'
import { withStopSignals } from './stop-signals.ts'
import { verifyBackup } from './verify-backup.ts'
import { withOwner } from './with-owner.ts'

const usage = `Usage: npm run backup -- <command>
  create [--plain]                          a backup into BACKUP_DIR or BACKUP_S3_URL, while the system runs
  list                                      what there is, and when each was verified
  verify [<name>] [--identity <file>]       restores into a scratch database and compares; without a name the newest
  restore <name|path> [--identity <file>]   into an empty database; ends with 2 when every row is there and something after
                                            it went wrong
  prune [--keep <number>]                   removes all but the newest (BACKUP_KEEP)
  new-key <file>                            makes an age key, for BACKUP_RECIPIENTS and BACKUP_IDENTITY
  save-keys <file>                          the keys of this installation, which no backup holds, encrypted into a file
  restore-keys <file> [--identity <file>]   puts them back into DATA_DIR`

const options = {
  plain: { type: 'boolean' },
  identity: { type: 'string' },
  keep: { type: 'string' },
} as const

interface Command {
  config: Config
  /** Empty when the command goes without. */
  argument: string
  values: { plain?: boolean; identity?: string; keep?: string }
  say: (text: string) => void
}

/** What follows each command. Anything else is refused: `prune 30` is not to be taken for `prune`. */
const commands: Record<
  string,
  { argument: 'none' | 'optional' | 'required'; options: string[]; run: (command: Command) => Promise<void> }
> = {
  create: { argument: 'none', options: ['plain'], run: create },
  list: { argument: 'none', options: [], run: list },
  verify: { argument: 'optional', options: ['identity'], run: verify },
  restore: { argument: 'required', options: ['identity'], run: restore },
  prune: { argument: 'none', options: ['keep'], run: prune },
  'new-key': { argument: 'required', options: [], run: newKey },
  'save-keys': {
    argument: 'required',
    options: [],
    run: async ({ config, argument, say }) => say(await saveKeys(config, argument)),
  },
  'restore-keys': {
    argument: 'required',
    options: ['identity'],
    run: async ({ config, argument, values, say }) => say(await restoreKeys(config, argument, values.identity)),
  },
}

export async function backupCommand(config: Config, args: string[]): Promise<void> {
  const { values, positionals } = readArguments(args)
  const [action = '', argument = '', ...more] = positionals
  const command = Object.hasOwn(commands, action) ? commands[action] : undefined
  const isTooMuch = more.length > 0 || (command?.argument === 'none' && argument !== '')
  const isTooLittle = command?.argument === 'required' && argument === ''
  if (!command || isTooMuch || isTooLittle) throw new BackupError(usage)
  const foreign = Object.keys(values).find((name) => !command.options.includes(name))
  if (foreign) throw new BackupError(`--${foreign} has no meaning for "${action}".\n${usage}`)
  const say = (text: string) => void process.stdout.write(`${text}\n`)
  await command.run({ config, argument, values, say })
}

function readArguments(args: string[]) {
  try {
    return parseArgs({ args, options, allowPositionals: true })
  } catch (cause) {
    throw new BackupError(`${reasonOf(cause)}\n${usage}`, { cause })
  }
}

async function newKey({ argument, say }: Command): Promise<void> {
  const recipient = await createIdentityFile(argument)
  say(`Keep ${argument} safe and away from the backups. Set:\nBACKUP_RECIPIENTS=${recipient}`)
}

async function restore({ config, argument, values, say }: Command): Promise<void> {
  const { faults } = await restoreCommand(config, { name: argument, identity: values.identity }, say)
  if (faults.length === 0) return
  process.stderr.write(`\nEvery row was restored and stays. What went wrong afterwards:\n${faults.join('\n')}\n\n`)
  process.exitCode = restoredWithFaultsCode
}

async function create({ config, values: { plain: isPlain = false }, say }: Command): Promise<void> {
  const encryption = findEncryption(config.backup, isPlain)
  const store = openBackupStore(config.backup)
  const startedAt = performance.now()
  const created = await withStopSignals(say, (signal) =>
    withOwner(config, say, (ownerUrl) =>
      withBackupLock(ownerUrl, async () =>
        createBackup({
          ownerUrl,
          store,
          encryption,
          migrations: await readMigrations(),
          agentexpress: await readVersion(),
          readKeys: () => readKeySet(config),
          onProgress: say,
          signal,
        }),
      ),
    ),
  )
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

async function list({ config, say }: Command): Promise<void> {
  const store = openBackupStore(config.backup)
  const backups = await listBackups(store)
  say(backups.length > 0 ? `${store.label}\n${formatList(backups)}` : `There are no backups in ${store.label}.`)
  for (const warning of describeHealth(backups, config.backup.alertAfterHours)) say(warning)
}

async function verify({ config, argument, values, say }: Command): Promise<void> {
  const atHand = await readKeysAtHand(config)
  const { source, store } = await findBackup(config, argument === '' ? undefined : argument, values.identity)
  const migrations = await readMigrations()
  const { loaded, seconds, keys } = await withStopSignals(say, (signal) =>
    withOwner(config, say, (ownerUrl) =>
      verifyBackup({
        ownerUrl,
        source: { ...source, signal },
        store,
        migrations,
        log: createLog('error'),
        onProgress: say,
        checkSecrets: (header, scratchUrl) => checkSecrets(atHand, header, scratchUrl),
      }),
    ),
  )
  const rows = loaded.manifest.tables.reduce((sum, table) => sum + table.rows, 0)
  say(`${source.label} is good: ${rows} rows restored in ${seconds} s, every count and checksum is equal.`)
  const opened = (keys ?? []).filter(({ state }) => state === 'opened').map(({ fingerprint }) => fingerprint)
  if (opened.length > 0) say(`The keys of this machine open what was encrypted with ${opened.join(', ')}.`)
  for (const text of [...describeUnchecked(keys ?? []), ...describeSkipped(loaded.skipped)]) say(text)
}

async function prune({ config, values: { keep }, say }: Command): Promise<void> {
  const count = keep === undefined ? config.backup.keep : Number(keep)
  if (!Number.isInteger(count) || count < 1) throw new BackupError('--keep is a number from 1 on.')
  const removed = await pruneBackups(openBackupStore(config.backup), count)
  say(removed.length > 0 ? `Removed: ${removed.join(', ')}` : 'Nothing to remove.')
}
