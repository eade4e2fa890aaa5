import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { expect, inject, test } from 'vitest'
import { insertTestLog, insertTestLogs, insertTestUserAgent } from '../agent-logs/agent-log-testing.ts'
import { signUpForTest, testPassword } from '../auth/test-sessions.ts'
import { createId } from '../database/uuid-v7.ts'
import { createLog } from '../log.ts'
import { closeAfterTest, createTestApp, createTestDatabase } from '../testing/test-app.ts'
import { reconcileUsage } from '../usage/reconcile-usage.ts'
import { rollUpUsage } from '../usage/roll-up-usage.ts'
import { eraseUser } from './delete-account.ts'

async function asOwner<T>(ownerUrl: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: ownerUrl })
  await client.connect()
  return work(client).finally(() => client.end())
}

/** Every table of ours, partitions by their own names, with how many rows hold one of the words in any column. */
function findTraces(ownerUrl: string, words: string[]): Promise<Record<string, number>> {
  return asOwner(ownerUrl, async (client) => {
    const { rows: tables } = await client.query<{ name: string }>(
      `select format('%I.%I', nspname, relname) as name from pg_class join pg_namespace on pg_namespace.oid = relnamespace
       where relkind = 'r' and nspname !~ '^(pg_|information_schema$)' order by 1`,
    )
    expect(tables.length).toBeGreaterThan(20)
    const traces: Record<string, number> = {}
    for (const { name } of tables) {
      const { rows } = await client.query<{ count: number }>(
        `select count(*) as count from ${name} t, unnest($1::text[]) word where position(word in lower(t::text)) > 0`,
        [words],
      )
      if (rows[0]!.count > 0) traces[name] = rows[0]!.count
    }
    return traces
  })
}

const months = ['2026-08', '2026-09', '2026-10', '2026-11']

test('nothing of a user is left in any table or partition, the default one included', {
  timeout: 120_000,
}, async () => {
  const site = await createTestApp()
  closeAfterTest(site)
  await site.createUser('admin')
  const user = await signUpForTest(site)
  const other = await signUpForTest(site)
  await asOwner(site.ownerUrl, (client) => client.query(`select app.ensure_agent_log_partitions('2026-08-01', 4)`))
  for (const { id } of [user, other]) {
    const { agentId, userAgentId } = await insertTestUserAgent(site.database, id)
    for (const month of months)
      await insertTestLog(site.database, {
        user_id: id,
        agent_id: agentId,
        user_agent_id: userAgentId,
        timestamp: new Date(`${month}-03T00:00:00Z`),
      })
    await insertTestLog(site.database, { user_id: id, timestamp: new Date('1999-01-01T00:00:00Z') })
    await insertTestLog(site.database, { user_id: id })
    await insertTestLog(site.database, { user_id: id, status: 'running' })
    const key = { url: '/api/v1/api-keys', method: 'POST', payload: { name: 'k' } } as const
    await site.app.inject({ ...key, headers: (id === user.id ? user : other).headers })
    await site.database.asSystem('a test subscribes somebody', async (tx) => {
      const plan = { id: createId(), name: 'P', description: 'D', price: '1.00' }
      await tx.insertInto('plans').values(plan).execute()
      const paid = { id: createId(), user_id: id, plan_id: plan.id, status: 'active', start_date: new Date() }
      await tx.insertInto('subscriptions').values(paid).execute()
      const once = { user_id: id, key: 'once', request_hash: Buffer.from('h'), log_id: id, log_timestamp: new Date() }
      await tx.insertInto('idempotency_keys').values(once).execute()
    })
  }
  await rollUpUsage(site.database)
  // The logs were not begun by runs, so they are nowhere in the counters.
  await reconcileUsage({ database: site.database, log: createLog('silent') })
  const words = [user.id, user.email]
  const before = await findTraces(site.ownerUrl, words)
  const partitions = Object.keys(before).filter((name) => name.startsWith('agent_log_partitions.'))
  expect(partitions).toContain('agent_log_partitions.agent_logs_default')
  expect(partitions.length).toBeGreaterThanOrEqual(months.length + 1)
  for (const table of [
    'users',
    'sessions',
    'api_keys',
    'user_agents',
    'subscriptions',
    'idempotency_keys',
    'usage_hours',
    'usage_reconciliations',
  ])
    expect(Object.keys(before)).toContain(`public.${table}`)
  const ofOther = await findTraces(site.ownerUrl, [other.id])
  expect(ofOther).toHaveProperty(['public.usage_reconciliations'], 1)

  const payload = { password: testPassword }
  const answer = await site.app.inject({ method: 'DELETE', url: '/api/v1/me', headers: user.headers, payload })
  expect(answer.statusCode, answer.body).toBe(204)
  expect(await findTraces(site.ownerUrl, words)).toEqual({})
  expect(await findTraces(site.ownerUrl, [other.id])).toEqual(ofOther)
})

