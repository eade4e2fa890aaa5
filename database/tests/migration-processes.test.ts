import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, inject, test, vi } from 'vitest'
import { readConfig } from '../../server/src/config.ts'
import { deployMigrations, inspectMigrations, readMigrations } from '../../server/src/database/migrate.ts'
import { migrateCommand } from '../../server/src/database/migrate-command.ts'
import { exampleAgent } from '../../server/src/testing/agent-fixtures.ts'
import { connectForTest, createEmptyDatabase, dumpCatalog, query } from './catalog-queries.ts'
import { cloneDatabase, type Files, makeFolderWith, readLedger, tableX } from './migration-fixtures.ts'
import { checkOut, dataFolder, run, runToEnd } from './migration-programs.ts'

// Real processes on a machine that may be busy.
vi.setConfig({ testTimeout: 240_000 })

const main = 'server/src/main.ts'
const indexUsers: Files = {
  up: `-- Without a transaction: accounts are read and written meanwhile.
create index concurrently if not exists users__first_name on public.users (first_name);
create index concurrently if not exists users__last_name on public.users (last_name);
`,
  down: `-- Loses: two indexes.
-- Keeps: all accounts.
drop index concurrently if exists public.users__last_name;
drop index concurrently if exists public.users__first_name;
`,
}

const environmentFor = (ownerUrl: string) => ({
  DATABASE_URL: Object.assign(new URL(inject('serverUrl')), { pathname: new URL(ownerUrl).pathname }).href,
  DIRECT_URL: ownerUrl,
})

test('of four processes that deploy at once one works, and the others say what they wait for', async () => {
  const url = await createEmptyDatabase()
  const migrations = await readMigrations()
  const gate = await connectForTest(url)
  await gate.query('select pg_advisory_lock(72707369)')
  const programs = Array.from({ length: 4 }, () => run([main, 'migrate', 'deploy'], environmentFor(url)))
  await Promise.all(programs.map((program) => program.until(/waiting for another node that is migrating the database/)))
  await gate.query('select pg_advisory_unlock(72707369)')
  expect(await Promise.all(programs.map((program) => program.end))).toEqual([0, 0, 0, 0])
  const lines = programs.map((program) => program.output().trim().split('\n').at(-1))
  expect(lines.sort()).toEqual([
    `${migrations.length} migrations applied.`,
    'Up to date.',
    'Up to date.',
    'Up to date.',
  ])
  expect(await readLedger(url)).toHaveLength(migrations.length)
})

/** Deploys to the URL in the first argument what is in the folder of the second: faster up than the whole program. */
const deployScript = `
  const { deployMigrations, readMigrations } = await import(${JSON.stringify(join(import.meta.dirname, '../../server/src/database/migrate.ts'))})
  const [, url, folder] = process.argv
  await deployMigrations(url, await readMigrations(folder), (text) => console.log(text))`

test('a deployer that is killed at any moment leaves a database that the next one finishes', async () => {
  const extra = { '29990101000000_add_x': tableX, '29990101000100_index_users': indexUsers }
  const folder = await makeFolderWith(extra)
  const migrations = await readMigrations(folder)
  const expected = new Map<boolean, string[]>()
  let interrupted = 0
  for (let round = 0; round < (process.env.CI ? 5 : 8); round++) {
    // Some first deployments, some of a newer version.
    const isFirst = round < 2
    const url = isFirst ? await createEmptyDatabase() : await cloneDatabase()
    if (!expected.has(isFirst)) {
      const sound = isFirst ? await createEmptyDatabase() : await cloneDatabase()
      await deployMigrations(sound, migrations)
      expected.set(isFirst, await dumpCatalog(sound))
    }
    const deployer = run(['--input-type=module', '--eval', deployScript, url, folder])
    const victim = isFirst ? migrations[round * 3] : migrations.at(round % 3 === 0 ? -2 : -1)
    await deployer.until(new RegExp(`applying ${victim?.name}`))
    await sleep(Math.random() * 30)
    deployer.child.kill('SIGKILL')
    await deployer.end
    const progress: string[] = []
    const applied = await deployMigrations(url, migrations, (text) => progress.push(text))
    if (applied.length > 0) interrupted++
    expect(await dumpCatalog(url), progress.join('\n')).toEqual(expected.get(isFirst))
    const { missing, halfDone } = await inspectMigrations(url, migrations)
    expect({ missing, halfDone }).toEqual({ missing: [], halfDone: [] })
  }
  expect(interrupted).toBeGreaterThan(0)
})

