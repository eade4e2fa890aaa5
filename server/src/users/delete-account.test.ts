import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  signInForTest,
  signUpForTest,
  type TestSession,
  testPassword,
  waitForCredentials,
} from '../auth/test-sessions.ts'
import type { Tx } from '../database/database.ts'
import { createId, createIdWithTime } from '../database/uuid-v7.ts'
import { closeAfterTest, createTestApp, type TestApp } from '../testing/test-app.ts'

let site: TestApp
beforeAll(async () => {
  site = await createTestApp()
  await site.createUser('admin')
})
afterAll(() => site.close())

const remove = ({ headers }: Pick<TestSession, 'headers'>, password = testPassword, { app } = site) =>
  app.inject({ method: 'DELETE', url: '/api/v1/me', headers, payload: { password } })
const system = <T>(work: (tx: Tx) => Promise<T>) => site.database.asSystem('a test', work)

async function createAgent(creatorId: string, isPublic: boolean): Promise<string> {
  const id = createId()
  const words = { name: 'Agent', description: 'An agent', capabilities: JSON.stringify({ instructions: 'Help.' }) }
  await system(async (tx) => {
    await tx
      .insertInto('agents')
      .values({ ...words, id, type: 'sales', is_public: isPublic, creator_id: creatorId })
      .execute()
    await tx
      .insertInto('agent_versions')
      .values({ ...words, agent_id: id, version: 1 })
      .execute()
  })
  return id
}

async function configure(userId: string, agentId: string): Promise<string> {
  const id = createId()
  await system((tx) =>
    tx
      .insertInto('user_agents')
      .values({ id, user_id: userId, agent_id: agentId, agent_version: 1, name: 'Mine' })
      .execute(),
  )
  return id
}

async function addLogs(userId: string, agentId: string | null, count: number): Promise<void> {
  const { id, timestamp } = createIdWithTime()
  await system((tx) =>
    sql`insert into public.agent_logs (id, agent_id, user_id, "timestamp", input, output, conversation_id, status, source)
        select gen_random_uuid(), ${agentId}::uuid, ${userId}::uuid, ${timestamp}::timestamptz - n * interval '1 hour',
          'Question ' || n, 'Answer', ${id}::uuid, 'succeeded', 'api'
        from generate_series(1, ${count}::integer) n`.execute(tx),
  )
}

describe('deleting my account', () => {
  test('takes everything of mine and nothing of others', async () => {
    const [mine, other] = await Promise.all([signUpForTest(site), signUpForTest(site)])
    const agents = {
      unused: await createAgent(mine.id, true),
      ownUse: await createAgent(mine.id, false),
      usedByOther: await createAgent(mine.id, true),
      ofOther: await createAgent(other.id, true),
    }
    await configure(mine.id, agents.ownUse)
    await configure(mine.id, agents.ofOther)
    const othersUserAgent = await configure(other.id, agents.usedByOther)
    await addLogs(mine.id, agents.ofOther, 2500)
    await addLogs(other.id, agents.unused, 5)
    const key = await site.app.inject({
      method: 'POST',
      url: '/api/v1/api-keys',
      headers: mine.headers,
      payload: { name: 'key' },
    })

    const response = await remove(mine)
    expect(response.statusCode).toBe(204)
    expect(response.cookies.map(({ value }) => value)).toEqual(['', ''])

    const left = await system(async (tx) => ({
      users: await tx.selectFrom('users').select('id').where('id', 'in', [mine.id, other.id]).execute(),
      sessions: await tx.selectFrom('sessions').select('id').where('user_id', '=', mine.id).execute(),
      keys: await tx.selectFrom('api_keys').select('id').where('user_id', '=', mine.id).execute(),
      userAgents: await tx.selectFrom('user_agents').select('id').where('user_id', 'in', [mine.id, other.id]).execute(),
      logs: await tx.selectFrom('agent_logs').select('user_id').where('user_id', 'in', [mine.id, other.id]).execute(),
      agents: await tx
        .selectFrom('agents')
        .select(['id', 'creator_id', 'is_public'])
        .where('id', 'in', Object.values(agents))
        .orderBy('id')
        .execute(),
    }))
    expect(left.users).toEqual([{ id: other.id }])
    expect(left.sessions).toEqual([])
    expect(left.keys).toEqual([])
    expect(left.userAgents).toEqual([{ id: othersUserAgent }])
    expect(left.logs).toEqual(Array(5).fill({ user_id: other.id }))
    expect(left.agents).toEqual([
      { id: agents.usedByOther, creator_id: null, is_public: false },
      { id: agents.ofOther, creator_id: other.id, is_public: true },
    ])
    await waitForCredentials()
    expect((await site.app.inject({ url: '/api/v1/me', headers: mine.headers })).statusCode).toBe(401)
    const byKey = { authorization: `Bearer ${key.json().key}` }
    expect((await site.app.inject({ url: '/api/v1/me', headers: byKey })).statusCode).toBe(401)
    await expect(signInForTest(site, mine.email)).rejects.toThrow('wrong_credentials')
    await expect(signUpForTest(site, mine.email)).resolves.toMatchObject({ email: mine.email })
  })

  test('leaves a token that is still remembered for a second with nothing to write to', async () => {
    const mine = await signUpForTest(site)
    expect((await remove(mine)).statusCode).toBe(204)
    const payload = { name: 'late' }
    const late = await site.app.inject({ method: 'POST', url: '/api/v1/api-keys', headers: mine.headers, payload })
    expect([late.statusCode, late.json().code]).toEqual([401, 'unauthenticated'])
  })

  test('needs the password; without it nothing is lost', async () => {
    const mine = await signUpForTest(site)
    await addLogs(mine.id, null, 3)
    const response = await remove(mine, 'not the password')
    expect([response.statusCode, response.json().errors[0].path]).toEqual([400, '/password'])
    const logs = await system((tx) => tx.selectFrom('agent_logs').select('id').where('user_id', '=', mine.id).execute())
    expect(logs).toHaveLength(3)
  })

  test('is refused to the last admin while others exist, and nothing is lost', async () => {
    const fresh = await createTestApp()
    closeAfterTest(fresh)
    const boss = await signUpForTest(fresh)
    await signUpForTest(fresh)
    const refused = await remove(boss, testPassword, fresh)
    expect([refused.statusCode, refused.json().code]).toEqual([409, 'conflict'])
    await fresh.createUser('admin')
    expect((await remove(boss, testPassword, fresh)).statusCode).toBe(204)
  })

  test('is open to the only account, and the next sign-up is admin again', async () => {
    const fresh = await createTestApp()
    closeAfterTest(fresh)
    const only = await signUpForTest(fresh)
    expect((await remove(only, testPassword, fresh)).statusCode).toBe(204)
    const next = await signUpForTest(fresh)
    const me = await fresh.app.inject({ url: '/api/v1/me', headers: next.headers })
    expect(me.json().role).toBe('admin')
  })

  test('of all admins at once leaves one', async () => {
    const fresh = await createTestApp()
    closeAfterTest(fresh)
    const admins = await Promise.all([signUpForTest(fresh), signUpForTest(fresh), signUpForTest(fresh)])
    await fresh.createUser()
    await fresh.database.asSystem('a test', (tx) =>
      tx
        .updateTable('users')
        .set({ role: 'admin' })
        .where(
          'id',
          'in',
          admins.map(({ id }) => id),
        )
        .execute(),
    )
    const responses = await Promise.all(admins.map((admin) => remove(admin, testPassword, fresh)))
    expect(responses.map(({ statusCode }) => statusCode).sort()).toEqual([204, 204, 409])
  })
})

