import { CompiledQuery } from 'kysely'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { insertTestLog } from '../../server/src/agent-logs/agent-log-testing.ts'
import { listApprovalsOfRun } from '../../server/src/approvals/approval-queries.ts'
import { insertWaitingRun } from '../../server/src/approvals/waiting-run-testing.ts'
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

/** As PostgREST does: with the role and claims, and without the server's word. */
function directly(user: TestUser, statement: string) {
  return testDatabase.database.asSystem('a test takes the way of PostgREST', async (tx) => {
    const claims = JSON.stringify({ ...user.claims, role: 'authenticated' })
    await tx.executeQuery(CompiledQuery.raw('set local role authenticated'))
    await tx.executeQuery(CompiledQuery.raw(`select set_config('request.jwt.claims', '${claims}', true)`))
    return tx.executeQuery(CompiledQuery.raw(statement))
  })
}
const asSystem = (statement: string) =>
  testDatabase.database.asSystem('a test prepares or looks', (tx) => tx.executeQuery(CompiledQuery.raw(statement)))

test('past the server nobody takes room from a plan, begins runs of another month, or acts as an admin without a trace', async () => {
  const admin = await testDatabase.createUser('admin')
  const agentId = await createAgent()
  const [userAgentId, keyId, liveKeyId, planId] = [createId(), createId(), createId(), createId()]
  await run(
    creator,
    `insert into user_agents (id, user_id, agent_id, agent_version, name, is_active) values ('${userAgentId}', '${creator.id}', '${agentId}', 1, 'U', false);
     insert into api_keys (id, user_id, name, prefix, key_hash) values ('${keyId}', '${creator.id}', 'K', 'ax_1', '\\x01');
     insert into api_keys (id, user_id, name, prefix, key_hash, expires_at) values ('${liveKeyId}', '${creator.id}', 'K', 'ax_3', '\\x03', now());
     update api_keys set revoked_at = now() where id = '${keyId}';
     update agents set publication_requested_at = now() where id = '${agentId}'`,
  )
  await run(admin, `insert into plans (id, name, description, price) values ('${planId}', 'P', 'D', 5)`)
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
    [creator, `update api_keys set expires_at = 'infinity' where id = '${liveKeyId}'`],
    [
      creator,
      `insert into api_keys (id, user_id, name, prefix, key_hash) values ('${createId()}', '${creator.id}', 'K', 'ax_2', '\\x02')`,
    ],
    [
      creator,
      `insert into idempotency_keys (user_id, key, request_hash, log_id, log_timestamp) values ('${creator.id}', 'k', '\\x01', '${createId()}', now())`,
    ],
    [creator, `update agents set publication_requested_at = null where id = '${agentId}'`],
    [admin, `update agents set is_public = true where id = '${agentId}'`],
    [admin, `insert into plans (id, name, description, price) values ('${createId()}', 'Q', 'D', 5)`],
    [admin, `update plans set price = 0 where id = '${planId}'`],
    [admin, `delete from plans where id = '${planId}'`],
  ]
  for (const [user, statement] of attempts)
    await expect(directly(user, statement), statement).rejects.toMatchObject({ code: 'forbidden' })
  await directly(creator, `update user_agents set name = 'V' where id = '${userAgentId}'`)
  await directly(creator, `update api_keys set name = 'L', revoked_at = now() where id = '${liveKeyId}'`)
})

