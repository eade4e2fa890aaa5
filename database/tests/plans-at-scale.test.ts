import { createHash, randomBytes } from 'node:crypto'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { JobRecords } from '../../server/src/admin/system/job-records.ts'
import {
  deleteLog,
  deleteLogBatch,
  findWindowEnd,
  getLog,
  listLogs,
  listWholeLogs,
  rateLog,
  windowRows,
} from '../../server/src/agent-logs/agent-log-queries.ts'
import type { AgentLogFilter } from '../../server/src/agent-logs/agent-log-schemas.ts'
import { toSpan } from '../../server/src/agent-logs/agent-log-span.ts'
import { withNames } from '../../server/src/agent-logs/agent-names.ts'
import { countActivity } from '../../server/src/agent-logs/count-activity.ts'
import { findLogs } from '../../server/src/agent-logs/find-agent-logs.ts'
import {
  deleteExpired,
  hasRetention,
  isRangeExpired,
  listExpiredUsers,
} from '../../server/src/agent-logs/retention-queries.ts'
import {
  findEndedRun,
  findRunStatus,
  finishRun,
  type NewRun,
  type RunEnd,
  saveProgress,
  startRun,
} from '../../server/src/agent-logs/run-log-queries.ts'
import { listApiKeys } from '../../server/src/api-keys/api-key-queries.ts'
import { createApp, type Services } from '../../server/src/app.ts'
import { createAccessTokens } from '../../server/src/auth/access-token.ts'
import { findUserByApiKey, findUserBySession } from '../../server/src/auth/credential-queries.ts'
import { deleteExpiredSignInRows, listSessions } from '../../server/src/auth/session-queries.ts'
import { findConversation, listConversations } from '../../server/src/conversations/conversation-queries.ts'
import type { Claims, Database, Tx } from '../../server/src/database/database.ts'
import { createId, createIdWithTime, lowestIdOf } from '../../server/src/database/uuid-v7.ts'
import type { App } from '../../server/src/http/app-types.ts'
import {
  giveUpDeliveries,
  noteAttempt,
  takeDueDeliveries,
} from '../../server/src/integrations/deliveries/delivery-queries.ts'
import { findWholeIntegration, markFailing } from '../../server/src/integrations/integration-queries.ts'
import { runMaintenance, runOften } from '../../server/src/maintenance.ts'
import { createConfiguredAgents } from '../../server/src/runtime/configured-agents.ts'
import {
  interruptRunsOf,
  listOtherNodes,
  lockSilentNode,
  touchServerNode,
} from '../../server/src/server-nodes/server-node-queries.ts'
import { createServices } from '../../server/src/services.ts'
import { deleteOldEvents, noteFailure, noteHandled, takeDueEvents } from '../../server/src/stripe/event-queries.ts'
import { countWithoutCustomer } from '../../server/src/stripe/reconcile-stripe.ts'
import { findUserOfCustomer, listCustomers } from '../../server/src/stripe/stripe-queries.ts'
import { explainStatements } from '../../server/src/testing/explain-statements.ts'
import { createTestApp, type TestApp } from '../../server/src/testing/test-app.ts'
import { claimIdempotencyKey } from '../../server/src/user-agents/idempotency-queries.ts'
import { findUserAgent, listUserAgents } from '../../server/src/user-agents/user-agent-queries.ts'
import { findUser, findUserByEmail } from '../../server/src/users/user-queries.ts'
import { limitsOfJobs } from './job-limits.ts'
import { judge, type Limits, pageRows } from './judge-plans.ts'
import { absentWord, commonWord, fillManyLogs, type LoggedUser, type ManyLogs, rareWord } from './many-logs.ts'
import { accounts, fillManyOthers, type ManyOthers } from './many-others.ts'
import { limitsOfRoutes, type Own } from './route-limits.ts'

/*
 * What PostgreSQL does for the statements of the server, on a million logs and under row-level security. Each is explained
 * where it is sent, with its own text, values, role and claims, and judged by what it did, not by what was expected of it.
 */

