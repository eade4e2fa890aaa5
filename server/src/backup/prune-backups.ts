import { type ListedBackup, listBackups, removeRecord } from './backup-records.ts'
import type { BackupStore } from './backup-store.ts'

/** Removes all but the newest `keep`. The newest verified one stays whatever its age. Answers the names. */
export async function pruneBackups(store: BackupStore, keep: number): Promise<string[]> {
  const backups = await listBackups(store)
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
  return newestFirst.find(({ record }) => record?.verified)
}
