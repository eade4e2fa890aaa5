import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { expect, onTestFinished, test } from 'vitest'
import { insertTestLog } from './agent-logs/agent-log-testing.ts'
import { readConfig } from './config.ts'
import { connectDatabase } from './database/connect.ts'
import { openDatabase } from './database/database.ts'
import { startEmbeddedPostgres } from './database/embedded.ts'
import { ensurePartitions, findPartitionFaults } from './database/partitions.ts'
import { checkOwnerRole } from './database/server-role.ts'
import { createLog } from './log.ts'
import { prepareDatabase } from './prepare-database.ts'
import { closeAfterTest, createTestDatabase } from './testing/test-app.ts'

const log = createLog('silent')

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  return client
}

async function run(url: string, statements: string): Promise<Record<string, unknown>[]> {
  const client = await connect(url)
  return (await client.query(statements).finally(() => client.end())).rows
}

const sqlOf = (message: string) =>
  message
    .split('\n')
    .filter((line) => line.startsWith('  '))
    .join('\n')

const messageOf = (work: Promise<unknown>) =>
  work.then(
    () => 'accepted',
    (error: Error) => error.message,
  )

/** What a start does with these addresses before it opens the pool. */
async function prepare(environment: { DATABASE_URL: string; DIRECT_URL?: string }, say = (_text: string) => {}) {
  const connected = await connectDatabase(readConfig({ LOG_LEVEL: 'silent', ...environment }), log, say)
  const timeLimits = await prepareDatabase(connected, say)
  return openDatabase({
    url: connected.serverUrl,
    poolSize: 2,
    usePreparedStatements: connected.usePreparedStatements,
    timeLimits,
    log,
  })
}

/** A PostgreSQL with nothing of ours, not even a role, as an operator brings one along. */
async function startBarePostgres() {
  const folder = await mkdtemp(join(tmpdir(), 'agentexpress-bare-'))
  await chmod(folder, 0o755)
  const settings = { fsync: 'off', full_page_writes: 'off', synchronous_commit: 'off' }
  const postgres = await startEmbeddedPostgres(folder, log, { settings })
  onTestFinished(async () => {
    await postgres.stop()
    await rm(folder, { recursive: true, force: true })
  })
  const at = (user: string, password: string) =>
    Object.assign(new URL(postgres.ownerUrl), { username: user, password, pathname: '/ours' }).href
  await run(postgres.ownerUrl, 'drop role agentexpress_server')
  await run(postgres.ownerUrl, `create role plain_owner login password 'pw'`)
  await run(postgres.ownerUrl, 'create database ours owner plain_owner')
  return { at, superuserUrl: Object.assign(new URL(postgres.ownerUrl), { pathname: '/ours' }).href }
}

test('a superuser is refused before anything is written, and what is printed leads to a start', async () => {
  const { at, superuserUrl } = await startBarePostgres()
  const DIRECT_URL = at('plain_owner', 'pw')
  const noRoles = await messageOf(checkOwnerRole(DIRECT_URL, true))
  expect(noRoles).toContain('may not create roles')
  await run(superuserUrl, `begin; ${sqlOf(noRoles)} rollback`)

  const refusal = await messageOf(prepare({ DATABASE_URL: superuserUrl }))
  expect(refusal).toContain('is a superuser, so that row-level security would not hold')
  expect(await run(superuserUrl, `select relname from pg_class where relnamespace = 'public'::regnamespace`)).toEqual(
    [],
  )
  expect(await run(superuserUrl, `select rolname from pg_roles where rolname = 'anon'`)).toEqual([])

  await run(superuserUrl, sqlOf(refusal).replace('<choose one>', 'chosen'))
  const database = await prepare({ DATABASE_URL: at('agentexpress_server', 'chosen'), DIRECT_URL })
  onTestFinished(() => database.close())
  const users = await database.asSystem('a test looks', (tx) => tx.selectFrom('users').select('id').execute())
  expect(users).toEqual([])
})

test('a start goes on while a backup holds the logs, although a month is missing', async () => {
  const testDatabase = await createTestDatabase()
  closeAfterTest(testDatabase)
  const { ownerUrl, serverUrl } = testDatabase
  const user = await testDatabase.createUser()
  const now = new Date()
  const missing = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 3, 1))
  const name = `agent_logs_${missing.toISOString().slice(0, 7).replace('-', '_')}`
  await run(ownerUrl, `drop table agent_log_partitions.${name}`)
  const backup = await connect(ownerUrl)
  // As snapshot.ts does it.
  await backup.query('begin; lock table public.agent_logs in access share mode')
  const said: string[] = []
  const database = await prepare({ DATABASE_URL: serverUrl, DIRECT_URL: ownerUrl }, (text) => said.push(text))
  onTestFinished(() => database.close())
  expect(said.join('\n')).toMatch(/agent_logs is in use, such as by a backup.*no log is lost/)
  const id = await insertTestLog(database, { user_id: user.id, timestamp: missing })
  const faults = async () => (await findPartitionFaults(ownerUrl)).map(({ kind }) => kind)
  expect(await faults()).toEqual(['missing', 'strays'])
  await backup.query('rollback')
  await backup.end()

  expect(await ensurePartitions(ownerUrl)).toBe(1)
  expect(await faults()).toEqual([])
  const [row] = await run(ownerUrl, `select tableoid::regclass::text as place from agent_logs where id = '${id}'`)
  expect(row).toEqual({ place: `agent_log_partitions.${name}` })
})
