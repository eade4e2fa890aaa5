import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { makeDataFolder, removeDataFolder } from '../../e2e/support/start-program.ts'
import { type Files, writeMigrations } from './migration-fixtures.ts'

const project = join(import.meta.dirname, '../..')

/** Another checkout of the project, as a newer version with these migrations more. Its web app is one empty page. */
export async function checkOut(extra: Record<string, Files> = {}): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'agentexpress-checkout-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  for (const part of ['server', 'database', 'catalogue', 'api-client', 'package.json'])
    await cp(join(project, part), join(folder, part), { recursive: true })
  await symlink(join(project, 'node_modules'), join(folder, 'node_modules'))
  await mkdir(join(folder, 'web/dist'), { recursive: true })
  await writeFile(join(folder, 'web/dist/index.html'), '<!doctype html><title>AgentExpress</title>')
  await writeMigrations(join(folder, 'database/migrations'), extra)
  return folder
}

export async function dataFolder(): Promise<string> {
  const folder = await makeDataFolder()
  onTestFinished(() => removeDataFolder(folder))
  return folder
}

export interface Running {
  child: ChildProcess
  output(): string
  /** Waits until the output matches. Throws with the output when the program ends before. */
  until(pattern: RegExp): Promise<RegExpExecArray>
  /** Answers the exit code; null after a signal. */
  end: Promise<number | null>
}

/** Starts a program of ours with Node; it is killed at the end of the test if it still runs. */
export function run(args: string[], environment: Record<string, string> = {}, cwd = project): Running {
  const child = spawn(process.execPath, args, {
    cwd,
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      TMPDIR: process.env.TMPDIR,
      PORT: '0',
      OLLAMA_BASE_URL: 'http://127.0.0.1:9',
      LOG_LEVEL: 'warn',
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let text = ''
  const collect = (chunk: Buffer) => {
    text += chunk.toString()
  }
  child.stdout.on('data', collect)
  child.stderr.on('data', collect)
  const end = once(child, 'close').then(() => child.exitCode)
  let hasEnded = false
  end.then(() => {
    hasEnded = true
  })
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await end
  })
  return {
    child,
    end,
    output: () => text,
    async until(pattern) {
      while (true) {
        const match = pattern.exec(text)
        if (match) return match
        if (hasEnded) throw new Error(`The program ended without ${pattern}:\n${text}`)
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
    },
  }
}

export async function runToEnd(args: string[], environment: Record<string, string>, cwd = project) {
  const program = run(args, environment, cwd)
  const exitCode = await program.end
  return { exitCode, output: program.output() }
}