// On CI less of it: what is judged is how much is looked at, which does not grow with what there is.
const logRows = process.env.CI ? 400_000 : 1_000_000
const months = 14
const sizes = { month: Math.ceil((logRows / months) * 1.2), heavyMonth: Math.ceil((logRows / 10 / months) * 1.2) }

let server: TestApp
let app: App
/** Those of the server, each of which goes through the database that explains. */
let services: Services
let filled: ManyLogs
let others: ManyOthers
let heavy: LoggedUser
let normal: LoggedUser
let log: { id: string; timestamp: Date; conversation_id: string; user_agent_id: string }
let key: string
let explained: ReturnType<typeof explainStatements>

beforeAll(async () => {
  server = await createTestApp()
  filled = await fillManyLogs(server.ownerUrl, { rows: logRows, months })
  others = await fillManyOthers(server.ownerUrl, filled)
  heavy = filled.heavy
  normal = filled.others[7] ?? heavy
  explained = explainStatements(server.database)
  services = createServices({ ...server.services, database: explained.database })
  app = await createApp(services)
  key = `ax_${randomBytes(32).toString('base64url')}`
  const middle = new Date((filled.start.getTime() + filled.end.getTime()) / 2)
  log = await server.database.asSystem('a test looks for a log and makes a key', async (tx) => {
    await tx
      .insertInto('api_keys')
      .values({
        id: createId(),
        user_id: heavy.id,
        name: 'test',
        prefix: 'ax_',
        key_hash: createHash('sha256').update(key).digest(),
      })
      .execute()
    return tx
      .selectFrom('agent_logs')
      .select(['id', 'timestamp', 'conversation_id', sql<string>`user_agent_id`.as('user_agent_id')])
      .where('user_id', '=', heavy.id)
      .where('timestamp', '>=', middle)
      .orderBy('timestamp')
      .limit(1)
      .executeTakeFirstOrThrow()
  })
}, 600_000)
afterAll(async () => {
  await app?.close()
  await server?.close()
})

const claimsOf = (user: LoggedUser): Claims => ({ sub: user.id, user_role: 'user' })

async function look(work: (database: Database) => Promise<unknown>, limits: Limits = {}): Promise<void> {
  explained.take()
  await work(explained.database)
  judge(explained.take(), limits)
}

const byOwner = /user_id_timestamp_id/
// Of a millisecond there are so few that any key is as good; PostgreSQL 15 takes the owner's, which has time and id in it.
const byId = /pkey|timestamp_idx|user_id_timestamp_id/
const list =
  (user: () => LoggedUser, filter: () => AgentLogFilter, order: 'asc' | 'desc' = 'desc') =>
  (database: Database) => {
    const { from, to, ...rest } = filter()
    return database.withUser(claimsOf(user()), (tx) =>
      listLogs(tx, { filter: rest, span: toSpan({ from, to }) }, order, pageRows),
    )
  }
const monthsAgo = (count: number) =>
  new Date(Date.UTC(filled.end.getUTCFullYear(), filled.end.getUTCMonth() - count, 1))

