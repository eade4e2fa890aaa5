import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { insertTestLog } from '../../server/src/agent-logs/agent-log-testing.ts'
import { insertWaitingRun } from '../../server/src/approvals/waiting-run-testing.ts'
import { signUpForTest, type TestSession } from '../../server/src/auth/test-sessions.ts'
import { createId } from '../../server/src/database/uuid-v7.ts'
import { giveUpDeliveries, queueDeliveries } from '../../server/src/integrations/deliveries/delivery-queries.ts'
import { createMemory } from '../../server/src/memories/memory-queries.ts'
import { unlimitedFeatures } from '../../server/src/plans/plan-testing.ts'
import { createAgentOf, exampleAgent } from '../../server/src/testing/agent-fixtures.ts'
import { createTestApp, type TestApp, type TestUser } from '../../server/src/testing/test-app.ts'
import { query } from './catalog-queries.ts'

let site: TestApp
let other: TestSession
let admin: TestUser
let owner: TestSession
/** What the owner has, by kind: every kind is tried in every place that takes an id. */
let ids: Record<Kind, string>
let othersUserAgent: string
let planChangedAt: Date

type Kind = 'agent' | 'userAgent' | 'log' | 'apiKey' | 'session' | 'user' | 'integration' | 'delivery' | Asked | Sold
/** A plan that is offered to the owner alone, and their request for it. */
type Sold = 'plan' | 'planRequest'
/** What a run that waits has brought. */
type Asked = 'waitingRun' | 'approval' | 'memory'
const kinds: Kind[] = [
  'agent',
  'userAgent',
  'log',
  'apiKey',
  'session',
  'user',
  'integration',
  'delivery',
  'waitingRun',
  'approval',
  'memory',
  'plan',
  'planRequest',
]

interface Case {
  /** As in the OpenAPI document. */
  route: string
  kind: Kind
  url: (id: string, callersUserAgent: string) => string
  payload?: (id: string) => object
  /** What the owner gets. */
  status: number
  /** `empty`: a list or a filter, which answers a stranger that there is nothing. */
  hides?: 'empty'
  isForAdmins?: true
}

const at = (path: string) => (id: string) => `/api/v1/${path.replace('{id}', id)}`
const filters: [string, Kind][] = [
  ['agent_id', 'agent'],
  ['user_agent_id', 'userAgent'],
  ['conversation_id', 'log'],
]
const filtered = (route: string): Case[] =>
  filters.map(([name, kind]) => ({
    route,
    kind,
    url: (id) => `${route.split(' ')[1]}?${name}=${id}`,
    status: 200,
    hides: 'empty',
  }))

const webhook = () => ({ type: 'webhook', settings: { url: 'http://127.0.0.1:9/' } })

/** A route below one integration: with the owner's user agent as the id, and with the integration as the id. */
const ofIntegration = (route: string, rest: string, status: number, payload?: () => object): Case[] => {
  const [method, path] = route.split(' ')
  const more = { ...(payload && { payload }), status, route: `${method} /api/v1/user-agents/{id}/integrations${path}` }
  return [
    { ...more, kind: 'userAgent', url: (id) => `/api/v1/user-agents/${id}/integrations/${ids.integration}${rest}` },
    {
      ...more,
      kind: 'integration',
      // The owner has it at the one user agent, everybody else tries it at their own.
      url: (id, callers) => `/api/v1/user-agents/${callers}/integrations/${id}${rest}`,
    },
  ]
}
const replay = 'POST /api/v1/user-agents/{id}/integrations/{integration_id}/deliveries/{delivery_id}/replay'

