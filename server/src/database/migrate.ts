import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { applyMigration, type Deployment, takeBackMigration } from './migrations/apply-migration.ts'
import { connectOwner, findLockHolder, withDeployLock } from './migrations/deploy-lock.ts'
import { endFailedDeployment } from './migrations/end-failed-deployment.ts'
import { type History, readHistory } from './migrations/ledger.ts'
import { type Migration, MigrationError } from './migrations/migration.ts'
import { ownPolicies } from './migrations/own-policies.ts'
import { defaultPatience, type LockPatience } from './migrations/retry-locks.ts'

export type { Migration } from './migrations/migration.ts'

export const migrationsFolder = join(import.meta.dirname, '../../../database/migrations')

/** Oldest first. Throws a `MigrationError` when a migration lacks its migration.sql or its way back. */
export async function readMigrations(folder = migrationsFolder): Promise<Migration[]> {
  const entries = await readdir(folder, { withFileTypes: true })
  const names = entries
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort()
  return Promise.all(
    names.map(async (name) => {
      const read = (file: string) =>
        readFile(join(folder, name, file), 'utf8').catch((cause: Error) => {
          throw new MigrationError(`The migration ${name} has no readable ${file}.`, { cause })
        })
      const [up, down] = [await read('migration.sql'), await read('down.sql')]
      return { name, up, down, checksum: createHash('sha256').update(up).digest('hex') }
    }),
  )
}

/**
 * Applies what is missing, oldest first, each migration in one transaction with its ledger row. When one fails, those
 * that this call applied are taken back with their down.sql, newest first, and a `MigrationError` says what happened.
 * Any number of nodes may call it at once: one works, the others wait. Answers the names it applied.
 */
export async function deployMigrations(
  ownerUrl: string,
  migrations: Migration[],
  onProgress: (text: string) => void = () => {},
  patience: LockPatience = defaultPatience,
): Promise<string[]> {
  return withDeployLock(ownerUrl, onProgress, async (client) => {
    const deployment: Deployment = { ownerUrl, client, patience, onProgress, entries: [] }
    const missing = await readMissing(deployment, migrations)
    for (const migration of missing) {
      onProgress(`applying ${migration.name}`)
      try {
        await applyMigration(deployment, migration)
      } catch (cause) {
        throw await endFailedDeployment(deployment, migration, cause)
      }
    }
    await ownPolicies(client, onProgress)
    return missing.map(({ name }) => name)
  })
}

/** What a killed deployer left half-done is taken back first. */
async function readMissing(deployment: Deployment, migrations: Migration[]): Promise<Migration[]> {
  const { missing, halfDone } = await readHistory(deployment.client, migrations)
  for (const migration of halfDone) {
    deployment.onProgress(`taking back ${migration.name}, which was interrupted half-way`)
    await takeBackMigration(deployment, migration, 'Interrupted half-way; taken back by the next deployment.')
  }
  return missing
}

/** Takes back every migration after `target`, newest first; a null target takes back all. Answers the names. */
export async function revertMigrations(
  ownerUrl: string,
  migrations: Migration[],
  target: string | null,
  onProgress: (text: string) => void = () => {},
  patience: LockPatience = defaultPatience,
): Promise<string[]> {
  if (target !== null && !migrations.some(({ name }) => name === target))
    throw new MigrationError(`There is no migration ${target}.`)
  return withDeployLock(ownerUrl, onProgress, async (client) => {
    const deployment: Deployment = { ownerUrl, client, patience, onProgress, entries: [] }
    await readMissing(deployment, migrations)
    const { applied } = await readHistory(client, migrations)
    const after = applied.filter(({ name }) => target === null || name > target).reverse()
    for (const migration of after) {
      onProgress(`taking back ${migration.name}`)
      await takeBackMigration(deployment, migration)
    }
    return after.map(({ name }) => name)
  })
}

/** Every known migration, oldest first, and whether the database has it. Throws when files and database disagree. */
export async function findMigrationStatus(
  ownerUrl: string,
  migrations: Migration[],
): Promise<{ name: string; isApplied: boolean }[]> {
  const { missing } = await inspectMigrations(ownerUrl, migrations)
  return migrations.map((migration) => ({ name: migration.name, isApplied: !missing.includes(migration) }))
}

export interface MigrationState extends History {
  /** Who deploys at this moment. */
  lockHolder: string | null
}

/** Looks without waiting for a deployment that runs, and changes nothing. Throws when files and database disagree. */
export async function inspectMigrations(ownerUrl: string, migrations: Migration[]): Promise<MigrationState> {
  const client = await connectOwner(ownerUrl)
  try {
    return { lockHolder: await findLockHolder(client), ...(await readHistory(client, migrations)) }
  } finally {
    await client.end()
  }
}
