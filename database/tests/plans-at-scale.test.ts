import { createHash, randomBytes } from 'node:crypto'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
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
import { countActivity } from '../../server/src/agent-logs/count-activity.ts'
import { findLogs } from '../../server/src/agent-logs/find-agent-logs.ts'
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
import { createApp } from '../../server/src/app.ts'
import { findUserByApiKey, findUserBySession } from '../../server/src/auth/credential-queries.ts'
import { deleteExpiredSignInRows, listSessions } from '../../server/src/auth/session-queries.ts'
import { findConversation, listConversations } from '../../server/src/conversations/conversation-queries.ts'
import type { Claims, Database } from '../../server/src/database/database.ts'
import { createId, createIdWithTime } from '../../server/src/database/uuid-v7.ts'
import type { App } from '../../server/src/http/app-types.ts'
import { findWholeIntegration } from '../../server/src/integrations/integration-queries.ts'
import { createConfiguredAgents } from '../../server/src/runtime/configured-agents.ts'
import { interruptRunsOf, listSilentNodes } from '../../server/src/server-nodes/server-node-queries.ts'
import {
  type ExplainedStatement,
  explainStatements,
  type PlanNode,
} from '../../server/src/testing/explain-statements.ts'
import { createTestApp, type TestApp } from '../../server/src/testing/test-app.ts'
import { claimIdempotencyKey } from '../../server/src/user-agents/idempotency-queries.ts'
import { findUserAgent, listUserAgents } from '../../server/src/user-agents/user-agent-queries.ts'
import { findUser, findUserByEmail } from '../../server/src/users/user-queries.ts'
import { absentWord, commonWord, fillManyLogs, type LoggedUser, type ManyLogs, rareWord } from './many-logs.ts'

/*
 * What PostgreSQL does for the statements of the server, on a million logs and under row-level security. Each is explained
 * where it is sent, with its own text, values, role and claims, and judged by what it did, not by what was expected of it.
 */

// On CI less of it: what is judged is how much is looked at, which does not grow with what there is.
const logRows = process.env.CI ? 400_000 : 1_000_000
const months = 14
/** Plans of a database this small may read tables as a whole that have no more rows than this. */
const fewRows = 1000
/** A page, with the row that tells whether there is a next one. */
const pageRows = 201

let server: TestApp
let app: App
let filled: ManyLogs
let heavy: LoggedUser
let normal: LoggedUser
let log: { id: string; timestamp: Date; conversation_id: string; user_agent_id: string }
let key: string
let explained: ReturnType<typeof explainStatements>