const integrationCases: Case[] = [
  {
    route: 'GET /api/v1/user-agents/{id}/integrations',
    kind: 'userAgent',
    url: at('user-agents/{id}/integrations'),
    status: 200,
  },
  {
    route: 'POST /api/v1/user-agents/{id}/integrations',
    kind: 'userAgent',
    url: at('user-agents/{id}/integrations'),
    payload: webhook,
    status: 201,
  },
  {
    route: 'POST /api/v1/user-agents/{id}/integrations/test',
    kind: 'userAgent',
    url: at('user-agents/{id}/integrations/test'),
    payload: webhook,
    status: 200,
  },
  ...ofIntegration('GET /{integration_id}', '', 200),
  ...ofIntegration('PATCH /{integration_id}', '', 200, () => ({ name: 'Renamed' })),
  ...ofIntegration('DELETE /{integration_id}', '', 200),
  ...ofIntegration('POST /{integration_id}/test', '/test', 200),
  // 409: a webhook needs no signing in, which only its owner is told.
  ...ofIntegration('POST /{integration_id}/authorization', '/authorization', 409),
  ...ofIntegration('PUT /{integration_id}/tools/{tool}', '/tools/send_webhook', 200, () => ({ permission: 'always' })),
  ...ofIntegration('GET /{integration_id}/deliveries', '/deliveries', 200),
  {
    route: replay,
    kind: 'userAgent',
    url: (id) => `/api/v1/user-agents/${id}/integrations/${ids.integration}/deliveries/${ids.delivery}/replay`,
    status: 200,
  },
  {
    route: replay,
    kind: 'delivery',
    url: (id, callers) => `/api/v1/user-agents/${callers}/integrations/${ids.integration}/deliveries/${id}/replay`,
    status: 200,
  },
]

const approvalCases: Case[] = [
  {
    route: 'GET /api/v1/approvals',
    kind: 'userAgent',
    url: (id) => `/api/v1/approvals?user_agent_id=${id}`,
    status: 200,
    hides: 'empty',
  },
  {
    route: 'GET /api/v1/approvals',
    kind: 'waitingRun',
    url: (id) => `/api/v1/approvals?run_id=${id}`,
    status: 200,
    hides: 'empty',
  },
  { route: 'GET /api/v1/approvals/{id}', kind: 'approval', url: at('approvals/{id}'), status: 200 },
  {
    route: 'POST /api/v1/approvals/{id}/decision',
    kind: 'approval',
    url: at('approvals/{id}/decision'),
    payload: () => ({ decision: 'refuse' }),
    status: 200,
  },
  {
    route: 'POST /api/v1/agent-logs/{id}/cancel',
    kind: 'waitingRun',
    url: at('agent-logs/{id}/cancel'),
    status: 202,
  },
  {
    route: 'GET /api/v1/user-agents/{id}/memories',
    kind: 'userAgent',
    url: at('user-agents/{id}/memories'),
    status: 200,
  },
  {
    route: 'DELETE /api/v1/user-agents/{id}/memories',
    kind: 'userAgent',
    url: at('user-agents/{id}/memories'),
    status: 200,
  },
  {
    route: 'DELETE /api/v1/user-agents/{id}/memories/{memory_id}',
    kind: 'userAgent',
    url: (id) => `/api/v1/user-agents/${id}/memories/${ids.memory}`,
    status: 204,
  },
  {
    route: 'DELETE /api/v1/user-agents/{id}/memories/{memory_id}',
    kind: 'memory',
    url: (id, callers) => `/api/v1/user-agents/${callers}/memories/${id}`,
    status: 204,
  },
]

const forAdmins = (one: Omit<Case, 'isForAdmins'>): Case => ({ ...one, isForAdmins: true })
const choice = (plan_id: string) => ({ plan_id })
const planCases: Case[] = [
  {
    route: 'POST /api/v1/me/subscription/preview',
    kind: 'plan',
    url: at('me/subscription/preview'),
    payload: choice,
    status: 200,
  },
  { route: 'POST /api/v1/me/subscription', kind: 'plan', url: at('me/subscription'), payload: choice, status: 200 },
  { route: 'DELETE /api/v1/me/plan-requests/{id}', kind: 'planRequest', url: at('me/plan-requests/{id}'), status: 204 },
  forAdmins({ route: 'GET /api/v1/admin/plans/{id}', kind: 'plan', url: at('admin/plans/{id}'), status: 200 }),
  forAdmins({
    route: 'PATCH /api/v1/admin/plans/{id}',
    kind: 'plan',
    url: at('admin/plans/{id}'),
    payload: () => ({ name: 'Renamed', updated_at: planChangedAt }),
    status: 200,
  }),
  forAdmins({
    route: 'POST /api/v1/admin/plans/{id}/archive',
    kind: 'plan',
    url: at('admin/plans/{id}/archive'),
    status: 200,
  }),
  forAdmins({
    route: 'PUT /api/v1/admin/plans/{id}/offers/{user_id}',
    kind: 'plan',
    url: (id) => `/api/v1/admin/plans/${id}/offers/${ids.user}`,
    status: 204,
  }),
  forAdmins({
    route: 'DELETE /api/v1/admin/plans/{id}/offers/{user_id}',
    kind: 'user',
    url: (id) => `/api/v1/admin/plans/${ids.plan}/offers/${id}`,
    status: 204,
  }),
  forAdmins({
    route: 'GET /api/v1/admin/subscriptions',
    kind: 'plan',
    url: (id) => `/api/v1/admin/subscriptions?plan_id=${id}`,
    status: 200,
  }),
  forAdmins({
    route: 'PUT /api/v1/admin/users/{id}/subscription',
    kind: 'user',
    url: at('admin/users/{id}/subscription'),
    payload: () => ({ plan_id: ids.plan, source: 'comp', reason: 'A test' }),
    status: 200,
  }),
  forAdmins({
    route: 'GET /api/v1/admin/users/{id}/subscription/events',
    kind: 'user',
    url: at('admin/users/{id}/subscription/events'),
    status: 200,
  }),
  // 409: they have no subscription, which only admins are told.
  forAdmins({
    route: 'DELETE /api/v1/admin/users/{id}/subscription',
    kind: 'user',
    url: at('admin/users/{id}/subscription'),
    payload: () => ({ at: 'now', reason: 'A test' }),
    status: 409,
  }),
  ...(['accept', 'refuse'] as const).map((answer) =>
    forAdmins({
      route: `POST /api/v1/admin/plan-requests/{id}/${answer}`,
      kind: 'planRequest',
      url: at(`admin/plan-requests/{id}/${answer}`),
      payload: () => ({}),
      status: 200,
    }),
  ),
]

