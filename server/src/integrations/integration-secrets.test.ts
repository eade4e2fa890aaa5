import { expect, onTestFinished, test } from 'vitest'
import { query } from '../../../database/tests/catalog-queries.ts'
import { secretStores } from '../secret-stores.ts'
import { createTestDatabase, createTestKeyring } from '../testing/test-app.ts'
import { createTestIntegrations } from './integration-testing.ts'

test('every column whose rows name an encryption key is rotated, verified and looked at by the start', async () => {
  const { ownerUrl, close } = await createTestDatabase()
  onTestFinished(close)
  const rows = await query<{ name: string }>(
    ownerUrl,
    `select conrelid::regclass || '.' || attname as name
     from pg_constraint join pg_attribute on attrelid = conrelid and attnum = conkey[1]
     where contype = 'f' and confrelid = 'public.encryption_keys'::regclass order by 1`,
  )
  expect(rows.map(({ name }) => name)).toEqual(secretStores.map(({ purpose }) => `${purpose}_key_id`).sort())
})

test('whether a key is needed, and the next batch of a rotation, are found by an index among many rows', async () => {
  const { database, ownerUrl, createUser, close } = await createTestDatabase()
  onTestFinished(close)
  const user = await createUser()
  const keyring = await createTestKeyring(database)
  await createTestIntegrations(database, user.id, { keyring, count: 5000 })
  const former = await createTestKeyring(database)
  const { ids } = await createTestIntegrations(database, user.id, { keyring: former, count: 300 })
  await query(ownerUrl, 'analyze public.integrations, public.user_agents')
  const { kid } = await former.current()
  const plan = async (statement: string) =>
    (await query<{ 'QUERY PLAN': string }>(ownerUrl, `explain ${statement}`)).map((row) => row['QUERY PLAN']).join('\n')
  const needed = await plan(
    `select id from integrations where credentials_key_id = '${kid}'
     and not (status = 'reconnect' and failing_since is null) limit 1`,
  )
  expect(needed).toContain('integrations__credentials_key_id')
  const batch = await plan(
    `select i.id from integrations i join user_agents u on u.id = i.user_agent_id
     where i.status = 'connected' and i.credentials_key_id = '${kid}' and i.id > '${ids[100]}' order by i.id limit 200`,
  )
  expect(batch).toContain('integrations__credentials_key_id')
  expect(batch).not.toMatch(/Seq Scan on integrations|Sort/)
})
