import type pg from 'pg'
import { deployMigrations, type Migration, revertMigrations } from '../database/migrate.ts'
import { BackupError, reasonOf } from './backup-error.ts'
import type { BackupHeader } from './backup-format.ts'
import { type LoadedBackup, loadBackup } from './load-backup.ts'
import { type BackupSource, checkBackup } from './read-backup.ts'
import { ledgerTable, textSettings } from './snapshot.ts'
import { findUnfinishedRestore, markRestore, unmarkRestore } from './unfinished-restore.ts'
import { withClient } from './with-client.ts'

const applicationName = 'agentexpress restore'
/** Number of the advisory lock that keeps a second restore out of the same database. */
const advisoryLock = 72707370

/**
 * Restores into an empty database, or one where a restore was cut off. The backup is read to its end before anything is
 * touched, and `onChecked` may refuse it then. The rows come in one transaction; a failure until then leaves the database
 * empty, a kill leaves it marked. A failure afterwards, of the migrations to the present version, leaves every row. Either
 * is a `RestoreFailed`.
 */
export async function restoreBackup(options: {
  ownerUrl: string
  source: BackupSource
  migrations: Migration[]
  onProgress?: (text: string) => void
  onChecked?: (header: BackupHeader) => Promise<void>
}): Promise<LoadedBackup> {
  const { ownerUrl, source, migrations, onProgress = () => {}, onChecked } = options
  // Reading a large backup takes long: what can be refused before is.
  await withClient(ownerUrl, applicationName, async (client) => {
    if ((await findUnfinishedRestore(client)) === null) await refuseRows(client)
  })
  onProgress(`checking ${source.label}`)
  const { header } = await checkBackup(source, onProgress)
  const known = findMigrations(header, migrations)
  await onChecked?.(header)
  return withClient(ownerUrl, applicationName, async (client) => {
    await prepareTarget(client, { ...options, onProgress, header })
    let loaded: LoadedBackup | null = null
    try {
      await deployMigrations(ownerUrl, known, onProgress)
      await client.query('begin')
      loaded = await loadBackup(client, source, onProgress)
      await unmarkRestore(client)
      await client.query('commit')
    } catch (error) {
      // Not a rollback: it would wait behind a COPY that nobody feeds any more.
      await client.end().catch(() => {})
      const { isKept, outcome } = await takeBack(ownerUrl, migrations, header)
      throw new RestoreFailed(error, outcome, isKept ? loaded : null)
    }
    const kept = loaded
    await deployMigrations(ownerUrl, migrations, onProgress).catch((error: unknown) => {
      throw new RestoreFailed(error, describeKept(header), kept)
    })
    await client
      .query('analyze')
      .catch((error: unknown) =>
        onProgress(`the rows could not be analyzed (${reasonOf(error)}); autovacuum will do it`),
      )
    return loaded
  })
}

async function prepareTarget(
  client: pg.Client,
  options: { ownerUrl: string; migrations: Migration[]; onProgress: (text: string) => void; header: BackupHeader },
): Promise<void> {
  const { ownerUrl, migrations, onProgress, header } = options
  for (const setting of textSettings) await client.query(setting)
  const { rows } = await client.query<{ is_free: boolean }>('select pg_try_advisory_lock($1) as is_free', [
    advisoryLock,
  ])
  if (!rows[0]?.is_free) throw new BackupError('Another restore is working on this database.')
  if ((await findUnfinishedRestore(client)) !== null) {
    onProgress('an earlier restore was cut off; what it left is removed')
    await revertMigrations(ownerUrl, migrations, null)
  }
  await refuseRows(client)
  await markRestore(client, header.name)
}

/** Its message also says what is in the database now. */
export class RestoreFailed extends BackupError {
  override name = 'RestoreFailed'
  readonly reason: string
  /** What came back and is kept, though not at the present version; null when no row is there. */
  readonly kept: LoadedBackup | null
  constructor(cause: unknown, outcome: string, kept: LoadedBackup | null) {
    const reason = reasonOf(cause).replace(/\.*$/, '.')
    super(`${kept ? 'The restore did not come to its end' : 'The restore failed'}: ${reason} ${outcome}`, { cause })
    this.reason = reason
    this.kept = kept
  }
}

function describeKept({ schema_version }: BackupHeader): string {
  return (
    `Every row was restored, at the backup's version ${schema_version}, and is kept. ` +
    'Repair the cause, then "npm run migrate -- deploy" brings it to the present version.'
  )
}

/** The migrations up to the backup's, as this program has them. */
function findMigrations(header: BackupHeader, migrations: Migration[]): Migration[] {
  return header.migrations.map(({ name, checksum }) => {
    const found = migrations.find((migration) => migration.name === name)
    if (!found) {
      throw new BackupError(
        `The backup is of a newer version (AgentExpress ${header.agentexpress}, migration ${name}) than this program. Restore it with that version or a later one.`,
      )
    }
    if (found.checksum !== checksum) {
      throw new BackupError(`The migration ${name} is another one than when the backup was made. Put its file back.`)
    }
    return found
  })
}

async function refuseRows(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ database: string; table: string }>(
    `select current_database() as database, format('%s.%s', nspname, relname) as "table"
     from pg_class join pg_namespace on pg_namespace.oid = relnamespace
     where nspname in ('public', 'app', 'agent_log_partitions') and relkind in ('r', 'p', 'v', 'm', 'f', 'S')
       and relname <> $1
       and not exists (select from pg_depend where classid = 'pg_class'::regclass and objid = pg_class.oid and deptype = 'e')
     order by 2 limit 1`,
    [ledgerTable],
  )
  const [found] = rows
  if (!found) return
  throw new BackupError(
    `The database ${found.database} is not empty (it has ${found.table}), and a restore overwrites nothing. Give it an empty ` +
      'one: a new database of your PostgreSQL, or, with the embedded one, stop the server and move postgres/ out of DATA_DIR.',
  )
}

/** Answers what is in the database then. The mark stays when this fails, so that the next restore goes on here. */
async function takeBack(
  ownerUrl: string,
  migrations: Migration[],
  header: BackupHeader,
): Promise<{ isKept: boolean; outcome: string }> {
  try {
    return await withClient(ownerUrl, applicationName, async (client) => {
      await client.query(`set lock_timeout = '60s'`)
      // It is free when the session of the restore is over, and with it its transaction and the locks on what goes now.
      await client.query('select pg_advisory_lock($1)', [advisoryLock])
      // The commit may have arrived, and its answer not.
      if ((await findUnfinishedRestore(client)) === null) return { isKept: true, outcome: describeKept(header) }
      await revertMigrations(ownerUrl, migrations, null)
      await unmarkRestore(client)
      return { isKept: false, outcome: 'The database was emptied again.' }
    })
  } catch (error) {
    const outcome =
      `What is in the database now could not be taken back (${reasonOf(error)}). Run the restore again: it empties what is ` +
      'half-done first, and a start refuses it until then.'
    return { isKept: false, outcome }
  }
}
