import { once } from 'node:events'
import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { exportJWK, generateKeyPair } from 'jose'
import pg from 'pg'
import { beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest'
import {
  makeDataFolder,
  type Program,
  removeDataFolder,
  runProgramToEnd,
  startProgram,
} from '../../e2e/support/start-program.ts'
import { addKey, formatKeySet } from './crypto/key-set.ts'
import { findFreePort } from './database/find-free-port.ts'
import { startTestProvider } from './runtime/test-providers/start-test-provider.ts'
import { eventually } from './user-agents/run-testing.ts'
import { buildWebApp } from './web-build.ts'

const patience = 240_000

beforeAll(() => buildWebApp(), patience)

async function dataFolder(): Promise<string> {
  const folder = await makeDataFolder()
  onTestFinished(() => removeDataFolder(folder))
  return folder
}

async function start(environment: Record<string, string>): Promise<Program> {
  const program = await startProgram(environment)
  onTestFinished(async () => void (await program.stop('SIGKILL')))
  return program
}

/** A new empty database on the PostgreSQL of the tests, as an operator brings one along. */
async function createEmptyDatabase(): Promise<{ DATABASE_URL: string; DIRECT_URL: string }> {
  const name = `start_${Date.now()}_${Math.random().toString(36).slice(2, 8)}`
  const admin = new pg.Client({ connectionString: inject('ownerUrl') })
  await admin.connect()
  await admin.query(`create database ${name}`).finally(() => admin.end())
  onTestFinished(async () => {
    const client = new pg.Client({ connectionString: inject('ownerUrl') })
    await client.connect()
    await client.query(`drop database ${name} with (force)`).finally(() => client.end())
  })
  const at = (url: string) => Object.assign(new URL(url), { pathname: `/${name}` }).href
  return { DATABASE_URL: at(inject('serverUrl')), DIRECT_URL: at(inject('ownerUrl')) }
}

async function post(url: string, body: unknown, token?: string): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(token ? { authorization: `Bearer ${token}` } : {}) },
    body: JSON.stringify(body),
  })
}

async function signUp(url: string, email = 'ada@example.test'): Promise<string> {
  const response = await post(`${url}/api/v1/auth/sign-up`, { email, password: 'correct horse battery' })
  expect(response.status).toBe(201)
  return (await response.json()).access_token
}

/** A user agent of the first ready-made agent of this type, on the answers of its example. */
async function configure(url: string, token: string, type = 'customer_service'): Promise<string> {
  const headers = { authorization: `Bearer ${token}` }
  const { data } = await (await fetch(`${url}/api/v1/agents?type=${type}`, { headers })).json()
  const agent = await (await fetch(`${url}/api/v1/agents/${data[0].id}`, { headers })).json()
  const response = await post(
    `${url}/api/v1/user-agents`,
    { agent_id: agent.id, settings: agent.capabilities.example_settings },
    token,
  )
  expect(response.status).toBe(201)
  return (await response.json()).id
}

async function makeSigningKey(): Promise<string> {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true })
  return JSON.stringify(await exportJWK(privateKey))
}

describe('an ordinary start', () => {
  test('comes from an empty folder to a page, keeps what it has at the next start and its secrets to itself, and ends cleanly each time', {
    timeout: patience,
  }, async () => {
    const folder = join(await dataFolder(), 'data')
    const first = await start({ DATA_DIR: folder })
    for (const step of [
      /PostgreSQL: starting in/,
      /\d+ migrations applied/,
      /Catalogue: 1\d new/,
      /Built-in search/,
      /Ready in/,
    ])
      expect(first.output()).toMatch(step)
    expect((await fetch(`${first.url}/readyz`)).status).toBe(200)
    const page = await fetch(first.url, { headers: { accept: 'text/html' } })
    expect(await page.text()).toContain('<div id="root">')
    for (const name of ['signing-key.json', 'encryption-keys.json', 'postgres-password', 'postgres.log', 'postgres'])
      expect((await stat(join(folder, name))).mode & 0o077, `${name} is for its owner alone`).toBe(0)
    const secret = (await readFile(join(folder, 'postgres-password'), 'utf8')).trim()
    expect(first.output()).not.toContain(secret)
    const token = await signUp(first.url)
    const id = await configure(first.url, token)
    expect(await first.stop()).toBe(0)

    const second = await start({ DATA_DIR: folder })
    expect(second.output()).toContain('Database: up to date')
    expect(second.output()).toContain('Catalogue: 0 new, 0 updated')
    // The token was signed by the key in the folder.
    const run = await post(`${second.url}/api/v1/user-agents/${id}/runs`, { input: 'Do you ship abroad?' }, token)
    expect(await run.json()).toMatchObject({ status: 'succeeded', is_built_in_model: true })
    // A closed terminal is a stop like any other.
    expect(await second.stop('SIGHUP')).toBe(0)

    const third = await start({ DATA_DIR: folder })
    // So is one while nobody reads the output.
    third.closeOutput()
    expect(await third.stop()).toBe(0)
    const log = await readFile(join(folder, 'postgres.log'), 'utf8')
    expect(log.match(/database system is shut down\n/g)).toHaveLength(3)
    expect(log).not.toContain('automatic recovery in progress')
  })
})

