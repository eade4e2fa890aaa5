import { type ChildProcess, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const startTimeoutMs = 180_000

export interface StartedProcess {
  pid: number
  url: string
  stop(): Promise<void>
}

/** A folder that PostgreSQL's own system user may pass through, gone when `remove` is called. */
export async function createDataFolder(): Promise<{ path: string; remove(): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'agentexpress-benchmark-'))
  await chmod(path, 0o755)
  return { path, remove: () => rm(path, { recursive: true, force: true }) }
}

/**
 * AgentExpress as `npm start` runs it, in a process of its own, with nothing of the surrounding environment: no `.env`
 * and no key of a provider may change what is measured. Resolves as soon as it has printed its address.
 */
export async function startAgentExpress(dataDir: string, variables: Record<string, string> = {}) {
  const child = spawn(process.execPath, [join(root, 'server/src/main.ts'), 'start'], {
    cwd: dataDir,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      DATA_DIR: dataDir,
      PORT: '0',
      LOG_LEVEL: 'warn',
      OLLAMA_BASE_URL: 'http://127.0.0.1:9',
      ...variables,
    },
  })
  let printed = ''
  const url = new Promise<string>((resolve) => {
    child.stdout.on('data', (chunk: Buffer) => {
      printed += chunk.toString()
      const found = /Open (http:\/\/\S+)/.exec(printed)?.[1]
      if (found) resolve(found)
    })
  })
  return describe(child, await orFail(child, 'AgentExpress', url))
}

/** A server of this folder that sends `{ url }` once it listens. */
export async function startScript(file: string, argument: unknown = {}): Promise<StartedProcess> {
  const child = fork(join(import.meta.dirname, file), [JSON.stringify(argument)], { execArgv: [] })
  const told = once(child, 'message').then(([message]) => (message as { url: string }).url)
  return describe(child, await orFail(child, file, told))
}

async function orFail(child: ChildProcess, name: string, ready: Promise<string>): Promise<string> {
  let timer: NodeJS.Timeout | undefined
  const failed = new Promise<never>((_resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`${name} ended with code ${code} before it was ready`)))
    timer = setTimeout(() => reject(new Error(`${name} was not ready in time`)), startTimeoutMs)
  })
  // Later exits are asked for by `stop`.
  failed.catch(() => {})
  return Promise.race([ready, failed]).finally(() => clearTimeout(timer))
}

function describe(child: ChildProcess, url: string): StartedProcess {
  return {
    pid: child.pid ?? 0,
    url,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return
      const ended = once(child, 'exit')
      child.kill('SIGTERM')
      await ended
    },
  }
}

export interface EmbeddedDatabase {
  /** Process id of the postmaster. */
  pid: number
  /** Connects as the owner of the tables. */
  connection: { host: string; port: number; user: string; password: string; database: string }
}

/** The PostgreSQL that AgentExpress started in `dataDir`, reached the way AgentExpress itself reaches it. */
export async function findEmbeddedDatabase(dataDir: string): Promise<EmbeddedDatabase> {
  // https://www.postgresql.org/docs/current/storage-file-layout.html: pid, folder, start, port, socket folder, address.
  const lines = (await readFile(join(dataDir, 'postgres/postmaster.pid'), 'utf8')).split('\n')
  const password = (await readFile(join(dataDir, 'postgres-password'), 'utf8')).trim()
  return {
    pid: Number(lines[0]),
    connection: {
      host: lines[4]?.trim() || lines[5]?.trim() || '127.0.0.1',
      port: Number(lines[3]),
      user: 'postgres',
      password,
      database: 'agentexpress',
    },
  }
}
