import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { insertTestLog, insertTestUserAgent } from '../../server/src/agent-logs/agent-log-testing.ts'
import { finishRun, startRun } from '../../server/src/agent-logs/run-log-queries.ts'
import { endOfTestRun, newTestRun } from '../../server/src/agent-logs/run-log-testing.ts'
import { deployMigrations, readMigrations } from '../../server/src/database/migrate.ts'
import { ensurePartitions, findPartitionFaults } from '../../server/src/database/partitions.ts'
import { createTestDatabase, type TestDatabase, type TestUser } from '../../server/src/testing/test-app.ts'
import { connectForTest, createEmptyDatabase } from './catalog-queries.ts'

let testDatabase: TestDatabase
let user: TestUser
let userAgentId: string

beforeAll(async () => {
  testDatabase = await createTestDatabase()
  user = await testDatabase.createUser()
  userAgentId = (await insertTestUserAgent(testDatabase.database, user.id)).userAgentId
})
afterAll(() => testDatabase.close())

const placeOf = async (client: pg.Client, id: string) =>
  (await client.query(`select tableoid::regclass::text as place from public.agent_logs where id = $1`, [id])).rows[0]
    ?.place

async function owner(): Promise<pg.Client> {
  return connectForTest(testDatabase.ownerUrl)
}

const insert = (moment: string) =>
  insertTestLog(testDatabase.database, { user_id: user.id, timestamp: new Date(moment), input: moment })

test('a log of a month without a partition is kept, and moves when the partition is made', async () => {
  const client = await owner()
  const moments = [
    '2031-04-30T23:59:59.999Z',
    '2031-05-01T00:00:00.000Z',
    '2031-05-31T23:59:59.999Z',
    '2031-06-01T00:00:00.000Z',
  ]
  const ids: string[] = []
  for (const moment of moments) ids.push(await insert(moment))
  const places = async () => {
    const found: string[] = []
    for (const id of ids) found.push(await placeOf(client, id))
    return found
  }
  const stray = 'agent_log_partitions.agent_logs_default'
  expect(await places()).toEqual([stray, stray, stray, stray])

  const made = await client.query(`select app.ensure_agent_log_partitions('2031-05-01', 1) as made`)
  expect(made.rows[0].made).toBe(1)
  const may = 'agent_log_partitions.agent_logs_2031_05'
  expect(await places()).toEqual([stray, may, may, stray])
  const again = await client.query(`select app.ensure_agent_log_partitions('2031-05-01', 1) as made`)
  expect(again.rows[0].made).toBe(0)
  for (const id of ids) {
    const log = await testDatabase.database.withUser(user.claims, (tx) =>
      tx.selectFrom('agent_logs').select('input').where('id', '=', id).execute(),
    )
    expect(log).toHaveLength(1)
  }
})