const cases: Case[] = [
  ...planCases,
  ...integrationCases,
  ...approvalCases,
  { route: 'GET /api/v1/agents/{id}', kind: 'agent', url: at('agents/{id}'), status: 200 },
  {
    route: 'PATCH /api/v1/agents/{id}',
    kind: 'agent',
    url: at('agents/{id}'),
    payload: () => ({ name: 'Renamed' }),
    status: 200,
  },
  { route: 'DELETE /api/v1/agents/{id}', kind: 'agent', url: at('agents/{id}'), status: 204 },
  { route: 'POST /api/v1/agents/{id}/publication', kind: 'agent', url: at('agents/{id}/publication'), status: 200 },
  { route: 'DELETE /api/v1/agents/{id}/publication', kind: 'agent', url: at('agents/{id}/publication'), status: 200 },
  {
    route: 'POST /api/v1/admin/agents/{id}/publication',
    kind: 'agent',
    url: at('admin/agents/{id}/publication'),
    payload: () => ({ decision: 'publish' }),
    status: 200,
    isForAdmins: true,
  },
  {
    route: 'PATCH /api/v1/admin/users/{id}',
    kind: 'user',
    url: at('admin/users/{id}'),
    payload: () => ({ is_suspended: true }),
    status: 200,
    isForAdmins: true,
  },
  { route: 'GET /api/v1/admin/users/{id}', kind: 'user', url: at('admin/users/{id}'), status: 200, isForAdmins: true },
  {
    route: 'GET /api/v1/admin/users',
    kind: 'user',
    url: (id) => `/api/v1/admin/users?plan_id=${id}`,
    status: 200,
    isForAdmins: true,
  },
  {
    route: 'POST /api/v1/admin/users/{id}/sign-out',
    kind: 'user',
    url: (id) => `/api/v1/admin/users/${id}/sign-out?api_keys=true`,
    status: 200,
    isForAdmins: true,
  },
  {
    route: 'GET /api/v1/admin/audit-log',
    kind: 'user',
    url: (id) => `/api/v1/admin/audit-log?target_id=${id}`,
    status: 200,
    isForAdmins: true,
  },
  {
    route: 'PUT /api/v1/admin/models/prices/{model}',
    kind: 'user',
    url: () => '/api/v1/admin/models/prices/openai%2Fgpt-5',
    payload: () => ({ input_usd: 1, output_usd: 2 }),
    status: 200,
    isForAdmins: true,
  },
  {
    // What the case before has set.
    route: 'DELETE /api/v1/admin/models/prices/{model}',
    kind: 'user',
    url: () => '/api/v1/admin/models/prices/openai%2Fgpt-5',
    status: 204,
    isForAdmins: true,
  },
  {
    route: 'PATCH /api/v1/api-keys/{id}',
    kind: 'apiKey',
    url: at('api-keys/{id}'),
    payload: () => ({ name: 'Renamed' }),
    status: 200,
  },
  { route: 'DELETE /api/v1/api-keys/{id}', kind: 'apiKey', url: at('api-keys/{id}'), status: 204 },
  { route: 'DELETE /api/v1/me/sessions/{id}', kind: 'session', url: at('me/sessions/{id}'), status: 204 },
  {
    route: 'POST /api/v1/user-agents',
    kind: 'agent',
    url: () => '/api/v1/user-agents',
    payload: (agent_id) => ({ agent_id, settings: { business_name: 'Lamp & Co' } }),
    status: 201,
  },
  { route: 'GET /api/v1/user-agents/{id}', kind: 'userAgent', url: at('user-agents/{id}'), status: 200 },
  {
    route: 'PATCH /api/v1/user-agents/{id}',
    kind: 'userAgent',
    url: at('user-agents/{id}'),
    payload: () => ({ name: 'Renamed' }),
    status: 200,
  },
  { route: 'DELETE /api/v1/user-agents/{id}', kind: 'userAgent', url: at('user-agents/{id}'), status: 204 },
  {
    route: 'POST /api/v1/user-agents/{id}/runs',
    kind: 'userAgent',
    url: at('user-agents/{id}/runs'),
    payload: () => ({ input: 'Hello' }),
    status: 200,
  },
  {
    route: 'POST /api/v1/user-agents/{id}/runs',
    kind: 'log',
    url: (_id, callers) => `/api/v1/user-agents/${callers}/runs`,
    payload: (conversation_id) => ({ input: 'Hello', conversation_id }),
    status: 200,
  },
  {
    route: 'GET /api/v1/user-agents/{id}/conversations',
    kind: 'userAgent',
    url: at('user-agents/{id}/conversations'),
    status: 200,
  },
  {
    route: 'DELETE /api/v1/user-agents/{id}/conversations/{conversation_id}',
    kind: 'userAgent',
    url: (id) => `/api/v1/user-agents/${id}/conversations/${ids.log}`,
    status: 204,
  },
  {
    route: 'DELETE /api/v1/user-agents/{id}/conversations/{conversation_id}',
    kind: 'log',
    url: (id, callers) => `/api/v1/user-agents/${callers}/conversations/${id}`,
    status: 204,
  },
  { route: 'GET /v1/models/{model}', kind: 'userAgent', url: (id) => `/v1/models/${id}`, status: 200 },
  {
    route: 'POST /v1/chat/completions',
    kind: 'userAgent',
    url: () => '/v1/chat/completions',
    payload: (model) => ({ model, messages: [{ role: 'user', content: 'Hello' }] }),
    status: 200,
  },
  ...filtered('GET /api/v1/agent-logs'),
  {
    route: 'GET /api/v1/agent-logs',
    kind: 'log',
    url: (id) => `/api/v1/agent-logs?after=${id}`,
    status: 200,
    hides: 'empty',
  },
  ...filtered('GET /api/v1/agent-logs/export'),
  ...filtered('DELETE /api/v1/agent-logs'),
  {
    route: 'GET /api/v1/agent-logs/activity',
    kind: 'userAgent',
    url: (id) => `/api/v1/agent-logs/activity?user_agent_id=${id}`,
    status: 200,
    hides: 'empty',
  },
  {
    route: 'GET /api/v1/usage',
    kind: 'userAgent',
    url: (id) => `/api/v1/usage?user_agent_id=${id}`,
    status: 200,
    hides: 'empty',
  },
  { route: 'GET /api/v1/agent-logs/{id}', kind: 'log', url: at('agent-logs/{id}'), status: 200 },
  { route: 'DELETE /api/v1/agent-logs/{id}', kind: 'log', url: at('agent-logs/{id}'), status: 204 },
  // 409: it has ended already, which only its owner is told.
  { route: 'POST /api/v1/agent-logs/{id}/cancel', kind: 'log', url: at('agent-logs/{id}/cancel'), status: 409 },
  {
    route: 'PUT /api/v1/agent-logs/{id}/rating',
    kind: 'log',
    url: at('agent-logs/{id}/rating'),
    payload: () => ({ rating: 1 }),
    status: 200,
  },
]

