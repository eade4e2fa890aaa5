import { CompiledQuery } from 'kysely'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createId } from '../../server/src/database/uuid-v7.ts'
import { createTestDatabase, type TestDatabase, type TestUser } from '../../server/src/testing/test-app.ts'

/*
 * What users could do with the rights of their role when they reach the database without this server, as through
 * PostgREST on Supabase.
 */

let testDatabase: TestDatabase
let creator: TestUser
let other: TestUser

beforeAll(async () => {
  testDatabase = await createTestDatabase()
  creator = await testDatabase.createUser()
  other = await testDatabase.createUser()
})
afterAll(() => testDatabase.close())

async function run(user: TestUser, statements: string) {
  return testDatabase.database.withUser(user.claims, async (tx) => {
    let rows: unknown[] = []
    for (const statement of statements.split(';')) {
      if (statement.trim() !== '') ({ rows } = await tx.executeQuery(CompiledQuery.raw(statement)))
    }
    return rows
  })
}

async function createAgent(): Promise<string> {
  const id = createId()
  await run(
    creator,
    `insert into agents (id, name, description, type, capabilities, creator_id) values ('${id}', 'A', 'D', 'other', '{"a": 1}', '${creator.id}');
     insert into agent_versions (agent_id, version, name, description, capabilities) values ('${id}', 1, 'A', 'D', '{"a": 1}')`,
  )
  return id
}

describe('what an admin looks at before publishing is what everybody runs', () => {
  test('a version holds the content of its agent and nothing else', async () => {
    const id = await createAgent()
    const version = (number: number, capabilities: string) =>
      run(
        creator,
        `insert into agent_versions (agent_id, version, name, description, capabilities) values ('${id}', ${number}, 'A', 'D', '${capabilities}')`,
      )
    await expect(version(2, '{"a": 1}'), 'one that is still to come').rejects.toMatchObject({ code: 'forbidden' })
    await run(creator, `update agents set version = 2, capabilities = '{"b": 2}' where id = '${id}'`)
    await expect(version(2, '{"evil": 1}')).rejects.toMatchObject({ code: 'forbidden' })
    await version(2, '{"b": 2}')
  })

  test('the content of an agent cannot change under its number, nor the number go back', async () => {
    const id = await createAgent()
    for (const change of [
      `capabilities = '{"b": 2}'`,
      `name = 'B'`,
      `description = 'E'`,
      'version = 0',
      'version = 3',
    ]) {
      await expect(run(creator, `update agents set ${change} where id = '${id}'`), change).rejects.toMatchObject({
        code: 'forbidden',
      })
    }
    await run(creator, `update agents set capabilities = '{"b": 2}', version = 2 where id = '${id}'`)
    await expect(
      run(creator, `update agents set capabilities = '{"a": 1}', version = 1 where id = '${id}'`),
    ).rejects.toMatchObject({ code: 'forbidden' })
  })

  test('a request for publication has a time that can be sorted and shown', async () => {
    const id = await createAgent()
    await expect(
      run(creator, `update agents set publication_requested_at = 'infinity' where id = '${id}'`),
    ).rejects.toMatchObject({ code: '23514' })
    await expect(run(creator, `update agents set changes = '{}' where id = '${id}'`)).rejects.toMatchObject({
      code: '23514',
    })
  })
})

