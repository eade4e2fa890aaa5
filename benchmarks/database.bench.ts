import { parseArgs } from 'node:util'
import { CompiledQuery } from 'kysely'
import pg from 'pg'
import { absentWord, commonWord, fillManyLogs, type LoggedUser, type ManyLogs } from '../database/tests/many-logs.ts'
import { findWindowEnd, type LogSelection, listLogs } from '../server/src/agent-logs/agent-log-queries.ts'
import { toSpan } from '../server/src/agent-logs/agent-log-span.ts'
import { findLogs } from '../server/src/agent-logs/find-agent-logs.ts'
import type { Database, Tx } from '../server/src/database/database.ts'
import { openDatabase } from '../server/src/database/database.ts'
import { serverRole } from '../server/src/database/embedded.ts'
import { deployMigrations, readMigrations } from '../server/src/database/migrate.ts'
import { findPostgresBinaries } from '../server/src/database/postgres-binaries.ts'
import { grantServerRole } from '../server/src/database/server-role.ts'
import { createLog } from '../server/src/log.ts'
import { readUsage } from '../server/src/usage/usage-queries.ts'
import { reportDatabase } from './database-report.ts'
import { createWrites } from './database-writes.ts'
import { type Contest, runContests } from './interleaved-rounds.ts'
import { captureStatements, forOwner, openOwnerDoor } from './owner-door.ts'
import { startPostgres } from './start-postgres.ts'
import { timeInDatabase } from './time-in-database.ts'
import { round } from './write-results.ts'

/*
 * What row-level security costs, and how fast logs are read and written when there are ten million of them: each statement
 * of the product through the product's own door, beside the same without policies, in the same rounds.
 */

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '10000000' },
    rounds: { type: 'string', default: '15' },
    seconds: { type: 'string', default: '1' },
  },
})
const rows = Number(values.rows)
const rounds = Number(values.rounds)
const months = 14
const connections = 8
const say = (text: string) => process.stdout.write(`${text}\n`)

const settings = {
  shared_buffers: '2GB',
  max_wal_size: '8GB',
  checkpoint_timeout: '15min',
  random_page_cost: '1.1',
  jit: 'off',
  max_connections: '120',
}

async function main(): Promise<void> {
  const postgres = await startPostgres(await findPostgresBinaries(), settings)
  const client = new pg.Client({ connectionString: postgres.ownerUrl })
  try {
    await client.connect()
    await client.query(`create role ${serverRole} login noinherit`)
    await deployMigrations(postgres.ownerUrl, await readMigrations())
    await grantServerRole(postgres.ownerUrl, serverRole)
    await client.query('alter role service_role bypassrls')
    say(`filling ${rows} logs`)
    const filled = await fillManyLogs(postgres.ownerUrl, { rows, months })
    say(`copied in ${round(filled.seconds.copy)} s, indexed in ${round(filled.seconds.indexes)} s`)
    await compete(postgres.ownerUrl, client, filled)
  } finally {
    await client.end().catch(() => {})
    await postgres.stop()
  }
}

async function compete(ownerUrl: string, client: pg.Client, filled: ManyLogs): Promise<void> {
  const url = new URL(ownerUrl)
  url.username = serverRole
  const log = createLog('error')
  const database = openDatabase({ url: url.href, poolSize: connections, usePreparedStatements: true, log })
  const owner = openOwnerDoor(ownerUrl, connections)
  const writes = await createWrites({ ownerUrl, client, database, owner, filled })
  try {
    const reads = await createReads(database, filled)
    const inDatabase = []
    for (const read of reads) {
      const { name, users, toStatements } = read
      await warmUp(toContest(database, read))
      // Other users for each side: whom the first one has read would be in memory for the second.
      const draw = () => Array.from({ length: 301 }, users)
      inDatabase.push({
        name,
        rls: await timeInDatabase(ownerUrl, 'authenticated', draw(), toStatements),
        owner: await timeInDatabase(ownerUrl, null, draw(), (user) =>
          toStatements(user).map((one) => forOwner(one, user.id)),
        ),
      })
      say(`${name}: timed in the database`)
    }
    const contests = [...reads.map((read) => toContest(database, read)), ...writes.contests]
    const results = await runContests(contests, { rounds, seconds: Number(values.seconds), say })
    await reportDatabase(client, { filled, settings, rounds, seconds: Number(values.seconds), inDatabase, results })
  } finally {
    await writes.close()
    await owner.close()
    await database.close()
  }
}

const warmUpMs = 10_000

/** As on a server that has run for a while: right after the filling nothing of it is in PostgreSQL's memory. */
async function warmUp({ connections, sides }: Contest): Promise<void> {
  const until = performance.now() + warmUpMs
  await Promise.all(
    Array.from({ length: connections }, async () => {
      while (performance.now() < until) await sides[0]?.work()
    }),
  )
}

interface Read {
  name: string
  users: () => LoggedUser
  toStatements: (user: LoggedUser) => CompiledQuery[]
}

