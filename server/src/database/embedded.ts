import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { chmod, chown, mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { cpus, totalmem } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import pg from 'pg'
import type { Log } from '../log.ts'
import { findSocketFolder, removeDeadSockets } from './embedded-socket.ts'
import { findFreePort } from './find-free-port.ts'
import {
  checkWritable,
  findPostgresBinaries,
  findProcessOwner,
  type PostgresBinaries,
  type ProcessOwner,
} from './postgres-binaries.ts'

export interface EmbeddedPostgres {
  /** Connects as the owner of the tables: for migrations. */
  ownerUrl: string
  /** Connects as the role the server works with. */
  serverUrl: string
  /** Lets running statements end, then stops the server. */
  stop(): Promise<void>
}

interface Cluster {
  folder: string
  port: number
  socketFolder: string | null
  binaries: PostgresBinaries
  /** Beside those that every embedded PostgreSQL has. */
  settings: Record<string, string>
  owner: ProcessOwner
  log: Log
}

export const serverRole = 'agentexpress_server'
export const databaseName = 'agentexpress'
/** In the data folder; both logins have it. */
export const passwordFile = 'postgres-password'

/**
 * Starts the PostgreSQL that npm installed (or that of `options.binaries`) on `<dataDir>/postgres`, creating it at first, and keeps
 * it running: when it dies, it is started again. Throws an Error that says what to do.
 */
export async function startEmbeddedPostgres(
  dataDir: string,
  log: Log,
  options: { binaries?: PostgresBinaries | undefined; settings?: Record<string, string> } = {},
): Promise<EmbeddedPostgres> {
  await mkdir(dataDir, { recursive: true }).catch((cause: Error) => {
    throw new Error(
      `The folder ${dataDir} (DATA_DIR) cannot be made. Change the owner of the folder above it or set DATA_DIR to another one.`,
      { cause },
    )
  })
  await checkWritable(dataDir)
  const folder = join(dataDir, 'postgres')
  const binaries = options.binaries ?? (await findPostgresBinaries())
  const existing = await findCluster(folder)
  const owner = await findProcessOwner([binaries.postgres, folder], existing)
  const isNew = existing === null
  const password = await readPassword(join(dataDir, passwordFile), isNew)
  if (isNew) await initialise(folder, binaries, owner, password)
  await stopLeftover(folder)
  await removeDeadSockets(folder)
  const port = await findFreePort()
  const socketFolder = findSocketFolder(folder)
  const { settings = {} } = options
  const cluster: Cluster = { folder, port, socketFolder, binaries, settings, owner, log }
  const supervisor = await supervise(cluster)
  const url = (user: string, database: string) => `postgresql://${user}:${password}@127.0.0.1:${port}/${database}`
  try {
    await waitUntilReady(url('postgres', 'postgres'), supervisor.hasFailed)
    await prepareRoles(url('postgres', 'postgres'), password)
  } catch (error) {
    await supervisor.stop()
    throw error
  }
  const serverUrl = new URL(url(serverRole, databaseName))
  if (socketFolder) serverUrl.searchParams.set('host', socketFolder)
  return { ownerUrl: url('postgres', databaseName), serverUrl: serverUrl.href, stop: supervisor.stop }
}

/** The account that owns the database in `folder`; null when there is none yet. Throws when it cannot be looked at. */
async function findCluster(folder: string): Promise<{ uid: number; gid: number } | null> {
  try {
    await stat(join(folder, 'PG_VERSION'))
    const { uid, gid } = await stat(folder)
    return { uid, gid }
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') {
      // Not the same as "there is none": a new password would lock everybody out of the one that is there.
      throw new Error(
        `The database in ${folder} belongs to another user. Start as that user, or set DATA_DIR to another folder.`,
        { cause },
      )
    }
  }
  const strange = await readdir(folder).catch(() => [])
  if (strange.length > 0) {
    throw new Error(
      `The folder ${folder} holds no database, but other files. Move them away or set DATA_DIR to another folder.`,
    )
  }
  return null
}

const wrongPassword =
  'The file postgres-password in DATA_DIR does not fit the database beside it. Put back the one that belongs to it.'

