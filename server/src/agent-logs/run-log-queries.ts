import { sql } from 'kysely'
import pg from 'pg'
import type { Claims, Database, Tx } from '../database/database.ts'
import type { Statement, StatementValue } from '../database/framed-statement.ts'
import { readIdTime } from '../database/uuid-v7.ts'
import type { TakenRun } from '../limits/run-limit.ts'
import type { RunOutcome, UsedByRun } from '../runtime/run-types.ts'
import type { WaitingState } from '../runtime/waiting-state.ts'
import { againIfMoved } from './again-if-moved.ts'

/*
 * The statements every run goes through. Their text is fixed so that PostgreSQL plans each once a connection, and each
 * does all of its work in one round trip.
 */

export interface NewRun {
  id: string
  timestamp: Date
  userAgentId: string
  /** Null begins a new conversation. */
  conversationId: string | null
  input: string
  source: 'chat' | 'api' | 'openai'
  nodeId: string
  defaultModel: string
  metadata: Record<string, unknown>
  /** The settings we hold already; the row's are read only when they are newer. */
  knownSettingsVersion: string | null
}

/** What the limits said is null where they were not asked: the agent is off, or the conversation not one with it. */
export interface StartedRun extends Partial<TakenRun> {
  agent_id: string
  agent_version: number
  is_active: boolean
  model: string | null
  settings_version: string
  settings: Record<string, unknown> | null
  /** False: not inserted, because the agent is off, the conversation is not one with it, or a limit is reached. */
  has_started: boolean
  /** Types of the integrations that its tools can use. */
  integration_types: string[]
  history: { input: string; output: string; has_untrusted: boolean }[] | null
}

// What a model is reminded of: the newest runs of the conversation, so that a long one costs no more than a short one.
const historyRuns = 20
// The few conversations that are older are planned over all months.
const longestPlannedMs = 366 * 86_400_000

// The user's id comes as a value, which is cheaper than asking `auth.uid()` again; the policies still compare the two.
const loaded = `loaded as (
  select id, agent_id, agent_version, is_active, model, updated_at::text as settings_version,
         case when updated_at::text = $9 then null else settings end as settings,
         array(select type::text from integrations where integrations.user_agent_id = $1 and status = 'connected') as integration_types
  from user_agents where id = $1 and user_id = $11::uuid
)`

// Before the row is written, and in the same statement: both are there, or neither. It depends on a column of a
// materialized row, so that PostgreSQL can neither call it twice nor where there is nothing to run.
const reserved = (condition: string) => `ready as materialized (
  select coalesce(model, $7::text) <> 'built-in/retrieval' as asks_model from loaded where is_active ${condition}
), reserved as materialized (
  select taken.* from ready cross join lateral app.reserve_run($2::uuid, $3::timestamptz, $6::uuid, ready.asks_model) taken
)`
const taken = 'refused, limit_value, used, runs_limit, runs_used, cost_left_usd, cost_left_of, types'

const inserted = `insert into agent_logs (id, "timestamp", user_id, agent_id, user_agent_id, conversation_id, input, status, source, model, node_id, metadata)
  select $2::uuid, $3::timestamptz, $11::uuid, agent_id, $1::uuid, coalesce($10::uuid, $2::uuid), $4::text, 'running', $5::text, coalesce(model, $7::text), $6::uuid, $8::jsonb
  from loaded cross join reserved where refused is null`

// What is inserted needs no RETURNING, which would check the row once more against the policy for reading.
const beginConversation = `with ${loaded}, ${reserved('')}, started as (${inserted})
select agent_id, agent_version, is_active, model, settings_version, settings, integration_types,
       is_active and refused is null as has_started, null as history, ${taken}
from loaded left join reserved on true`