describe('my data', () => {
  test('is one JSON file with everything of mine, of nobody else, and no secret', async () => {
    const [mine, other] = await Promise.all([signUpForTest(site), signUpForTest(site)])
    const agentId = await createAgent(mine.id, false)
    const userAgentId = await configure(mine.id, agentId)
    await configure(other.id, await createAgent(other.id, false))
    const { kid } = await site.services.keyring.current()
    await system((tx) =>
      tx
        .insertInto('integrations')
        .values({
          id: createId(),
          user_agent_id: userAgentId,
          type: 'mail',
          credentials: JSON.stringify({
            protected: 'e30',
            iv: 'x',
            ciphertext: 'canary-credential',
            tag: 'x',
            aad: 'x',
          }),
          credentials_key_id: kid,
          settings: JSON.stringify({ host: 'mail.example' }),
        })
        .execute(),
    )
    await addLogs(mine.id, agentId, 120)
    await addLogs(other.id, null, 10)
    const key = await site.app.inject({
      method: 'POST',
      url: '/api/v1/api-keys',
      headers: mine.headers,
      payload: { name: 'key' },
    })

    const response = await site.app.inject({ url: '/api/v1/me/export', headers: mine.headers })
    expect(response.statusCode).toBe(200)
    expect(response.headers['content-type']).toContain('application/json')
    expect(response.headers['content-disposition']).toContain('attachment')
    const data = response.json()
    expect(data.profile).toMatchObject({ id: mine.id, email: mine.email })
    expect(data.sessions).toHaveLength(1)
    expect(data.api_keys).toHaveLength(1)
    expect(data.agents.map(({ id }: { id: string }) => id)).toEqual([agentId])
    expect(data.user_agents.map(({ id }: { id: string }) => id)).toEqual([userAgentId])
    expect(data.integrations).toMatchObject([{ type: 'mail', settings: { host: 'mail.example' }, status: 'connected' }])
    expect(data.subscriptions).toEqual([])
    expect(data.agent_logs.map(({ input }: { input: string }) => input)).toEqual(
      Array.from({ length: 120 }, (_, i) => `Question ${120 - i}`),
    )
    for (const secret of ['canary-credential', 'argon2', 'key_hash', 'token_hash', key.json().key, other.id]) {
      expect(response.body).not.toContain(secret)
    }
  })

  test('holds each of many logs of one moment once, to the microsecond', async () => {
    const mine = await signUpForTest(site)
    await system((tx) =>
      sql`insert into public.agent_logs (id, user_id, "timestamp", input, conversation_id, status, source)
          select gen_random_uuid(), ${mine.id}::uuid, '2026-11-22T09:00:00.123456Z'::timestamptz + (n / 60) * interval '1 microsecond',
            n::text, gen_random_uuid(), 'succeeded', 'api'
          from generate_series(1, 170) n`.execute(tx),
    )
    const { agent_logs } = (await site.app.inject({ url: '/api/v1/me/export', headers: mine.headers })).json()
    expect(new Set(agent_logs.map(({ input }: { input: string }) => input)).size).toBe(170)
    expect(agent_logs).toHaveLength(170)
  })

  test('of an account without anything is valid JSON too', async () => {
    const { headers } = await site.createUser()
    const data = (await site.app.inject({ url: '/api/v1/me/export', headers })).json()
    expect(data).toMatchObject({ agents: [], user_agents: [], agent_logs: [] })
  })
})
