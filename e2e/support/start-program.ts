import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const root = join(import.meta.dirname, '../..')

export interface Program {
  url: string
  pid: number
  /** Everything it has printed so far, on both streams. */
  output(): string
  /** As when the program that reads its output ends. */
  closeOutput(): void
  /** Answers the exit code, or null when the signal ended it. */
  stop(signal?: NodeJS.Signals): Promise<number | null>
}

export interface ProgramEnd {
  exitCode: number | null
  output: string
}

// A slow machine under load; the budget of the design is proven by the benchmark, not here.
const startTimeoutMs = 120_000

/** A folder that PostgreSQL's own system user may enter, as it must when the tests run as root. */
export async function makeDataFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'agentexpress-e2e-'))
  await chmod(folder, 0o755)
  return folder
}

export async function removeDataFolder(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true, maxRetries: 5 })
}

/** Starts the server and waits until it prints its address. Throws with its output when it ends before. */
export async function startProgram(
  environment: Record<string, string>,
  { isNpm = false }: { isNpm?: boolean } = {},
): Promise<Program> {
  const { child, output } = spawnProgram(environment, isNpm)
  const ended = once(child, 'close')
  const url = await new Promise<string>((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL')
      reject(new Error(`The program did not start in time:\n${output()}`))
    }, startTimeoutMs)
    const look = () => {
      const found = /Open (http\S+)/.exec(output())?.[1]
      if (found) resolve(found)
    }
    child.stdout?.on('data', look)
    child.on('close', () => reject(new Error(`The program ended instead of starting:\n${output()}`)))
    child.on('close', () => clearTimeout(timer))
    child.stdout?.on('data', () => /Open http/.test(output()) && clearTimeout(timer))
  })
  return {
    url,
    pid: child.pid ?? 0,
    output,
    closeOutput() {
      child.stdout?.destroy()
      child.stderr?.destroy()
    },
    async stop(signal = 'SIGTERM') {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal)
      await ended
      return child.exitCode
    },
  }
}

/** Starts the server and waits until it has given up. */
export async function runProgramToEnd(
  environment: Record<string, string>,
  args: string[] = ['start'],
): Promise<ProgramEnd> {
  const { child, output } = spawnProgram(environment, false, args)
  let isLate = false
  const timer = setTimeout(() => {
    isLate = true
    child.kill('SIGKILL')
  }, startTimeoutMs)
  await once(child, 'close')
  clearTimeout(timer)
  if (isLate) throw new Error(`The program did not end in time:\n${output()}`)
  return { exitCode: child.exitCode, output: output() }
}

function spawnProgram(environment: Record<string, string>, isNpm: boolean, args = ['start']) {
  const [command, commandArgs] = isNpm ? ['npm', args] : [process.execPath, ['server/src/main.ts', ...args]]
  const child: ChildProcess = spawn(command, commandArgs, {
    cwd: root,
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      TMPDIR: process.env.TMPDIR,
      PORT: '0',
      // No model that happens to run on the machine of the tests.
      OLLAMA_BASE_URL: 'http://127.0.0.1:9',
      LOG_LEVEL: 'warn',
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  running.add(child)
  child.once('exit', () => running.delete(child))
  let text = ''
  const collect = (chunk: Buffer) => {
    text += chunk.toString()
  }
  child.stdout?.on('data', collect)
  child.stderr?.on('data', collect)
  return { child, output: () => text }
}

const running = new Set<ChildProcess>()
// A test that ran out of time never gets to stop what it started. What is stopped here stops its PostgreSQL, too.
process.once('exit', () => {
  for (const child of running) child.kill('SIGTERM')
})

/** The process of the embedded PostgreSQL, from the file it keeps itself. */
export async function readPostgresPid(dataDir: string): Promise<number> {
  const text = await readFile(join(dataDir, 'postgres/postmaster.pid'), 'utf8')
  return Number(text.split('\n')[0])
}

/** Ends the embedded PostgreSQL that a killed server left behind, if there is one. */
export async function stopPostgres(dataDir: string): Promise<void> {
  const pid = await readPostgresPid(dataDir).catch(() => null)
  for (let isGone = !pid; pid && !isGone; await sleep(50)) {
    try {
      process.kill(pid, 'SIGQUIT')
    } catch {
      isGone = true
    }
  }
}
