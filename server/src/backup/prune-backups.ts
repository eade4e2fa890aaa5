import { isOfFuture, type ListedBackup, listBackups, removeRecord } from './backup-records.ts'
import type { BackupStore } from './backup-store.ts'

/**
 * Removes all but the newest `keep`. The newest verified one stays whatever its age, and so does one that says it is of
 * the future, which must not take the place of a newer one. Answers the names.
 */
export async function pruneBackups(store: BackupStore, keep: number, now = new Date()): Promise<string[]> {
  const backups = (await listBackups(store)).filter(({ createdAt }) => !isOfFuture(createdAt, now))
  const verified = findNewestVerified(backups)
  const removed: string[] = []
  for (const { name } of backups.slice(keep)) {
    if (name === verified?.name) continue
    await store.remove(name)
    await removeRecord(store, name)
    removed.push(name)
  }
  await store.removeLeftovers()
  return removed
}

export function findNewestVerified(newestFirst: ListedBackup[]): ListedBackup | undefined {
  // A file that has changed its size since is none.
  return newestFirst.find(({ bytes, record }) => record?.verified && record.bytes === bytes)
}
