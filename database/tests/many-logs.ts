import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { DummyDriver, Kysely, PostgresAdapter, PostgresIntrospector, PostgresQueryCompiler } from 'kysely'
import pg from 'pg'
import { from as copyFrom } from 'pg-copy-streams'
import { capabilitiesSchema } from '../../server/src/agents/capabilities.ts'
import { toStoredCapabilities } from '../../server/src/agents/stored-capabilities.ts'
import { exampleCapabilities } from '../../server/src/testing/agent-fixtures.ts'
import { usageOfLog } from '../../server/src/usage/roll-up-queries.ts'

/*
 * A database as it is after a year of work, the same for tests of plans and for benchmarks: accounts with everything that
 * belongs to one, and logs over many months, of which one user owns a tenth and the others about a thousand each.
 */

const logColumns =
  'id, "timestamp", user_id, agent_id, user_agent_id, conversation_id, status, source, model, input, output, metadata, input_tokens, output_tokens, cost_usd, latency_ms'

/** A word that stands in two logs of the heavy user's, so that a search for it looks at nearly all of them. */
export const rareWord = 'zanzibar'
/** Stands in every fifth log. */
export const commonWord = 'refund'
/** Stands in no log. */
export const absentWord = 'kilimanjaro'

interface LoggedUserAgent {
  id: string
  agentId: string
  conversationId: string
  runsLeft: number
}

export interface LoggedUser {
  id: string
  userAgents: LoggedUserAgent[]
}

export interface ManyLogs {
  rows: number
  /** Owns a tenth of all logs. */
  heavy: LoggedUser
  /** Everybody else; each owns about a thousand logs. */
  others: LoggedUser[]
  start: Date
  end: Date
  seconds: { copy: number; indexes: number }
}

export interface ManyLogsOptions {
  rows: number
  /** The last one is the present month, filled up to `now`. */
  months: number
  now?: Date
}

/** Needs a superuser; `agent_logs` must be empty. The indexes are those that the migrations made. */
export async function fillManyLogs(ownerUrl: string, options: ManyLogsOptions): Promise<ManyLogs> {
  const { rows, months, now = new Date() } = options
  const start = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - months + 1, 1))
  const client = new pg.Client({ connectionString: ownerUrl })
  await client.connect()
  try {
    await client.query('select app.ensure_agent_log_partitions($1::date, $2)', [
      start.toISOString().slice(0, 10),
      months + 3,
    ])
    // The rows refer to what is there; a look at each would only make the filling slow.
    await client.query('set session_replication_role = replica')
    const [heavy, ...others] = await insertAccounts(client, 1 + Math.max(2, Math.round((rows * 0.9) / 1000)))
    if (!heavy) throw new Error('there is no user')
    const filled = { rows, heavy, others, start, end: now }
    const seconds = await withoutIndexes(client, () =>
      copyRows(client, 'public.agent_logs', logColumns, writeLogs(filled)),
    )
    await rollUp(client, now)
    await client.query('vacuum (freeze, analyze)')
    return { ...filled, seconds }
  } finally {
    await client.end()
  }
}

const compiler = new Kysely({
  dialect: {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (db) => new PostgresIntrospector(db),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  },
})

/**
 * The hours of all logs but the last two, in one statement: the product counts hour by hour, which takes minutes for the
 * ten thousand hours of a year and more.
 */
async function rollUp(client: pg.ClientBase, end: Date): Promise<void> {
  const until = new Date(Math.floor(end.getTime() / 3_600_000) * 3_600_000 - 2 * 3_600_000)
  await client.query(
    `insert into usage_hours (user_id, hour, agent_id, user_agent_id, source, model, runs, succeeded, failed, cancelled, interrupted,
       input_tokens, output_tokens, cost_usd, unpriced_runs, latency_ms, timed_runs)
     select user_id, hour, agent_id, user_agent_id, source, model, sum(runs), sum(succeeded), sum(failed), sum(cancelled), sum(interrupted),
       sum(input_tokens), sum(output_tokens), sum(cost_usd), sum(unpriced_runs), sum(latency_ms), sum(timed_runs)
     from (select ${usageOfLog.compile(compiler).sql} from agent_logs where "timestamp" < $1) entries
     group by user_id, hour, agent_id, user_agent_id, source, model`,
    [until],
  )
  await client.query('update usage_rollup set rolled_until = $1', [until])
}