async function send(who: { headers?: object } | null, one: Case, id: string, callersUserAgent: string) {
  const payload = one.payload?.(id)
  return site.app.inject({
    method: one.route.split(' ')[0] as 'GET',
    url: one.url(id, callersUserAgent),
    headers: { ...who?.headers },
    ...(payload && { payload }),
  })
}

async function createdId(path: string, user: TestSession, payload: object): Promise<string> {
  const { statusCode, body } = await site.app.inject({ method: 'POST', url: path, headers: user.headers, payload })
  if (statusCode !== 201) throw new Error(body)
  return JSON.parse(body).id
}

const configure = async (user: TestSession, agentId: string) =>
  createdId('/api/v1/user-agents', user, { agent_id: agentId, settings: { business_name: 'Lamp & Co' } })

/** Every row of every table; the API changes nothing that this does not notice. */
async function readChecksums(): Promise<Record<string, string>> {
  const tables = await query<{ name: string }>(
    site.ownerUrl,
    `select relname as name from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') order by 1`,
  )
  expect(tables.length).toBeGreaterThan(14)
  const rows = await query<{ name: string; sum: string }>(
    site.ownerUrl,
    tables
      .map(
        ({ name }) =>
          `select '${name}' as name, count(*) || ' ' || coalesce(sum(hashtextextended(t::text, 0)::numeric), 0) as sum from public.${name} t`,
      )
      .join(' union all '),
  )
  return Object.fromEntries(rows.map(({ name, sum }) => [name, sum]))
}

