import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { chmod, chown, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../server/src/database/embedded.ts'
import { createLog } from '../../server/src/log.ts'

// Each test starts a database of its own, which takes seconds on a busy machine.
vi.setConfig({ testTimeout: 120_000 })

/** With one database that was made, got a table, and was stopped. */
let prepared: string

beforeAll(async () => {
  prepared = await mkdtemp(join(tmpdir(), 'agentexpress-embedded-'))
  await chmod(prepared, 0o755)
  const postgres = await startEmbeddedPostgres(prepared, createLog('silent'))
  await run(postgres.ownerUrl, 'create table kept (n int); insert into kept values (1)')
  await postgres.stop()
})
afterAll(() => rm(prepared, { recursive: true, force: true }))

/** A copy of it, for tests whose subject is not how a database is made. */
async function copyPrepared(): Promise<string> {
  const folder = await makeFolder()
  // With the owner of each file: where we are root, PostgreSQL's are another user's.
  await promisify(execFile)('cp', ['-a', `${prepared}/.`, folder])
  return folder
}

async function makeFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'agentexpress-embedded-'))
  await chmod(folder, 0o755)
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

async function start(folder: string): Promise<EmbeddedPostgres> {
  const postgres = await startEmbeddedPostgres(folder, createLog('silent'))
  onTestFinished(() => postgres.stop())
  return postgres
}

const readPid = async (folder: string) =>
  Number((await readFile(join(folder, 'postgres', 'postmaster.pid'), 'utf8')).split('\n')[0])

async function run(url: string, statement: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2000 })
  client.on('error', () => {})
  try {
    await client.connect()
    return (await client.query(statement)).rows
  } finally {
    await client.end().catch(() => {})
  }
}