// Not `=`: PostgreSQL would take the index on user_agent_id where it believes that the average one has few runs, and read
// all runs of the one that has a million.
const continueConversation = (months: string) => `with ${loaded}, earlier as (
  select id, "timestamp", input, output, has_untrusted from agent_logs
  where conversation_id = $10::uuid and ${months}
    and user_id = $11::uuid and user_agent_id is not distinct from $1
  order by "timestamp" desc, id desc limit ${historyRuns}
), ${reserved('and exists (select from earlier)')}, started as (${inserted})
select agent_id, agent_version, is_active, model, settings_version, settings, integration_types,
       is_active and refused is null and exists (select from earlier) as has_started,
       (select json_agg(json_build_object('input', input, 'output', output, 'has_untrusted', has_untrusted) order by "timestamp", id) from earlier
        where output is not null and output <> '') as history, ${taken}
from loaded left join reserved on true`

// What is planned while a month's logs move from the default partition to their own finds them in neither. Of a conversation
// that lies in one month it then finds nothing at all, which `startRun` sees; of one that lies in several, the others, and
// the model would forget what was said last. This waits for the move, and no other one begins before the transaction ends.
const holdPartitions = (months: string) => `select 1 from agent_logs where id = $1::uuid and ${months}`

/** Takes the run from the limits, inserts the row as `running` and reads what the run needs. Null: there is no such user agent, or it is another user's. */
export async function startRun(database: Database, claims: Claims, run: NewRun): Promise<StartedRun | null> {
  const start = () => database.queryAsUser<StartedRun>(claims, startStatement(claims, run))
  const rows = await start().catch((error: unknown) => {
    // The month's partition was made while the row was on its way to the default one: the next try finds it.
    if (isOutOfPartition(error)) return start()
    throw error
  })
  // Or while the conversation was looked for where it was.
  const [started = null] = rows.some(hasNoConversation) ? await start() : rows
  return started
}

/** Nothing is inserted or taken from limits. Callers tell it apart in the same way. */
const hasNoConversation = ({ is_active, has_started, refused }: StartedRun) =>
  is_active && !has_started && (refused ?? null) === null

/** SQLSTATE check_violation; that of a partition names no constraint. */
const isOutOfPartition = (error: unknown) =>
  error instanceof pg.DatabaseError && error.code === '23514' && error.constraint === undefined

function startStatement({ sub }: Claims, run: NewRun): Statement {
  const values: StatementValue[] = [
    run.userAgentId,
    run.id,
    run.timestamp,
    run.input,
    run.source,
    run.nodeId,
    run.defaultModel,
    JSON.stringify(run.metadata),
    run.knownSettingsVersion,
    run.conversationId,
    sub,
  ]
  if (run.conversationId === null) return { name: 'run_begin_conversation', text: beginConversation, values }
  // A conversation's id is the id of its first run, so its runs cannot be older than the time inside it. What a caller
  // invents may say any year: it must neither become a statement of its own nor a date that PostgreSQL does not know.
  const begunAt = Math.min(readIdTime(run.conversationId).getTime(), run.timestamp.getTime())
  const isOld = begunAt < run.timestamp.getTime() - longestPlannedMs
  const first = isOld ? null : new Date(begunAt)
  const statement = {
    ...prepareForMonths('run_continue_conversation', continueConversation, first, run.timestamp),
    values,
  }
  if (first && toMonth(first).number === toMonth(run.timestamp).number) return statement
  const before = prepareForMonths('run_hold_partitions', holdPartitions, first, run.timestamp)
  return { ...statement, before: { ...before, values: [run.conversationId] } }
}

export interface RunEnd {
  id: string
  timestamp: Date
  outcome: RunOutcome
  model: string
  costUsd: number | null
  latencyMs: number
  metadata: Record<string, unknown>
  /** What it used since it began or went on; left out, all that the outcome has. */
  used?: UsedByRun
  /** Present when nothing was added to what the row has already: the server it was on. One that another has begun is left alone. */
  stoppedOn?: string
  /** Present when the run does not end but waits: until when, and what it needs to go on. */
  waiting?: { userAgentId: string; expiresAt: Date; state: WaitingState }
}

