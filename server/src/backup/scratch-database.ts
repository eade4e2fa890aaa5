import { randomBytes } from 'node:crypto'
import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { startEmbeddedPostgres, stopLeftover } from '../database/embedded.ts'
import type { Log } from '../log.ts'
import { BackupError, reasonOf } from './backup-error.ts'
import { withClient } from './with-client.ts'

export interface ScratchDatabase {
  ownerUrl: string
  drop(): Promise<void>
}

// Not that of "migrate verify", which drops its own after an hour even while somebody is connected.
const prefix = 'agentexpress_backup_verify_'
const leftoverSeconds = 3600
const applicationName = 'agentexpress scratch'
const folderPrefix = 'agentexpress-verify-'
/** In the folder of an embedded scratch database: the process it belongs to. */
const pidFile = 'verifier.pid'

/** An empty database on the same PostgreSQL where its owner may create one, otherwise on an embedded one for the moment. */
export async function createScratchDatabase(
  ownerUrl: string,
  log: Log,
  onProgress: (text: string) => void,
): Promise<ScratchDatabase> {
  const mayCreate = await withClient(ownerUrl, applicationName, async (client) => {
    const { rows } = await client.query<{ may_create: boolean }>(
      'select rolsuper or rolcreatedb as may_create from pg_roles where rolname = current_user',
    )
    return rows[0]?.may_create === true
  })
  if (mayCreate) return createBeside(ownerUrl, log)
  onProgress('the owner may not create databases here; an embedded PostgreSQL is started for the check')
  return startOwn(log)
}

async function createBeside(ownerUrl: string, log: Log): Promise<ScratchDatabase> {
  const name = `${prefix}${Math.floor(Date.now() / 1000)}_${randomBytes(4).toString('hex')}`
  await withClient(ownerUrl, applicationName, async (client) => {
    await dropLeftovers(client, log)
    await client.query(`create database ${name} template template0 encoding 'UTF8'`)
  })
  const url = Object.assign(new URL(ownerUrl), { pathname: `/${name}` }).href
  const drop = () =>
    withClient(
      ownerUrl,
      applicationName,
      async (client) => void (await client.query(`drop database if exists ${name} with (force)`)),
    )
  const keeper = await keepOpen(url).catch(async (error: unknown) => {
    await drop()
    throw error
  })
  return {
    ownerUrl: url,
    async drop() {
      await keeper.end().catch(() => {})
      await drop()
    },
  }
}

/** A session for as long as the database is wanted: reading a large backup takes hours before the first row is loaded. */
async function keepOpen(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000, keepAlive: true })
  client.on('error', () => {})
  await client.connect()
  await client.query('set idle_session_timeout = 0')
  return client
}

/**
 * Those of verifications that were killed, each with all the rows of a backup: nobody is connected to them, and their name
 * says that they were not made just now. Their files would tell too, but an owner who is no superuser may not look.
 */
async function dropLeftovers(client: pg.Client, log: Log): Promise<void> {
  const { rows } = await client.query<{ name: string }>(
    `select datname as name from pg_database
     where substring(datname from $1)::bigint < extract(epoch from now()) - $2 and pg_get_userbyid(datdba) = current_user
       and not exists (select from pg_stat_activity where pg_stat_activity.datid = pg_database.oid)`,
    [`^${prefix}(\\d{1,12})_`, leftoverSeconds],
  )
  for (const { name } of rows) {
    await client
      .query(`drop database if exists ${client.escapeIdentifier(name)}`)
      .catch((error: unknown) => log.warn({ err: error }, `${name}, left by a verification, could not be dropped`))
  }
}

async function startOwn(log: Log): Promise<ScratchDatabase> {
  await removeLeftoverFolders()
  const folder = await mkdtemp(join(tmpdir(), folderPrefix))
  await writeFile(join(folder, pidFile), String(process.pid))
  // As root, PostgreSQL runs as another user, who has to get in.
  await chmod(folder, 0o755)
  try {
    const embedded = await startEmbeddedPostgres(folder, log)
    return {
      ownerUrl: embedded.ownerUrl,
      async drop() {
        await embedded.stop()
        await rm(folder, { recursive: true, force: true })
      },
    }
  } catch (cause) {
    await rm(folder, { recursive: true, force: true })
    throw new BackupError(
      `There is no scratch database to restore into: the owner may not create databases (alter role <owner> createdb), and ${reasonOf(cause)}`,
      { cause },
    )
  }
}

/** Those of verifications that were killed, whose PostgreSQL may go on running. */
async function removeLeftoverFolders(): Promise<void> {
  for (const name of (await readdir(tmpdir())).filter((name) => name.startsWith(folderPrefix))) {
    const folder = join(tmpdir(), name)
    const pid = Number(await readFile(join(folder, pidFile), 'utf8').catch(() => ''))
    if (!pid || isAlive(pid)) continue
    await stopLeftover(join(folder, 'postgres')).catch(() => {})
    await rm(folder, { recursive: true, force: true }).catch(() => {})
  }
}

/** Also when it belongs to somebody else, or its number to another program by now: then its folder is left alone. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}
