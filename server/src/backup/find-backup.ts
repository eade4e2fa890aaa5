import { existsSync } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import type { Config } from '../config.ts'
import { BackupError } from './backup-error.ts'
import { listBackups, readRecord } from './backup-records.ts'
import { type BackupStore, openBackupStore } from './backup-store.ts'
import { readDecryptionKeys } from './encryption.ts'
import { FolderStore } from './folder-store.ts'
import type { BackupSource } from './read-backup.ts'

/** A backup by its name in the store or by a path on this machine; without either, the newest. */
export async function findBackup(
  config: Config,
  nameOrPath: string | undefined,
  identityFile?: string,
): Promise<{ source: BackupSource; store: BackupStore }> {
  const isPath = nameOrPath !== undefined && (nameOrPath.includes('/') || existsSync(nameOrPath))
  const store = isPath ? new FolderStore(dirname(resolve(nameOrPath))) : openBackupStore(config.backup)
  const name = nameOrPath === undefined ? (await listBackups(store))[0]?.name : basename(nameOrPath)
  if (name === undefined) throw new BackupError(`There are no backups in ${store.label}.`)
  const stored = (await store.list()).find((file) => file.name === name)
  if (!stored)
    throw new BackupError(
      `There is no backup ${name} in ${store.label}. \`npm run backup -- list\` shows those there are.`,
    )
  const record = await readRecord(store, name)
  if (record && stored.bytes !== record.bytes) {
    throw new BackupError(
      `The backup ${name} is cut off or changed: it has ${stored.bytes} bytes and was written with ${record.bytes}.`,
    )
  }
  const keys = await readDecryptionKeys(config.backup, identityFile)
  return { source: { label: name, open: () => store.read(name), record, keys }, store }
}
