import { type Browser, chromium } from 'playwright-core'
import { findChromium } from './find-chromium.ts'

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

export async function openBrowser(): Promise<Browser> {
  const { path, environment } = await findChromium()
  const isRoot = process.getuid?.() === 0
  return chromium.launch({
    executablePath: path,
    env: { ...process.env, ...environment },
    args: isRoot ? [...args, '--no-sandbox'] : args,
    timeout: 120_000,
  })
}