async function createReads(database: Database, filled: ManyLogs): Promise<Read[]> {
  const { heavy, others } = filled
  const anybody = () => others[Math.floor(Math.random() * others.length)] ?? heavy
  const captureWith = async (work: (explained: Database) => Promise<unknown>) => {
    const sent = await captureStatements(database, work)
    return (user: LoggedUser) => sent.map((statement) => forAgentsOf(statement, user))
  }
  const claimsOf = ({ id }: LoggedUser) => ({ sub: id, user_role: 'user' }) as const
  const capture = (user: LoggedUser, work: (tx: Tx) => Promise<unknown>) =>
    captureWith((explained) => explained.withUser(claimsOf(user), work))
  // A page as the route reads it; for users with fewer logs it may go on into older months.
  const capturePage = (user: LoggedUser, selection: LogSelection) =>
    captureWith((explained) => findLogs(explained, claimsOf(user), selection, 'desc', 51))
  const monthAgo = (count: number) =>
    new Date(Date.UTC(filled.end.getUTCFullYear(), filled.end.getUTCMonth() - count, 1))
  const all = { filter: {}, span: toSpan({}) }
  const deep = {
    filter: {},
    span: { ...toSpan({}), before: { timestamp: monthAgo(6), id: '80000000-0000-0000-0000-000000000000' } },
  }
  const search = (word: string) => ({ filter: { search: word }, span: toSpan({}) })
  const month = { from: monthAgo(2), to: monthAgo(1), by: 'day' as const, time_zone: 'UTC' }
  // What the roll-up spares: the same numbers out of the logs of the month.
  const fromLogs = `select date_trunc('day', "timestamp", 'UTC') as day, count(*) as runs, count(*) filter (where status = 'succeeded') as succeeded,
    sum(input_tokens) as input_tokens, sum(output_tokens) as output_tokens, sum(cost_usd) as cost_usd
    from agent_logs where "timestamp" >= '${monthAgo(2).toISOString()}' and "timestamp" < '${monthAgo(1).toISOString()}' group by 1 order by 1`
  return [
    {
      name: 'newest 50 of a random user',
      users: anybody,
      toStatements: await capturePage(anybody(), all),
    },
    {
      name: 'newest 50 of the user with a tenth',
      users: () => heavy,
      toStatements: await capturePage(heavy, all),
    },
    {
      name: 'page six months deep of the user with a tenth',
      users: () => heavy,
      toStatements: await capturePage(heavy, deep),
    },
    {
      name: 'search of a random user, a word in every fifth log',
      users: anybody,
      toStatements: await capture(anybody(), (tx) => listLogs(tx, search(commonWord), 'desc', 51)),
    },
    {
      name: 'search of a random user, a word in no log',
      users: anybody,
      toStatements: await capture(anybody(), (tx) => listLogs(tx, search(absentWord), 'desc', 51)),
    },
    {
      name: 'search of the user with a tenth, a word in no log: one window',
      users: () => heavy,
      toStatements: await capture(heavy, (tx) => listLogs(tx, search(absentWord), 'desc', 51)),
    },
    {
      name: 'finding the end of that window',
      users: () => heavy,
      toStatements: await capture(heavy, (tx) => findWindowEnd(tx, search(absentWord), 'desc')),
    },
    {
      name: 'usage of a month by day, random user',
      users: anybody,
      toStatements: await capture(anybody(), (tx) => readUsage(tx, month)),
    },
    {
      name: 'usage of a month by day, user with a tenth',
      users: () => heavy,
      toStatements: await capture(heavy, (tx) => readUsage(tx, month)),
    },
    {
      name: 'the same from the logs, user with a tenth',
      users: () => heavy,
      toStatements: () => [CompiledQuery.raw(fromLogs)],
    },
  ]
}

/** The names of a page are asked for with the ids that the page has: each user has other ones. */
function forAgentsOf(statement: CompiledQuery, { userAgents }: LoggedUser): CompiledQuery {
  if (!isForNames(statement)) return statement
  const agentIds = [...new Set(userAgents.map(({ agentId }) => agentId))]
  return CompiledQuery.raw(statement.sql, [agentIds, userAgents.map(({ id }) => id)])
}

const isForNames = ({ sql, parameters }: CompiledQuery) =>
  sql.includes(' union all ') && parameters.length === 2 && parameters.every(Array.isArray)

/** As the product sends them: settings and page at once, the names when the page is there. */
async function send(tx: Tx, statements: CompiledQuery[]): Promise<void> {
  const later = statements.filter(isForNames)
  await Promise.all(statements.filter((one) => !isForNames(one)).map((one) => tx.executeQuery(one)))
  for (const one of later) await tx.executeQuery(one)
}

function toContest(database: Database, { name, users, toStatements }: Read): Contest {
  return {
    name,
    connections,
    sides: [
      {
        name: 'row-level security',
        work: () => {
          const user = users()
          return database.withUser({ sub: user.id, user_role: 'user' }, (tx) => send(tx, toStatements(user)))
        },
      },
      {
        name: 'without',
        work: () => {
          const user = users()
          return database.asSystem('a benchmark passes by the policies', (tx) =>
            send(
              tx,
              toStatements(user).map((one) => forOwner(one, user.id)),
            ),
          )
        },
      },
    ],
  }
}

await main()
