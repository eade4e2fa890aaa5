import pg from 'pg'
import type { Config } from '../config.ts'
import type { Log } from '../log.ts'
import { serverRole, startEmbeddedPostgres } from './embedded.ts'
import { knowsPreparedStatements } from './prepared-statements.ts'
import { checkOwnerRole, checkServerRole, grantServerRole } from './server-role.ts'
import { findMissingTimeLimits, type TimeLimits, timeLimitStatements } from './time-limits.ts'

export interface ConnectedDatabase {
  isEmbedded: boolean
  /** For migrations and LISTEN: the owner's direct connection. */
  ownerUrl: string
  serverUrl: string
  usePreparedStatements: boolean
  /** Before the migrations: throws when row-level security would not hold for the server's login. */
  checkServerRole(): Promise<void>
  /**
   * After the migrations, which make the API roles: grants or checks what the server's login may do. Answers the time
   * limits that its sessions lack, for `openDatabase`.
   */
  prepareServerRole(): Promise<TimeLimits>
  close(): Promise<void>
}

/** The embedded PostgreSQL, or the one that DATABASE_URL names. Throws with what to do when it cannot be reached. */
export async function connectDatabase(
  config: Config,
  log: Log,
  say: (text: string) => void,
): Promise<ConnectedDatabase> {
  const { url, directUrl } = config.database
  if (!url) {
    say(`PostgreSQL: starting in ${config.dataDir}`)
    const embedded = await startEmbeddedPostgres(config.dataDir, log)
    return {
      isEmbedded: true,
      ownerUrl: embedded.ownerUrl,
      serverUrl: embedded.serverUrl,
      usePreparedStatements: config.database.usePreparedStatements ?? true,
      checkServerRole: () => checkServerRole(embedded.serverUrl, { isMigrated: false }),
      prepareServerRole: async () => {
        await grantServerRole(embedded.ownerUrl, serverRole)
        await checkServerRole(embedded.serverUrl)
        return {}
      },
      close: () => embedded.stop(),
    }
  }
  const ownerUrl = directUrl ?? url
  for (const [name, candidate] of [
    ['DATABASE_URL', url],
    ['DIRECT_URL', ownerUrl],
  ] as const) {
    const version = await checkConnection(name, candidate)
    if (name === 'DIRECT_URL') say(`PostgreSQL: ${version} at ${new URL(candidate).host}`)
  }
  await checkOwnerRole(ownerUrl, directUrl !== undefined)
  const usePreparedStatements = config.database.usePreparedStatements ?? (await knowsPreparedStatements(url))
  if (!usePreparedStatements) say('PostgreSQL: statements are not prepared, as the pooler (or the setting) wants it')
  return {
    isEmbedded: false,
    ownerUrl,
    serverUrl: url,
    usePreparedStatements,
    checkServerRole: () => checkServerRole(url, { ownerUrl, isMigrated: false }),
    prepareServerRole: async () => {
      await checkServerRole(url, { ownerUrl })
      const { role, limits } = await findMissingTimeLimits(url)
      const statements = timeLimitStatements(role, limits)
      if (statements.length > 0) {
        say('PostgreSQL: every transaction sets its own time limits. Faster, as the owner, once:')
        for (const statement of statements) say(`  ${statement};`)
      }
      return limits
    },
    close: async () => {},
  }
}

const oldestVersion = 150_000

async function checkConnection(name: string, url: string): Promise<string> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000 })
  try {
    await client.connect()
    const { rows } = await client.query<{ number: string; version: string }>(
      `select current_setting('server_version_num') as number, current_setting('server_version') as version`,
    )
    const row = rows[0]
    if (Number(row?.number) < oldestVersion)
      throw new Error(`PostgreSQL 15 or later is needed; this is ${row?.version}.`)
    return row?.version ?? ''
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message || (cause as NodeJS.ErrnoException).code : String(cause)
    throw new Error(
      `The database of ${name} (host ${new URL(url).host}) cannot be used: ${reason}. Check that it is running and that host, port, user, password and database name are right.`,
      { cause },
    )
  } finally {
    await client.end().catch(() => {})
  }
}
