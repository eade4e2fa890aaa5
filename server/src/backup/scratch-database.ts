import { randomBytes } from 'node:crypto'
import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { startEmbeddedPostgres, stopLeftover } from '../database/embedded.ts'
import type { Log } from '../log.ts'
import { BackupError, reasonOf } from './backup-error.ts'

export interface ScratchDatabase {
  ownerUrl: string
  drop(): Promise<void>
}

const prefix = 'agentexpress_verify_'
const folderPrefix = 'agentexpress-verify-'
/** In the folder of an embedded scratch database: the process it belongs to. */
const pidFile = 'verifier.pid'

/** An empty database on the same PostgreSQL where its owner may create one, otherwise on an embedded one for the moment. */
export async function createScratchDatabase(
  ownerUrl: string,
  log: Log,
  onProgress: (text: string) => void,
): Promise<ScratchDatabase> {
  const mayCreate = await withClient(ownerUrl, async (client) => {
    const { rows } = await client.query<{ may_create: boolean }>(
      'select rolsuper or rolcreatedb as may_create from pg_roles where rolname = current_user',
    )
    return rows[0]?.may_create === true
  })
  if (mayCreate) return createBeside(ownerUrl)
  onProgress('the owner may not create databases here; an embedded PostgreSQL is started for the check')
  return startOwn(log)
}

async function createBeside(ownerUrl: string): Promise<ScratchDatabase> {
  const name = `${prefix}${randomBytes(6).toString('hex')}`
  await withClient(ownerUrl, async (client) => {
    await dropLeftovers(client)
    await client.query(`create database ${name} template template0 encoding 'UTF8'`)
  })
  const url = new URL(ownerUrl)
  url.pathname = `/${name}`
  return {
    ownerUrl: url.href,
    drop: () =>
      withClient(ownerUrl, async (client) => void (await client.query(`drop database if exists ${name} with (force)`))),
  }
}

/** Those of verifications that were killed: nobody is connected to them. One that just begins is younger than its first session. */
async function dropLeftovers(client: pg.Client): Promise<void> {
  const { rows } = await client
    .query<{ name: string }>(
      `select datname as name from pg_database
     where datname like $1 and pg_get_userbyid(datdba) = current_user
       and not exists (select from pg_stat_activity where pg_stat_activity.datid = pg_database.oid)
       and (pg_stat_file('base/' || pg_database.oid || '/PG_VERSION', true)).modification < now() - interval '1 hour'`,
      [`${prefix.replaceAll('_', '\\_')}%`],
    )
    .catch(() => ({ rows: [] as { name: string }[] }))
  for (const { name } of rows)
    await client.query(`drop database if exists ${client.escapeIdentifier(name)}`).catch(() => {})
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

async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000 })
  client.on('error', () => {})
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end().catch(() => {})
  }
}
