import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type EmbeddedPostgres, serverRole, startEmbeddedPostgres } from '../database/embedded.ts'
import { deployMigrations, readMigrations } from '../database/migrate.ts'
import { ensurePartitions } from '../database/partitions.ts'
import type { PostgresBinaries } from '../database/postgres-binaries.ts'
import { grantServerRole } from '../database/server-role.ts'
import { createLog } from '../log.ts'

/** Nobody needs these databases after a crash of the machine: waiting for its disk was most of the time of a test run. */
export const forgetful = { fsync: 'off', full_page_writes: 'off', synchronous_commit: 'off' }

/**
 * A fresh PostgreSQL with a migrated database, in a folder that `stop` removes: the embedded one, or that of `binaries`,
 * started in the same way with the same settings.
 */
export async function startTestPostgres(binaries?: PostgresBinaries): Promise<EmbeddedPostgres> {
  const folder = await mkdtemp(join(tmpdir(), 'agentexpress-tests-'))
  await chmod(folder, 0o755)
  // Each worker of the tests may have a file that lets fifty clients in.
  const settings = { ...forgetful, max_connections: '400' }
  const postgres = await startEmbeddedPostgres(folder, createLog('silent'), { binaries, settings })
  const stop = async () => {
    await postgres.stop()
    await rm(folder, { recursive: true, force: true })
  }
  try {
    await deployMigrations(postgres.ownerUrl, await readMigrations())
    await ensurePartitions(postgres.ownerUrl)
    await grantServerRole(postgres.ownerUrl, serverRole)
  } catch (error) {
    await stop()
    throw error
  }
  return { ...postgres, stop }
}
