import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { insertTestLog } from '../../server/src/agent-logs/agent-log-testing.ts'
import { insertWaitingRun } from '../../server/src/approvals/waiting-run-testing.ts'
import { createAccessTokens } from '../../server/src/auth/access-token.ts'
import { signUpForTest, type TestSession } from '../../server/src/auth/test-sessions.ts'
import { createId } from '../../server/src/database/uuid-v7.ts'
import { giveUpDeliveries, queueDeliveries } from '../../server/src/integrations/deliveries/delivery-queries.ts'
import { createMemory } from '../../server/src/memories/memory-queries.ts'
import { createTestPlan, unlimitedFeatures } from '../../server/src/plans/plan-testing.ts'
import { exampleAgent } from '../../server/src/testing/agent-fixtures.ts'
import { createTestApp, type TestApp } from '../../server/src/testing/test-app.ts'
import { type Case, cases, kinds, owned, type Sold, webhook } from './isolation-cases.ts'
import { type Document, findIds, isId } from './openapi-ids.ts'

// A leak that shows every second time is a leak: here nothing is tried again.
const once = { retry: 0 }

let site: TestApp
/** Whoever has no business with what the owner has; each has a user agent, to try the ids of others at. */
let strangers: { name: string; headers?: object; userAgent: string; isAdmin?: true }[]
let admin: TestSession
let owner: TestSession
/** What is his own, the owner cannot reach while suspended, with a token that goes on being valid. */
let ownersOtherToken: { headers: object }
let tables: pg.Client
async function send(who: { headers?: object }, one: Case, id: string, callersUserAgent: string) {
  const payload = one.payload?.(id)
  return site.app.inject({
    method: one.route.split(' ')[0] as 'GET',
    url: one.url(id, callersUserAgent),
    headers: { ...who.headers },
    ...(payload && { payload }),
  })
}

async function createdId(path: string, user: TestSession, payload: object): Promise<string> {
  const { statusCode, body } = await site.app.inject({ method: 'POST', url: path, headers: user.headers, payload })
  if (statusCode !== 201) throw new Error(body)
  return JSON.parse(body).id
}

async function configure(user: TestSession): Promise<string> {
  const settings = { business_name: 'Lamp & Co' }
  return createdId('/api/v1/user-agents', user, {
    agent_id: await createdId('/api/v1/agents', user, exampleAgent()),
    settings,
  })
}

/** Every row of every table; the API changes nothing that this does not notice. */
async function readChecksums(): Promise<Record<string, string>> {
  const { rows } = await tables.query<{ name: string }>(
    `select relname as name from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') order by 1`,
  )
  expect(rows.length).toBeGreaterThan(14)
  const sums = await tables.query<{ name: string; sum: string }>(
    rows
      .map(
        ({ name }) =>
          `select '${name}' as name, count(*) || ' ' || coalesce(sum(hashtextextended(t::text, 0)::numeric), 0) as sum from public.${name} t`,
      )
      .join(' union all '),
  )
  return Object.fromEntries(sums.rows.map(({ name, sum }) => [name, sum]))
}

/** Whether an answer shows nothing: no rows, no file content, only zeros. */
function isEmpty(body: string): boolean {
  // The export sends lines.
  if (body === '' || body.startsWith('{"id"')) return body === ''
  const answer = JSON.parse(body) as { data?: Record<string, unknown>[]; deleted?: number }
  if (answer.deleted !== undefined) return answer.deleted === 0
  return (answer.data ?? []).every((row) => row.day !== undefined && !row.succeeded && !row.failed && !row.other)
}

const suspend = (id: string, since: 'now()' | 'null') =>
  tables.query(`update users set suspended_at = ${since} where id = $1`, [id])

beforeAll(async () => {
  site = await createTestApp()
  tables = new pg.Client(site.ownerUrl)
  await tables.connect()
  admin = await signUpForTest(site) // The very first becomes admin.
  const other = await signUpForTest(site)
  const suspended = await signUpForTest(site)
  const [adminsAgent, othersAgent] = [await configure(admin), await configure(other)]
  // Not asked before by this token, which the server would believe for a second.
  await suspend(suspended.id, 'now()')
  strangers = [
    { name: 'nobody', userAgent: othersAgent },
    { name: 'another user', headers: other.headers, userAgent: othersAgent },
    { name: 'a suspended user', headers: suspended.headers, userAgent: othersAgent },
    { name: 'an admin', headers: admin.headers, userAgent: adminsAgent, isAdmin: true },
  ]
})
afterAll(async () => {
  await tables.end()
  await site.close()
})