describe('a start that cannot be says what to do, and leaves nothing running', { timeout: patience }, () => {
  test('wrong variables, all of them', async () => {
    const end = await runProgramToEnd({ DATA_DIR: await dataFolder(), PORT: 'x', DRAIN_SECONDS: 'y', PUBLIC_URL: 'z' })
    expect(end.exitCode).toBe(1)
    expect(end.output).toMatch(/PORT: [\s\S]*PUBLIC_URL: [\s\S]*DRAIN_SECONDS: /)
    expect(end.output).toContain('.env.example')
    expect(end.output).not.toContain('    at ')
  })

  test('a command that is not there', async () => {
    const end = await runProgramToEnd({ DATA_DIR: await dataFolder() }, ['fly'])
    expect(end.exitCode).toBe(1)
    expect(end.output).toContain('Usage: npm start')
  })

  test('a taken port', async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    onTestFinished(() => void taken.close())
    const { port } = taken.address() as { port: number }
    const end = await runProgramToEnd({ DATA_DIR: await dataFolder(), PORT: String(port) })
    expect(end.exitCode).toBe(1)
    expect(end.output).toContain(`Port ${port} is taken by another program.`)
    expect(end.output).toContain(`PORT=${port + 1} npm start`)
  })

  test('an address that this machine has not', async () => {
    const end = await runProgramToEnd({ DATA_DIR: await dataFolder(), PORT: '3999', HOST: '192.0.2.1' })
    expect(end.exitCode).toBe(1)
    expect(end.output).toContain('Set HOST to 127.0.0.1')
  })

  test('a data folder that cannot be made', async () => {
    const folder = await dataFolder()
    await writeFile(join(folder, 'file'), '')
    const end = await runProgramToEnd({ DATA_DIR: join(folder, 'file/data') })
    expect(end.exitCode).toBe(1)
    expect(end.output).toContain('(DATA_DIR) cannot be made')
  })

  // Nothing is closed to root.
  test.skipIf(process.getuid?.() === 0)('a data folder that cannot be written', async () => {
    const folder = join(await dataFolder(), 'data')
    await mkdir(folder, { mode: 0o500 })
    const end = await runProgramToEnd({ DATA_DIR: folder })
    await chmod(folder, 0o700)
    expect(end.exitCode).toBe(1)
    expect(end.output).toContain('(DATA_DIR) cannot be written')
  })

  test.runIf(process.getuid?.() === 0)("as root, a folder that PostgreSQL's user may not enter", async () => {
    const folder = join(await dataFolder(), 'closed')
    await mkdir(folder, { mode: 0o700 })
    const end = await runProgramToEnd({ DATA_DIR: join(folder, 'data') })
    expect(end.exitCode).toBe(1)
    expect(end.output).toContain(`cannot enter ${folder}`)
    expect(end.output).toContain('chmod o+x')
  })

  test('a database that is down', async () => {
    const url = `postgresql://agentexpress_server:hunter2@127.0.0.1:${await findFreePort()}/agentexpress`
    const end = await runProgramToEnd({ DATA_DIR: await dataFolder(), DATABASE_URL: url })
    expect(end.exitCode).toBe(1)
    expect(end.output).toContain('The database of DATABASE_URL')
    expect(end.output).toContain('Check that it is running')
    expect(end.output).not.toContain('hunter2')
  })

  test('a wrong password', async () => {
    const url = new URL(inject('serverUrl'))
    url.password = 'hunter2'
    const end = await runProgramToEnd({ DATA_DIR: await dataFolder(), DATABASE_URL: url.href })
    expect(end.exitCode).toBe(1)
    expect(end.output).toContain('The database of DATABASE_URL')
    expect(end.output).not.toContain('hunter2')
  })

  test('a superuser in DATABASE_URL', { timeout: patience }, async () => {
    const { DIRECT_URL } = await createEmptyDatabase()
    const end = await runProgramToEnd({ DATA_DIR: await dataFolder(), DATABASE_URL: DIRECT_URL })
    expect(end.exitCode).toBe(1)
    expect(end.output).toContain('is a superuser, so that row-level security would not hold')
    expect(end.output).toContain('Then put agentexpress_server into DATABASE_URL')
  })

  test("the embedded database with another one's password, key or server", { timeout: patience }, async () => {
    const folder = await dataFolder()
    const program = await start({ DATA_DIR: folder })

    const second = await runProgramToEnd({ DATA_DIR: folder })
    expect(second.exitCode).toBe(1)
    expect(second.output).toContain(`Another AgentExpress (process ${program.pid}) works on ${folder}`)
    expect((await fetch(`${program.url}/readyz`)).status).toBe(200)
    expect(await program.stop()).toBe(0)

    const keyPath = join(folder, 'signing-key.json')
    const key = await readFile(keyPath, 'utf8')
    await writeFile(keyPath, await makeSigningKey())
    const foreignKey = await runProgramToEnd({ DATA_DIR: folder })
    expect(foreignKey.exitCode).toBe(1)
    expect(foreignKey.output).toContain('The signing key does not belong to this database')
    expect(foreignKey.output).toContain('npm run keys -- reset')
    await writeFile(keyPath, 'no key at all')
    expect((await runProgramToEnd({ DATA_DIR: folder })).output).toContain('does not hold a private EC key')
    await writeFile(keyPath, key)

    const passwordPath = join(folder, 'postgres-password')
    const password = await readFile(passwordPath, 'utf8')
    await writeFile(passwordPath, 'f'.repeat(48))
    const foreignPassword = await runProgramToEnd({ DATA_DIR: folder })
    expect(foreignPassword.exitCode).toBe(1)
    expect(foreignPassword.output).toContain('postgres-password in DATA_DIR does not fit')
    await writeFile(passwordPath, password)

    // None of the failures left anything behind that would hinder the next start.
    const again = await start({ DATA_DIR: folder })
    expect((await fetch(`${again.url}/readyz`)).status).toBe(200)
    expect(await again.stop()).toBe(0)
  })
})