/** Building an index over rows that are there takes a tenth of what keeping it up row by row does. */
async function withoutIndexes(client: pg.Client, work: () => Promise<void>): Promise<ManyLogs['seconds']> {
  const { rows } = await client.query<{ name: string; definition: string }>(
    `select indexrelid::regclass::text as name, replace(pg_get_indexdef(indexrelid), ' ON ONLY ', ' ON ') as definition
     from pg_index where indrelid = 'public.agent_logs'::regclass and not indisprimary`,
  )
  for (const { name } of rows) await client.query(`drop index ${name}`)
  const startedAt = performance.now()
  await work()
  const copiedAt = performance.now()
  await client.query("set maintenance_work_mem = '512MB'")
  for (const { definition } of rows) await client.query(definition)
  return { copy: (copiedAt - startedAt) / 1000, indexes: (performance.now() - copiedAt) / 1000 }
}

export async function copyRows(
  client: pg.ClientBase,
  table: string,
  columns: string,
  pieces: Iterable<string>,
): Promise<void> {
  await pipeline(
    Readable.from(pieces, { objectMode: false }),
    client.query(copyFrom(`copy ${table} (${columns}) from stdin`)),
  )
}

const agents = 40

/** Accounts with user agents, integrations, sessions, API keys and Idempotency-Keys; each has its share of all of them. */
async function insertAccounts(client: pg.Client, count: number): Promise<LoggedUser[]> {
  const agentIds = Array.from({ length: agents }, () => createIdAt(Date.now()))
  await client.query(
    `insert into agents (id, name, description, type, capabilities, is_public)
     select id, 'Agent ' || n, 'What agent ' || n || ' does.', 'customer', $2, true from unnest($1::uuid[]) with ordinality as a (id, n)`,
    [agentIds, JSON.stringify(toStoredCapabilities(capabilitiesSchema.parse(exampleCapabilities()), 'customer'))],
  )
  await client.query(
    `insert into agent_versions (agent_id, version, name, description, capabilities)
     select id, 1, name, description, capabilities from agents where id = any($1)`,
    [agentIds],
  )
  // Others than those with logs, so that every table is too large to be read as a whole.
  const users = Array.from({ length: Math.max(5000, count) }, () => ({ id: createIdAt(Date.now()) }))
  const logged: LoggedUser[] = users.slice(0, count).map(({ id }, number) => ({
    id,
    userAgents: Array.from({ length: number === 0 ? 20 : 3 }, (_, at) => ({
      id: createIdAt(Date.now()),
      agentId: agentIds[(number + at) % agents] ?? '',
      conversationId: '',
      runsLeft: 0,
    })),
  }))
  await client.query(
    `insert into users (id, email, first_name) select id, n || '@example.test', 'User ' || n from unnest($1::uuid[]) with ordinality as u (id, n)`,
    [users.map(({ id }) => id)],
  )
  const userAgents = logged.flatMap(({ id, userAgents: own }) => own.map((one) => ({ ...one, userId: id })))
  await client.query(
    `insert into user_agents (id, user_id, agent_id, agent_version, name)
     select id, user_id, agent_id, 1, 'My agent' from unnest($1::uuid[], $2::uuid[], $3::uuid[]) as u (id, user_id, agent_id)`,
    [userAgents.map(({ id }) => id), userAgents.map(({ userId }) => userId), userAgents.map(({ agentId }) => agentId)],
  )
  await client.query(
    `insert into integrations (id, user_agent_id, type) select gen_random_uuid(), id, type from user_agents, unnest(array['gmail', 'slack', 'mcp']) type`,
  )
  await client.query(
    `insert into sessions (id, user_id, refresh_token_hash, expires_at)
     select gen_random_uuid(), id, sha256(id::text::bytea), now() + n * interval '10 days' from users, generate_series(1, 3) n`,
  )
  await client.query(
    `insert into api_keys (id, user_id, name, prefix, key_hash)
     select gen_random_uuid(), id, 'key', 'ax_abcdef', sha256((id::text || n)::bytea) from users, generate_series(1, 3) n`,
  )
  await client.query(
    `insert into idempotency_keys (user_id, key, request_hash, log_id, log_timestamp)
     select id, 'key ' || n, '\\x00', gen_random_uuid(), now() from users, generate_series(1, 5) n`,
  )
  return logged
}