async function retry<T>(work: () => Promise<T>, timeoutMs: number): Promise<T> {
  const deadline = Date.now() + timeoutMs
  while (true) {
    try {
      return await work()
    } catch (error) {
      if (Date.now() > deadline) throw error
      await sleep(50)
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

test('a PostgreSQL that is killed comes back by itself with every acknowledged row', async () => {
  const folder = await copyPrepared()
  const { ownerUrl } = await start(folder)
  await run(ownerUrl, 'create table acknowledged (n int primary key)')
  let isWriting = true
  const written: number[] = []
  const write = async (first: number) => {
    for (let n = first; isWriting; n += 4) {
      await run(ownerUrl, `insert into acknowledged values (${n})`).then(
        () => written.push(n),
        () => sleep(20),
      )
    }
  }
  const writers = [0, 1, 2, 3].map(write)
  for (let kill = 0; kill < 2; kill++) {
    await sleep(400)
    const pid = await readPid(folder)
    process.kill(pid, 'SIGKILL')
    await retry(async () => {
      if ((await readPid(folder)) === pid) throw new Error('not yet restarted')
      await run(ownerUrl, 'select 1')
    }, 20_000)
  }
  isWriting = false
  await Promise.all(writers)
  expect(written.length).toBeGreaterThan(20)
  const kept = new Set((await run(ownerUrl, 'select n from acknowledged')).map(({ n }) => n))
  expect(written.filter((n) => !kept.has(n))).toEqual([])
})

const children: ChildProcess[] = []

/** Another process that starts the database and then does nothing until it is killed. */
async function startInOtherProcess(folder: string, owner: { uid?: number; gid?: number } = {}): Promise<ChildProcess> {
  const embedded = join(import.meta.dirname, '../../server/src/database/embedded.ts')
  const log = join(import.meta.dirname, '../../server/src/log.ts')
  const script = `
    const { startEmbeddedPostgres } = await import(${JSON.stringify(embedded)})
    const { createLog } = await import(${JSON.stringify(log)})
    const { ownerUrl } = await startEmbeddedPostgres(${JSON.stringify(folder)}, createLog('silent'))
    console.log(ownerUrl)
    setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    ...owner,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  children.push(child)
  let errors = ''
  child.stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString()
  })
  onTestFinished(() => {
    child.kill('SIGKILL')
  })
  await new Promise<void>((resolve, reject) => {
    child.stdout.once('data', () => resolve())
    child.once('close', (code) => reject(new Error(`exit code ${code}: ${errors}`)))
  })
  return child
}

test('what a killed server left running is stopped at the next start, and its rows are there', async () => {
  const folder = await copyPrepared()
  const child = await startInOtherProcess(folder)
  const leftover = await readPid(folder)
  const gone = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGKILL')
  await gone
  expect(isAlive(leftover)).toBe(true)

  const { ownerUrl } = await start(folder)
  expect(await readPid(folder)).not.toBe(leftover)
  expect(isAlive(leftover)).toBe(false)
  expect(await run(ownerUrl, 'select n from kept')).toEqual([{ n: 1 }])
})

test('a stop ends PostgreSQL cleanly, and it can be stopped twice', async () => {
  const folder = await copyPrepared()
  const postgres = await startEmbeddedPostgres(folder, createLog('silent'))
  const pid = await readPid(folder)
  await postgres.stop()
  await postgres.stop()
  expect(isAlive(pid)).toBe(false)
  await expect(readPid(folder)).rejects.toThrow(/ENOENT/)
  const again = await start(folder)
  expect(await run(again.ownerUrl, 'select 1 as one')).toEqual([{ one: 1 }])
  expect(await readFile(join(folder, 'postgres.log'), 'utf8')).not.toMatch(/was not properly shut down/)
})

test('its files and its port are for nobody else', async () => {
  const folder = await makeFolder()
  const { ownerUrl, serverUrl } = await start(folder)
  expect(new URL(ownerUrl).hostname).toBe('127.0.0.1')
  const wrong = new URL(serverUrl)
  wrong.password = 'wrong'
  await expect(run(wrong.href, 'select 1')).rejects.toMatchObject({ code: '28P01' })
  const { mode } = await stat(join(folder, 'postgres-password'))
  expect(mode & 0o077).toBe(0)
  expect(await run(serverUrl, 'select rolsuper, rolbypassrls from pg_roles where rolname = current_user')).toEqual([
    { rolsuper: false, rolbypassrls: false },
  ])
})

test('a damaged password file gets a sentence that says what to do, and leaves nothing running', async () => {
  const folder = await copyPrepared()
  const path = join(folder, 'postgres-password')
  const right = await readFile(path, 'utf8')
  const damages: (() => Promise<void>)[] = [
    () => writeFile(path, 'the-password-of-somebody-else\n'.replaceAll('-', '_')),
    () => writeFile(path, ''),
    () => writeFile(path, 'what/no@url:can#hold%zz\n'),
    () => rm(path),
  ]
  for (const damage of damages) {
    await damage()
    const starting = startEmbeddedPostgres(folder, createLog('silent'))
    await expect(starting).rejects.toThrow(/postgres-password in DATA_DIR.*Put back/)
    await expect(readPid(folder)).rejects.toThrow(/ENOENT/)
  }
  await writeFile(path, right)
  const again = await start(folder)
  expect(await run(again.ownerUrl, 'select 1 as one')).toEqual([{ one: 1 }])
})

test('a first start that was killed at any moment begins anew', async () => {
  for (const file of ['PG_VERSION', 'base/1/PG_VERSION']) {
    const folder = await makeFolder()
    const child = startInOtherProcess(folder)
    child.catch(() => {})
    await retry(async () => {
      const [made] = (await readdir(folder)).filter((name) => name.startsWith('postgres') && !name.endsWith('password'))
      await stat(join(folder, made ?? '', file))
    }, 60_000)
    children.at(-1)?.kill('SIGKILL')
    await expect(child).rejects.toThrow()
    const again = await start(folder)
    expect(await run(again.ownerUrl, 'select 1 as one')).toEqual([{ one: 1 }])
    expect((await readdir(folder)).filter((name) => name.endsWith('.password'))).toEqual([])
  }
})

test('a process that has the number of a PostgreSQL long gone is left alone', async () => {
  const folder = await copyPrepared()
  // Its arguments hold the folder's path, but are not it.
  const stranger = spawn(process.execPath, [
    '-e',
    'setInterval(() => {}, 1000)',
    join(folder, 'postgres-of-somebody-else'),
  ])
  onTestFinished(() => void stranger.kill('SIGKILL'))
  await writeFile(join(folder, 'postgres', 'postmaster.pid'), `${stranger.pid}\n`)
  await start(folder).catch(() => {})
  expect(isAlive(stranger.pid ?? 0)).toBe(true)
  expect(stranger.signalCode).toBeNull()
})

test('a folder that holds something else is left alone', async () => {
  const folder = await makeFolder()
  await mkdir(join(folder, 'postgres'))
  await writeFile(join(folder, 'postgres', 'diary.txt'), 'mine')
  await expect(startEmbeddedPostgres(folder, createLog('silent'))).rejects.toThrow(/holds no database/)
  expect(await readFile(join(folder, 'postgres', 'diary.txt'), 'utf8')).toBe('mine')
})

describe.runIf(process.getuid?.() === 0)('of another user', () => {
  test('a database goes on under the user it belongs to when root starts it', async () => {
    const folder = await copyPrepared()
    const nobody = 65_534
    await promisify(execFile)('chown', ['-R', `${nobody}:${nobody}`, folder])
    await rm(join(folder, 'postgres.log'))

    const { ownerUrl } = await start(folder)
    expect(await run(ownerUrl, 'select 1 as one')).toEqual([{ one: 1 }])
    expect((await stat(join(folder, 'postgres.log'))).uid).toBe(nobody)
  })

  test('a database that cannot be looked at keeps its password', async () => {
    const folder = await copyPrepared()
    const password = await readFile(join(folder, 'postgres-password'), 'utf8')
    const stranger = 65_534
    await chown(folder, stranger, stranger)

    const starting = startInOtherProcess(folder, { uid: stranger, gid: stranger })
    await expect(starting).rejects.toThrow(/belongs to another user/)
    expect(await readFile(join(folder, 'postgres-password'), 'utf8')).toBe(password)
  })
})