describe.each<[string, () => LoggedUser]>([
  ['a user with a tenth of all logs', () => heavy],
  ['a user with a thousand', () => normal],
])('of %s', (_name, user) => {
  test.each(['desc', 'asc'] as const)('the first page (%s) is read from the index of the owner', (order) =>
    look(
      list(user, () => ({}), order),
      { index: byOwner, logRows: pageRows + months + 5 },
    ),
  )

  test('the newest page opens the partitions of two months, and those ahead', () =>
    look((database) => findLogs(database, claimsOf(user()), { filter: {}, span: toSpan({}) }, 'desc', 51), {
      index: byOwner,
      partitions: 2 + 5,
      buffers: 300,
    }))

  test('a page deep inside begins at its cursor', () =>
    look(
      (database) => {
        const before = { timestamp: monthsAgo(5), id: '00000000-0000-0000-0000-000000000000' }
        return database.withUser(claimsOf(user()), (tx) =>
          listLogs(tx, { filter: {}, span: { ...toSpan({}), before } }, 'desc', pageRows),
        )
      },
      // Those before the cursor, the one it stands at, and the default one.
      { index: byOwner, partitions: months - 5 + 1, logRows: pageRows + months },
    ))

  test('part of a month is read from its partition alone', () =>
    look(
      list(user, () => ({ from: monthsAgo(3), to: new Date(monthsAgo(2).getTime() - 1) })),
      { index: byOwner, partitions: 1 },
    ))

  test('a page of a user agent is read from its index', () =>
    look(
      list(user, () => ({ user_agent_id: user().userAgents[0]?.id })),
      { index: /user_agent_id_timestamp/ },
    ))

  test('its conversations are read from that, too', () =>
    look(
      (database) =>
        database.withUser(claimsOf(user()), (tx) =>
          listConversations(tx, user().userAgents[0]?.id ?? '', toSpan({}), 51),
        ),
      { index: /user_agent_id_timestamp/, logRows: 1000 },
    ))

  test.each<[string, () => AgentLogFilter]>([
    ['an agent', () => ({ agent_id: user().userAgents[0]?.agentId })],
    ['an agent never used', () => ({ agent_id: createId() })],
    ['a status', () => ({ status: 'failed' })],
    ['a status that no run has', () => ({ status: 'running' })],
    ['a word that many have', () => ({ search: commonWord })],
    ['a word that nobody has', () => ({ search: absentWord })],
    ['nothing but wildcards', () => ({ search: '%_'.repeat(100) })],
  ])('a page of %s looks at one window of own rows at most', async (_what, filter) => {
    const limits = { index: byOwner, logRows: windowRows + months + 5, buffers: windowRows * 1.3 }
    await look(list(user, filter), limits)
    await look(list(user, filter, 'asc'), limits)
  })

  test('the end of a window is found in the index', () =>
    look(
      (database) =>
        database.withUser(claimsOf(user()), (tx) =>
          findWindowEnd(tx, { filter: { status: 'failed' }, span: toSpan({}) }, 'desc'),
        ),
      { index: byOwner, logRows: windowRows + months + 5, buffers: windowRows / 20 },
    ))

  test('activity reads no more than the partitions of its days', () =>
    look((database) => countActivity(database, claimsOf(user()), { days: 30 }), {
      partitions: 4,
      logRows: 20_000,
      rows: 20_000,
      sorted: 20_000,
      buffers: 20_000,
    }))

  test('a page of an export is read from the index of the owner', () =>
    look(
      (database) =>
        database.withUser(claimsOf(user()), (tx) =>
          listWholeLogs(tx, { filter: {}, span: toSpan({}) }, 'desc', pageRows - 1),
        ),
      { index: byOwner, buffers: 10_000 },
    ))

  test('the names of a page are looked up by key, also those of agents that were withdrawn', () =>
    look(
      (database) =>
        database.withUser(claimsOf(user()), (tx) =>
          withNames(
            tx,
            user().userAgents.map(({ id }) => ({ agent_id: null, user_agent_id: id })),
          ),
        ),
      { buffers: 400 },
    ))
})

describe('one log', () => {
  test.each<[string, (database: Database) => Promise<unknown>]>([
    ['is read', (database) => database.withUser(claimsOf(heavy), (tx) => getLog(tx, log.id))],
    ['is rated', (database) => database.withUser(claimsOf(heavy), (tx) => rateLog(tx, log.id, { rating: 1 }))],
    ['is looked up as a run', (database) => database.withUser(claimsOf(heavy), (tx) => findRunStatus(tx, log.id))],
    [
      'is looked up as one that ended',
      (database) => database.withUser(claimsOf(heavy), (tx) => findEndedRun(tx, log.id)),
    ],
    ['saves its progress', (database) => saveProgress(database, claimsOf(heavy), log, 'half of it', false)],
    ['is finished', (database) => finishRun(database, claimsOf(heavy), endOf(log))],
    [
      'is not there for another user',
      (database) => database.withUser(claimsOf(normal), (tx) => findEndedRun(tx, log.id)),
    ],
  ])('%s by its key in one partition', (_what, work) =>
    // The one that ends a run also settles it with its user's limits.
    look(work, { index: byId, partitions: 1, logRows: 2, buffers: 140 }),
  )

  test('is deleted by its key in one partition', async () => {
    const { id, timestamp } = createIdWithTime()
    await startRun(server.database, claimsOf(heavy), newRun(heavy, { id, timestamp, conversationId: null }))
    await finishRun(server.database, claimsOf(heavy), endOf({ id, timestamp }))
    await look((database) => database.withUser(claimsOf(heavy), (tx) => deleteLog(tx, id)), {
      index: byId,
      partitions: 1,
      logRows: 2,
      buffers: 100,
    })
  })
})

