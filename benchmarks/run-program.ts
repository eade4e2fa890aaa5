import { spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'

export interface RunProgram {
  seconds: number
  /** The most that the program itself held; programs it starts are not counted. */
  peakMib: number
}

/** Runs a program to its end. Throws with what it said when it fails. */
export async function runProgram(
  file: string,
  args: string[],
  environment: Record<string, string> = {},
): Promise<RunProgram> {
  const startedAt = performance.now()
  const child = spawn(file, args, { env: { ...process.env, ...environment }, stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.on('data', (text: Buffer) => {
    said += text
  })
  let peakMib = 0
  // The kernel keeps the peak itself; only what is reached within the last moments can be missed.
  const sampling = setInterval(async () => {
    const status = await readFile(`/proc/${child.pid}/status`, 'utf8').catch(() => '')
    peakMib = Math.max(peakMib, Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) / 1024)
  }, 50)
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject)
      child.once('close', resolve)
    })
    if (code !== 0) throw new Error(`${file} ${args.join(' ')} ended with ${code}: ${said}`)
    return { seconds: (performance.now() - startedAt) / 1000, peakMib }
  } finally {
    clearInterval(sampling)
  }
}