describe('past the server nobody', () => {
  test('writes what is read for everybody, or counted: logs, messages, content and connections', async () => {
    const agentId = await createAgent()
    const [userAgentId, webhookId, deliveryId] = [createId(), createId(), createId()]
    const [ended, running] = [
      await insertTestLog(testDatabase.database, { user_id: creator.id }),
      await insertTestLog(testDatabase.database, { user_id: creator.id, status: 'running' }),
    ]
    await run(
      creator,
      `insert into user_agents (id, user_id, agent_id, agent_version, name) values ('${userAgentId}', '${creator.id}', '${agentId}', 1, 'U');
       insert into integrations (id, user_agent_id, type) values ('${webhookId}', '${userAgentId}', 'webhook');
       insert into webhook_deliveries (id, integration_id, user_id, event, payload) values ('${deliveryId}', '${webhookId}', '${creator.id}', 'e', '{}')`,
    )
    const log = `insert into agent_logs (id, user_id, "timestamp", input, conversation_id, status, source, cost_usd)`
    for (const statement of [
      `${log} values ('${createId()}', '${creator.id}', now(), 'x', '${createId()}', 'succeeded', 'api', 'NaN')`,
      `${log} values ('${createId()}', '${creator.id}', '-infinity', 'x', '${createId()}', 'succeeded', 'api', 0)`,
      `update agent_logs set cost_usd = -1 where id = '${ended}'`,
      `update agent_logs set rating = 1, status = 'failed' where id = '${ended}'`,
      `update webhook_deliveries set attempts = 2147483647 where id = '${deliveryId}'`,
      `insert into webhook_deliveries (id, integration_id, user_id, event, payload) values ('${createId()}', '${webhookId}', '${creator.id}', 'e', '{}')`,
      `update integrations set settings = '{"url": "https://elsewhere.example"}' where id = '${webhookId}'`,
      `update integrations set status = 'connected' where id = '${webhookId}'`,
      `update agents set capabilities = '{}', version = version + 1 where id = '${agentId}'`,
      `update agents set changes = '[1]' where id = '${agentId}'`,
      `insert into agents (id, name, description, type, capabilities, creator_id) values ('${createId()}', 'A', 'D', 'other', '{}', '${creator.id}')`,
      `update approvals set status = 'approved', decided_at = now()`,
      `delete from users where id = '${creator.id}'`,
    ])
      await expect(directly(creator, statement), statement).rejects.toMatchObject({ code: 'forbidden' })
    const count = async (statement: string) => (await directly(creator, `${statement} returning 1`)).rows.length
    expect(await count(`update agent_logs set rating = 1, rating_comment = 'Good' where id = '${ended}'`)).toBe(1)
    expect(await count(`update integrations set name = 'Office' where id = '${webhookId}'`)).toBe(1)
    expect(await count(`delete from agent_logs where id = '${running}'`), 'what has not ended is not counted').toBe(0)
    expect(await count(`delete from agent_logs where id = '${ended}'`)).toBe(1)
  })

  test('has a limit or a log that is no number or no moment', async () => {
    const cap = `update users set cost_cap_usd = 'NaN' where id = '${other.id}'`
    for (const attempt of [directly(other, cap), run(other, cap)])
      await expect(attempt).rejects.toMatchObject({ code: '23514' })
    await directly(other, `update users set cost_cap_usd = 5, first_name = 'Ada' where id = '${other.id}'`)
    for (const timestamp of ['-infinity', 'infinity'])
      await expect(
        asSystem(
          `insert into agent_logs (id, user_id, "timestamp", input, conversation_id, status, source) values ('${createId()}', '${other.id}', '${timestamp}', 'x', '${createId()}', 'succeeded', 'api')`,
        ),
      ).rejects.toMatchObject({ code: '23514' })
  })

  test('puts a type of their own in the place of one that a function with more rights names', async () => {
    const attempt = testDatabase.database.asSystem('a test takes the way of raw SQL', async (tx) => {
      let rows: unknown[] = []
      for (const statement of [
        'set local role authenticated',
        `select set_config('request.jwt.claims', '{"sub": "${other.id}"}', true)`,
        `create function pg_temp.steal(v anyelement) returns boolean language plpgsql as $$ begin perform set_config('test.thief', current_user, true); return true; end $$`,
        'create domain pg_temp.uuid as pg_catalog.uuid check (pg_temp.steal(value))',
        'create domain pg_temp.jsonb as pg_catalog.jsonb check (pg_temp.steal(value))',
        'select app.is_active_user()',
        `select current_setting('test.thief', true) as thief`,
      ])
        ({ rows } = await tx.executeQuery(CompiledQuery.raw(statement)))
      throw new Error(`as ${JSON.stringify(rows)}`)
    })
    await expect(attempt).rejects.toThrow('as [{"thief":null}]')
  })
})

test('a run id of somebody else deletes and delays nothing of theirs', async () => {
  const agentId = await createAgent()
  const userAgentId = createId()
  await run(
    creator,
    `insert into user_agents (id, user_id, agent_id, agent_version, name) values ('${userAgentId}', '${creator.id}', '${agentId}', 1, 'U')`,
  )
  const { runId } = await insertWaitingRun(testDatabase.database, { userId: creator.id, userAgentId })
  const approval = (id: string, userId: string) =>
    `insert into approvals (id, user_id, user_agent_id, log_id, log_timestamp, tool_call_id, tool, title, description, input, reason, expires_at) values ('${id}', '${userId}', '${userAgentId}', '${runId}', now(), '${id}', 't', 't', 'd', '{}', 'writes', now())`
  await asSystem(approval(createId(), other.id))
  const listed = await testDatabase.database.asSystem('a test lists as the server does', (tx) =>
    listApprovalsOfRun(tx, runId, creator.id),
  )
  expect(listed).toHaveLength(1)
  await asSystem(
    `insert into agent_logs (id, user_id, "timestamp", input, conversation_id, status, source) values ('${runId}', '${other.id}', '2015-01-01', 'x', '${runId}', 'succeeded', 'api')`,
  )
  await asSystem(`delete from agent_logs where id = '${runId}' and user_id = '${other.id}'`)
  const left = async (table: string) => (await asSystem(`select user_id from ${table} where log_id = '${runId}'`)).rows
  expect(await left('waiting_runs')).toEqual([{ user_id: creator.id }])
  expect(await left('approvals')).toEqual([{ user_id: creator.id }])
  await asSystem(`delete from agent_logs where id = '${runId}'`)
  expect([...(await left('waiting_runs')), ...(await left('approvals'))]).toEqual([])
})
