import { randomUUID } from 'node:crypto'
import type pg from 'pg'
import { type LedgerEntry, recordApplied, recordBegun, recordFinished, recordStep, recordTakenBack } from './ledger.ts'
import { type Migration, MigrationError, reasonOf, runsWithoutTransaction } from './migration.ts'
import { runPastPolicies } from './past-policies.ts'
import { type LockPatience, retryLocks } from './retry-locks.ts'
import { listNewIndexes, needsNoTransaction, splitStatements } from './split-statements.ts'

export interface Deployment {
  ownerUrl: string
  /** Holds the deploy lock. */
  client: pg.Client
  patience: LockPatience
  onProgress: (text: string) => void
  /** What this deployment began, oldest first. */
  entries: LedgerEntry[]
}

/**
 * All of the migration and its row in the ledger, or nothing. One without a transaction can fail half-way: what it did
 * then stays until `takeBackMigration`.
 */
export async function applyMigration(deployment: Deployment, migration: Migration): Promise<void> {
  const isStepByStep = runsWithoutTransaction(migration)
  const entry = { id: randomUUID(), migration }
  deployment.entries.push(entry)
  if (isStepByStep) return applyStepByStep(deployment, entry)
  await inTransaction(deployment, async (client) => {
    await runPastPolicies(client, migration)
    await recordApplied(client, entry)
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

async function applyStepByStep(deployment: Deployment, entry: LedgerEntry): Promise<void> {
  const { client } = deployment
  const { id, migration } = entry
  await recordBegun(client, entry)
  for (const step of await listSteps(client, migration.up)) {
    await runStep(deployment, step)
    await recordStep(client, id)
  }
  // "if not exists" is content with an invalid index, and one of a partitioned table is invalid until no partition lacks it.
  const [invalid] = await findInvalidIndexes(client, migration)
  if (invalid) throw new MigrationError(`the index ${invalid.index} is not valid`)
  await recordFinished(client, id)
}

async function takeBackStepByStep(deployment: Deployment, migration: Migration, reason: string | null): Promise<void> {
  const { client } = deployment
  for (const step of await listSteps(client, migration.down)) await runStep(deployment, step)
  // What an interrupted CREATE INDEX CONCURRENTLY leaves costs every write and serves no query.
  for (const { index, isPartitioned } of await findInvalidIndexes(client, migration))
    await client.query(`drop index ${isPartitioned ? '' : 'concurrently'} if exists ${index}`)
  await recordTakenBack(client, migration, reason)
}

async function findInvalidIndexes(
  client: pg.Client,
  { up }: Migration,
): Promise<{ index: string; isPartitioned: boolean }[]> {
  const wanted = listNewIndexes(await splitStatements(up))
  const { rows } = await client.query<{ index: string; isPartitioned: boolean }>(
    `select format('%I.%I', nspname, relname) as index, relkind = 'I' as "isPartitioned"
     from pg_index join pg_class on pg_class.oid = indexrelid join pg_namespace on pg_namespace.oid = relnamespace
     join unnest($1::text[], $2::text[]) as wanted (schema, pattern) on nspname = schema and relname like pattern
     where not indisvalid`,
    [
      wanted.map(({ schema }) => schema),
      wanted.map(({ name }) => name.replaceAll('_', '\\_').replaceAll('{partition}', '%')),
    ],
  )
  return rows
}

interface Step {
  text: string
  timeout: string
}

async function listSteps(client: pg.Client, sql: string): Promise<Step[]> {
  const partitions = new Map<string, string[]>()
  const steps: Step[] = []
  for (const statement of await splitStatements(sql)) {
    // Nobody has to wait behind a concurrent statement, so it may wait long for old transactions to end; giving up early
    // would throw away the work of hours.
    const timeout = needsNoTransaction(statement) ? '6h' : ''
    const table = statement.eachPartitionOf
    if (table && !partitions.has(table)) partitions.set(table, await listPartitions(client, table))
    const texts = table
      ? (partitions.get(table) ?? []).map((name) =>
          statement.text.replaceAll('{partition}', name.replaceAll('"', '""')),
        )
      : [statement.text]
    steps.push(...texts.map((text) => ({ text, timeout })))
  }
  return steps
}

async function listPartitions(client: pg.Client, table: string): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    'select relname as name from pg_inherits join pg_class on pg_class.oid = inhrelid where inhparent = to_regclass($1) order by 1',
    [table],
  )
  return rows.map(({ name }) => name)
}

async function runStep(deployment: Deployment, { text, timeout }: Step): Promise<void> {
  const { client, patience } = deployment
  await retryLocks(deployment, async () => {
    await client.query(`set lock_timeout = '${timeout || `${patience.lockTimeoutMs}ms`}'`)
    await client.query(text)
  }).finally(() => client.query('reset lock_timeout').catch(() => {}))
}