/** A database that exists keeps its password: without the file that holds it nobody gets in, and a new one would not help. */
async function readPassword(path: string, isNew: boolean): Promise<string> {
  const known = (await readFile(path, 'utf8').catch(() => '')).trim()
  if (/^\w{16,200}$/.test(known)) return known
  if (!isNew) throw new Error(wrongPassword)
  const password = randomBytes(24).toString('hex')
  await rm(path, { force: true })
  await writeFile(path, `${password}\n`, { mode: 0o600, flag: 'wx' })
  return password
}

/** Order by code point, the same on every machine, but upper and lower case of all alphabets: "Å" finds "å". */
async function chooseLocale({ initdb }: PostgresBinaries): Promise<string[]> {
  const { stdout } = await promisify(execFile)(initdb, ['--version'])
  const [, major] = /(\d+)/.exec(stdout) ?? []
  // Before 17 only the system's own locales know alphabets, and not every system has this one.
  return Number(major) < 17
    ? ['--locale=C.UTF-8']
    : ['--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8']
}

async function initialise(
  folder: string,
  binaries: PostgresBinaries,
  owner: ProcessOwner,
  password: string,
): Promise<void> {
  // Made beside its place and moved there when it is whole: initdb writes PG_VERSION first, so that one that was cut off
  // would look like a database. The name is new each time, because an initdb whose server was killed goes on writing.
  const prefix = 'postgres.unfinished-'
  for (const name of await readdir(dirname(folder))) {
    if (name.startsWith(prefix)) await rm(join(folder, '..', name), { recursive: true, force: true }).catch(() => {})
  }
  const unfinished = join(folder, '..', `${prefix}${randomBytes(6).toString('hex')}`)
  await mkdir(unfinished, { mode: 0o700 })
  // Beside it under the same beginning, so that it is cleared away with it.
  const initialPasswordFile = `${unfinished}.password`
  await writeFile(initialPasswordFile, password, { mode: 0o600 })
  if (owner.uid !== undefined && owner.gid !== undefined) {
    await chown(unfinished, owner.uid, owner.gid)
    await chown(initialPasswordFile, owner.uid, owner.gid)
  }
  try {
    await runToEnd(
      binaries.initdb,
      [
        `--pgdata=${unfinished}`,
        '--username=postgres',
        `--pwfile=${initialPasswordFile}`,
        '--auth=scram-sha-256',
        '--encoding=UTF8',
        ...(await chooseLocale(binaries)),
        '--data-checksums',
        '--no-instructions',
      ],
      owner,
    )
    await rename(unfinished, folder)
  } catch (cause) {
    await rm(unfinished, { recursive: true, force: true })
    throw new Error(
      `The database could not be created in ${folder}: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    )
  } finally {
    await rm(initialPasswordFile, { force: true })
  }
}

function runToEnd(program: string, args: string[], owner: ProcessOwner): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { ...owner, stdio: ['ignore', 'ignore', 'pipe'], cwd: '/' })
    let errors = ''
    child.stderr.on('data', (chunk: Buffer) => {
      errors = (errors + chunk.toString()).slice(-2000)
    })
    child.on('error', reject)
    child.on('close', (code) => (code === 0 ? resolve() : reject(new Error(errors.trim() || `exit code ${code}`))))
  })
}

/** After a kill -9 of the server its PostgreSQL may still be running: stop it, so that the start begins from a clean state. */
export async function stopLeftover(folder: string): Promise<void> {
  const pidFile = await readFile(join(folder, 'postmaster.pid'), 'utf8').catch(() => null)
  const pid = Number(pidFile?.split('\n')[0])
  if (!pid) return
  // The number may belong to another program by now.
  if (!(await isPostgresOn(pid, folder))) return
  try {
    process.kill(pid, 'SIGINT')
  } catch {
    return
  }
  for (let waited = 0; waited < 30_000; waited += 50) {
    try {
      process.kill(pid, 0)
    } catch {
      return
    }
    await sleep(50)
  }
  throw new Error(`Another PostgreSQL (process ${pid}) uses ${folder} and does not stop. Stop it and start again.`)
}

async function isPostgresOn(pid: number, folder: string): Promise<boolean> {
  if (existsSync('/proc/self')) {
    const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
    return commandLine.split('\0').includes(folder)
  }
  const { stdout } = await promisify(execFile)('ps', ['-ww', '-o', 'command=', '-p', String(pid)]).catch(() => ({
    stdout: '',
  }))
  return stdout.includes(` -D ${folder} `)
}

function serverSettings({ socketFolder, binaries: { postgres }, settings }: Cluster): string[] {
  const sharedBuffersMb = Math.min(1024, Math.max(64, Math.floor(totalmem() / 2 ** 20 / 32)))
  const hasStatements = existsSync(join(dirname(postgres), '../lib/postgresql/pg_stat_statements.so'))
  return Object.entries({
    listen_addresses: '127.0.0.1',
    unix_socket_directories: socketFolder ?? '',
    unix_socket_permissions: '0700',
    max_connections: '120',
    shared_buffers: `${sharedBuffersMb}MB`,
    // Bounds recovery after a crash to a few seconds.
    max_wal_size: '1GB',
    checkpoint_timeout: '5min',
    random_page_cost: '1.1',
    jit: 'off',
    password_encryption: 'scram-sha-256',
    max_worker_processes: String(Math.max(2, cpus().length)),
    log_min_messages: 'warning',
    logging_collector: 'off',
    // Read by whoever makes the extension; see docs/self-hosting.md.
    shared_preload_libraries: hasStatements ? 'pg_stat_statements' : '',
    ...settings,
  }).flatMap(([name, value]) => ['-c', `${name}=${value}`])
}

/** Keeps one postmaster running; restarts it when it dies without being asked to. */
async function supervise(cluster: Cluster) {
  const { folder, port, binaries, owner, log } = cluster
  const logFile = join(folder, '..', 'postgres.log')
  await (await open(logFile, 'a')).close()
  if (owner.uid !== undefined && owner.gid !== undefined) await chown(logFile, owner.uid, owner.gid)
  await chmod(logFile, 0o600)
  let child: ChildProcess | null = null
  let isStopping = false
  let earlyFailures = 0
  const start = async () => {
    const output = await open(logFile, 'a')
    if (isStopping) return output.close()
    const startedAt = performance.now()
    child = spawn(binaries.postgres, ['-D', folder, '-p', String(port), ...serverSettings(cluster)], {
      ...owner,
      // Its own group, so that Ctrl-C in a terminal reaches us alone and we stop it last.
      detached: true,
      cwd: '/',
      stdio: ['ignore', output.fd, output.fd],
    })
    child.on('error', (error) => log.error({ error: error.message }, 'PostgreSQL could not be started'))
    child.on('close', async (code, signal) => {
      child = null
      await output.close()
      if (isStopping) return
      earlyFailures = performance.now() - startedAt < 5000 ? earlyFailures + 1 : 0
      log.error({ code, signal, logFile }, 'PostgreSQL stopped without being asked to; it is started again')
      await sleep(Math.min(5000, 100 * 2 ** earlyFailures))
      if (!isStopping) await start()
    })
  }
  await start()
  const stop = async () => {
    isStopping = true
    const running = child
    if (!running) return
    const closed = new Promise((resolve) => running.once('close', resolve))
    // SIGINT is PostgreSQL's fast shutdown: it ends sessions, writes a checkpoint and leaves nothing to recover.
    running.kill('SIGINT')
    await closed
  }
  return { stop, hasFailed: () => (earlyFailures >= 3 ? `PostgreSQL does not start; ${logFile} says why.` : null) }
}

async function waitUntilReady(url: string, hasFailed: () => string | null): Promise<void> {
  // Recovery after a crash may take its time on a slow disk.
  const deadline = performance.now() + 120_000
  while (true) {
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2000 })
    try {
      await client.connect()
      await client.end()
      return
    } catch (error) {
      await client.end().catch(() => {})
      const failure = hasFailed()
      if (failure) throw new Error(failure, { cause: error })
      if (isWrongPassword(error)) {
        throw new Error(wrongPassword, { cause: error })
      }
      if (performance.now() > deadline)
        throw new Error('PostgreSQL did not become ready within two minutes.', { cause: error })
      await sleep(50)
    }
  }
}

function isWrongPassword(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.code === '28P01'
}

async function prepareRoles(adminUrl: string, password: string): Promise<void> {
  const client = new pg.Client({ connectionString: adminUrl })
  await client.connect()
  try {
    const { rows } = await client.query('select 1 from pg_roles where rolname = $1', [serverRole])
    if (rows.length === 0)
      await client.query(`create role ${serverRole} login noinherit password ${pg.escapeLiteral(password)}`)
    const { rows: databases } = await client.query('select 1 from pg_database where datname = $1', [databaseName])
    if (databases.length === 0) await client.query(`create database ${databaseName}`)
  } finally {
    await client.end()
  }
}
