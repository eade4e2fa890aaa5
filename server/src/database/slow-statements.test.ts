import { sql } from 'kysely'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest'
import { createTestDatabase, type TestDatabase, type TestUser } from '../testing/test-app.ts'
import { openDatabase } from './database.ts'
import { createSlowStatementLog } from './slow-statements.ts'

let db: TestDatabase
let user: TestUser

beforeAll(async () => {
  db = await createTestDatabase()
  user = await db.createUser()
})
afterAll(() => db.close())

interface Line {
  statement: string
  duration_ms: number
  plan: string | null
  error?: string
  unlogged_before: number
}

function openWithLog(slowQueryMs: number) {
  const lines: Line[] = []
  const log = pino({ level: 'warn' }, { write: (text: string) => void lines.push(JSON.parse(text)) })
  const database = openDatabase({ url: db.serverUrl, poolSize: 3, usePreparedStatements: true, log, slowQueryMs })
  onTestFinished(() => database.close())
  return { database, lines }
}

test('a slow statement is logged with its time and its plan, and with no value', async () => {
  const { database, lines } = openWithLog(200)
  const secret = 'a-word-that-only-this-user-knows'
  await database.withUser(user.claims, async (tx) => {
    await sql`select pg_sleep(0.3), ${secret}::text as word, ${42}::int as number from users where id = ${user.id}`.execute(
      tx,
    )
  })
  await vi.waitFor(() => expect(lines).toHaveLength(1), 5000)
  const [line] = lines
  expect(line?.statement).toBe('select pg_sleep(0.3), $1::text as word, $2::int as number from users where id = $3')
  expect(line?.duration_ms).toBeGreaterThanOrEqual(290)
  expect(line?.plan).toMatch(/Scan .*users[\s\S]*\$3/)
  // Of the policies: it is the plan of somebody under row-level security.
  expect(line?.plan).toContain('InitPlan')
  const written = JSON.stringify(lines)
  for (const value of [secret, user.id, user.email]) expect(written).not.toContain(value)
})

test('a plan over partitions shows them all', async () => {
  const { database, lines } = openWithLog(1)
  await database.withUser(user.claims, (tx) =>
    sql`select count(*), (select pg_sleep(0.1)) from agent_logs where "timestamp" > ${new Date(0)} and user_id = ${user.id}`.execute(
      tx,
    ),
  )
  await vi.waitFor(() => expect(lines).toHaveLength(1), 5000)
  expect(lines[0]?.plan).toMatch(/Append[\s\S]*agent_logs_20\d\d_\d\d[\s\S]*agent_logs_20\d\d_\d\d/)
})

test('a statement in one message, a changing one and one that is cut off are logged, too', async () => {
  const { database, lines } = openWithLog(100)
  await database.queryAsUser(user.claims, { name: 'slow_one', text: 'select id, pg_sleep(0.2) from users', values: [] })
  await database.withUser(user.claims, async (tx) => {
    await sql`update users set first_name = ${'Changed'} where id = ${user.id} and pg_sleep(0.2) is not null`.execute(
      tx,
    )
  })
  await database
    .withUser(user.claims, async (tx) => {
      await sql`set local statement_timeout = '200ms'`.execute(tx)
      await sql`select count(*), pg_sleep(20) from users`.execute(tx)
    })
    .catch(() => {})
  await vi.waitFor(() => expect(lines).toHaveLength(3), 5000)
  const byText = (part: string) => lines.find(({ statement }) => statement.includes(part))
  expect(byText('select id')?.plan).toContain('users')
  expect(byText('update users')?.plan).toMatch(/^Update on users/)
  expect(byText('select count')).toMatchObject({ error: '57014', plan: expect.stringContaining('Aggregate') })
  const [row] = await database.withUser(user.claims, (tx) => tx.selectFrom('users').select('first_name').execute())
  expect(row?.first_name).toBe('Changed')
})

test('the same statement is logged once a minute, with the number of those between', async () => {
  vi.useFakeTimers({ toFake: ['performance'] })
  onTestFinished(() => void vi.useRealTimers())
  const lines: Line[] = []
  const log = pino({ level: 'warn' }, { write: (text: string) => void lines.push(JSON.parse(text)) })
  const slow = createSlowStatementLog(500, log)
  const note = (text: string) => slow.note({ text, durationMs: 700 }, async () => null)
  for (let number = 0; number < 10; number++) note('select 1')
  note('select 2')
  vi.advanceTimersByTime(61_000)
  note('select 1')
  await vi.waitFor(() => expect(lines).toHaveLength(3))
  expect(lines.map(({ statement, unlogged_before }) => [statement, unlogged_before])).toEqual([
    ['select 1', 0],
    ['select 2', 0],
    ['select 1', 9],
  ])
})

test('nothing is slow when the limit is 0', async () => {
  const { database, lines } = openWithLog(0)
  await database.withUser(user.claims, (tx) => sql`select pg_sleep(0.3)`.execute(tx))
  await database.isReady()
  expect(lines).toEqual([])
})
