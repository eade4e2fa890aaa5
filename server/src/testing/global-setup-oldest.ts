import type { TestProject } from 'vitest/node'
import { findOldestPostgres } from './installed-programs.ts'
import { startTestPostgres } from './start-test-postgres.ts'

/** The same on the oldest PostgreSQL that is supported. */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  const binaries = findOldestPostgres()
  if (!binaries) throw new Error('PostgreSQL 15 is not installed.')
  const postgres = await startTestPostgres(binaries)
  project.provide('ownerUrl', postgres.ownerUrl)
  project.provide('serverUrl', postgres.serverUrl)
  project.provide('usePreparedStatements', true)
  project.provide('postgresBinaries', binaries)
  return postgres.stop
}