// Runs that came to an end, as `usage_months.runs` counts them; the others give their unit back.
const keeps = `$4::text in ('succeeded', 'cancelled')`

// Where no row has ended nothing is settled before the last try: one that then ends it would be taken for a correction,
// and counted twice.
const finish = (months: string) => `with ended as (
  update agent_logs set output = $3, status = $4::text, error_code = $5, model = $6,
    input_tokens = $7, output_tokens = $8, cost_usd = $9, latency_ms = $10, metadata = metadata || $11::jsonb, has_untrusted = $12::boolean
  where id = $1::uuid and "timestamp" = $2::timestamptz and ${months}
    and (status = 'running' or (status = 'interrupted' and $4::text <> 'interrupted')) returning 1
)
select app.settle_run($1::uuid, $2::timestamptz, $13::uuid, ${keeps}, $14::bigint, $15::bigint, $16::numeric, count(*) > 0)
from ended having count(*) > 0 or $17::boolean`

/**
 * Writes how a run ended and settles it with the limits; a run that has ended already is left as it is, so that it may be
 * written again when the answer of the first time was lost. `interrupted` may be the guess of another server,
 * which took this one for dead while it was only slow or cut off from the database: who ran it knows better.
 */
export async function finishRun(database: Database, claims: Claims, end: RunEnd): Promise<void> {
  const { outcome } = end
  const { input_tokens, output_tokens, cost_usd } = usedBy(end)
  const values = [
    end.id,
    end.timestamp,
    outcome.output,
    outcome.status,
    outcome.error_code,
    end.model,
    outcome.input_tokens,
    outcome.output_tokens,
    end.costUsd,
    end.latencyMs,
    JSON.stringify(end.metadata),
    String(outcome.has_untrusted),
    claims.sub,
    input_tokens,
    output_tokens,
    cost_usd,
  ]
  await writeRow(database, claims, end, 'run_finish', finish, (isLast) => [...values, String(isLast)])
}

export function usedBy({ used, outcome, costUsd }: RunEnd): UsedByRun {
  return used ?? { input_tokens: outcome.input_tokens, output_tokens: outcome.output_tokens, cost_usd: costUsd ?? 0 }
}

// Nothing was used since the limits last heard of it. Only where the log is gone is there something to settle without it:
// one that is there has been settled by whoever ended it, or another server is at work on it.
const stop = (months: string) => `with ended as (
  update agent_logs set output = coalesce(output, ''), status = $4::text, error_code = $3,
    model = coalesce(model, $5), latency_ms = coalesce(latency_ms, 0), input_tokens = coalesce(input_tokens, 0),
    output_tokens = coalesce(output_tokens, 0)
  where id = $1::uuid and "timestamp" = $2::timestamptz and ${months} and status = 'running' and node_id = $8::uuid returning 1
)
select app.settle_run($1::uuid, $2::timestamptz, $6::uuid, ${keeps}, 0, 0, 0, count(*) > 0)
from ended having count(*) > 0 or ($7::boolean and not exists (
  select from agent_logs where id = $1::uuid and "timestamp" = $2::timestamptz and ${months}))`

/** The run ends as it stands, if it is still on that server. */
export async function stopRun(
  database: Database,
  claims: Claims,
  end: RunEnd & Required<Pick<RunEnd, 'stoppedOn'>>,
): Promise<void> {
  const { status, error_code } = end.outcome
  const values = [end.id, end.timestamp, error_code, status, end.model, claims.sub]
  await writeRow(database, claims, end, 'run_stop', stop, (isLast) => [...values, String(isLast), end.stoppedOn])
}

const progress = (months: string) =>
  `update agent_logs set output = $3, has_untrusted = $4::boolean where id = $1 and "timestamp" = $2 and ${months} and status = 'running' returning 1`

