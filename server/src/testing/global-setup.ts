import type { TestProject } from 'vitest/node'
import type { PostgresBinaries } from '../database/postgres-binaries.ts'
import { startTestPostgres } from './start-test-postgres.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** Of the migrated database that test files clone; direct. */
    ownerUrl: string
    /** The same database as the server reaches it, which may be through a pooler. */
    serverUrl: string
    usePreparedStatements: boolean
    /** Of the PostgreSQL under test, for those who start one of their own; missing where that is the embedded one. */
    postgresBinaries?: PostgresBinaries
  }
}

/** One PostgreSQL for all test files, its database migrated once; each file clones it (see `test-app.ts`). */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  const postgres = await startTestPostgres()
  project.provide('ownerUrl', postgres.ownerUrl)
  project.provide('serverUrl', postgres.serverUrl)
  project.provide('usePreparedStatements', true)
  return postgres.stop
}