/** A new owner for each case that may end what it is about. */
async function prepareOwner(): Promise<void> {
  owner = await signUpForTest(site)
  const claims = { sub: owner.id, user_role: 'user' as const }
  const [agent, userAgent, apiKey, sessions, sold] = await Promise.all([
    createdId('/api/v1/agents', owner, exampleAgent()),
    configure(owner),
    createdId('/api/v1/api-keys', owner, { name: 'k' }),
    site.app.inject({ url: '/api/v1/me/sessions', headers: owner.headers }),
    prepareOffer(owner.id),
  ])
  const [session] = sessions.json<{ data: { id: string }[] }>().data
  const log = await insertTestLog(site.database, { user_id: owner.id, agent_id: agent, user_agent_id: userAgent })
  await insertTestLog(site.database, { user_id: owner.id, user_agent_id: userAgent })
  const integration = await createdId(`/api/v1/user-agents/${userAgent}/integrations`, owner, webhook())
  const [delivery = ''] = await site.database.withUser(claims, (tx) =>
    queueDeliveries(tx, [
      { integration_id: integration, user_id: owner.id, log_id: null, event: 'run.ended', payload: '{}' },
    ]),
  )
  await site.database.asSystem('a test gives a message up', (tx) =>
    giveUpDeliveries(tx, integration, 'Nobody answers.'),
  )
  const waiting = await insertWaitingRun(site.database, { userId: owner.id, userAgentId: userAgent })
  const memory = createId()
  await site.database.withUser(claims, (tx) =>
    createMemory(tx, { id: memory, userId: owner.id, userAgentId: userAgent, content: 'A fact', isUntrusted: false }),
  )
  owned.ids = {
    ...{ waitingRun: waiting.runId, approval: waiting.approvalId, memory },
    ...sold,
    ...{ agent, userAgent, apiKey, session: session!.id, log, user: owner.id, integration, delivery },
  }
}

function prepareOffer(userId: string): Promise<Record<Sold, string>> {
  return site.database.asSystem('a test offers a plan', async (tx) => {
    const [plan, planRequest] = [createId(), createId()]
    const features = JSON.stringify(unlimitedFeatures)
    const values = { id: plan, name: 'Hidden', description: 'For one.', price: '0.00', is_public: false, features }
    const { updated_at } = await tx.insertInto('plans').values(values).returning('updated_at').executeTakeFirstOrThrow()
    owned.planChangedAt = updated_at
    await tx.insertInto('plan_offers').values({ plan_id: plan, user_id: userId }).execute()
    await tx.insertInto('plan_requests').values({ id: planRequest, user_id: userId, plan_id: plan }).execute()
    return { plan, planRequest }
  })
}

/** Whether it leaves everything as it is, so that the next case finds it. */
const isReading = ({ route }: Case) => route.startsWith('GET ')
const readingFirst = [...cases.filter(isReading), ...cases.filter((one) => !isReading(one))]
let isUsedUp = true

describe.each(readingFirst.map((one) => [`${one.route} (${one.kind})`, one] as const))('%s', once, (_name, one) => {
  test('nobody reaches anything of another by an id, admins and suspended users neither; its owner does', async () => {
    if (isUsedUp) await prepareOwner()
    isUsedUp = true
    const before = await readChecksums()
    // Admins do what is theirs to do; elsewhere what is somebody's is as far away as from anybody else.
    for (const stranger of strangers.filter(({ isAdmin }) => !(isAdmin && one.isForAdmins)))
      await Promise.all(
        kinds.map(async (kind) => {
          const { statusCode, body } = await send(stranger, one, owned.ids[kind], stranger.userAgent)
          const what = `${stranger.name}, ${kind}: ${body}`
          if (one.hides === 'empty' && stranger.headers && statusCode === 200) expect(isEmpty(body), what).toBe(true)
          else expect([401, 403, 404], what).toContain(statusCode)
        }),
      )
    expect(await readChecksums()).toEqual(before)

    await suspend(owner.id, 'now()')
    const locked = await readChecksums()
    await signInAgain()
    await Promise.all(
      kinds.map(async (kind) => {
        const { statusCode, body } = await send(ownersOtherToken, one, owned.ids[kind], owned.ids.userAgent)
        expect([401, 403, 404], `suspended, ${kind}: ${body}`).toContain(statusCode)
      }),
    )
    expect(await readChecksums()).toEqual(locked)
    await suspend(owner.id, 'null')

    // It was there to be hidden.
    if (one.route.startsWith('POST /api/v1/admin/agents'))
      await site.app.inject({
        method: 'POST',
        url: `/api/v1/agents/${owned.ids.agent}/publication`,
        headers: owner.headers,
      })
    const own = await send(one.isForAdmins ? admin : owner, one, owned.ids[one.kind], owned.ids.userAgent)
    expect(own.statusCode, own.body).toBe(one.status)
    if (one.hides === 'empty') expect(isEmpty(own.body), own.body).toBe(false)
    isUsedUp = !isReading(one)
  })
})

