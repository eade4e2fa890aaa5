import { inspectMigrations, type MigrationState } from '../migrate.ts'
import { type Finding, lintMigrations } from './lint-migrations.ts'
import { describeMigration, type Migration, readDownHeader, runsWithoutTransaction } from './migration.ts'

export interface PlannedMigration {
  name: string
  description: string | null
  /** What its way back loses and keeps. */
  loses: string | null
  keeps: string | null
  isWithoutTransaction: boolean
  findings: Finding[]
}

export interface Plan extends Pick<MigrationState, 'halfDone' | 'lockHolder'> {
  missing: PlannedMigration[]
}

/** What a deployment would do, without doing it. Throws when files and database disagree on the past. */
export async function planDeployment(ownerUrl: string, migrations: Migration[]): Promise<Plan> {
  const { missing, halfDone, lockHolder } = await inspectMigrations(ownerUrl, migrations)
  const findings = await lintMigrations(migrations)
  return {
    halfDone,
    lockHolder,
    missing: missing.map((migration) => ({
      name: migration.name,
      description: describeMigration(migration),
      ...readDownHeader(migration),
      isWithoutTransaction: runsWithoutTransaction(migration),
      findings: findings.filter((finding) => finding.migration === migration.name),
    })),
  }
}
