import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, chown, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import pg from 'pg'
import { findFreePort } from '../server/src/database/find-free-port.ts'
import { findProcessOwner, type PostgresBinaries } from '../server/src/database/postgres-binaries.ts'

const run = promisify(execFile)

export interface StartedPostgres {
  /** Connects as a superuser. */
  ownerUrl: string
  stop(): Promise<void>
}

/** A PostgreSQL in a folder of its own, with settings of the caller's; checksums and fsync are on. */
export async function startPostgres(
  binaries: PostgresBinaries,
  settings: Record<string, string>,
): Promise<StartedPostgres> {
  const parent = await mkdtemp(join(tmpdir(), 'agentexpress-bench-'))
  await chmod(parent, 0o755)
  const folder = join(parent, 'postgres')
  await mkdir(folder, { mode: 0o700 })
  const owner = await findProcessOwner([binaries.postgres, folder], null)
  if (owner.uid !== undefined && owner.gid !== undefined) await chown(folder, owner.uid, owner.gid)
  // As the product makes its own, but for the password: nothing of worth is in it, and nobody else is on the socket.
  await run(
    binaries.initdb,
    ['-D', folder, '-U', 'postgres', '--auth=trust', '--encoding=UTF8', '--locale=C', '--data-checksums'],
    { ...owner, cwd: '/' },
  )
  const port = await findFreePort()
  const all = { listen_addresses: '', unix_socket_directories: folder, ...settings }
  const args = Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const server = spawn(binaries.postgres, ['-D', folder, '-p', String(port), ...args], {
    ...owner,
    cwd: '/',
    stdio: 'ignore',
  })
  const ownerUrl = `postgresql://postgres@localhost:${port}/postgres?host=${encodeURIComponent(folder)}`
  const stop = async () => {
    if (server.exitCode === null) {
      server.kill('SIGINT')
      await once(server, 'exit')
    }
    await rm(parent, { recursive: true, force: true })
  }
  for (let waited = 0; ; waited += 100) {
    const client = new pg.Client({ connectionString: ownerUrl })
    const isUp = await client.connect().then(
      () => true,
      () => false,
    )
    await client.end().catch(() => {})
    if (isUp) return { ownerUrl, stop }
    if (waited > 30_000 || server.exitCode !== null) {
      await stop()
      throw new Error('PostgreSQL does not start')
    }
    await sleep(100)
  }
}