const pieceRows = 500

/** Lines for COPY, oldest first, in pieces. */
function* writeLogs({ rows, heavy, others, start, end }: Omit<ManyLogs, 'seconds'>): Generator<string> {
  const stepMs = (end.getTime() - start.getTime()) / rows
  let piece = ''
  for (let number = 0; number < rows; number++) {
    const isHeavy = number % 10 === 0
    const user = isHeavy ? heavy : (others[(Math.imul(number, 0x9e3779b1) >>> 0) % others.length] ?? heavy)
    const word = isHeavy && number % (rows / 2) === rows / 4 ? rareWord : undefined
    piece += writeLog(user, Math.floor(start.getTime() + number * stepMs), number, word)
    if (number % pieceRows === pieceRows - 1) {
      yield piece
      piece = ''
    }
  }
  if (piece) yield piece
}

const statuses = ['failed', 'cancelled', 'interrupted']

/** One line for COPY with the columns of `logColumns`: about 600 bytes as PostgreSQL stores them, a question, an answer and its steps. */
function writeLog(user: LoggedUser, ms: number, number: number, word = ''): string {
  const random = Math.imul(number + 1, 0x85ebca6b) >>> 0
  const userAgent = user.userAgents[(random >>> 8) % user.userAgents.length]
  if (!userAgent) throw new Error('this user has no user agent')
  const id = createIdAt(ms)
  if (userAgent.runsLeft === 0) {
    userAgent.conversationId = id
    userAgent.runsLeft = 1 + (random % 8)
  }
  userAgent.runsLeft--
  const status = random % 20 === 0 ? (statuses[(random >>> 5) % 3] ?? 'failed') : 'succeeded'
  return [
    id,
    new Date(ms).toISOString(),
    user.id,
    userAgent.agentId,
    userAgent.id,
    userAgent.conversationId,
    status,
    'api',
    'anthropic/claude-haiku-4-5',
    `Order ${number}: ${pickSentence(random)} ${word}`,
    `${pickSentence(random >>> 3)} ${pickSentence(random >>> 7)} ${random % 5 === 0 ? commonWord : ''}`,
    `{"steps": [{"kind": "model", "latency_ms": ${random % 4000}, "finish_reason": "stop"}], "citations": []}`,
    random % 4000,
    random % 900,
    ((random % 1000) / 100_000).toFixed(8),
    random % 9000,
  ]
    .join('\t')
    .concat('\n')
}

export { logColumns, writeLog }

const syllables = [
  'ma',
  'ter',
  'lo',
  'vin',
  'ska',
  'dor',
  'pel',
  'ri',
  'kun',
  'tha',
  'bre',
  'os',
  'gim',
  'wel',
  'au',
  'nys',
]
const sentences = Array.from({ length: 4096 }, (_, number) => {
  let random = Math.imul(number + 7, 0x9e3779b1) >>> 0
  const words = Array.from({ length: 12 }, () => {
    random = (Math.imul(random, 1664525) + 1013904223) >>> 0
    const at = random >>> 16
    return `${syllables[at & 15]}${syllables[(at >>> 4) & 15]}${at & 256 ? syllables[(at >>> 9) & 15] : ''}`
  })
  return `${words.join(' ')}.`
})

function pickSentence(random: number): string {
  return sentences[random & 4095] ?? ''
}

let randomPool = ''
let used = 0

/** A UUIDv7 of any moment; `createIdWithTime` makes those of the present alone. */
export function createIdAt(ms: number): string {
  if (used + 19 > randomPool.length) {
    randomPool = randomBytes(8192).toString('hex')
    used = 0
  }
  const random = randomPool.slice(used, used + 18)
  used += 18
  const time = ms.toString(16).padStart(12, '0')
  return `${time.slice(0, 8)}-${time.slice(8)}-7${random.slice(0, 3)}-8${random.slice(3, 6)}-${random.slice(6)}`
}
