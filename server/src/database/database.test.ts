import { sql } from 'kysely'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createTestDatabase, type TestDatabase, type TestUser } from '../testing/test-app.ts'

let testDatabase: TestDatabase
let user: TestUser

beforeAll(async () => {
  testDatabase = await createTestDatabase()
  user = await testDatabase.createUser()
})
afterAll(() => testDatabase.close())

/** Ends every session of the server on this database, as a restart or an administrator does. */
async function breakConnections(): Promise<void> {
  const client = new pg.Client({ connectionString: testDatabase.ownerUrl })
  await client.connect()
  await client
    .query(
      'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
    )
    .finally(() => client.end())
}

const whoAmI = sql<{ role: string; id: string | null }>`select current_user as role, auth.uid() as id`

describe('whom a transaction acts for', () => {
  test('a user, a stranger, the system', async () => {
    const { database } = testDatabase
    const asked = await Promise.all([
      database.withUser(user.claims, (tx) => whoAmI.execute(tx)),
      database.asAnonymous((tx) => whoAmI.execute(tx)),
      database.asSystem('a test asks', (tx) => whoAmI.execute(tx)),
    ])
    expect(asked.map(({ rows }) => rows[0])).toEqual([
      { role: 'authenticated', id: user.id },
      { role: 'anon', id: null },
      { role: 'service_role', id: null },
    ])
  })

  test('nothing of one is left on the connection for the next, also after an error', async () => {
    const { database } = testDatabase
    const fail = database.withUser(user.claims, async () => {
      throw new Error('a fault in the work')
    })
    await expect(fail).rejects.toThrow('a fault in the work')
    for (let number = 0; number < 20; number++) {
      const { rows } = await database.asAnonymous((tx) => whoAmI.execute(tx))
      expect(rows).toEqual([{ role: 'anon', id: null }])
    }
  })

  test('a name with quotes and backslashes is a value, never SQL', async () => {
    const claims = { sub: `' || (select 1) || '\\'; drop table users; --`, user_role: 'user' as const }
    const answer = testDatabase.database.withUser(claims, (tx) => tx.selectFrom('users').select('id').execute())
    // auth.uid() must be a UUID; nothing of it was executed.
    await expect(answer).rejects.toThrow()
    const { rows } = await testDatabase.database.asSystem('a test looks whether the table is there', (tx) =>
      sql<{ count: number }>`select count(*) as count from users`.execute(tx),
    )
    expect(rows[0]?.count).toBe(1)
  })
})

describe('a transaction is whole or nothing', () => {
  const rename = (name: string, then: () => void) =>
    testDatabase.database.withUser(user.claims, async (tx) => {
      await tx.updateTable('users').set({ first_name: name }).where('id', '=', user.id).execute()
      then()
    })
  const readName = async () => {
    const row = await testDatabase.database.withUser(user.claims, (tx) =>
      tx.selectFrom('users').select('first_name').where('id', '=', user.id).executeTakeFirstOrThrow(),
    )
    return row.first_name
  }

  test('what throws leaves nothing, what does not stays', async () => {
    await rename('Ada', () => {})
    await expect(
      rename('Bea', () => {
        throw new Error('no')
      }),
    ).rejects.toThrow('no')
    expect(await readName()).toBe('Ada')
  })

  test('an error that the work swallows is no success', async () => {
    const work = testDatabase.database.withUser(user.claims, async (tx) => {
      await tx.updateTable('users').set({ first_name: 'Cec' }).where('id', '=', user.id).execute()
      await sql`select 1 / 0`.execute(tx).catch(() => {})
    })
    await expect(work).rejects.toThrow()
    expect(await readName()).toBe('Ada')
  })

  test('a statement after the end is refused', async () => {
    let late: Promise<unknown> | undefined
    await testDatabase.database.withUser(user.claims, async (tx) => {
      late = new Promise((resolve) => setTimeout(resolve, 100)).then(() => whoAmI.execute(tx))
      late.catch(() => {})
    })
    await expect(late).rejects.toThrow('This transaction has ended')
  })
})

describe('when the database goes away', () => {
  test('in the middle of a transaction: the caller is told to come back, the process lives, and the next one works', async () => {
    const { database } = testDatabase
    const cut = database.withUser(user.claims, async (tx) => {
      await whoAmI.execute(tx)
      await breakConnections()
      // Long enough for the end of the connection to arrive while nothing is asked.
      await new Promise((resolve) => setTimeout(resolve, 200))
      return whoAmI.execute(tx)
    })
    await expect(cut).rejects.toMatchObject({ code: 'unavailable', status: 503 })
    expect((await database.withUser(user.claims, (tx) => whoAmI.execute(tx))).rows).toHaveLength(1)
    expect(await database.isReady()).toBe(true)
  })

  test('during a statement', async () => {
    const cut = testDatabase.database.withUser(user.claims, (tx) => sql`select pg_sleep(20)`.execute(tx))
    const told = expect(cut).rejects.toMatchObject({ code: 'unavailable' })
    await new Promise((resolve) => setTimeout(resolve, 200))
    await breakConnections()
    await told
  })

  test('between two requests', async () => {
    await breakConnections()
    await new Promise((resolve) => setTimeout(resolve, 200))
    expect((await testDatabase.database.withUser(user.claims, (tx) => whoAmI.execute(tx))).rows).toHaveLength(1)
  })
})
