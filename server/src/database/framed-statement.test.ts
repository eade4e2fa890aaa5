import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createLog } from '../log.ts'
import { createTestDatabase, type TestDatabase, type TestUser } from '../testing/test-app.ts'
import { openDatabase } from './database.ts'
import { queryFramed } from './framed-statement.ts'

let db: TestDatabase
let [ada, bob]: TestUser[] = []

beforeAll(async () => {
  db = await createTestDatabase()
  ada = await db.createUser()
  bob = await db.createUser()
})
afterAll(() => db.close())

const whoAmI = {
  name: 'who_am_i',
  text: `select current_user::text as role, auth.uid() as id, $1::int + 1 as sum, now() as time, null as nothing`,
  values: [41],
}
const readUsers = { name: 'read_users', text: 'select id from users', values: [] }

describe.each([true, false])('with prepared statements: %s', (usePreparedStatements) => {
  const open = () => openDatabase({ url: db.serverUrl, poolSize: 1, usePreparedStatements, log: createLog('silent') })

  test('a statement runs as its user, with values and columns of every type, each time', async () => {
    const database = open()
    for (const user of [ada, bob, ada]) {
      const rows = await database.queryAsUser(user!.claims, whoAmI)
      expect(rows).toEqual([{ role: 'authenticated', id: user!.id, sum: 42, time: expect.any(Date), nothing: null }])
    }
    await database.close()
  })

  test('it sees the rows of its user alone', async () => {
    const database = open()
    expect(await database.queryAsUser(ada!.claims, readUsers)).toEqual([{ id: ada!.id }])
    expect(await database.queryAsUser(bob!.claims, readUsers)).toEqual([{ id: bob!.id }])
    await database.close()
  })

  test('neither role nor claims are left on the connection', async () => {
    const client = new pg.Client({ connectionString: db.serverUrl, pipeline: true } as pg.ClientConfig)
    await client.connect()
    const frame = {
      name: 'frame',
      text: `select set_config('role', 'authenticated', true), set_config('request.jwt.claims', $1, true)`,
      values: [JSON.stringify(ada!.claims)],
    }
    const [[inside] = []] = await queryFramed<{ role: string }>(client, frame, [whoAmI], { usePreparedStatements })
    expect(inside?.role).toBe('authenticated')
    const { rows } = await client.query(
      `select current_user = session_user as is_login, current_setting('request.jwt.claims', true) as claims`,
    )
    expect(rows).toEqual([{ is_login: true, claims: '' }])
    await client.end()
  })

  test('what fails is rolled back, and the connection goes on working', async () => {
    const database = open()
    const statement = (rest: string) => ({
      name: `insert_and_${rest.length}`,
      text: `with changed as (update users set first_name = 'Changed' where id = $1 returning id)
             select 1 / ${rest} as result from changed`,
      values: [ada!.id],
    })
    await expect(database.queryAsUser(ada!.claims, statement('(select 0)'))).rejects.toThrow('division by zero')
    await expect(
      database.queryAsUser(ada!.claims, { name: 'broken', text: 'select no_such_column from users', values: [] }),
    ).rejects.toThrow('no_such_column')
    const [row] = await database.withUser(ada!.claims, (tx) =>
      tx.selectFrom('users').select('first_name').where('id', '=', ada!.id).execute(),
    )
    expect(row?.first_name).toBe('Test')
    expect(await database.queryAsUser(ada!.claims, readUsers)).toEqual([{ id: ada!.id }])
    await database.close()
  })
})