/** Whether an answer shows nothing: no rows, no file content, only zeros. */
function isEmpty(body: string): boolean {
  // The export sends lines.
  if (body === '' || body.startsWith('{"id"')) return body === ''
  const answer = JSON.parse(body) as { data?: Record<string, unknown>[]; deleted?: number }
  if (answer.deleted !== undefined) return answer.deleted === 0
  return (answer.data ?? []).every((row) => row.day !== undefined && !row.succeeded && !row.failed && !row.other)
}

beforeAll(async () => {
  site = await createTestApp()
  await signUpForTest(site) // The very first becomes admin.
  other = await signUpForTest(site)
  admin = await site.createUser('admin')
  othersUserAgent = await configure(other, (await createAgentOf(site, other as unknown as TestUser)).id)
})
afterAll(() => site.close())

/** A new owner for each case, because the owner's own call may end what it is about. */
async function prepareOwner(): Promise<void> {
  owner = await signUpForTest(site)
  const agent = await createdId('/api/v1/agents', owner, exampleAgent())
  const userAgent = await configure(owner, await createdId('/api/v1/agents', owner, exampleAgent()))
  const apiKey = await createdId('/api/v1/api-keys', owner, { name: 'k' })
  const sessions = await site.app.inject({ url: '/api/v1/me/sessions', headers: owner.headers })
  const [session] = sessions.json<{ data: { id: string }[] }>().data
  const log = await insertTestLog(site.database, { user_id: owner.id, agent_id: agent, user_agent_id: userAgent })
  await insertTestLog(site.database, { user_id: owner.id, user_agent_id: userAgent })
  const integration = await createdId(`/api/v1/user-agents/${userAgent}/integrations`, owner, webhook())
  const [delivery = ''] = await site.database.withUser({ sub: owner.id, user_role: 'user' }, (tx) =>
    queueDeliveries(tx, [
      { integration_id: integration, user_id: owner.id, log_id: null, event: 'run.ended', payload: '{}' },
    ]),
  )
  await site.database.asSystem('a test gives a message up', (tx) =>
    giveUpDeliveries(tx, integration, 'Nobody answers.'),
  )
  const waiting = await insertWaitingRun(site.database, { userId: owner.id, userAgentId: userAgent })
  const memory = createId()
  await site.database.withUser({ sub: owner.id, user_role: 'user' }, (tx) =>
    createMemory(tx, { id: memory, userId: owner.id, userAgentId: userAgent, content: 'A fact', isUntrusted: false }),
  )
  const asked = { waitingRun: waiting.runId, approval: waiting.approvalId, memory }
  const sold = await prepareOffer(owner.id)
  ids = {
    ...asked,
    ...sold,
    agent,
    userAgent,
    apiKey,
    session: session!.id,
    log,
    user: owner.id,
    integration,
    delivery,
  }
}