const endOf = ({ id, timestamp }: { id: string; timestamp: Date }): RunEnd => ({
  id,
  timestamp,
  outcome: {
    status: 'succeeded',
    output: 'Yes.',
    error_code: null,
    error_detail: null,
    retry_after_seconds: null,
    steps: [],
    citations: [],
    input_tokens: 1,
    output_tokens: 1,
    finish_reason: 'stop',
    is_sanitised: false,
    has_untrusted: false,
  },
  model: 'built-in/retrieval',
  costUsd: 0,
  latencyMs: 1,
  metadata: {},
})

const newRun = (user: LoggedUser, run: Pick<NewRun, 'id' | 'timestamp' | 'conversationId'>): NewRun => ({
  ...run,
  userAgentId: user.userAgents[0]?.id ?? '',
  input: 'Do you ship to Norway?',
  source: 'api',
  nodeId: createId(),
  defaultModel: 'built-in/retrieval',
  metadata: {},
  knownSettingsVersion: null,
})

describe('a run', () => {
  test('begins with one row and no look at the log', () =>
    look(
      (database) => startRun(database, claimsOf(heavy), newRun(heavy, { ...createIdWithTime(), conversationId: null })),
      {
        logRows: 0,
        buffers: 150,
      },
    ))

  test.each([0, 6, 30])('finds the memory of a conversation from %i months ago by its index', async (age) => {
    const begun = new Date(Math.max(filled.start.getTime(), monthsAgo(age).getTime()))
    const earlier = await server.database.withUser(claimsOf(heavy), (tx) =>
      tx
        .selectFrom('agent_logs')
        .select(['conversation_id', sql<string>`user_agent_id`.as('user_agent_id')])
        .where('timestamp', '>=', begun)
        .whereRef('id', '=', 'conversation_id')
        .orderBy('timestamp')
        .limit(1)
        .executeTakeFirstOrThrow(),
    )
    const run = newRun(heavy, { ...createIdWithTime(), conversationId: earlier.conversation_id })
    await look(
      async (database) => {
        const started = await startRun(database, claimsOf(heavy), { ...run, userAgentId: earlier.user_agent_id })
        expect(started?.history?.length).toBeGreaterThan(0)
      },
      // By its key its first run, wherever it lies.
      { index: /conversation_id|pkey/, logRows: 30, buffers: 400 },
    )
  })

  test('claims its Idempotency-Key by the key of the table', () =>
    look(
      (database) =>
        claimIdempotencyKey(
          database,
          claimsOf(heavy),
          { key: 'key 3', requestHash: Buffer.from('x') },
          createIdWithTime(),
        ),
      {
        buffers: 50,
      },
    ))

  test('reads the version of its agent once', () =>
    look(
      (database) =>
        createConfiguredAgents(database)
          .getAgentVersion(claimsOf(heavy), heavy.userAgents[0]?.agentId ?? '', 1)
          // The agents of this database have no capabilities to parse.
          .catch(() => {}),
      { buffers: 50 },
    ))

  test('of a server that fell silent is found by what it had reserved', async () => {
    const nodeId = createId()
    await server.database.asSystem('a test lets a server die', (tx) => touchServerNode(tx, nodeId))
    const run = { ...newRun(heavy, { ...createIdWithTime(), conversationId: null }), nodeId }
    await startRun(server.database, claimsOf(heavy), run)
    await look(
      (database) =>
        database.asSystem('a test looks for silent servers', async (tx) => {
          for (const node of await listOtherNodes(tx, createId())) await lockSilentNode(tx, node)
          expect(await interruptRunsOf(tx, nodeId)).toBe(1)
        }),
      { index: byId, partitions: 1, logRows: 1, buffers: 200 },
    )
  })
})

