import type { Readable } from 'node:stream'
import type { Config } from '../config.ts'
import { FolderStore } from './folder-store.ts'
import { S3Store } from './s3-store.ts'

export interface StoredFile {
  name: string
  bytes: number
  modifiedAt: Date
}

/** A place for backups. Names hold no slash. */
export interface BackupStore {
  /** For people. */
  readonly label: string
  list(): Promise<StoredFile[]>
  /** Throws a `BackupError` when there is none. */
  read(name: string): Promise<Readable>
  /** Under its name at the end only, and whole; what a failure leaves is removed. */
  write(name: string, content: Readable): Promise<void>
  /** Null when there is none. For small files. */
  readText(name: string): Promise<string | null>
  writeText(name: string, text: string): Promise<void>
  remove(name: string): Promise<void>
  /** What writes that were cut off (kill -9) have left, when nothing touched it for a day. Answers how many. */
  removeLeftovers(now?: Date): Promise<number>
}

export const leftoverAgeMs = 24 * 3_600_000

export function openBackupStore({ dir, s3 }: Config['backup']): BackupStore {
  return s3 ? new S3Store(s3) : new FolderStore(dir)
}