beforeAll(async () => {
  server = await createTestApp()
  filled = await fillManyLogs(server.ownerUrl, { rows: logRows, months })
  heavy = filled.heavy
  normal = filled.others[7] ?? heavy
  explained = explainStatements(server.database)
  app = await createApp({ ...server.services, database: explained.database })
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

interface Limits {
  /** Partitions that rows are looked for in; the rest is left out when planning or starting. */
  partitions?: number
  /** The index that logs are read by. */
  index?: RegExp
  /** Rows of the log that one statement looks at. */
  logRows?: number
  /** Rows that go through a sort. */
  sorted?: number
  /** Pages of memory that one statement touches, 8 kB each. */
  buffers?: number
}

interface Reading {
  table: string
  index: string | undefined
  node: string
  rows: number
  /** Of the longest single reading. */
  rowsAtOnce: number
}

/** Every node that read a table, with all rows it looked at. */
function readingsOf(plan: PlanNode): Reading[] {
  const below = (plan.Plans ?? []).flatMap(readingsOf)
  const loops = plan['Actual Loops']
  if (loops === 0) return below
  const index = plan['Index Name']
  const rowsAtOnce = plan['Actual Rows'] + (plan['Rows Removed by Filter'] ?? 0)
  const rows = rowsAtOnce * loops
  // A bitmap names its index one level below.
  if (plan['Node Type'] === 'Bitmap Heap Scan')
    return [{ table: tableOf(plan), index: undefined, node: 'Bitmap', rows, rowsAtOnce }, ...below]
  if (!plan['Relation Name'] || !/Scan/.test(plan['Node Type'])) return below
  return [{ table: tableOf(plan), index, node: plan['Node Type'], rows, rowsAtOnce }, ...below]
}

const tableOf = (plan: PlanNode) => plan['Relation Name'] ?? ''
const isOfLogs = ({ table }: Reading) => /^agent_logs_(\d|default)/.test(table)

/** Rows that went into the largest sort. */
function sortedRows(plan: PlanNode): number {
  const below = (plan.Plans ?? []).map((one) =>
    Math.max(sortedRows(one), /Sort/.test(plan['Node Type']) ? one['Actual Rows'] * one['Actual Loops'] : 0),
  )
  return Math.max(0, ...below)
}

function judge(statements: ExplainedStatement[], limits: Limits): void {
  const {
    partitions = months + 5,
    index = /./,
    logRows: most = pageRows * 2,
    sorted = pageRows,
    buffers = 2000,
  } = limits
  expect(statements.length).toBeGreaterThan(0)
  for (const { text, generic, custom } of statements) {
    for (const [mode, explained] of Object.entries({ generic, custom })) {
      if (!explained) continue
      const { Plan } = explained
      const about = `${mode}: ${text}`
      const readings = readingsOf(Plan)
      const ofLogs = readings.filter(isOfLogs)
      const whole = readings.filter(({ node, rowsAtOnce }) => node === 'Seq Scan' && rowsAtOnce > fewRows)
      expect(whole, `read as a whole, ${about}`).toEqual([])
      expect(sortedRows(Plan), `rows sorted, ${about}`).toBeLessThanOrEqual(sorted)
      expect(new Set(ofLogs.map(({ table }) => table)).size, `partitions, ${about}`).toBeLessThanOrEqual(partitions)
      for (const one of ofLogs.filter(({ rows }) => rows > 0)) expect(`${one.index}`, about).toMatch(index)
      const lookedAt = ofLogs.reduce((sum, { rows }) => sum + rows, 0)
      expect(lookedAt, `rows of the log, ${about}`).toBeLessThanOrEqual(most)
      const touched = (Plan['Shared Hit Blocks'] ?? 0) + (Plan['Shared Read Blocks'] ?? 0)
      expect(touched, `buffers, ${about}`).toBeLessThanOrEqual(buffers)
    }
  }
}

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
      buffers: 600,
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
      sorted: 20_000,
      buffers: 20_000,
    }))

  test('a page of an export is read from the index of the owner', () =>
    look(
      (database) =>
        database.withUser(claimsOf(user()), (tx) =>
          listWholeLogs(tx, { filter: {}, span: toSpan({}) }, 'desc', pageRows - 1),
        ),
      { index: byOwner },
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
      { index: /conversation_id/, logRows: 30, buffers: 400 },
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

  test('of a server that fell silent is found within the time it lived', async () => {
    const nodeId = createId()
    await server.database.asSystem('a test lets a server die', (tx) =>
      tx
        .insertInto('server_nodes')
        .values({ id: nodeId, started_at: log.timestamp, heartbeat_at: new Date(log.timestamp.getTime() + 3_600_000) })
        .execute(),
    )
    await look(
      (database) =>
        database.asSystem('a test looks for silent servers', async (tx) => {
          await listSilentNodes(tx, createId(), 60)
          await interruptRunsOf(tx, nodeId)
        }),
      // A day and an hour of everybody's runs: about 2,600 of them here.
      { index: /timestamp_idx/, partitions: 3, logRows: 10_000, buffers: 6000 },
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

/** Every route that only reads, also those that are not named here: with ids of the heavy user, and every page it begins with. */
test('every GET route of the API stays within the limits', async () => {
  const { paths } = (await app.inject({ url: '/openapi.json' })).json()
  const ids: Record<string, () => string | undefined> = {
    'agent-logs': () => log.id,
    'user-agents': () => heavy.userAgents[0]?.id,
    agents: () => heavy.userAgents[0]?.agentId,
    models: () => heavy.userAgents[0]?.id,
    conversations: () => log.conversation_id,
  }
  let looked = 0
  for (const [path, methods] of Object.entries<Record<string, unknown>>(paths)) {
    // What reads everything of a user does so page by page, each explained; that it ends is tested elsewhere.
    if (!methods.get || /export/.test(path)) continue
    const url = path.replace(/([\w-]+)\/\{\w+\}/g, (whole, noun: string) => {
      const id = ids[noun]?.()
      return id ? `${noun}/${id}` : whole
    })
    if (url.includes('{')) continue
    explained.take()
    const answer = await app.inject({ url, headers: { authorization: `Bearer ${key}` } })
    const statements = explained.take()
    expect(answer.statusCode, `${url}: ${answer.body.slice(0, 300)}`).toBeLessThan(500)
    if (answer.statusCode !== 200 || statements.length === 0) continue
    looked++
    judge(statements, { logRows: 25_000, sorted: 25_000, buffers: 25_000 })
  }
  expect(looked).toBeGreaterThan(8)
})

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
