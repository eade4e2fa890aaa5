import { CompiledQuery, PostgresQueryCompiler, type RootOperationNode, sql } from 'kysely'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { listConversations } from '../conversations/conversation-queries.ts'
import type { Tx } from '../database/database.ts'
import { createTestDatabase, type TestDatabase, type TestUser } from '../testing/test-app.ts'
import { deleteLog, getLog, listLogs, rateLog } from './agent-log-queries.ts'
import { toSpan } from './agent-log-span.ts'
import { insertTestLog, insertTestLogs } from './agent-log-testing.ts'

let testDatabase: TestDatabase
let owner: TestUser
let id: string

beforeAll(async () => {
  testDatabase = await createTestDatabase()
  const { database, createUser } = testDatabase
  owner = await createUser()
  const neighbour = await createUser()
  for (const user of [owner, neighbour]) {
    await insertTestLogs(database, user.id, { count: 4000, start: '2026-11-01T00:00:00Z' })
    await insertTestLogs(database, user.id, { count: 4000, start: '2026-12-01T00:00:00Z' })
  }
  id = await insertTestLog(database, { user_id: owner.id, timestamp: new Date('2026-11-15T00:00:00.000Z') })
  const client = new pg.Client({ connectionString: testDatabase.ownerUrl })
  await client.connect()
  await client.query('analyze').finally(() => client.end())
})
afterAll(() => testDatabase.close())

interface PlanNode {
  'Relation Name'?: string
  'Index Name'?: string
  'Node Type': string
  'Actual Loops': number
  'Actual Rows': number
  'Rows Removed by Filter'?: number
  Plans?: PlanNode[]
}

/**
 * Runs `work` as the owner and explains, with the plan PostgreSQL keeps for a prepared statement, what it did to
 * agent_logs: every node that read something of it.
 */
async function explain(work: (tx: Tx) => Promise<unknown>): Promise<PlanNode[]> {
  return testDatabase.database.withUser(owner.claims, async (tx) => {
    const nodes: RootOperationNode[] = []
    const spy = tx.withPlugin({
      transformQuery: ({ node }) => {
        nodes.push(node)
        return node
      },
      transformResult: async ({ result }) => result,
    })
    await sql`set local plan_cache_mode = force_generic_plan`.execute(tx)
    await sql`savepoint before`.execute(tx)
    await work(spy)
    await sql`rollback to savepoint before`.execute(tx)
    const read: PlanNode[] = []
    for (const [index, node] of nodes.entries()) {
      const { sql: text, parameters } = new PostgresQueryCompiler().compileQuery(node, { queryId: `${index}` })
      const literals = parameters.map((value) =>
        value instanceof Date
          ? pg.escapeLiteral(value.toISOString())
          : value === null
            ? 'null'
            : pg.escapeLiteral(`${value}`),
      )
      const run = (statement: string) =>
        tx.executeQuery<{ 'QUERY PLAN': [{ Plan: PlanNode }] }>(CompiledQuery.raw(statement))
      await run(`prepare explained as ${text}`)
      const { rows } = await run(`explain (analyze, format json) execute explained(${literals.join(', ')})`)
      await run('deallocate explained')
      const visit = (plan: PlanNode): void => {
        if (
          plan['Actual Loops'] > 0 &&
          /^agent_logs_(\d|default)/.test(plan['Relation Name'] ?? '') &&
          /Scan/.test(plan['Node Type'])
        )
          read.push(plan)
        plan.Plans?.forEach(visit)
      }
      visit(rows[0]!['QUERY PLAN'][0].Plan)
    }
    return read
  })
}

const partitionsOf = (plans: PlanNode[]) => [...new Set(plans.map((plan) => plan['Relation Name']))]

describe('one partition is read', () => {
  test.each<[string, (tx: Tx) => Promise<unknown>]>([
    ['to get a log by id', (tx) => getLog(tx, id)],
    ['to rate it', (tx) => rateLog(tx, id, { rating: 1 })],
    ['to delete it', (tx) => deleteLog(tx, id)],
  ])('%s', async (_name, work) => {
    expect(partitionsOf(await explain(work))).toEqual(['agent_logs_2026_11'])
  })

  test('for a time range within a month', async () => {
    const span = toSpan({ from: new Date('2026-12-01T00:00:00Z'), to: new Date('2026-12-15T00:00:00Z') })
    const plans = await explain((tx) => listLogs(tx, { filter: {}, span }, 'desc', 51))
    expect(partitionsOf(plans)).toEqual(['agent_logs_2026_12'])
  })
})

describe('a page of the list', () => {
  test.each(['desc', 'asc'] as const)(
    'is read from the index of the owner, no further than needed (%s)',
    async (order) => {
      const plans = await explain((tx) => listLogs(tx, { filter: {}, span: toSpan({}) }, order, 51))
      for (const plan of plans) {
        expect(plan['Index Name']).toMatch(/user_id_timestamp_id/)
        expect(plan['Actual Rows']).toBeLessThanOrEqual(52)
        expect(plan['Rows Removed by Filter'] ?? 0).toBe(0)
      }
      expect(plans.length).toBeGreaterThan(0)
    },
  )

  test('deep inside begins at its cursor', async () => {
    const from = { timestamp: new Date('2026-12-01T00:30:00.000Z'), id: '00000000-0000-0000-0000-000000000000' }
    const span = { ...toSpan({}), before: from }
    const plans = await explain((tx) => listLogs(tx, { filter: {}, span }, 'desc', 51))
    expect(partitionsOf(plans)).not.toContain('agent_logs_2027_01')
    for (const plan of plans) expect(plan['Rows Removed by Filter'] ?? 0).toBe(0)
  })
})

test('conversations of a user agent are read from its index', async () => {
  const { createUser, database } = testDatabase
  const user = await createUser()
  await insertTestLog(database, { user_id: user.id, user_agent_id: user.id })
  const plans = await explain((tx) => listConversations(tx, user.id, toSpan({}), 51).catch(() => []))
  for (const plan of plans) expect(plan['Index Name']).toMatch(/user_agent_id/)
  expect(plans.length).toBeGreaterThan(0)
})
