import { sql } from 'kysely'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { createLog } from '../log.ts'
import { findPgBouncer } from '../testing/installed-programs.ts'
import { startPgBouncer, type TestPooler } from '../testing/start-pgbouncer.ts'
import { createTestDatabase, type TestDatabase } from '../testing/test-app.ts'
import { type Database, openDatabase } from './database.ts'
import { knowsPreparedStatements } from './prepared-statements.ts'

let db: TestDatabase

beforeAll(async () => {
  db = await createTestDatabase()
})
afterAll(() => db.close())

test('PostgreSQL itself knows prepared statements', async () => {
  expect(await knowsPreparedStatements(inject('ownerUrl'))).toBe(true)
})

describe.skipIf(findPgBouncer() === null)('behind PgBouncer in transaction mode', () => {
  const poolSize = 4
  let pooler: TestPooler
  let database: Database
  let url: string

  beforeAll(async () => {
    pooler = await startPgBouncer({ ownerUrl: db.ownerUrl, serverUrl: inject('serverUrl') }, { poolSize })
    url = Object.assign(new URL(pooler.serverUrl), { pathname: new URL(db.ownerUrl).pathname }).href
    const usePreparedStatements = await knowsPreparedStatements(url)
    database = openDatabase({ url, poolSize: poolSize * 5, usePreparedStatements, log: createLog('silent') })
  })
  afterAll(async () => {
    await database.close()
    await pooler.stop()
  })

  test('whether it knows prepared statements is found out, and nothing is left behind by asking', async () => {
    for (let round = 0; round < 10; round++)
      expect(await knowsPreparedStatements(url)).toBe(pooler.knowsPreparedStatements)
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    const { rows } = await client.query(`select name from pg_prepared_statements where name like 'ax_probe_%'`)
    await client.end()
    expect(rows).toEqual([])
  })

  test('role and claims of one client never reach another that gets its connection', async () => {
    const users = await Promise.all(Array.from({ length: 30 }, () => db.createUser()))
    const whoAmI = sql<{ role: string; id: string | null; pid: number }>`
      select current_user as role, auth.uid() as id, pg_backend_pid() as pid`
    const read = { name: 'pooled_users', text: 'select id, pg_backend_pid() as pid from users', values: [] }
    const pids = new Set<number>()
    const strangers = openDatabase({ url, poolSize: 5, usePreparedStatements: false, log: createLog('silent') })
    const asUser = async (round: number, { id, claims }: (typeof users)[number]) => {
      if (round % 3 === 0) {
        const fault = database.withUser(claims, (tx) => sql`select 1 / 0`.execute(tx))
        await expect(fault).rejects.toThrow('division by zero')
      }
      const [row] = await database.queryAsUser<{ id: string; pid: number }>(claims, read)
      expect(row?.id).toBe(id)
      const { rows } = await database.withUser(claims, async (tx) => {
        await sql`select pg_sleep(0.002)`.execute(tx)
        return whoAmI.execute(tx)
      })
      expect(rows[0]).toMatchObject({ role: 'authenticated', id })
      for (const { pid } of [...rows, ...(row ? [row] : [])]) pids.add(pid)
    }
    const asStranger = async () => {
      const { rows } = await strangers.asAnonymous((tx) => whoAmI.execute(tx))
      expect(rows[0]).toMatchObject({ role: 'anon', id: null })
      const unseen = await strangers
        .asAnonymous((tx) => sql<{ id: string }>`select id from agent_logs`.execute(tx))
        .catch((error: { code: string }) => error.code)
      expect(unseen).toBe('forbidden')
    }
    // Without a transaction of ours: what the last one left on the connection.
    const asLogin = async () => {
      const client = new pg.Client({ connectionString: url })
      await client.connect()
      const { rows } = await client
        .query(`select current_user = session_user as is_login, current_setting('request.jwt.claims', true) as claims`)
        .finally(() => client.end())
      expect(rows[0].is_login).toBe(true)
      expect(rows[0].claims ?? '').toBe('')
    }
    for (let round = 0; round < 6; round++) {
      await Promise.all([...users.map((user) => asUser(round, user)), ...users.map(asStranger), asLogin(), asLogin()])
    }
    await strangers.close()
    // They did share few connections.
    expect(pids.size).toBeLessThanOrEqual(poolSize)
  })
})