/** Another token of the same session: what the server has found out about the first it believes for a second. */
async function signInAgain(): Promise<void> {
  const token = await createAccessTokens(site.services).sign({ ...owner, role: 'user' }, owned.ids.session)
  ownersOtherToken = { headers: { authorization: `Bearer ${token}` } }
}

/** Routes that take several ids at once, and where in the body. */
const idLists = ['POST /api/v1/me/subscription keep.api_key_ids', 'POST /api/v1/me/subscription keep.user_agent_ids']

describe('ids in a list', once, () => {
  test.each([
    ['at once', '0.00', null],
    ['when an admin agrees', '9.00', 'month'],
  ])('are taken for nobody else’s and tell nothing: a plan that begins %s', async (_when, price, billing_interval) => {
    await prepareOwner()
    const plan = await createTestPlan(site, { price, limits: { user_agents: 1, api_keys: 1 } })
    const choose = async (keep: object) => {
      const who = await signUpForTest(site)
      await configure(who)
      await createdId('/api/v1/api-keys', who, { name: 'k' })
      const payload = { plan_id: plan.id, billing_interval, keep }
      const url = '/api/v1/me/subscription'
      const chosen = await site.app.inject({ method: 'POST', url, headers: who.headers, payload })
      const request = chosen.json().request?.id
      if (request) {
        const accept = { method: 'POST' as const, url: `/api/v1/admin/plan-requests/${request}/accept` }
        const { statusCode } = await site.app.inject({ ...accept, headers: admin.headers, payload: {} })
        expect(statusCode).toBe(200)
      }
      const { data: userAgents } = (await site.app.inject({ url: '/api/v1/user-agents', headers: who.headers })).json()
      const { data: apiKeys } = (await site.app.inject({ url: '/api/v1/api-keys', headers: who.headers })).json()
      return {
        status: chosen.statusCode,
        answer: Object.keys(chosen.json()),
        isActive: userAgents.map(({ is_active }: { is_active: boolean }) => is_active),
        isRevoked: apiKeys.map(({ revoked_at }: { revoked_at: string | null }) => revoked_at !== null),
      }
    }
    const ofOwner = async () => {
      const { rows } = await tables.query(
        `select id, is_active, null as revoked_at, updated_at from user_agents where user_id = $1
         union all select id, null, revoked_at, null from api_keys where user_id = $1 order by 1`,
        [owner.id],
      )
      return rows
    }
    const before = await ofOwner()
    expect(before).toHaveLength(2)
    const foreign = await choose({ user_agent_ids: [owned.ids.userAgent], api_key_ids: [owned.ids.apiKey] })
    const invented = await choose({ user_agent_ids: [createId()], api_key_ids: [createId()] })
    expect(await ofOwner()).toEqual(before)
    expect(foreign).toEqual(invented)
    // Of one's own, what was not named is off.
    expect(foreign).toMatchObject({ status: 200, isActive: [false], isRevoked: [true] })
  })
})

test('every route that takes an id is in this list, and the list names no other', once, async () => {
  const document = (await site.app.inject({ url: '/openapi.json' })).json<Document>()
  // OpenAI's clients put the id of a user agent where a model is named.
  const found = new Set(['POST /v1/chat/completions'])
  const lists = new Set<string>()
  for (const [path, operations] of Object.entries(document.paths)) {
    for (const [method, { parameters = [], requestBody }] of Object.entries(operations)) {
      const route = `${method.toUpperCase()} ${path}`
      const inAddress = parameters.some(
        ({ in: place, name, schema }) => place === 'path' || (place === 'query' && isId(name, schema)),
      )
      const inBody = Object.values(requestBody?.content ?? {}).flatMap(({ schema }) => findIds(schema, document))
      if (inAddress || inBody.length > 0) found.add(route)
      for (const place of inBody) if (place.endsWith('[]')) lists.add(`${route} ${place.slice(0, -2)}`)
    }
  }
  // The same for everybody: there is nothing of anybody's behind the name of a type.
  for (const route of ['GET /api/v1/integration-types/{type}', 'POST /api/v1/integration-types/{type}/test'])
    expect(found.delete(route), route).toBe(true)
  expect(found.size).toBeGreaterThan(20)
  expect([...new Set(cases.map(({ route }) => route))].sort()).toEqual([...found].sort())
  expect([...lists].sort()).toEqual(idLists)
})
