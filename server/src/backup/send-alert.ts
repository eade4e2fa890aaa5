import type { Config } from '../config.ts'
import type { Log } from '../log.ts'
import { createUrlGuard, type UrlGuard } from '../url-guard/url-guard.ts'
import { BackupError, reasonOf } from './backup-error.ts'
import { withAlertLock } from './backup-lock.ts'
import { type BackupStatus, createBackupWatch } from './backup-status.ts'
import { type BackupStore, openBackupStore } from './backup-store.ts'

const noteName = 'alerted.json'
const everyMs = 24 * 3_600_000

/** To be called now and then; does nothing without BACKUP_ALERT_URL. What goes wrong is logged. */
export function createAlert(options: {
  config: Pick<Config, 'backup' | 'publicUrl' | 'allowedPrivateHosts'>
  ownerUrl: string
  log: Log
}): () => Promise<void> {
  const { config, ownerUrl, log } = options
  const watch = createBackupWatch(config.backup)
  const { allowedPrivateHosts } = config
  const urlGuard = createUrlGuard({ allowedPrivateHosts, maxBytes: 64 * 1024, timeoutMs: 15_000, maxRedirects: 3 })
  let alertedAt = Number.NEGATIVE_INFINITY
  return async () => {
    if (config.backup.alertUrl === undefined || performance.now() - alertedAt < everyMs) return
    try {
      const status = await watch.read()
      if (!status.overdue) return
      // Under a lock, so that of several servers one sends it; the others find its note.
      const isSent = await withAlertLock(ownerUrl, () => sendAlert({ config, status, urlGuard }))
      if (isSent) alertedAt = performance.now()
    } catch (error) {
      log.error({ reason: reasonOf(error) }, 'BACKUP_ALERT_URL could not be told; it is tried again')
    }
  }
}

/**
 * Posts to BACKUP_ALERT_URL that backups are overdue, once a day however many servers there are and however often they
 * start: a note beside the backups says when it was. Answers whether it was sent. Throws when it did not arrive.
 */
export async function sendAlert(options: {
  config: Pick<Config, 'backup' | 'publicUrl'>
  status: BackupStatus
  urlGuard: UrlGuard
  now?: Date
}): Promise<boolean> {
  const { config, status, urlGuard, now = new Date() } = options
  const { alertUrl, alertAfterHours } = config.backup
  if (alertUrl === undefined || !status.overdue) return false
  const store = openBackupStore(config.backup)
  const alertedAt = await readNote(store)
  if (alertedAt !== null && now.getTime() - alertedAt < everyMs) return false
  const { overdue: _, ...what } = status
  const answer = await urlGuard.fetch(alertUrl, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      event: 'backups_overdue',
      site: config.publicUrl ?? null,
      alert_after_hours: alertAfterHours,
      ...what,
    }),
    maxBytes: 64 * 1024,
  })
  // Never the address: such addresses hold secrets.
  if (answer.status >= 300) throw new BackupError(`BACKUP_ALERT_URL answered ${answer.status}.`)
  // When the place of the backups is what fails, there is no note; the schedule remembers for itself.
  await store.writeText(noteName, `${JSON.stringify({ alerted_at: now.toISOString() })}\n`).catch(() => {})
  return true
}

async function readNote(store: BackupStore): Promise<number | null> {
  try {
    const time = Date.parse(JSON.parse((await store.readText(noteName)) ?? '{}').alerted_at)
    return Number.isNaN(time) ? null : time
  } catch {
    return null
  }
}