test('nobody publishes, pins a draft, takes a plan, changes owners or reaches what is the server’s alone', async () => {
  const draft = await createAgent()
  const attempts: [TestUser, string][] = [
    [creator, `update agents set is_public = true where id = '${draft}'`],
    [creator, `update agents set creator_id = '${other.id}' where id = '${draft}'`],
    [creator, `update agents set slug = 'customer-service' where id = '${draft}'`],
    [creator, `update agents set created_at = now() where id = '${draft}'`],
    [
      other,
      `insert into user_agents (id, user_id, agent_id, agent_version, name) values ('${createId()}', '${other.id}', '${draft}', 1, 'U')`,
    ],
    [
      other,
      `insert into agent_versions (agent_id, version, name, description, capabilities) values ('${draft}', 2, 'A', 'D', '{}')`,
    ],
    [other, `update users set role = 'admin' where id = '${other.id}'`],
    [other, `update users set suspended_at = null where id = '${other.id}'`],
    [other, `select password from users where id = '${other.id}'`],
    [other, 'select key_hash from api_keys'],
    [other, 'select refresh_token_hash from sessions'],
    [other, 'select credentials from integrations'],
    [other, 'update agent_logs set "timestamp" = now()'],
    [other, `update agent_logs set user_id = '${creator.id}'`],
    [other, `update idempotency_keys set log_id = '${createId()}'`],
    [
      other,
      `insert into subscriptions (id, user_id, plan_id, status, start_date) select '${createId()}', '${other.id}', id, 'active', now() from plans limit 1`,
    ],
    [other, `select app.ensure_agent_log_partitions('2030-01-01', 1)`],
    [other, 'select * from agent_log_partitions.agent_logs_default'],
    [other, 'create table public.mine (n int)'],
    [other, 'create function app.mine() returns int language sql as $$ select 1 $$'],
    [other, 'truncate agent_logs'],
    [other, 'select * from _prisma_migrations'],
  ]
  for (const [user, statement] of attempts) {
    await expect(run(user, statement), statement).rejects.toMatchObject({ code: 'forbidden' })
  }
})

test('past the server nobody takes room from a plan, begins runs of another month, or acts as an admin without a trace', async () => {
  const admin = await testDatabase.createUser('admin')
  const agentId = await createAgent()
  const [userAgentId, keyId, planId] = [createId(), createId(), createId()]
  await run(
    creator,
    `insert into user_agents (id, user_id, agent_id, agent_version, name, is_active) values ('${userAgentId}', '${creator.id}', '${agentId}', 1, 'U', false);
     insert into api_keys (id, user_id, name, prefix, key_hash) values ('${keyId}', '${creator.id}', 'K', 'ax_1', '\\x01');
     update api_keys set revoked_at = now() where id = '${keyId}'`,
  )
  await run(admin, `insert into plans (id, name, description, price) values ('${planId}', 'P', 'D', 5)`)
  const directly = (user: TestUser, statement: string) =>
    testDatabase.database.asSystem('a test takes the way of PostgREST', async (tx) => {
      const claims = JSON.stringify({ ...user.claims, role: 'authenticated' })
      await tx.executeQuery(CompiledQuery.raw('set local role authenticated'))
      await tx.executeQuery(CompiledQuery.raw(`select set_config('request.jwt.claims', '${claims}', true)`))
      await tx.executeQuery(CompiledQuery.raw(statement))
    })
  const attempts: [TestUser, string][] = [
    [creator, `update user_agents set is_active = true where id = '${userAgentId}'`],
    [
      creator,
      `insert into user_agents (id, user_id, agent_id, agent_version, name) values ('${createId()}', '${creator.id}', '${agentId}', 1, 'U')`,
    ],
    [
      creator,
      `insert into integrations (id, user_agent_id, type, credentials) values ('${createId()}', '${userAgentId}', 'imap', null)`,
    ],
    [creator, `update api_keys set revoked_at = null where id = '${keyId}'`],
    [
      creator,
      `insert into api_keys (id, user_id, name, prefix, key_hash) values ('${createId()}', '${creator.id}', 'K', 'ax_2', '\\x02')`,
    ],
    [
      creator,
      `insert into idempotency_keys (user_id, key, request_hash, log_id, log_timestamp) values ('${creator.id}', 'k', '\\x01', '${createId()}', now())`,
    ],
    [creator, `update agents set publication_requested_at = now() where id = '${agentId}'`],
    [admin, `update plans set price = 0 where id = '${planId}'`],
    [admin, `delete from plans where id = '${planId}'`],
  ]
  for (const [user, statement] of attempts)
    await expect(directly(user, statement), statement).rejects.toMatchObject({ code: 'forbidden' })
  await directly(creator, `update user_agents set name = 'V' where id = '${userAgentId}'`)
})
