import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { serverRole, startEmbeddedPostgres } from '../database/embedded.ts'
import { deployMigrations, readMigrations } from '../database/migrate.ts'
import { ensurePartitions } from '../database/partitions.ts'
import { grantServerRole } from '../database/server-role.ts'
import { createLog } from '../log.ts'

declare module 'vitest' {
  interface ProvidedContext {
    ownerUrl: string
    serverUrl: string
  }
}

/** One PostgreSQL for all test files, its database migrated once; each file clones it (see `test-app.ts`). */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'agentexpress-tests-'))
  await chmod(folder, 0o755)
  const postgres = await startEmbeddedPostgres(folder, createLog('silent'))
  await deployMigrations(postgres.ownerUrl, await readMigrations())
  await ensurePartitions(postgres.ownerUrl)
  await grantServerRole(postgres.ownerUrl, serverRole)
  project.provide('ownerUrl', postgres.ownerUrl)
  project.provide('serverUrl', postgres.serverUrl)
  return async () => {
    await postgres.stop()
    await rm(folder, { recursive: true, force: true })
  }
}