test('an agent that ran often is taken out of the logs of others in short transactions', async () => {
  const db = await createTestDatabase()
  closeAfterTest(db)
  const [creator, other] = [await db.createUser(), await db.createUser()]
  const { agentId, userAgentId } = await insertTestUserAgent(db.database, other.id)
  await insertTestLogs(db.database, other.id, { count: 5000 })
  const transactions = await asOwner(db.ownerUrl, async (client) => {
    await client.query('update agents set creator_id = $1', [creator.id])
    await client.query('delete from user_agents where id = $1', [userAgentId])
    await client.query('update agent_logs set agent_id = $1', [agentId])
    await eraseUser(db.database, creator.id)
    expect((await client.query('select from agents')).rowCount).toBe(0)
    return client.query('select xmin::text, count(*) from agent_logs where agent_id is null group by 1 order by 2 desc')
  })
  expect(transactions.rows.map(({ count }) => count)).toEqual([2000, 2000, 1000])
})

// Enough for a dozen of transactions; elsewhere than on CI for many more.
const manyLogs = process.env.CI ? 100_000 : 200_000

test('very many logs go in short transactions beside a neighbour, and a killed erasure goes on', {
  timeout: 300_000,
}, async () => {
  const db = await createTestDatabase()
  closeAfterTest(db)
  const [user, neighbour] = [await db.createUser(), await db.createUser()]
  for (let part = 0; part < manyLogs / 10_000; part++)
    await insertTestLogs(db.database, user.id, { count: 10_000, start: `20${10 + part}-01-01T00:00:00Z` })
  const program = `
    import { openDatabase } from '${import.meta.dirname}/../database/database.ts'
    import { createLog } from '${import.meta.dirname}/../log.ts'
    import { eraseUser } from '${import.meta.dirname}/delete-account.ts'
    const database = openDatabase({ url: '${db.serverUrl}', poolSize: 1, usePreparedStatements: ${inject('usePreparedStatements')}, slowQueryMs: 60000, log: createLog('silent') })
    await eraseUser(database, '${user.id}')`
  const countLogs = () =>
    db.database.asSystem('a test', async (tx) => {
      const { count } = await tx
        .selectFrom('agent_logs')
        .select((select) => select.fn.countAll<number>().as('count'))
        .where('user_id', '=', user.id)
        .executeTakeFirstOrThrow()
      return count
    })
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['ignore', 'ignore', 'pipe'] })
  const ended = once(child, 'close')
  const complaint = text(child.stderr)
  while (child.exitCode === null && (await countLogs()) > manyLogs - 10_000) await sleep(20)
  child.kill('SIGKILL')
  await ended
  const left = await countLogs()
  expect(left).toBeGreaterThan(0)
  expect(left, await complaint).toBeLessThanOrEqual(manyLogs - 10_000)

  let isOver = false
  const erasing = eraseUser(db.database, user.id).finally(() => {
    isOver = true
  })
  let slowestMs = 0
  while (!isOver) {
    const startedAt = performance.now()
    await insertTestLog(db.database, { user_id: neighbour.id })
    slowestMs = Math.max(slowestMs, performance.now() - startedAt)
    await sleep(5)
  }
  await erasing
  // Far from the 5 s after which a statement that waits for a lock gives up.
  expect(slowestMs).toBeLessThan(3000)
  expect(await findTraces(db.ownerUrl, [user.id, user.email])).toEqual({})
})