test('a deployer that is killed while its index is built leaves half of it, which the next one takes back first', async () => {
  const folder = await makeFolderWith({ '29990101000100_index_users': indexUsers })
  const migrations = await readMigrations(folder)
  const url = await cloneDatabase()
  const before = await dumpCatalog(url)
  const newVersion = await checkOut({ '29990101000100_index_users': indexUsers })
  const blocker = await connectForTest(url)
  await blocker.query('begin isolation level repeatable read; select count(*) from public.plans')
  const deployer = run([main, 'migrate', 'deploy'], environmentFor(url), newVersion)
  await deployer.until(/waiting for session \d+ \(.*idle in transaction/)
  deployer.child.kill('SIGKILL')
  await deployer.end
  const status = await runToEnd([main, 'migrate', 'status'], environmentFor(url), newVersion)
  expect(status).toMatchObject({ exitCode: 1, output: expect.stringMatching(/half-done +29990101000100_index_users/) })
  await blocker.query('rollback')
  const old = await runToEnd([main, 'migrate', 'deploy'], environmentFor(url))
  expect(old).toMatchObject({ exitCode: 1, output: expect.stringContaining('which this version does not know') })
  const next = await runToEnd([main, 'migrate', 'deploy'], environmentFor(url), newVersion)
  expect(next.output).toMatch(/taking back 29990101000100_index_users, which was interrupted half-way\napplying/)
  expect(next.exitCode).toBe(0)
  const back = await runToEnd(
    [main, 'migrate', 'down', '--to', migrations.at(-2)!.name],
    environmentFor(url),
    newVersion,
  )
  expect(back).toMatchObject({ exitCode: 0, output: expect.stringContaining('1 migrations taken back') })
  expect(await dumpCatalog(url)).toEqual(before)
})

interface Account {
  headers: Record<string, string>
  /** What the account has configured, so that it can be run. */
  userAgentId: string
}

/** Signs up, writes an agent and configures it. */
async function prepareAccount(url: string): Promise<Account> {
  const headers: Record<string, string> = { 'content-type': 'application/json' }
  const post = async (path: string, body: object) => {
    const response = await fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body) })
    if (response.status !== 201) throw new Error(`${path}: ${response.status} ${await response.text()}`)
    return response.json()
  }
  const credentials = { email: 'ada@example.test', password: 'correct horse battery' }
  headers.authorization = `Bearer ${(await post('/api/v1/auth/sign-up', credentials)).access_token}`
  const agent = await post('/api/v1/agents', exampleAgent())
  const settings = { business_name: 'Lamp & Co' }
  return { headers, userAgentId: (await post('/api/v1/user-agents', { agent_id: agent.id, settings })).id }
}

/** Asks a server without pause until told to end, and has it run an agent again and again. Answers what went wrong. */
function keepAsking(url: string, { headers, userAgentId }: Account) {
  const send = (method: string, body: object) => ({ method, headers, body: JSON.stringify(body) })
  const requests: [path: string, init: RequestInit][] = [
    ['/healthz', {}],
    ['/api/v1/me', { headers }],
    ['/api/v1/agents', { headers }],
    [`/api/v1/user-agents/${userAgentId}/runs`, send('POST', { input: 'Do you ship to Norway?' })],
    ['/api/v1/agent-logs', { headers }],
    ['/api/v1/me', send('PATCH', { first_name: 'Ada' })],
    ['/api/v1/plans', { headers }],
  ]
  const faults: string[] = []
  const runs: string[] = []
  let answers = 0
  let isEnding = false
  const ask = async (path: string, init: RequestInit) => {
    const response = await fetch(url + path, init)
    const text = await response.text()
    if (!response.ok) throw new Error(`${response.status} ${text}`)
    if (path.endsWith('/runs')) {
      const { id, status, error } = JSON.parse(text)
      if (status !== 'succeeded') throw new Error(`a run ended as ${status}: ${JSON.stringify(error)}`)
      runs.push(id)
    }
    // The newest log is the run of this round, as it ended.
    if (path === '/api/v1/agent-logs' && runs.length > 0) {
      const [newest] = JSON.parse(text).data
      if (newest?.id !== runs.at(-1) || newest.status !== 'succeeded') throw new Error('lacks the run before it')
    }
    answers++
  }
  const asking = (async () => {
    while (!isEnding) {
      for (const [path, init] of requests) {
        await ask(path, init).catch((error: Error) => faults.push(`${path}: ${error.message}`))
        await sleep(10)
      }
    }
  })()
  return {
    count: () => answers,
    async stop() {
      isEnding = true
      await asking
      return { faults, runs }
    },
  }
}

