import pg from 'pg'
import { copyRows, type LoggedUser, logColumns, type ManyLogs, writeLog } from '../database/tests/many-logs.ts'
import { type NewRun, startRun } from '../server/src/agent-logs/run-log-queries.ts'
import type { Claims, Database } from '../server/src/database/database.ts'
import type { Statement } from '../server/src/database/framed-statement.ts'
import { createId, createIdWithTime } from '../server/src/database/uuid-v7.ts'
import type { Contest } from './interleaved-rounds.ts'
import type { OwnerDoor } from './owner-door.ts'

const connections = 8
const batchRows = 500
const copiedRows = 10_000
const columns = logColumns.split(',').length
const places = Array.from({ length: columns }, (_, at) => `$${at + 1}`).join(', ')

/** Beside agent_logs a table without partitions, with the same columns, checks, keys and indexes, and the rows of the present month. */
const createPlainTable = `
  create schema bench;
  create table bench.plain_logs (like public.agent_logs including all) with (fillfactor = 80);
  alter table bench.plain_logs add foreign key (user_id) references public.users (id) on delete cascade,
    add foreign key (agent_id) references public.agents (id) on delete set null;
  insert into bench.plain_logs select * from public.agent_logs where "timestamp" >= date_trunc('month', now(), 'UTC');
  grant usage on schema bench to service_role;
  grant select, insert on bench.plain_logs to service_role;
  grant execute on function app.reserve_run(uuid, timestamptz, uuid, boolean) to service_role;
  analyze bench.plain_logs`

/** One row at a time, in batches and by COPY; each into agent_logs with and without policies, and into the plain table. */
export async function createWrites(options: {
  ownerUrl: string
  client: pg.Client
  database: Database
  owner: OwnerDoor
  filled: ManyLogs
}): Promise<{ contests: Contest[]; close(): Promise<void> }> {
  const { ownerUrl, client, database, owner, filled } = options
  await client.query(createPlainTable)
  const copying = new pg.Client({ connectionString: ownerUrl })
  await copying.connect()
  let number = filled.rows
  const anybody = () => filled.others[Math.floor(Math.random() * filled.others.length)] ?? filled.heavy
  const line = (user: LoggedUser) => writeLog(user, Date.now(), number++)
  const row = (user: LoggedUser) => line(user).trimEnd().split('\t')
  const insert = (table: string, user: LoggedUser): Statement => ({
    name: `insert_${table}`,
    text: `insert into ${table} (${logColumns}) values (${places})`,
    values: row(user),
  })
  const insertMany = (table: string, user: LoggedUser): Statement => ({
    name: `insert_many_${table}`,
    text: `insert into ${table} (${logColumns}) select * from json_to_recordset($1) as r (id uuid, "timestamp" timestamptz, user_id uuid,
      agent_id uuid, user_agent_id uuid, conversation_id uuid, status text, source text, model text, input text, output text,
      metadata jsonb, input_tokens integer, output_tokens integer, cost_usd numeric, latency_ms integer)`,
    values: [JSON.stringify(Array.from({ length: batchRows }, () => toRecord(row(user))))],
  })
  const copy = (table: string) => () =>
    copyRows(
      copying,
      table,
      logColumns,
      Array.from({ length: copiedRows }, () => line(anybody())),
    )
  const ours = (make: (user: LoggedUser) => Statement) => () => {
    const user = anybody()
    return database.queryAsUser(claimsOf(user), make(user))
  }
  const framed = (make: (user: LoggedUser) => Statement) => () => {
    const user = anybody()
    return owner.queryFramed(claimsOf(user), make(user))
  }
  const plain = (make: (user: LoggedUser) => Statement) => () => owner.queryPlain(make(anybody()))
  const inserts = (name: string, make: typeof insert, rows: number, at: number): Contest => ({
    name,
    connections: at,
    rows,
    sides: [
      { name: 'row-level security', work: ours((user) => make('agent_logs', user)) },
      { name: 'without', work: framed((user) => make('agent_logs', user)) },
      { name: 'plain SQL', work: plain((user) => make('agent_logs', user)) },
      { name: 'without, plain table', work: framed((user) => make('bench.plain_logs', user)) },
      { name: 'plain SQL, plain table', work: plain((user) => make('bench.plain_logs', user)) },
    ],
  })
  return {
    contests: [
      inserts('log inserts, one a transaction', insert, 1, connections),
      {
        name: 'runs begun (the statement that reads the user agent and inserts its log)',
        connections,
        sides: [
          { name: 'row-level security', work: () => beginRun(database, anybody()) },
          {
            name: 'without',
            work: async () => {
              const user = anybody()
              return owner.queryFramed(claimsOf(user), await captureBegin(user))
            },
          },
        ],
      },
      inserts(`log inserts, ${batchRows} a transaction, rows`, insertMany, batchRows, 1),
      {
        name: `COPY of ${copiedRows}, rows (PostgreSQL refuses it to roles under policies)`,
        connections: 1,
        rows: copiedRows,
        sides: [
          { name: 'agent_logs', work: copy('public.agent_logs') },
          { name: 'plain table', work: copy('bench.plain_logs') },
        ],
      },
    ],
    close: () => copying.end(),
  }
}

const claimsOf = ({ id }: LoggedUser): Claims => ({ sub: id, user_role: 'user' })

function toRecord(cells: string[]): Record<string, unknown> {
  const names = logColumns.replaceAll('"', '').split(', ')
  return Object.fromEntries(
    names.map((name, at) => [name, name === 'metadata' ? JSON.parse(cells[at] ?? '{}') : cells[at]]),
  )
}

const nodeId = createId()

function newRun(user: LoggedUser): NewRun {
  return {
    ...createIdWithTime(),
    userAgentId: user.userAgents[0]?.id ?? '',
    conversationId: null,
    input: 'Could you tell me what became of my order? I have waited for it since the beginning of the month.',
    source: 'api',
    nodeId,
    defaultModel: 'anthropic/claude-haiku-4-5',
    metadata: {},
    knownSettingsVersion: null,
  }
}

const beginRun = (database: Database, user: LoggedUser) => startRun(database, claimsOf(user), newRun(user))

/** The statement that `startRun` would send. */
async function captureBegin(user: LoggedUser): Promise<Statement> {
  let sent: Statement | null = null
  const recorder = {
    queryAsUser: async (_claims: Claims, statement: Statement) => {
      sent = statement
      return []
    },
  }
  // Of the database it uses nothing else.
  await startRun(recorder as unknown as Database, claimsOf(user), newRun(user))
  if (!sent) throw new Error('nothing was sent')
  return sent
}
