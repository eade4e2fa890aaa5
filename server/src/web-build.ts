import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { webAppFolder } from './http/web-app.ts'

const root = join(import.meta.dirname, '../..')
const sources = ['web/src', 'web/public', 'web/index.html', 'api-client/src', 'vite.config.ts', 'package-lock.json']

/** Builds the web app when it is missing or older than its sources. Answers whether it had to. Throws when the build fails. */
export async function buildWebApp(): Promise<boolean> {
  const built = join(webAppFolder, 'index.html')
  if (existsSync(built) && (await stat(built)).mtimeMs >= (await newestChange())) return false
  // A process of its own: its memory is gone when it ends.
  const vite = join(dirname(createRequire(import.meta.url).resolve('vite/package.json')), 'bin/vite.js')
  await new Promise<void>((resolve, reject) => {
    const child = spawn(process.execPath, [vite, 'build', '--logLevel', 'error'], {
      cwd: root,
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    let errors = ''
    child.stderr.on('data', (chunk: Buffer) => {
      errors = (errors + chunk.toString()).slice(-4000)
    })
    child.on('error', reject)
    child.on('close', (code) =>
      code === 0
        ? resolve()
        : reject(new Error(`The web app could not be built:\n${stripVTControlCharacters(errors).trim()}`)),
    )
  })
  return true
}

async function newestChange(): Promise<number> {
  const times = await Promise.all(
    sources.map(async (source) => {
      const path = join(root, source)
      if (!existsSync(path)) return 0
      const status = await stat(path)
      if (!status.isDirectory()) return status.mtimeMs
      const entries = await readdir(path, { recursive: true, withFileTypes: true })
      const files = entries.filter((entry) => entry.isFile())
      return Math.max(
        0,
        ...(await Promise.all(files.map(async (file) => (await stat(join(file.parentPath, file.name))).mtimeMs))),
      )
    }),
  )
  return Math.max(...times)
}
