import { type BackupRecord, isBackupName, readBackupTime, recordSchema } from './backup-format.ts'
import type { BackupStore } from './backup-store.ts'

export interface ListedBackup {
  name: string
  createdAt: Date
  bytes: number
  /** Null when it is lost or damaged; the backup itself may still be good. */
  record: BackupRecord | null
}

/** Newest first. */
export async function listBackups(store: BackupStore): Promise<ListedBackup[]> {
  const files = (await store.list()).filter(({ name }) => isBackupName(name))
  const listed: ListedBackup[] = []
  for (const { name, bytes } of files) {
    listed.push({ name, bytes, createdAt: readBackupTime(name), record: await readRecord(store, name) })
  }
  return listed.sort((left, right) => right.createdAt.getTime() - left.createdAt.getTime())
}

/** As far as is known without reading it: it has another size than it was written with, or a verification found it so. */
export function isDamaged({ bytes, record }: Pick<ListedBackup, 'bytes' | 'record'>): boolean {
  return record !== null && (record.damaged !== undefined || record.bytes !== bytes)
}

const hourMs = 3_600_000

/** Whether a clock was wrong when this was written down: for years nothing would be due, and nothing overdue. */
export function isOfFuture(time: Date | number, now: Date): boolean {
  return Number(time) - now.getTime() > hourMs
}

export async function readRecord(store: BackupStore, name: string): Promise<BackupRecord | null> {
  const text = await store.readText(recordName(name))
  if (text === null) return null
  try {
    const record = recordSchema.parse(JSON.parse(text))
    return record.name === name ? record : null
  } catch {
    return null
  }
}

export function writeRecord(store: BackupStore, record: BackupRecord): Promise<void> {
  return store.writeText(recordName(record.name), `${JSON.stringify(record, null, 2)}\n`)
}

export function removeRecord(store: BackupStore, name: string): Promise<void> {
  return store.remove(recordName(name))
}

function recordName(name: string): string {
  return `${name}.json`
}