describe('who is asking', () => {
  test.each<[string, (database: Database) => Promise<unknown>]>([
    [
      'by API key',
      (database) =>
        database.asSystem('a test', async (tx) =>
          expect(await findUserByApiKey(tx, createHash('sha256').update(key).digest())).not.toBeNull(),
        ),
    ],
    [
      'by session',
      (database) =>
        database.asSystem('a test', async (tx) => {
          const { id } = await tx
            .selectFrom('sessions')
            .select('id')
            .where('user_id', '=', normal.id)
            .limit(1)
            .executeTakeFirstOrThrow()
          expect(await findUserBySession(tx, { sessionId: id, userId: normal.id })).not.toBeNull()
        }),
    ],
    [
      'by e-mail',
      (database) =>
        database.asSystem('a test', async (tx) => expect(await findUserByEmail(tx, '77@example.test')).not.toBeNull()),
    ],
    ['as an account', (database) => database.withUser(claimsOf(normal), (tx) => findUser(tx, normal.id))],
    ['with other sessions', (database) => database.withUser(claimsOf(normal), (tx) => listSessions(tx, normal.id))],
    ['with other keys', (database) => database.withUser(claimsOf(normal), (tx) => listApiKeys(tx, normal.id))],
  ])('is found %s by an index', (_how, work) => look(work, { buffers: 60 }))

  test('what has expired is found by its index', () =>
    look((database) => database.asSystem('a test', deleteExpiredSignInRows)))
})

describe('what a user configured', () => {
  test('is listed by the index of the owner', () =>
    look(
      (database) =>
        database.withUser(claimsOf(heavy), (tx) => listUserAgents(tx, { userId: heavy.id, afterId: null, limit: 51 })),
      {
        buffers: 600,
      },
    ))

  test('is found by its key', () =>
    look(
      (database) =>
        database.withUser(claimsOf(heavy), (tx) =>
          findUserAgent(tx, { id: heavy.userAgents[3]?.id ?? '', userId: heavy.id }),
        ),
      { buffers: 60 },
    ))

  test('has its integrations found by their index', () =>
    look(
      (database) =>
        database.asSystem('a test', async (tx) => {
          const { id } = await tx
            .selectFrom('integrations')
            .select('id')
            .where('user_agent_id', '=', heavy.userAgents[0]?.id ?? '')
            .limit(1)
            .executeTakeFirstOrThrow()
          await findWholeIntegration(tx, { id, ownerId: heavy.id })
        }),
      { buffers: 60 },
    ))

  test('has conversations found by their index', () =>
    look(
      (database) =>
        database.withUser(claimsOf(heavy), (tx) => findConversation(tx, log.user_agent_id, log.conversation_id)),
      { index: /conversation_id/, logRows: 100, buffers: 400 },
    ))
})

const routes = limitsOfRoutes(sizes)

