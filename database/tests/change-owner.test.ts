import { randomBytes } from 'node:crypto'
import { expect, inject, onTestFinished, test } from 'vitest'
import { insertTestLog } from '../../server/src/agent-logs/agent-log-testing.ts'
import { openDatabase } from '../../server/src/database/database.ts'
import { deployMigrations, readMigrations } from '../../server/src/database/migrate.ts'
import { ensurePartitions, findPartitionFaults } from '../../server/src/database/partitions.ts'
import { createId } from '../../server/src/database/uuid-v7.ts'
import { createLog } from '../../server/src/log.ts'
import { rollUpUsage } from '../../server/src/usage/roll-up-usage.ts'
import { query } from './catalog-queries.ts'
import { execute } from './supabase-testing.ts'

test('a database that gets another owner, who is no superuser, loses no usage and hides no stray after the next deployment', async () => {
  const suffix = randomBytes(4).toString('hex')
  const [name, first, second] = [`owned_${suffix}`, `first_${suffix}`, `second_${suffix}`]
  const at = (base: string, user?: string) => {
    const url = new URL(base)
    url.pathname = `/${name}`
    if (user) Object.assign(url, { username: user, password: 'test' })
    return url.href
  }
  const admin = inject('ownerUrl')
  for (const role of [first, second])
    await execute(
      admin,
      `create role ${role} login noinherit createrole password 'test'; grant anon, authenticated, service_role to ${role} with admin option`,
    )
  await execute(admin, `create database ${name} owner ${first}`)
  const database = openDatabase({
    url: at(inject('serverUrl')),
    poolSize: 2,
    usePreparedStatements: true,
    log: createLog('silent'),
  })
  onTestFinished(async () => {
    await database.close()
    await execute(admin, `drop database ${name} with (force)`)
    await execute(admin, `drop role ${first}; drop role ${second}`)
  })
  await execute(at(admin), `alter schema public owner to ${first}`)
  const migrations = await readMigrations()
  await deployMigrations(at(admin, first), migrations)
  await ensurePartitions(at(admin, first))
  const userId = createId()
  await database.asSystem('a test makes a user', (tx) =>
    tx.insertInto('users').values({ id: userId, email: 'a@example.test' }).execute(),
  )
  await rollUpUsage(database)
  const ofOwner = await query(at(admin), `select from pg_policies where '${first}' = any (roles)`)
  await execute(at(admin), `reassign owned by ${first} to ${second}`)

  const old = { user_id: userId, timestamp: new Date(Date.now() - 5 * 3_600_000) }
  await expect(insertTestLog(database, old)).rejects.toThrow()
  const said: string[] = []
  expect(await deployMigrations(at(admin, second), migrations, (text) => said.push(text))).toEqual([])
  expect(ofOwner.length).toBeGreaterThan(10)
  expect(said).toHaveLength(ofOwner.length)
  expect(await deployMigrations(at(admin, second), migrations, (text) => said.push(text))).toEqual([])
  expect(said).toHaveLength(ofOwner.length)

  await insertTestLog(database, old)
  await insertTestLog(database, { user_id: userId })
  await insertTestLog(database, { user_id: userId, timestamp: new Date('2015-01-01T00:00:00Z') })
  expect(await findPartitionFaults(at(admin, second))).toMatchObject([{ kind: 'strays', count: 1 }])
  await database.asSystem('a test deletes logs', (tx) => tx.deleteFrom('agent_logs').execute())
  const hours = await database.asSystem('a test', (tx) => tx.selectFrom('usage_hours').select('runs').execute())
  expect(hours.reduce((sum, { runs }) => sum + runs, 0)).toBe(3)
})
