import { setTimeout as sleep } from 'node:timers/promises'
import { type Deployment, takeBackMigration } from './apply-migration.ts'
import { withDeployLock } from './deploy-lock.ts'
import { listStanding, recordFailure } from './ledger.ts'
import { type Migration, MigrationError, reasonOf } from './migration.ts'

/** Takes back what the deployment did, and answers the error that tells the whole story. */
export async function endFailedDeployment(
  deployment: Deployment,
  failed: Migration,
  cause: unknown,
): Promise<MigrationError> {
  const reason = reasonOf(cause)
  try {
    const outcome = await withLivingConnection(deployment, (living) => takeBackDeployment(living, failed, reason))
    return new MigrationError(`The migration ${failed.name} failed: ${reason}. ${outcome}`, { cause })
  } catch (second) {
    return new MigrationError(
      `The migration ${failed.name} failed: ${reason}. Going back failed as well, and the database is between two versions: ${reasonOf(second)}. "migrate status" shows what is applied; repair the cause, then "migrate deploy" goes on from there, or "migrate down --to <migration>" goes back.`,
      { cause },
    )
  }
}

/**
 * A migration that fails because its connection was lost is taken back through a new one, also while PostgreSQL restarts.
 * With the old one the lock was lost as well: another node may have gone on in between.
 */
async function withLivingConnection<T>(
  deployment: Deployment,
  work: (deployment: Deployment) => Promise<T>,
): Promise<T> {
  const { ownerUrl, client, onProgress } = deployment
  const isAlive = await client.query('select 1').then(
    () => true,
    () => false,
  )
  if (isAlive) return work(deployment)
  const pausesMs = [100, 500, 1000, 2000, 5000, 10_000]
  for (const [index, pauseMs] of pausesMs.entries()) {
    await sleep(pauseMs)
    let hasLock = false
    try {
      return await withDeployLock(ownerUrl, onProgress, (living) => {
        hasLock = true
        return work({ ...deployment, client: living })
      })
    } catch (error) {
      if (hasLock || index === pausesMs.length - 1) throw error
    }
  }
  throw new MigrationError('there is no connection')
}

/**
 * Newest first, and keeps in the ledger why. Nothing is taken back that another node has built upon or may be serving
 * with. Answers a sentence on what is there now.
 */
async function takeBackDeployment(deployment: Deployment, failed: Migration, reason: string): Promise<string> {
  const { client, entries, onProgress } = deployment
  const standing = await listStanding(client, entries[0]?.migration ?? failed)
  const own = entries.filter(({ id }) => standing.some((row) => row.id === id))
  const others = standing.find((row) => !own.some(({ id }) => row.id === id))
  if (others)
    return `Meanwhile another node went on from there (${others.name}): nothing was taken back. "migrate status" shows what is applied.`
  const ownFailed = own.find(({ migration }) => migration === failed)
  if (standing.some(({ id, isFinished }) => id === ownFailed?.id && isFinished))
    return 'It is applied all the same, only the answer was lost: nothing was taken back, and the next deployment goes on from there.'
  for (const { migration } of own.toReversed()) {
    onProgress(`taking back ${migration.name}`)
    const why = migration === failed ? reason : `Taken back because ${failed.name} failed: ${reason}`
    await takeBackMigration(deployment, migration, why)
  }
  if (!ownFailed) await recordFailure(client, failed, reason)
  return 'Everything this deployment had applied was taken back.'
}
