import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chown, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import pg from 'pg'
import { findFreePort } from '../database/find-free-port.ts'
import { findProcessOwner } from '../database/postgres-binaries.ts'
import { findPgBouncer } from './installed-programs.ts'

export interface TestPooler {
  /** The server's login, through the pooler; any database of the PostgreSQL behind it may be named. */
  serverUrl: string
  knowsPreparedStatements: boolean
  stop(): Promise<void>
}

/** PgBouncer in transaction mode with at most `poolSize` connections to each database. Throws where it is not installed. */
export async function startPgBouncer(
  behind: { ownerUrl: string; serverUrl: string },
  { poolSize }: { poolSize: number },
): Promise<TestPooler> {
  const program = findPgBouncer()
  if (!program) throw new Error('PgBouncer is not installed.')
  const target = new URL(behind.ownerUrl)
  const server = new URL(behind.serverUrl)
  const folder = await mkdtemp(join(tmpdir(), 'agentexpress-pgbouncer-'))
  const port = await findFreePort()
  const configFile = join(folder, 'pgbouncer.ini')
  const usersFile = join(folder, 'users.txt')
  const logFile = join(folder, 'pgbouncer.log')
  await writeFile(usersFile, `"${server.username}" "${server.password}"\n`)
  await writeFile(
    configFile,
    [
      '[databases]',
      `* = host=${target.hostname} port=${target.port}`,
      '[pgbouncer]',
      'listen_addr = 127.0.0.1',
      `listen_port = ${port}`,
      'unix_socket_dir =',
      'auth_type = scram-sha-256',
      `auth_file = ${usersFile}`,
      'pool_mode = transaction',
      `default_pool_size = ${poolSize}`,
      'max_client_conn = 2000',
      // Test databases come and go; a connection that stays would be one of 120.
      'server_idle_timeout = 5',
      `logfile = ${logFile}`,
    ].join('\n'),
  )
  // It refuses to run as root, like PostgreSQL.
  const owner = await findProcessOwner([folder], null)
  if (owner.uid !== undefined && owner.gid !== undefined) {
    for (const path of [folder, configFile, usersFile]) await chown(path, owner.uid, owner.gid)
  }
  const child = spawn(program, ['--quiet', configFile], { ...owner, cwd: '/', stdio: 'ignore' })
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) {
      const exited = once(child, 'exit')
      child.kill('SIGTERM')
      await exited
    }
    await rm(folder, { recursive: true, force: true })
  }
  const url = new URL(`postgresql://${server.username}:${server.password}@127.0.0.1:${port}${server.pathname}`)
  try {
    await waitUntilReady(url.href, child, logFile)
  } catch (error) {
    await stop()
    throw error
  }
  return { serverUrl: url.href, knowsPreparedStatements: await knowsPreparedStatements(program), stop }
}

async function waitUntilReady(url: string, child: ChildProcess, logFile: string): Promise<void> {
  for (let waited = 0; ; waited += 50) {
    const client = new pg.Client({ connectionString: url })
    try {
      await client.connect()
      await client.query('select 1')
      return
    } catch (cause) {
      if (child.exitCode !== null || waited > 20_000) {
        const log = await readFile(logFile, 'utf8').catch(() => '')
        throw new Error(`PgBouncer does not start: ${log.slice(-2000)}`, { cause })
      }
      await sleep(50)
    } finally {
      await client.end().catch(() => {})
    }
  }
}

/** Since 1.21 (https://www.pgbouncer.org/changelog.html), and on by itself since 1.24. */
async function knowsPreparedStatements(program: string): Promise<boolean> {
  const { stdout } = await promisify(execFile)(program, ['--version'])
  const [, major = '0', minor = '0'] = /PgBouncer (\d+)\.(\d+)/.exec(stdout) ?? []
  return Number(major) > 1 || Number(minor) >= 24
}
