import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import type { Config } from '../config.ts'
import { DataFolderInUse, lockDataFolder } from '../data-folder-lock.ts'
import { createLog, type Log } from '../log.ts'
import { type ConnectedDatabase, connectDatabase } from './connect.ts'
import { type Database, openDatabase } from './database.ts'
import { databaseName, passwordFile, serverRole } from './embedded.ts'
import { inspectMigrations, readMigrations } from './migrate.ts'
import { checkServerRole } from './server-role.ts'

/**
 * The database for a command beside `start`, also while a server runs on the same data folder: then the command uses the
 * embedded PostgreSQL which that server started, and `close` leaves it running. Otherwise the command holds the lock on
 * the folder until `close`. With DATABASE_URL nothing is locked.
 */
export async function connectForCommand(
  config: Config,
  log: Log,
  say: (text: string) => void,
): Promise<ConnectedDatabase> {
  if (config.database.url) return connectDatabase(config, log, say)
  let unlock: () => Promise<void>
  try {
    unlock = await lockDataFolder(config.dataDir)
  } catch (error) {
    if (error instanceof DataFolderInUse) return connectToRunning(config.dataDir, error, say)
    throw error
  }
  try {
    const connected = await connectDatabase(config, log, say)
    return { ...connected, close: () => connected.close().finally(unlock) }
  } catch (error) {
    await unlock()
    throw error
  }
}

/** What a command does as the server's role, through the doors that the server uses. */
export async function withCommandDatabase(
  config: Config,
  say: (text: string) => void,
  work: (database: Database, connected: ConnectedDatabase) => Promise<void>,
): Promise<void> {
  const log = createLog('error')
  const connected = await connectForCommand(config, log, say)
  try {
    const { missing } = await inspectMigrations(connected.ownerUrl, await readMigrations())
    if (missing.length > 0)
      throw new Error(
        'This database lacks migrations of this version. `npm start` or `npm run migrate -- deploy` applies them.',
      )
    const timeLimits = await connected.prepareServerRole()
    const { serverUrl: url, usePreparedStatements } = connected
    const database = openDatabase({ ...config.database, poolSize: 2, url, usePreparedStatements, timeLimits, log })
    try {
      await work(database, connected)
    } finally {
      await database.close()
    }
  } finally {
    await connected.close()
  }
}

async function connectToRunning(
  dataDir: string,
  inUse: DataFolderInUse,
  say: (text: string) => void,
): Promise<ConnectedDatabase> {
  // The server may be starting at this moment.
  const deadline = performance.now() + 30_000
  while (true) {
    const found = await findRunning(dataDir)
    if (found) {
      say(`PostgreSQL: the one of the running AgentExpress (process ${inUse.pid})`)
      return {
        isEmbedded: true,
        ...found,
        usePreparedStatements: true,
        checkServerRole: () => checkServerRole(found.serverUrl, { isMigrated: false }),
        prepareServerRole: async () => {
          await checkServerRole(found.serverUrl)
          return {}
        },
        close: async () => {},
      }
    }
    if (performance.now() > deadline) {
      throw new Error(
        `Another AgentExpress (process ${inUse.pid}) works on ${dataDir}, and its PostgreSQL does not answer. Stop it and try again.`,
        { cause: inUse },
      )
    }
    await sleep(200)
  }
}

/** Null while PostgreSQL is not ready, or not running. */
async function findRunning(dataDir: string): Promise<{ ownerUrl: string; serverUrl: string } | null> {
  const pidFile = await readFile(join(dataDir, 'postgres/postmaster.pid'), 'utf8').catch(() => '')
  // https://www.postgresql.org/docs/current/storage-file-layout.html: the fourth line is the port, the last one the state.
  const lines = pidFile.split('\n')
  const port = Number(lines[3])
  if (!port || lines[7]?.trim() !== 'ready') return null
  const password = (await readFile(join(dataDir, passwordFile), 'utf8').catch(() => '')).trim()
  const url = (user: string) => `postgresql://${user}:${password}@127.0.0.1:${port}/${databaseName}`
  const client = new pg.Client({ connectionString: url('postgres'), connectionTimeoutMillis: 5000 })
  try {
    await client.connect()
    return { ownerUrl: url('postgres'), serverUrl: url(serverRole) }
  } catch {
    return null
  } finally {
    await client.end().catch(() => {})
  }
}