/** Keeps what a long answer has produced so far, for the case that the server dies. */
export async function saveProgress(
  database: Database,
  claims: Claims,
  run: { id: string; timestamp: Date },
  output: string,
  hasUntrusted: boolean,
): Promise<void> {
  const values = [run.id, run.timestamp, output, String(hasUntrusted)]
  await writeRow(database, claims, run, 'run_progress', progress, () => values)
}

/** A statement that answers a row when it found the log. */
async function writeRow(
  database: Database,
  claims: Claims,
  { timestamp }: { timestamp: Date },
  name: string,
  write: (months: string) => string,
  values: (isLast: boolean) => StatementValue[],
): Promise<void> {
  await againIfMoved(async (isLast) => {
    const statement = { ...prepareForMonths(name, write, timestamp, timestamp), values: values(isLast) }
    const [found] = await database.queryAsUser(claims, statement)
    return found
  })
}

const preparedForMonths = new Map<string, Pick<Statement, 'name' | 'text'>>()

/**
 * A statement of its own for the months it may touch, with their limits as constants: PostgreSQL then plans, locks and
 * opens these partitions alone. With parameters it has to do so for every partition there is, which costs more than the
 * update itself and grows with each month.
 */
function prepareForMonths(
  name: string,
  write: (months: string) => string,
  first: Date | null,
  last: Date,
): Pick<Statement, 'name' | 'text'> {
  const firstMonth = first ? toMonth(first) : { number: 0, start: '-infinity' }
  const endMonth = toMonth(last)
  const fullName = `${name}_${firstMonth.number}_${endMonth.number}`
  const known = preparedForMonths.get(fullName)
  if (known) return known
  const text = write(`"timestamp" >= '${firstMonth.start}' and "timestamp" < '${endMonth.end}'`)
  const statement = { name: fullName, text }
  preparedForMonths.set(fullName, statement)
  return statement
}

interface Month {
  number: number
  start: string
  end: string
  startMs: number
  endMs: number
}

let lastMonth: Month | null = null

/** The UTC month a moment lies in, as partitions of `agent_logs` are cut. */
function toMonth(moment: Date): Month {
  const ms = moment.getTime()
  // Nearly always the same one, run after run.
  if (lastMonth && ms >= lastMonth.startMs && ms < lastMonth.endMs) return lastMonth
  const [year, month] = [moment.getUTCFullYear(), moment.getUTCMonth()]
  const startMs = Date.UTC(year, month)
  const endMs = Date.UTC(year, month + 1)
  const [start, end] = [new Date(startMs).toISOString(), new Date(endMs).toISOString()]
  lastMonth = { number: year * 12 + month, start, end, startMs, endMs }
  return lastMonth
}

export async function findRunStatus(tx: Tx, id: string) {
  const row = await tx
    .selectFrom('agent_logs')
    .select(['status'])
    .where('id', '=', id)
    .where('timestamp', '=', readIdTime(id))
    .executeTakeFirst()
  return row ?? null
}

export async function findEndedRun(tx: Tx, id: string) {
  const row = await tx
    .selectFrom('agent_logs')
    .select([
      'id',
      'conversation_id',
      'status',
      'output',
      'error_code',
      'model',
      'input_tokens',
      'output_tokens',
      'cost_usd',
      'latency_ms',
      'metadata',
    ])
    .where('id', '=', id)
    .where('timestamp', '=', readIdTime(id))
    .executeTakeFirst()
  return row ?? null
}

/** What a run that goes on needs of its user agent as it is now. Null: there is none any more. */
export async function findContinuedUserAgent(tx: Tx, id: string) {
  const row = await tx
    .selectFrom('user_agents')
    .select(['agent_id', 'agent_version', 'is_active', 'settings'])
    .select(
      sql<string[]>`array(select type::text from integrations
        where integrations.user_agent_id = user_agents.id and status = 'connected')`.as('integration_types'),
    )
    .where('id', '=', id)
    .executeTakeFirst()
  return row ?? null
}
