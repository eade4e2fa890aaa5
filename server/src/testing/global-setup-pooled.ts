import type { TestProject } from 'vitest/node'
import { startPgBouncer } from './start-pgbouncer.ts'
import { startTestPostgres } from './start-test-postgres.ts'

/**
 * The same with PgBouncer in transaction mode between server and database. Fewer connections than any server's pool has,
 * so that each transaction may get one that another client has just left.
 */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  const postgres = await startTestPostgres()
  const pooler = await startPgBouncer(postgres, { poolSize: 3 }).catch(async (error) => {
    await postgres.stop()
    throw error
  })
  project.provide('ownerUrl', postgres.ownerUrl)
  project.provide('serverUrl', pooler.serverUrl)
  project.provide('usePreparedStatements', pooler.knowsPreparedStatements)
  return async () => {
    await pooler.stop()
    await postgres.stop()
  }
}
