import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import type { Config } from '../config.ts'
import type { Log } from '../log.ts'
import { describeHealth, describeUncheckedKeys } from './backup-health.ts'
import { listBackups } from './backup-records.ts'
import { openBackupStore } from './backup-store.ts'
import { type DueBackups, findDue } from './run-due-backups.ts'
import { createAlert } from './send-alert.ts'

const lookEveryMs = 15 * 60_000
const alertEveryMs = 24 * 3_600_000
/** A verification reads and restores everything: one that failed is not repeated at every look. */
const verifyAgainMs = 6 * 3_600_000

interface ScheduleOptions {
  config: Pick<Config, 'backup' | 'logLevel' | 'dataDir' | 'encryptionKeys' | 'publicUrl' | 'allowedPrivateHosts'>
  ownerUrl: string
  log: Log
}

/**
 * Makes and verifies backups by themselves when BACKUP_EVERY_HOURS is set, and says in the log, at the start and then
 * daily, and to BACKUP_ALERT_URL when the newest verified one is too old. Any number of servers may run it: one does the
 * work.
 */
export function startBackupSchedule(options: ScheduleOptions): { stop(): Promise<void>; look(): Promise<void> } {
  const { config, ownerUrl, log } = options
  if (config.backup.everyHours === undefined && config.backup.alertUrl === undefined)
    return { stop: async () => {}, look: async () => {} }
  const store = openBackupStore(config.backup)
  const remind = createReminder(options)
  let worker: Worker | null = null
  let looking: Promise<void> | null = null
  let isStopping = false
  let verifyAgainAt = Number.NEGATIVE_INFINITY

  async function run(): Promise<void> {
    try {
      const { isBackupDue, isVerificationDue } = findDue(await listBackups(store), config.backup)
      const mayVerify = performance.now() >= verifyAgainAt
      if (isBackupDue || (isVerificationDue && mayVerify)) await work(mayVerify)
    } catch (error) {
      log.error({ err: error }, 'the backup failed; it is tried again in a quarter of an hour')
    }
    if (!isStopping) await remind()
  }

  async function work(mayVerify: boolean): Promise<void> {
    const { backup, logLevel, dataDir, encryptionKeys } = config
    const running = new Worker(new URL('./backup-worker.ts', import.meta.url), {
      workerData: { config: { backup, logLevel, dataDir, encryptionKeys }, ownerUrl, mayVerify },
    })
    worker = running
    const answer = await new Promise<{ done?: DueBackups; failed?: string }>((resolve) => {
      running.once('message', resolve)
      running.once('error', (error: Error) => resolve({ failed: error.message }))
      running.once('exit', (code) => resolve({ failed: `its thread ended with code ${code}` }))
    })
    worker = null
    if (isStopping) return
    if (answer.failed)
      log.error({ reason: answer.failed }, 'the backup failed; it is tried again in a quarter of an hour')
    if (answer.done) {
      const { warnings, unverified, ...done } = answer.done
      log.info(done, 'backups')
      if (unverified !== null) {
        verifyAgainAt = performance.now() + verifyAgainMs
        log.error({ reason: unverified }, 'the backup could not be verified; it is tried again in six hours')
      }
      for (const warning of warnings) log.warn(warning)
    }
  }

  const look = () => {
    looking ??= run().finally(() => {
      looking = null
    })
    return looking
  }
  const timer = setInterval(() => (looking ? remind() : look()), lookEveryMs)
  look()
  return {
    look,
    async stop() {
      isStopping = true
      clearInterval(timer)
      worker?.postMessage('stop')
      // A half backup is removed within that time, or a day later by the next one.
      await Promise.race([looking, sleep(5000, undefined, { ref: false })])
      await worker?.terminate()
    },
  }
}

/** To be called whatever became of the backup, and also while it hangs: that is what somebody has to know. */
function createReminder({ config, ownerUrl, log }: ScheduleOptions): () => Promise<void> {
  const store = openBackupStore(config.backup)
  const alert = createAlert({ config, ownerUrl, log })
  let saidAt = Number.NEGATIVE_INFINITY
  return async () => {
    await alert()
    if (performance.now() - saidAt < alertEveryMs) return
    try {
      const backups = await listBackups(store)
      saidAt = performance.now()
      for (const fault of describeHealth(backups, config.backup.alertAfterHours)) log.error(fault)
      for (const warning of describeUncheckedKeys(backups)) log.warn(warning)
    } catch (error) {
      log.error({ err: error }, 'the place of the backups cannot be read; it is tried again in a quarter of an hour')
    }
  }
}
