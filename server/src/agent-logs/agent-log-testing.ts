import { sql } from 'kysely'
import type { Database, Tx } from '../database/database.ts'
import { createIdWithTime } from '../database/uuid-v7.ts'

export interface TestLog {
  user_id: string
  timestamp?: Date
  agent_id?: string | null
  user_agent_id?: string | null
  conversation_id?: string
  status?: string
  error_code?: string | null
  source?: string
  model?: string
  input?: string
  output?: string | null
  metadata?: unknown
  input_tokens?: number
  cost_usd?: string
  latency_ms?: number
}

/** Writes a log as a run would leave it and answers its id. */
export async function insertTestLog(
  database: Database,
  { timestamp: moment, metadata, ...log }: TestLog,
): Promise<string> {
  // An id of that moment: those of one process only ascend, and tests look into the past.
  const { id: fresh, timestamp: now } = createIdWithTime()
  const timestamp = moment ?? now
  const time = timestamp.getTime().toString(16).padStart(12, '0')
  const id = moment ? `${time.slice(0, 8)}-${time.slice(8)}${fresh.slice(13)}` : fresh
  await database.asSystem('a test writes a log', (tx) =>
    tx
      .insertInto('agent_logs')
      .values({
        id,
        timestamp,
        conversation_id: id,
        status: 'succeeded',
        source: 'api',
        input: 'Do you ship to Norway?',
        output: 'Yes.',
        metadata: JSON.stringify(metadata ?? {}),
        ...log,
      })
      .execute(),
  )
  return id
}

/** A public agent in one version, and a user agent of it. */
export async function insertTestUserAgent(
  database: Database,
  userId: string,
  name = 'Shop help',
): Promise<{ agentId: string; userAgentId: string }> {
  const agentId = createIdWithTime().id
  const userAgentId = createIdWithTime().id
  const about = { name: 'Customer service', description: 'Answers customers.', capabilities: '{}' }
  await database.asSystem('a test configures an agent', async (tx) => {
    await tx
      .insertInto('agents')
      .values({ id: agentId, type: 'customer', is_public: true, ...about })
      .execute()
    await tx
      .insertInto('agent_versions')
      .values({ agent_id: agentId, version: 1, ...about })
      .execute()
    await tx
      .insertInto('user_agents')
      .values({ id: userAgentId, user_id: userId, agent_id: agentId, agent_version: 1, name })
      .execute()
  })
  return { agentId, userAgentId }
}

/** Writes `count` logs of one second each from `start` on, their ids made from their timestamps as the server makes them. */
export async function insertTestLogs(
  database: Database,
  userId: string,
  { count, start = '2026-11-01T00:00:00Z', stepMs = 1000 }: { count: number; start?: string; stepMs?: number },
): Promise<void> {
  const insert = (tx: Tx) =>
    sql`
      insert into agent_logs (id, user_id, "timestamp", input, output, conversation_id, status, source, metadata)
      select id, ${userId}, moment, 'Question ' || n, 'Answer, "' || n || E'"\nsecond line', id, 'succeeded', 'api', '{}'
      from generate_series(1, ${count}::integer) n,
        lateral (select ${start}::timestamptz + n * ${stepMs}::integer * interval '1 millisecond' as moment) m,
        lateral (select lpad(to_hex((extract(epoch from moment) * 1000)::bigint), 12, '0') as time) t,
        lateral (select (left(time, 8) || '-' || right(time, 4) || '-7000-8000-' || left(md5(${userId}::text || n), 12))::uuid as id) i
    `.execute(tx)
  await database.asSystem('a test writes many logs', insert, { statementTimeoutMs: 60_000 })
}
