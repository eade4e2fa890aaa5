import { refuseUnfinishedRestore } from './backup/unfinished-restore.ts'
import type { ConnectedDatabase } from './database/connect.ts'
import { deployMigrations, readMigrations } from './database/migrate.ts'
import { ensurePartitions, PartitionsBusy } from './database/partitions.ts'
import type { TimeLimits } from './database/time-limits.ts'

/**
 * Brings the database to this version. Throws before anything is written when row-level security would not hold for the
 * server's login. Answers the time limits that `openDatabase` has to set.
 */
export async function prepareDatabase(connected: ConnectedDatabase, say: (text: string) => void): Promise<TimeLimits> {
  const { ownerUrl } = connected
  await connected.checkServerRole()
  await refuseUnfinishedRestore(ownerUrl)
  const applied = await deployMigrations(ownerUrl, await readMigrations(), (text) => say(`Database: ${text}`))
  say(applied.length > 0 ? `Database: ${applied.length} migrations applied` : 'Database: up to date')
  try {
    await ensurePartitions(ownerUrl)
  } catch (error) {
    if (!(error instanceof PartitionsBusy)) throw error
    // Until maintenance.ts has made them, the default partition takes what belongs there.
    say(`Database: ${error.message}; they are made within the hour, and no log is lost until then`)
  }
  return connected.prepareServerRole()
}