describe('a GET route of the API', () => {
  const ownOf: Own[] = []
  const headersOf: { authorization: string }[] = []
  const callers = [() => heavy, () => others.admin]

  beforeAll(async () => {
    for (const caller of callers) {
      ownOf.push(await findOwn(caller()))
      headersOf.push(await signIn(caller()))
    }
  })

  test('is in the list, every one, and the list names no other', async () => {
    const { paths } = (await app.inject({ url: '/openapi.json' })).json()
    const found = Object.entries<Record<string, unknown>>(paths).filter(([, methods]) => methods.get)
    expect(found.map(([path]) => path).sort()).toEqual(Object.keys(routes).sort())
  })

  describe.each([
    ['a user with a tenth of all logs', 0],
    ['an admin', 1],
  ])('asked by %s', (_who, caller) => {
    test.each(Object.entries(routes))('%s stays within its limits', async (route, one) => {
      const [own, headers] = [ownOf[caller], headersOf[caller]]
      if (!own || !headers) throw new Error('nobody asks')
      if (caller === 0 && one.notForHeavy) return
      const path = one.url?.(own) ?? fillIn(route, own)
      for (const [question, limits] of [['', {}] as const, ...Object.entries(one.more ?? {})]) {
        const url = path + question.replace('{user_agent_id}', own.userAgent).replace('{user_id}', own.user)
        explained.take()
        const answer = await app.inject({ url, headers })
        const statements = explained.take()
        const isForbidden = caller === 0 && route.startsWith('/api/v1/admin/')
        expect(answer.statusCode, `${url}: ${answer.body.slice(0, 300)}`).toBe(isForbidden ? 403 : 200)
        const asked = statements.filter(({ text }) => !/from "sessions" inner join "users"/.test(text))
        if (isForbidden || one.asksNothing) expect(asked).toEqual([])
        else judge(statements, { ...one.limits, ...limits })
        if (!isForbidden && !one.asksNothing) expect(asked, url).not.toEqual([])
      }
    })
  })
})

const fillIn = (route: string, own: Own) =>
  route.replace('{integration_id}', own.integration).replace('user-agents/{id}', `user-agents/${own.userAgent}`)

/** The first of each thing that an account has; what is not there fails the test. */
function findOwn({ id, userAgents }: LoggedUser): Promise<Own> {
  const userAgent = userAgents[0]
  return server.database.asSystem('a test looks for what an account has', async (tx) => {
    const { rows } = await sql<Omit<Own, 'userAgent' | 'agent' | 'user' | 'plan'>>`
      select l.id as log, conversation_id as conversation,
        (select id from integrations i where i.user_agent_id = l.user_agent_id and type = 'webhook') as integration,
        (select id from approvals where approvals.user_id = ${id} and status = 'approved' limit 1) as approval
      from agent_logs l where user_agent_id = ${userAgent?.id} order by "timestamp" desc limit 1`.execute(tx)
    const own = {
      ...rows[0],
      userAgent: userAgent?.id,
      agent: userAgent?.agentId,
      user: id,
      plan: others.defaultPlanId,
    }
    expect(Object.values(own).filter((one) => typeof one === 'string')).toHaveLength(8)
    return own as Own
  })
}

/** As a browser that signed in: an API key may not read everything. */
async function signIn({ id }: LoggedUser): Promise<{ authorization: string }> {
  const { session } = await server.database.asSystem('a test looks for a session', (tx) =>
    tx
      .selectFrom('sessions')
      .select('id as session')
      .where('user_id', '=', id)
      .where('expires_at', '>', sql<Date>`now() + interval '1 day'`)
      .executeTakeFirstOrThrow(),
  )
  const token = await createAccessTokens(server.services).sign({ id, email: 'x@example.test', role: 'user' }, session)
  return { authorization: `Bearer ${token}` }
}