test('the running version answers and runs agents throughout while the deployment of a newer one fails and is taken back', async () => {
  const url = await createEmptyDatabase()
  const environment = environmentFor(url)
  const old = run([main, 'start'], { ...environment, DATA_DIR: await dataFolder() }, await checkOut())
  const [, address = ''] = await old.until(/Open (http\S+)/)
  const account = await prepareAccount(address)
  const before = await dumpCatalog(url)
  const newVersion = await checkOut({
    '29990101000000_add_nickname': {
      up: 'alter table public.users add column nickname text;',
      down: 'alter table public.users drop column nickname;',
    },
    '29990101000050_add_mood': {
      up: 'alter table public.agent_logs add column mood text;',
      down: 'alter table public.agent_logs drop column mood;',
    },
    '29990101000100_index_users': indexUsers,
    // Holds the logs long enough for runs and readers to wait.
    '29990101000200_break': {
      up: 'alter table public.agent_logs add column color text; select pg_sleep(0.5); select 1 / 0;',
      down: 'alter table public.agent_logs drop column color;',
    },
  })
  const asking = keepAsking(address, account)
  await vi.waitUntil(() => asking.count() > 30, { timeout: 60_000 })
  const failed = await runToEnd([main, 'start'], { ...environment, DATA_DIR: await dataFolder() }, newVersion)
  const during = asking.count()
  expect(failed.exitCode).toBe(1)
  expect(failed.output).toMatch(
    /29990101000200_break failed: division by zero\. Everything this deployment had applied was/,
  )
  await vi.waitUntil(() => asking.count() > during + 30, { timeout: 60_000 })
  const { faults, runs } = await asking.stop()
  expect(faults).toEqual([])
  expect(runs.length).toBeGreaterThan(8)
  const logged = await query(url, `select count(*)::int as count from public.agent_logs where status = 'succeeded'`)
  expect(logged).toEqual([{ count: runs.length }])
  expect(await dumpCatalog(url)).toEqual(before)
  const takenBack = { is_rolled_back: true, logs: expect.stringMatching(/^Taken back/) }
  expect((await readLedger(url)).slice(-4)).toMatchObject([
    { migration_name: '29990101000000_add_nickname', ...takenBack },
    { migration_name: '29990101000050_add_mood', ...takenBack },
    { migration_name: '29990101000100_index_users', ...takenBack },
    { migration_name: '29990101000200_break', is_finished: false, is_rolled_back: true, logs: 'division by zero' },
  ])
  expect((await runToEnd([main, 'migrate', 'status'], environment)).exitCode).toBe(0)
})

test.each([[['nonsense']], [['status', 'more']], [['deploy', '--to', 'empty']]])(
  'a command that is not there says which there are: %j',
  async (args) => {
    const config = readConfig({ DATA_DIR: '/nowhere', DATABASE_URL: 'postgresql://nobody@127.0.0.1:9/nothing' })
    await expect(migrateCommand(config, args)).rejects.toThrow('Usage')
  },
)

/** The owner of the embedded PostgreSQL of a running server. */
async function embeddedOwner(dataDir: string): Promise<string> {
  const password = (await readFile(join(dataDir, 'postgres-password'), 'utf8')).trim()
  const port = (await readFile(join(dataDir, 'postgres/postmaster.pid'), 'utf8')).split('\n')[3]
  return `postgresql://postgres:${password}@127.0.0.1:${port}/agentexpress`
}

test('every command works beside a running server, and its exit code tells how it went', async () => {
  const DATA_DIR = await dataFolder()
  const old = await checkOut()
  const newVersion = await checkOut({ '29990101000000_add_x': tableX })
  const server = run([main, 'start'], { DATA_DIR }, old)
  const [, address = ''] = await server.until(/Open (http\S+)/)
  const migrate = (args: string[], checkout = old) => runToEnd([main, 'migrate', ...args], { DATA_DIR }, checkout)

  expect(await migrate([])).toMatchObject({
    exitCode: 0,
    output: expect.stringMatching(/running AgentExpress.*\napplied/),
  })
  expect(await migrate(['plan'])).toMatchObject({ exitCode: 0, output: expect.stringContaining('would do nothing') })
  expect(await migrate(['verify'])).toMatchObject({
    exitCode: 0,
    output: expect.stringContaining('as a fresh database'),
  })
  expect(await migrate(['plan'], newVersion)).toMatchObject({
    exitCode: 0,
    output: expect.stringMatching(
      /Would apply 29990101000000_add_x\n.*going back loses: not said\n(.*\n)+ {2}beware: .* rls: /,
    ),
  })
  expect(await migrate(['status'], newVersion)).toMatchObject({
    exitCode: 1,
    output: expect.stringMatching(
      /missing +29990101000000_add_x\nThe database lacks 1 of|add_x\n\nThe database lacks 1 of/,
    ),
  })
  expect(await migrate(['deploy'], newVersion)).toMatchObject({ exitCode: 0 })
  expect(await migrate(['status'])).toMatchObject({
    exitCode: 1,
    output: expect.stringContaining('The database is ahead'),
  })
  const last = (await readMigrations()).at(-1)!.name
  expect(await migrate(['down', '--to', last], newVersion)).toMatchObject({ exitCode: 0 })
  expect(await migrate(['down', '--to', last])).toMatchObject({
    exitCode: 0,
    output: expect.stringMatching(/Nothing to/),
  })

  await query(
    await embeddedOwner(DATA_DIR),
    'drop index public.agents__creator_id; grant select on public.users to anon',
  )
  const verified = await migrate(['verify'])
  expect(verified.exitCode).toBe(1)
  expect(verified.output).toMatch(
    /gone +index public\.agents__creator_id\nadded +privilege SELECT on table public\.users of anon/,
  )
  expect(verified.output).toContain('differs in 2 places')
  expect(await migrate(['down'])).toMatchObject({ exitCode: 1, output: expect.stringContaining('Usage') })
  expect((await fetch(`${address}/healthz`)).status).toBe(200)
  server.child.kill('SIGTERM')
  expect(await server.end).toBe(0)
})