function prepareOffer(userId: string): Promise<Record<Sold, string>> {
  return site.database.asSystem('a test offers a plan', async (tx) => {
    const [plan, planRequest] = [createId(), createId()]
    const features = JSON.stringify(unlimitedFeatures)
    const values = { id: plan, name: 'Hidden', description: 'For one.', price: '0.00', is_public: false, features }
    const { updated_at } = await tx.insertInto('plans').values(values).returning('updated_at').executeTakeFirstOrThrow()
    planChangedAt = updated_at
    await tx.insertInto('plan_offers').values({ plan_id: plan, user_id: userId }).execute()
    await tx.insertInto('plan_requests').values({ id: planRequest, user_id: userId, plan_id: plan }).execute()
    return { plan, planRequest }
  })
}

describe.each(cases.map((one) => [`${one.route} (${one.kind})`, one] as const))('%s', (_name, one) => {
  test('neither a stranger nor another user reaches anything by an id; its owner does', async () => {
    await prepareOwner()
    const before = await readChecksums()
    for (const kind of kinds) {
      const anonymous = await send(null, one, ids[kind], othersUserAgent)
      expect([401, 403, 404], `anonymous, ${kind}: ${anonymous.body}`).toContain(anonymous.statusCode)
      const foreign = await send(other, one, ids[kind], othersUserAgent)
      if (one.hides === 'empty') {
        expect([200, 404], `${kind}: ${foreign.body}`).toContain(foreign.statusCode)
        if (foreign.statusCode === 200) expect(isEmpty(foreign.body), `${kind}: ${foreign.body}`).toBe(true)
      } else {
        expect([403, 404], `another user, ${kind}: ${foreign.body}`).toContain(foreign.statusCode)
      }
    }
    expect(await readChecksums()).toEqual(before)

    // It was there to be hidden.
    if (one.route.startsWith('POST /api/v1/admin/agents'))
      await site.app.inject({
        method: 'POST',
        url: `/api/v1/agents/${ids.agent}/publication`,
        headers: owner.headers,
      })
    const own = await send(one.isForAdmins ? admin : owner, one, ids[one.kind], ids.userAgent)
    expect(own.statusCode, own.body).toBe(one.status)
    if (one.hides === 'empty') expect(isEmpty(own.body), own.body).toBe(false)
  })
})

interface Schema {
  format?: string
  properties?: Record<string, Schema>
  items?: Schema
  anyOf?: Schema[]
  oneOf?: Schema[]
  allOf?: Schema[]
  $ref?: string
}
interface Document {
  paths: Record<
    string,
    Record<
      string,
      {
        parameters?: { in: string; name: string; schema: Schema }[]
        requestBody?: { content: Record<string, { schema: Schema }> }
      }
    >
  >
  components?: { schemas?: Record<string, Schema> }
}

test('every route that takes an id is in this list, and the list names no other', async () => {
  const document = (await site.app.inject({ url: '/openapi.json' })).json<Document>()
  const isId = (name: string, schema: Schema) => /(^|_)id$/.test(name) || isUuid(schema)
  const isUuid = (schema: Schema): boolean => schema.format === 'uuid' || (schema.anyOf ?? []).some(isUuid)
  const takesId = (schema: Schema | undefined): boolean => {
    if (!schema) return false
    if (schema.$ref) return takesId(document.components?.schemas?.[schema.$ref.split('/').at(-1) ?? ''])
    return (
      Object.entries(schema.properties ?? {}).some(([name, part]) => isId(name, part) || takesId(part)) ||
      [schema.items, ...(schema.anyOf ?? []), ...(schema.oneOf ?? []), ...(schema.allOf ?? [])].some(takesId)
    )
  }
  // OpenAI's clients put the id of a user agent where a model is named.
  const found = new Set(['POST /v1/chat/completions'])
  for (const [path, operations] of Object.entries(document.paths)) {
    for (const [method, { parameters = [], requestBody }] of Object.entries(operations)) {
      const inAddress = parameters.some(
        (one) => one.in === 'path' || (one.in === 'query' && isId(one.name, one.schema)),
      )
      const inBody = Object.values(requestBody?.content ?? {}).some(({ schema }) => takesId(schema))
      if (inAddress || inBody) found.add(`${method.toUpperCase()} ${path}`)
    }
  }
  // The same for everybody: there is nothing of anybody's behind the name of a type.
  for (const route of ['GET /api/v1/integration-types/{type}', 'POST /api/v1/integration-types/{type}/test'])
    expect(found.delete(route), route).toBe(true)
  expect(found.size).toBeGreaterThan(20)
  expect([...new Set(cases.map(({ route }) => route))].sort()).toEqual([...found].sort())
})