describe('a search', () => {
  const find = async (filter: AgentLogFilter) => {
    const found: string[] = []
    const span = toSpan({})
    for (let before = span.before; ; ) {
      const { logs, searchedTo } = await findLogs(
        server.database,
        claimsOf(heavy),
        { filter, span: { ...span, before } },
        'desc',
        50,
      )
      found.push(...logs.map(({ id }) => id))
      const next = searchedTo ?? (logs.length === 50 ? logs.at(-1) : null)
      if (!next) return found
      before = next
    }
  }

  test('goes through all windows to the oldest log', async () => {
    const all = await server.database.withUser(claimsOf(heavy), (tx) =>
      tx
        .selectFrom('agent_logs')
        .select('id')
        .where('input', 'like', `%${rareWord}%`)
        .orderBy('timestamp', 'desc')
        .execute(),
    )
    expect(all.length).toBeGreaterThan(1)
    expect(await find({ search: rareWord })).toEqual(all.map(({ id }) => id))
    expect(await find({ search: absentWord })).toEqual([])
  })

  test('finds every log of a status once', async () => {
    const { count } = await server.database.withUser(claimsOf(heavy), (tx) =>
      tx
        .selectFrom('agent_logs')
        .select(sql<number>`count(*)`.as('count'))
        .where('status', '=', 'cancelled')
        .executeTakeFirstOrThrow(),
    )
    const found = await find({ status: 'cancelled' })
    expect(found).toHaveLength(count)
    expect(new Set(found).size).toBe(count)
  })

  test('says over HTTP how far it has come, and that there is no more', async () => {
    const headers = { authorization: `Bearer ${key}` }
    let cursor: string | null = null
    const seen: string[] = []
    do {
      const url: string = `/api/v1/agent-logs?search=${rareWord}${cursor ? `&cursor=${cursor}` : ''}`
      const page = (await server.app.inject({ url, headers })).json()
      seen.push(...page.data.map(({ id }: { id: string }) => id))
      expect(page.searched_to === null).toBe(page.next_cursor === null)
      cursor = page.next_cursor
    } while (cursor)
    expect(seen).toHaveLength(2)
    const wildcards = await server.app.inject({ url: `/api/v1/agent-logs?search=${'%25'.repeat(10_000)}`, headers })
    expect(wildcards.statusCode).toBe(400)
  })

  test('exports and deletes what it finds, in whatever window it lies', async () => {
    const headers = { authorization: `Bearer ${key}` }
    const exported = await server.app.inject({ url: `/api/v1/agent-logs/export?search=${rareWord}`, headers })
    expect(exported.body.trim().split('\n')).toHaveLength(2)
    const deleted = await server.app.inject({ method: 'DELETE', url: `/api/v1/agent-logs?search=${rareWord}`, headers })
    expect(deleted.json()).toEqual({ deleted: 2, skipped_running: 0, has_more: false })
    expect(await find({ search: rareWord })).toEqual([])
  })

  test('deletes in batches that read no more than their window', () =>
    look(
      (database) =>
        database.withUser(claimsOf(normal), (tx) =>
          deleteLogBatch(tx, { filter: { search: commonWord }, span: toSpan({}) }, 100),
        ),
      { index: /user_id_timestamp_id|pkey/, logRows: windowRows, buffers: windowRows },
    ))
})

const jobs = limitsOfJobs(sizes)

describe('what the server does by itself', () => {
  const parts = new Map<string, () => Promise<unknown>>()

  beforeAll(async () => {
    const noted = (async (name: string, work: () => Promise<unknown>) => {
      parts.set(name, work)
    }) as JobRecords['run']
    const options = {
      ...services,
      ownerUrl: server.ownerUrl,
      logRetentionDays: null,
      jobs: { ...services.jobs, run: noted },
      mailer: { isConfigured: true, siteUrl: 'https://example.test', send: async () => ({ kind: 'sent' as const }) },
    }
    const { signal } = new AbortController()
    await runMaintenance(options, signal)
    await runOften(options, signal)
    await server.database.asSystem('a test lets some hours be counted again', async (tx) => {
      const { rows } = await sql<{ until: Date }>`
        update usage_rollup set rolled_until = rolled_until - interval '3 hours' returning rolled_until as until`.execute(
        tx,
      )
      await tx
        .deleteFrom('usage_hours')
        .where('hour', '>=', rows[0]?.until ?? new Date())
        .execute()
    })
  })

  test('every minute and every hour is in the list, and the list names nothing else', () => {
    expect([...parts.keys()].sort()).toEqual(Object.keys(jobs).sort())
  })

  test.each(Object.entries(jobs))('%s stays within its limits', async (name, { limits, asksNothing, page }) => {
    const work = page ? () => page(explained.database, filled) : parts.get(name)
    explained.take()
    await work?.()
    const statements = explained.take()
    if (asksNothing) expect(statements).toEqual([])
    else judge(statements, limits ?? {})
  })

  test('every three seconds: messages to webhooks that are due are found by their time, and settled by their key', () =>
    look(async (database) => {
      const due = await database.asSystem('a test', (tx) => takeDueDeliveries(tx, { limit: 20, leaseSeconds: 60 }))
      expect(due).toHaveLength(5)
      const failed = { status: 'failed', response_status: 410, failure: 'Gone.', nextInSeconds: null } as const
      await database.asSystem('a test', async (tx) => {
        for (const delivery of due.slice(0, 2)) {
          await noteAttempt(tx, delivery, failed)
          await markFailing(tx, delivery.integration_id, { failure: 'Gone.', needsReconnect: true })
          await giveUpDeliveries(tx, delivery.integration_id, 'Gone.')
        }
      })
    }))

  test('every five seconds: events of Stripe that are due are found by their time; old ones go in batches', () =>
    look(
      async (database) => {
        const due = await database.asSystem('a test', (tx) => takeDueEvents(tx, { limit: 10, leaseSeconds: 60 }))
        expect(due).toHaveLength(3)
        await database.asSystem('a test', async (tx) => {
          await noteHandled(tx, due[0]?.id ?? '')
          await noteFailure(tx, { id: due[1]?.id ?? '', attempts: 2 }, { failure: 'Away.', nextInSeconds: 10 })
          await findUserOfCustomer(tx, due[0]?.customer_id ?? '')
          const before = new Date(Date.now() - 90 * 86_400_000)
          expect(await deleteOldEvents(tx, before, 1000)).toBe(1000)
          expect(await listCustomers(tx, { afterUserId: heavy.id, limit: 200 })).toHaveLength(200)
        })
      },
      // Each row of a batch is found in the index and deleted by its key.
      { buffers: 20_000 },
    ))

  test('every night: subscriptions that name Stripe are compared with the customers, each once', () =>
    look((database) => database.asSystem('a test', countWithoutCustomer), {
      whole: ['subscriptions', 'stripe_customers'],
      rows: 3 * accounts,
      buffers: accounts,
    }))
})

