import { afterAll, beforeAll, expect, test } from 'vitest'
import { deployMigrations, readMigrations, revertMigrations } from '../../server/src/database/migrate.ts'
import { createId } from '../../server/src/database/uuid-v7.ts'
import { createTestDatabase, type TestDatabase } from '../../server/src/testing/test-app.ts'
import { query } from './catalog-queries.ts'

let testDatabase: TestDatabase
beforeAll(async () => {
  testDatabase = await createTestDatabase()
})
afterAll(() => testDatabase.close())

test('after a way back the keys of accounts are found in their JWE again; what is no JWE has to be reconnected', async () => {
  const { ownerUrl } = testDatabase
  const user = await testDatabase.createUser()
  const [agent, userAgent, sealedId, plainId, emptyId] = Array.from({ length: 5 }, () => createId())
  const kid = 'kid-_'.padEnd(43, 'x')
  const jwe = {
    protected: Buffer.from(JSON.stringify({ alg: 'dir', enc: 'A256GCM', kid })).toString('base64url'),
    iv: 'aa',
    ciphertext: 'bb',
    tag: 'cc',
    aad: 'dd',
  }
  await query(
    ownerUrl,
    `insert into agents (id, name, description, type, capabilities, creator_id) values ('${agent}', 'A', 'D', 'customer', '{}', '${user.id}');
     insert into agent_versions (agent_id, version, name, description, capabilities) values ('${agent}', 1, 'A', 'D', '{}');
     insert into user_agents (id, user_id, agent_id, agent_version, name) values ('${userAgent}', '${user.id}', '${agent}', 1, 'U');
     insert into encryption_keys (id) values ('${kid}');
     insert into integrations (id, user_agent_id, type, credentials, credentials_key_id)
       values ('${sealedId}', '${userAgent}', 'imap', '${JSON.stringify(jwe)}', '${kid}'), ('${emptyId}', '${userAgent}', 'imap', '{}', null)`,
  )
  const migrations = await readMigrations()
  const names = migrations.map(({ name }) => name)
  const at = names.findIndex((name) => name.endsWith('_add_key_id_to_integrations'))
  await revertMigrations(ownerUrl, migrations, names[at - 1] as string)
  await query(
    ownerUrl,
    `insert into integrations (id, user_agent_id, type, credentials) values ('${plainId}', '${userAgent}', 'imap', '{"protected": "%", "iv": 1, "ciphertext": 1, "tag": 1}')`,
  )
  await deployMigrations(ownerUrl, migrations)
  expect(
    await query(ownerUrl, 'select id, credentials, credentials_key_id, status from integrations order by id'),
  ).toEqual([
    { id: sealedId, credentials: jwe, credentials_key_id: kid, status: 'connected' },
    { id: plainId, credentials: {}, credentials_key_id: null, status: 'reconnect' },
    { id: emptyId, credentials: {}, credentials_key_id: null, status: 'connected' },
  ])
  expect(await query(ownerUrl, 'select id from encryption_keys')).toEqual([{ id: kid }])
})

test.each([
  ['credentials in the clear', `'{"password": "x"}', null`],
  ['a JWE without its key', `'{"protected": "", "iv": "", "ciphertext": "", "tag": "", "aad": ""}', null`],
  ['credentials in the clear with a key', `'{"password": "x"}', (select min(id) from encryption_keys)`],
  [
    'a JWE with a password beside it',
    `'{"protected": "", "iv": "", "ciphertext": "", "tag": "", "aad": "", "password": "x"}', (select min(id) from encryption_keys)`,
  ],
  [
    'a JWE with a part that is no text',
    `'{"protected": "", "iv": null, "ciphertext": "", "tag": "", "aad": {"password": "x"}}', (select min(id) from encryption_keys)`,
  ],
])('the database refuses %s', async (_name, values) => {
  await expect(
    query(
      testDatabase.ownerUrl,
      `insert into integrations (id, user_agent_id, type, credentials, credentials_key_id)
       select '${createId()}', id, 'imap', ${values} from user_agents`,
    ),
  ).rejects.toThrow('integrations_credentials_sealed')
})
