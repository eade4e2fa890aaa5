import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { chmod, chown, mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import pg from 'pg'
import { findProcessOwner } from '../server/src/database/postgres-binaries.ts'

const run = promisify(execFile)
const binaries = '/usr/lib/postgresql/15/bin'

export interface DebianPostgres {
  url: string
  program(name: string): string
  stop(): Promise<void>
}

/** A fresh PostgreSQL 15 of Debian's `postgresql-15`; null where that is not installed. */
export async function startDebianPostgres(): Promise<DebianPostgres | null> {
  const program = (name: string) => join(binaries, name)
  if (!existsSync(program('postgres'))) return null
  const folder = await mkdtemp(join(tmpdir(), 'agentexpress-postgres15-'))
  const owner = await findProcessOwner([folder], null)
  if (owner.uid !== undefined && owner.gid !== undefined) await chown(folder, owner.uid, owner.gid)
  await chmod(folder, 0o700)
  await run(program('initdb'), ['-D', folder, '-U', 'postgres', '--auth=trust', '-E', 'UTF8', '--locale=C'], {
    ...owner,
    cwd: '/',
  })
  const port = await findFreePort()
  const settings = [
    'listen_addresses=127.0.0.1',
    'unix_socket_directories=',
    'max_wal_size=4GB',
    'shared_buffers=512MB',
  ]
  const server = spawn(
    program('postgres'),
    ['-D', folder, '-p', String(port), ...settings.flatMap((text) => ['-c', text])],
    {
      ...owner,
      cwd: '/',
      stdio: 'ignore',
    },
  )
  const url = `postgresql://postgres@127.0.0.1:${port}/postgres`
  for (let waited = 0; ; waited += 100) {
    const client = new pg.Client({ connectionString: url })
    const isUp = await client.connect().then(
      () => true,
      () => false,
    )
    await client.end().catch(() => {})
    if (isUp) break
    if (waited > 30_000) throw new Error('PostgreSQL 15 does not start')
    await sleep(100)
  }
  return {
    url,
    program,
    async stop() {
      server.kill('SIGINT')
      if (server.exitCode === null) await once(server, 'exit')
      await rm(folder, { recursive: true, force: true })
    },
  }
}

function findFreePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })
}