describe('the retention of logs', () => {
  const days = 100
  const asSystem = (work: (tx: Tx) => Promise<unknown>) => (database: Database) => database.asSystem('a test', work)

  test('asks once an hour whether anybody has one, and whose logs are too old a page of users at a time', async () => {
    // The plan of every account is read for it, and that of a page again for each page.
    const limits = {
      whole: ['users', 'subscriptions'],
      rows: 4 * accounts,
      sorted: 4 * accounts,
      buffers: 4 * accounts,
    }
    await look(
      asSystem((tx) => hasRetention(tx, days)),
      limits,
    )
    await look(
      asSystem(async (tx) => {
        const page = await listExpiredUsers(tx, days, lowestIdOf(new Date(filled.end.getTime() - 60_000)), 500)
        // How many of those with logs are on the page is up to their random ids.
        expect(page.users.length).toBeGreaterThan(10)
      }),
      { ...limits, logRows: 5000 },
    )
  })

  test('says no of a month that nobody’s retention has passed without a look at it, and yes after reading it alone', async () => {
    const of = (back: number) => ({ from: monthsAgo(back), to: monthsAgo(back - 1) })
    const limits = {
      whole: ['users', 'subscriptions', `agent_logs_${monthsAgo(8).toISOString().slice(0, 7).replace('-', '_')}`],
      rows: 6 * accounts,
      buffers: 4 * accounts,
    }
    await look(
      asSystem(async (tx) => expect(await isRangeExpired(tx, days, of(1))).toBe(false)),
      { ...limits, logRows: 0 },
    )
    await look(
      asSystem(async (tx) => expect(await isRangeExpired(tx, days, of(8))).toBe(true)),
      { ...limits, index: /./, partitions: 1, logRows: sizes.month, buffers: limits.buffers + sizes.month },
    )
  })

  test('deletes the oldest logs of a user in batches of a thousand', () =>
    look(
      asSystem(async (tx) => {
        const user = filled.others[9]
        const { rows } = await deleteExpired(tx, { user_id: user?.id ?? '', cutoff: monthsAgo(3) }, 1000)
        expect(rows).toBeGreaterThan(500)
      }),
      { index: /user_id_timestamp_id|pkey/, logRows: 2500, buffers: 40_000 },
    ))
})