test('months begin and end in UTC whatever the time zone of the database', async () => {
  const client = await owner()
  for (const [zone, month] of [
    ['Pacific/Auckland', '2032-03'],
    ['America/Los_Angeles', '2032-07'],
  ] as const) {
    await client.query(`set timezone = '${zone}'`)
    const first = await insert(`${month}-01T00:00:00.000Z`)
    const before = await insert(new Date(Date.parse(`${month}-01T00:00:00.000Z`) - 1).toISOString())
    await client.query(`select app.ensure_agent_log_partitions($1::date, 1)`, [`${month}-15`])
    const name = `agent_log_partitions.agent_logs_${month.replace('-', '_')}`
    expect(await placeOf(client, first)).toBe(name)
    expect(await placeOf(client, before)).toBe('agent_log_partitions.agent_logs_default')
    await client.query(`set timezone = 'UTC'`)
    const { rows } = await client.query(
      `select pg_get_expr(relpartbound, oid) as bound from pg_class where oid = $1::regclass`,
      [name],
    )
    expect(rows[0].bound).toContain(`FROM ('${month}-01 00:00:00+00') TO (`)
    expect(rows[0].bound).toMatch(/-01 00:00:00\+00'\)$/)
  }
})

test('from last month to three months ahead are made, across the end of a year', async () => {
  expect(await ensurePartitions(testDatabase.ownerUrl, new Date('2033-11-30T23:59:59.999Z'))).toBe(5)
  const client = await owner()
  const { rows } = await client.query(
    `select relname from pg_class where relkind = 'r' and relname ~ '^agent_logs_203[34]' order by 1`,
  )
  expect(rows.map(({ relname }) => relname)).toEqual([
    'agent_logs_2033_10',
    'agent_logs_2033_11',
    'agent_logs_2033_12',
    'agent_logs_2034_01',
    'agent_logs_2034_02',
  ])
  expect(await ensurePartitions(testDatabase.ownerUrl, new Date('2033-11-01T00:00:00.000Z'))).toBe(0)
})

test('a new partition is closed to every role, under row-level security, with the indexes of the whole', async () => {
  const client = await owner()
  await client.query(`select app.ensure_agent_log_partitions('2035-01-01', 1)`)
  const { rows } = await client.query(`
    select relrowsecurity, relforcerowsecurity,
      (select count(*) from aclexplode(relacl) where grantee <> relowner) as grants,
      (select count(*) from pg_index where indrelid = pg_class.oid) as indexes,
      (select count(*) from pg_index where indrelid = 'public.agent_logs'::regclass) as wanted
    from pg_class where relname = 'agent_logs_2035_01' and relkind = 'r'`)
  const [{ wanted, ...row }] = rows
  expect(row).toEqual({ relrowsecurity: true, relforcerowsecurity: true, grants: 0, indexes: wanted })
  for (const role of ['anon', 'authenticated', 'service_role']) {
    await client.query(`begin; set local role ${role}`)
    await expect(client.query('select * from agent_log_partitions.agent_logs_2035_01')).rejects.toMatchObject({
      code: '42501',
    })
    await client.query('rollback')
  }
})

test('strays move while others go on running agents in them, and none is lost', { timeout: 120_000 }, async () => {
  const client = await owner()
  const { database } = testDatabase
  let isOver = false
  const written: string[] = []
  const write = async (writer: number) => {
    for (let n = 0; !isOver; n++) {
      const run = newTestRun(new Date(Date.UTC(2041, n % 3, 2, writer, 0, 0, n % 1000)), userAgentId)
      expect(await startRun(database, user.claims, run)).toMatchObject({ has_started: true })
      await finishRun(database, user.claims, endOfTestRun(run, 'Yes.'))
      written.push(run.id)
    }
  }
  const writers = Array.from({ length: 4 }, (_, writer) => write(writer))
  for (const month of ['2041-01-01', '2041-02-01', '2041-03-01']) {
    const had = written.length
    while (written.length < had + 40) await new Promise((resolve) => setTimeout(resolve, 5))
    const { rows } = await client.query('select app.ensure_agent_log_partitions($1::date, 1) as made', [month])
    expect(rows[0].made).toBe(1)
  }
  isOver = true
  await Promise.all(writers)
  const { rows } = await client.query(
    `select tableoid::regclass::text as place, status, output, count(distinct id) as ids from public.agent_logs
     where id = any($1::uuid[]) group by 1, 2, 3 order by 1`,
    [written],
  )
  expect(rows.map(({ ids: _, ...row }) => row)).toEqual(
    ['01', '02', '03'].map((month) => ({
      place: `agent_log_partitions.agent_logs_2041_${month}`,
      status: 'succeeded',
      output: 'Yes.',
    })),
  )
  expect(rows.reduce((sum, { ids }) => sum + Number(ids), 0)).toBe(written.length)
})

test('a missing partition and logs in the default one are reported', async () => {
  const now = new Date('2050-06-15T00:00:00Z')
  const { ownerUrl } = testDatabase
  const before = await findPartitionFaults(ownerUrl, now)
  expect(before.find(({ kind }) => kind === 'missing')?.partitions).toEqual(
    ['06', '07', '08', '09'].map((month) => `agent_logs_2050_${month}`),
  )
  await ensurePartitions(ownerUrl, now)
  expect((await findPartitionFaults(ownerUrl, now)).some(({ kind }) => kind === 'missing')).toBe(false)
  const strays = async () =>
    (await findPartitionFaults(ownerUrl, now)).find(({ kind }) => kind === 'strays')?.count ?? 0
  const others = await strays()
  await insert('2061-01-01T00:00:00.000Z')
  expect(await strays()).toBe(others + 1)
  expect((await findPartitionFaults(ownerUrl, now)).find(({ kind }) => kind === 'strays')).toMatchObject({
    newest: new Date('2061-01-01T00:00:00.000Z'),
  })
})

describe('servers that start at the same time', () => {
  test('make each partition once', async () => {
    const url = await createEmptyDatabase()
    await deployMigrations(url, await readMigrations())
    const made = await Promise.all(
      Array.from({ length: 4 }, () => ensurePartitions(url, new Date('2036-06-15T00:00:00Z'))),
    )
    expect(made.toSorted()).toEqual([0, 0, 0, 5])
  })
})
