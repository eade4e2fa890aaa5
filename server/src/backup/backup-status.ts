import type { Config } from '../config.ts'
import { reasonOf } from './backup-error.ts'
import { describeDamage, describeHealth, describeUncheckedKeys } from './backup-health.ts'
import { isOfFuture, type ListedBackup, listBackups } from './backup-records.ts'
import { openBackupStore } from './backup-store.ts'
import { findNewestVerified } from './prune-backups.ts'

export interface BackupStatus {
  last_created_at: Date | null
  last_verified_at: Date | null
  /** The newest verified backup is older than BACKUP_ALERT_AFTER_HOURS, or there is none and there should be. */
  overdue: boolean
  /** Sentences for the operator: why it is overdue, what is damaged, which keys the newest verification did not try. */
  problems: string[]
}

export interface BackupWatch {
  /** Reads the place of the backups, at most once a minute. */
  read(): Promise<BackupStatus>
  /** What was read last; null at first, and then it is on its way. Never waits for a bucket. */
  lastRead(): BackupStatus | null
}

const rememberMs = 60_000
const hourMs = 3_600_000

/** Told of by the schedule, `/readyz` and the page of admins alike. */
export function createBackupWatch(config: Config['backup'], now = () => new Date()): BackupWatch {
  const store = openBackupStore(config)
  const startedAt = now()
  let last: { status: BackupStatus; at: number } | null = null
  let reading: Promise<BackupStatus> | null = null

  async function read(): Promise<BackupStatus> {
    if (last && now().getTime() - last.at < rememberMs) return last.status
    reading ??= readStatus()
      .then((status) => {
        last = { status, at: now().getTime() }
        return status
      })
      .finally(() => {
        reading = null
      })
    return reading
  }

  async function readStatus(): Promise<BackupStatus> {
    try {
      return describeStatus(await listBackups(store), config, { now: now(), startedAt })
    } catch (error) {
      const problems = [`The place of the backups, ${store.label}, cannot be read: ${reasonOf(error)}`]
      return { last_created_at: null, last_verified_at: null, overdue: areWanted(config), problems }
    }
  }

  return {
    read,
    lastRead() {
      read().catch(() => {})
      return last?.status ?? null
    },
  }
}

/** Whether somebody counts on backups: who never set them up is not reminded on every page. */
function areWanted({ everyHours, alertUrl }: Config['backup']): boolean {
  return everyHours !== undefined || alertUrl !== undefined
}

export function describeStatus(
  backups: ListedBackup[],
  config: Config['backup'],
  { now, startedAt }: { now: Date; startedAt: Date },
): BackupStatus {
  const newestFirst = backups.filter(({ createdAt }) => !isOfFuture(createdAt, now))
  const verified = findNewestVerified(newestFirst)
  const since = verified ?? newestFirst.at(-1)
  const limitMs = config.alertAfterHours * hourMs
  // A new installation has as long to its first verified backup as an old one has to its next; to its first backup, an hour.
  const overdue = since
    ? now.getTime() - since.createdAt.getTime() >= limitMs
    : areWanted(config) && now.getTime() - startedAt.getTime() >= hourMs
  const verifiedTimes = newestFirst.flatMap(({ record }) => (record?.verified ? [Date.parse(record.verified.at)] : []))
  return {
    last_created_at: newestFirst[0]?.createdAt ?? null,
    last_verified_at: verifiedTimes.length > 0 ? new Date(Math.max(...verifiedTimes)) : null,
    overdue,
    problems: [
      ...(overdue ? describeHealth(backups, config.alertAfterHours, now) : describeDamage(backups)),
      ...describeUncheckedKeys(newestFirst),
    ],
  }
}
