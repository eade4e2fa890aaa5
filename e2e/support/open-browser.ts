import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { type Browser, chromium } from 'playwright-core'

const run = promisify(execFile)

const args = [
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  // Containers often have a tiny /dev/shm.
  '--disable-dev-shm-usage',
]

/** The Chromium of CHROMIUM_PATH, the one that is installed, or the one that npm brought along. */
export async function openBrowser(): Promise<Browser> {
  const installed = [
    process.env.CHROMIUM_PATH,
    '/usr/bin/chromium',
    '/usr/bin/chromium-browser',
    '/usr/bin/google-chrome',
  ]
  const executablePath = installed.find((path) => path && existsSync(path)) ?? (await unpackChromium())
  const isRoot = process.getuid?.() === 0
  return chromium.launch({ executablePath, args: isRoot ? [...args, '--no-sandbox'] : args, timeout: 120_000 })
}

async function unpackChromium(): Promise<string> {
  const npm = await import('@sparticuz/chromium')
  const path = await npm.default.executablePath()
  // A bare machine has no libnss3 and its kin; the package brings them for the service it was made for.
  const { stdout } = await run('ldd', [path]).catch(() => ({ stdout: '' }))
  if (stdout.includes('not found')) {
    const folder = dirname(dirname(new URL(import.meta.resolve('@sparticuz/chromium')).pathname))
    await npm.inflate(join(folder, 'bin/al2023.tar.br'))
    npm.setupLambdaEnvironment(join(tmpdir(), 'al2023', 'lib'))
  }
  return path
}
