import type pg from 'pg'
import { isRecordedAsApplied, recordApplied, recordBegun, recordStep, recordTakenBack } from './ledger.ts'
import { type Migration, MigrationError, reasonOf, runsWithoutTransaction } from './migration.ts'
import { type LockPatience, retryLocks } from './retry-locks.ts'
import { listConcurrentIndexes, needsNoTransaction, type Statement, splitStatements } from './split-statements.ts'

export interface Deployment {
  ownerUrl: string
  /** Holds the deploy lock. */
  client: pg.Client
  patience: LockPatience
  onProgress: (text: string) => void
}

/**
 * All of the migration and its row in the ledger, or nothing. One without a transaction can fail half-way: what it did
 * then stays until `takeBackMigration`.
 */
export async function applyMigration(deployment: Deployment, migration: Migration): Promise<void> {
  if (runsWithoutTransaction(migration)) return applyStepByStep(deployment, migration)
  await inTransaction(deployment, async (client) => {
    await client.query(migration.up)
    await recordApplied(client, migration)
  })
}

/** Runs down.sql and says so in the ledger, with the reason if it went back by itself. */
export async function takeBackMigration(
  deployment: Deployment,
  migration: Migration,
  reason: string | null = null,
): Promise<void> {
  try {
    if (runsWithoutTransaction(migration)) {
      await takeBackStepByStep(deployment, migration, reason)
    } else {
      await inTransaction(deployment, async (client) => {
        await client.query(migration.down)
        await recordTakenBack(client, migration, reason)
      })
    }
  } catch (cause) {
    throw new MigrationError(`The migration ${migration.name} could not be taken back: ${reasonOf(cause)}`, { cause })
  }
}

async function inTransaction(deployment: Deployment, work: (client: pg.Client) => Promise<void>): Promise<void> {
  const { client, patience } = deployment
  await retryLocks(deployment, async () => {
    await client.query('begin')
    try {
      await client.query(`set local lock_timeout = ${patience.lockTimeoutMs}`)
      await work(client)
      await client.query('commit')
    } catch (error) {
      await client.query('rollback').catch(() => {})
      throw error
    }
  })
}

async function applyStepByStep(deployment: Deployment, migration: Migration): Promise<void> {
  const statements = await splitStatements(migration.up)
  const id = await recordBegun(deployment.client, migration)
  for (const [index, statement] of statements.entries()) {
    await runStep(deployment, statement)
    await recordStep(deployment.client, id, { isLast: index === statements.length - 1 })
  }
}

async function takeBackStepByStep(deployment: Deployment, migration: Migration, reason: string | null): Promise<void> {
  const { client } = deployment
  for (const statement of await splitStatements(migration.down)) await runStep(deployment, statement)
  // What an interrupted CREATE INDEX CONCURRENTLY leaves costs every write and serves no query.
  for (const name of listConcurrentIndexes(await splitStatements(migration.up))) {
    const { rows } = await client.query<{ name: string }>(
      'select indexrelid::regclass::text as name from pg_index where indexrelid = to_regclass($1) and not indisvalid',
      [name],
    )
    for (const index of rows) await client.query(`drop index concurrently ${index.name}`)
  }
  await recordTakenBack(client, migration, reason)
}

async function runStep(deployment: Deployment, statement: Statement): Promise<void> {
  const { client, patience } = deployment
  // Nobody has to wait behind a concurrent statement, so it may wait long for old transactions to end; giving up early
  // would throw away the work of hours.
  const timeout = needsNoTransaction(statement) ? `'6h'` : patience.lockTimeoutMs
  await retryLocks(deployment, async () => {
    await client.query(`set lock_timeout = ${timeout}`)
    await client.query(statement.text)
  }).finally(() => client.query('reset lock_timeout').catch(() => {}))
}

/** Takes back what a failed deployment did, newest first, and keeps in the ledger why. */
export async function takeBackDeployment(
  deployment: Deployment,
  { applied, failed }: { applied: Migration[]; failed: Migration },
  reason: string,
): Promise<void> {
  const wasBegun = runsWithoutTransaction(failed) || (await isRecordedAsApplied(deployment.client, failed))
  for (const migration of [...applied, ...(wasBegun ? [failed] : [])].reverse()) {
    deployment.onProgress(`taking back ${migration.name}`)
    const why = migration === failed ? reason : `Taken back because ${failed.name} failed: ${reason}`
    await takeBackMigration(deployment, migration, why)
  }
}
