import type { ListedBackup } from './backup-records.ts'
import { describeUnchecked } from './canary.ts'
import { findNewestVerified } from './prune-backups.ts'

const hourMs = 3_600_000

/** Sentences on what is wrong with the backups there are; none when all is well. */
export function describeHealth(newestFirst: ListedBackup[], alertAfterHours: number, now = new Date()): string[] {
  const hoursOf = ({ createdAt }: ListedBackup) => Math.floor((now.getTime() - createdAt.getTime()) / hourMs)
  const faults = newestFirst
    .filter(({ bytes, record }) => record && record.bytes !== bytes)
    .map(
      ({ name, bytes, record }) =>
        `The backup ${name} is cut off or changed: ${bytes} bytes instead of ${record?.bytes}.`,
    )
  const [newest] = newestFirst
  const verified = findNewestVerified(newestFirst)
  if (!newest) return ['There is no backup yet. Make one: npm run backup -- create']
  if (!verified)
    return [...faults, `No backup was ever verified. Verify the newest: npm run backup -- verify ${newest.name}`]
  if (hoursOf(verified) >= alertAfterHours) {
    faults.push(
      `The newest verified backup, ${verified.name}, is ${hoursOf(verified)} hours old (BACKUP_ALERT_AFTER_HOURS=${alertAfterHours}). ` +
        `Make one and verify it: npm run backup -- create, npm run backup -- verify`,
    )
  }
  return faults
}

/** Sentences on the encryption keys that the newest verification did not try. No fault of the backups. */
export function describeUncheckedKeys(newestFirst: ListedBackup[]): string[] {
  const record = findNewestVerified(newestFirst)?.record
  return describeUnchecked(record?.verified?.keys ?? []).map((text) => `${record?.name} was verified. ${text}`)
}
