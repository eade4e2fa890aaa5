import { isDamaged, isOfFuture, type ListedBackup } from './backup-records.ts'
import { describeUnchecked } from './canary.ts'
import { findNewestVerified } from './prune-backups.ts'

const hourMs = 3_600_000

/** Sentences on what is wrong with the backups there are; none when all is well. */
export function describeHealth(backups: ListedBackup[], alertAfterHours: number, now = new Date()): string[] {
  const newestFirst = backups.filter(({ createdAt }) => !isOfFuture(createdAt, now))
  const hoursOf = ({ createdAt }: ListedBackup) => Math.floor((now.getTime() - createdAt.getTime()) / hourMs)
  const faults = [...describeDamage(backups), ...describeFuture(backups, now)]
  const newest = newestFirst.find((backup) => !isDamaged(backup))
  const verified = findNewestVerified(newestFirst)
  if (!newest) {
    const none = newestFirst.length > 0 ? 'There is no whole backup' : 'There is no backup yet'
    return [...faults, `${none}. Make one: npm run backup -- create`]
  }
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

/** Sentences on the backups that are not what was written. */
export function describeDamage(backups: ListedBackup[]): string[] {
  return backups.flatMap(({ name, bytes, record }) => {
    if (!record) return []
    if (record.bytes !== bytes)
      return `The backup ${name} is cut off or changed: ${bytes} bytes instead of ${record.bytes}.`
    if (!record.damaged) return []
    const { at, reason } = record.damaged
    return `The backup ${name} was verified at ${at.slice(0, 16)}Z and is not good: ${reason} Make another one.`
  })
}

function describeFuture(backups: ListedBackup[], now: Date): string[] {
  const strange = backups.filter(({ createdAt }) => isOfFuture(createdAt, now)).map(({ name }) => name)
  if (strange.length === 0) return []
  return [
    `The clock was wrong: ${strange.join(', ')} would be of the future. Remove what is not wanted by hand, it is never pruned.`,
  ]
}

/** Sentences on the encryption keys that the newest verification did not try. No fault of the backups. */
export function describeUncheckedKeys(newestFirst: ListedBackup[]): string[] {
  const record = findNewestVerified(newestFirst)?.record
  return describeUnchecked(record?.verified?.keys ?? []).map((text) => `${record?.name} was verified. ${text}`)
}