describe('on a PostgreSQL of your own', () => {
  test('two servers start at once, share everything, and cancel runs of each other', {
    timeout: patience,
  }, async () => {
    const provider = await startTestProvider('compatible', [])
    onTestFinished(() => provider.close())
    const shared = {
      ...(await createEmptyDatabase()),
      SIGNING_KEY: await makeSigningKey(),
      ENCRYPTION_KEYS: formatKeySet(addKey(null).keySet),
      COMPATIBLE_BASE_URL: provider.url,
      COMPATIBLE_MODELS: 'test-model',
    }
    const [one, two] = await Promise.all([
      start({ ...shared, DATA_DIR: await dataFolder() }),
      start({ ...shared, DATA_DIR: await dataFolder() }),
    ])
    expect(`${one.output()}${two.output()}`.match(/\d+ migrations applied/g)).toHaveLength(1)
    const token = await signUp(one.url)
    const id = await configure(two.url, token)

    provider.setScript([{ kind: 'hang' }])
    const running = post(`${one.url}/api/v1/user-agents/${id}/runs`, { input: 'Take your time.' }, token)
    const headers = { authorization: `Bearer ${token}` }
    const log = await eventually('the run is in the log', async () => {
      const { data } = await (await fetch(`${two.url}/api/v1/agent-logs?status=running`, { headers })).json()
      return data[0]
    })
    expect((await post(`${two.url}/api/v1/agent-logs/${log.id}/cancel`, {}, token)).status).toBe(202)
    const answer = await running
    expect(answer.status).toBe(409)
    expect(await answer.json()).toMatchObject({ code: 'cancelled', run_id: log.id })

    // One key, two servers: one run.
    provider.setScript([{ kind: 'text', text: 'Once.', delayMs: 300 }])
    const asked = provider.requests.length
    const answers = await Promise.all(
      [one, two, one, two].map(async ({ url }) => {
        const response = await fetch(`${url}/api/v1/user-agents/${id}/runs`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', 'idempotency-key': 'once', ...headers },
          body: JSON.stringify({ input: 'Hello' }),
        })
        return response.json()
      }),
    )
    expect(new Set(answers.map((run) => run.id)).size).toBe(1)
    expect(answers.map((run) => run.output)).toEqual(Array(4).fill('Once.'))
    expect(provider.requests.length - asked).toBe(1)

    expect(await one.stop()).toBe(0)
    expect((await fetch(`${two.url}/readyz`)).status).toBe(200)
    expect(await two.stop()).toBe(0)
  })
})
