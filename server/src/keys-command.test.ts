import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { expect, onTestFinished, test } from 'vitest'
import { makeDataFolder, removeDataFolder, runProgramToEnd, startProgram } from '../../e2e/support/start-program.ts'
import { readConfig } from './config.ts'
import { openKeyringFile } from './crypto/keyring.ts'
import { openDatabase } from './database/database.ts'
import { createId } from './database/uuid-v7.ts'
import { integrationSecrets } from './integrations/integration-secrets.ts'
import { createTestIntegrations, readAccount, testCredentials } from './integrations/integration-testing.ts'
import { keysCommand } from './keys-command.ts'
import { createLog } from './log.ts'
import { createTestDatabase } from './testing/test-app.ts'

// A dozen starts of the program, on a machine that may be busy.
const patience = 400_000
const log = createLog('silent')

async function dataFolder(): Promise<string> {
  const folder = await makeDataFolder()
  onTestFinished(() => removeDataFolder(folder))
  return folder
}

/** A process that is killed with the test, whatever happens. */
function spawnNode(
  args: string[],
  environment: Record<string, string> = {},
): { child: ChildProcess; output(): string } {
  const child = spawn(process.execPath, args, {
    cwd: join(import.meta.dirname, '../..'),
    env: { PATH: process.env.PATH, LOG_LEVEL: 'error', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let text = ''
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => (text += chunk.toString()))
  onTestFinished(() => void child.kill('SIGKILL'))
  return { child, output: () => text }
}

async function printed(program: ReturnType<typeof spawnNode>, pattern: RegExp): Promise<void> {
  while (!pattern.test(program.output())) {
    if (program.child.exitCode !== null) throw new Error(`It ended: ${program.output()}`)
    await Promise.race([once(program.child.stdout!, 'data'), once(program.child, 'close')])
  }
}

/** As the server's role on the embedded PostgreSQL of a running server. */
async function openEmbedded(folder: string) {
  const port = (await readFile(join(folder, 'postgres/postmaster.pid'), 'utf8')).split('\n')[3]
  const password = (await readFile(join(folder, 'postgres-password'), 'utf8')).trim()
  const url = `postgresql://agentexpress_server:${password}@127.0.0.1:${port}/agentexpress`
  const database = openDatabase({ url, poolSize: 3, usePreparedStatements: true, log })
  onTestFinished(() => database.close())
  return { database, url }
}

const count = 2000

test('keys are rotated beside a running server, through a kill -9, with another process at work on the accounts', {
  timeout: patience,
}, async () => {
  const folder = await dataFolder()
  const keys = (...args: string[]) => runProgramToEnd({ DATA_DIR: folder }, ['keys', ...args])
  const server = await startProgram({ DATA_DIR: folder })
  onTestFinished(async () => void (await server.stop('SIGKILL')))
  const { database, url } = await openEmbedded(folder)
  const keyFile = join(folder, 'encryption-keys.json')
  const keyring = await openKeyringFile(keyFile, log)
  const first = (await keyring.current()).kid
  const ownerId = createId()
  await database.asSystem('a test makes a user', (tx) =>
    tx
      .insertInto('users')
      .values({ id: ownerId, email: `${ownerId}@example.test` })
      .execute(),
  )
  const { ids } = await createTestIntegrations(database, ownerId, { keyring, count })
  const busy = [ids[10], ids[count - 10]] as string[]
  const counts = async () => {
    const rows = await database.asSystem('a test counts', (tx) => integrationSecrets.countByKey(tx))
    return new Map(rows.map(({ key_id, needed }) => [key_id, needed]))
  }
  const expectReadable = async (all: string[]) => {
    for (const integrationId of all) {
      const credentials = await readAccount({ database, keyring }, { integrationId, ownerId })
      expect(credentials).toEqual({ kind: 'connected', value: testCredentials(integrationId) })
    }
  }
  const quiet = ids.filter((id) => !busy.includes(id))

  const user = spawnNode(['server/src/integrations/account-user-testing.ts', url, keyFile, ownerId, ...busy])
  await printed(user, /ready/)
  const rotation = spawnNode(['server/src/main.ts', 'keys', 'rotate'], { DATA_DIR: folder })
  await printed(rotation, /accounts so far/)
  rotation.child.kill('SIGKILL')
  await once(rotation.child, 'close')
  const halfway = await counts()
  const second = [...halfway.keys()].find((kid) => kid !== first) as string
  expect(halfway.get(second)).toBeGreaterThanOrEqual(200)
  expect(halfway.get(first)).toBeGreaterThan(0)
  await expectReadable(quiet.filter((_id, index) => index % 50 === 0))
  expect((await keys('drop', first)).output).toContain('still needed by')

  const finished = await keys('rotate')
  expect(finished.output).toContain(`Verified: ${count} of ${count} connected accounts can be read.`)
  expect(finished.exitCode).toBe(0)
  expect(await counts()).toEqual(new Map([[second, count]]))
  await expectReadable(quiet.filter((_id, index) => index % 50 === 0))

  user.child.kill('SIGTERM')
  expect(await once(user.child, 'close'), user.output()).toEqual([0, null])
  const report = JSON.parse(user.output().split('\n').at(-2) ?? '')
  expect(report.keys).toEqual([first, second])
  for (const [integrationId, value] of Object.entries(report.last))
    expect(await readAccount({ database, keyring }, { integrationId, ownerId })).toEqual({
      kind: 'connected',
      value: { token: value },
    })

  expect((await keys('list')).output).toMatch(new RegExp(`${second}.*${count} accounts  present key`))
  expect((await keys('drop', first)).output).toContain(`Dropped the key ${first}`)
  expect((await keys('list')).output).not.toContain(first)
  // The server was there all the time.
  expect((await fetch(`${server.url}/readyz`)).status).toBe(200)
  expect(await server.stop()).toBe(0)

  // Without a server the command starts the database itself, and without the key nothing starts.
  expect(await keys('verify')).toMatchObject({ exitCode: 0 })
  const text = await readFile(keyFile, 'utf8')
  await rm(keyFile)
  const refused = await runProgramToEnd({ DATA_DIR: folder })
  expect(refused.exitCode).toBe(1)
  expect(refused.output).toContain(`The encryption key ${second} is missing`)
  expect(refused.output).toContain(`${count} connected accounts were encrypted with it`)
  expect(refused.output).toContain('npm run keys -- accept-loss')
  expect(await readdir(folder)).not.toContain('encryption-keys.json')
  await writeFile(keyFile, text, { mode: 0o600 })
  const again = await startProgram({ DATA_DIR: folder })
  expect(await again.stop()).toBe(0)
})

test.each([[[]], [['fly']], [['drop']], [['rotate', '--sideways']], [['list', 'x']], [['toString']]])(
  'a command that is not there says which there are: %j',
  async (args) => {
    const config = readConfig({ DATA_DIR: '/nowhere', DATABASE_URL: 'postgresql://nobody@127.0.0.1:9/nothing' })
    await expect(keysCommand(config, args)).rejects.toThrow('Usage: npm run keys')
  },
)

test('a command without keys says where they should be, and one alone changes keys at a time', {
  timeout: patience,
}, async () => {
  const { serverUrl, ownerUrl, close } = await createTestDatabase()
  onTestFinished(close)
  const environment = { DATA_DIR: await dataFolder(), DATABASE_URL: serverUrl, DIRECT_URL: ownerUrl }
  const alone = await runProgramToEnd(environment, ['keys', 'rotate'])
  expect(alone.output).toContain('There are no encryption keys at')
  expect(alone.exitCode).toBe(1)
  const other = new pg.Client({ connectionString: ownerUrl })
  await other.connect()
  await other.query('select pg_advisory_lock(72707370)')
  const second = await runProgramToEnd(environment, ['keys', 'list']).finally(() => other.end())
  expect(second.output).toContain('Another command is changing keys at this moment')
  expect(second.exitCode).toBe(1)
})
