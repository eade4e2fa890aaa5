import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import pg from 'pg'
import { createId } from '../server/src/database/uuid-v7.ts'
import type { BareOptions } from './bare-server.ts'
import type { Load, LoadOrder } from './load-client.ts'
import { readPostgresCpu, readProcessCpu } from './process-usage.ts'
import { formatRunOverhead } from './run-overhead-report.ts'
import { signUpAndConfigure } from './sign-up-and-configure.ts'
import {
  createDataFolder,
  findEmbeddedDatabase,
  type StartedProcess,
  startAgentExpress,
  startScript,
} from './start-processes.ts'
import { describeSurroundings, median, writeResults } from './write-results.ts'

/*
 * What does AgentExpress add to a run? It runs beside a bare server (see bare-server.ts), with the same model server,
 * the same PostgreSQL and the same client, in turns. Everything shares the cores of this machine.
 */

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '5' },
    rounds: { type: 'string', default: '3' },
    // For work on the code itself: only these levels, nothing written.
    only: { type: 'string' },
  },
})
const seconds = Number(values.seconds)
const rounds = Number(values.rounds)
const levels = values.only ? values.only.split(',').map(Number) : [1, 10, 50]
const poolSize = 10
const warmUpRuns = 5000
const maxWarmUpMs = 20_000

export interface Cell {
  runs_per_second: number
  p50_ms: number
  p99_ms: number
  server_cpu_ms: number
  postgres_cpu_ms: number
}

export type Case = { name: string; connections: number; bare?: Cell; ours: Cell }

interface Side {
  process: StartedProcess
  order: Omit<LoadOrder, 'connections' | 'seconds'>
  answered: number
}

const input = 'Do you ship to Austria, and how long does it take?'
const closers: (() => Promise<unknown> | unknown)[] = []

async function main(): Promise<void> {
  const folder = await createDataFolder()
  closers.push(folder.remove)
  const model = await startScript('model-server.ts')
  closers.push(model.stop)
  const server = await startAgentExpress(folder.path, {
    COMPATIBLE_BASE_URL: model.url,
    COMPATIBLE_MODELS: 'instant,slow',
    DATABASE_POOL_SIZE: String(poolSize),
  })
  closers.push(server.stop)
  const configured = await signUpAndConfigure(server.url, ['compatible/instant', 'compatible/slow'])
  const [instantId = '', slowId = ''] = configured.userAgentIds
  const ours = (userAgentId: string, isStream = false): Side => ({
    process: server,
    order: {
      url: `${server.url}/api/v1/user-agents/${userAgentId}/runs`,
      headers: { authorization: `Bearer ${configured.key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ input, stream: isStream }),
    },
    answered: 0,
  })
  const [instant, slow, streamed] = [ours(instantId), ours(slowId), ours(instantId, true)]
  await runOnce(instant)
  const modelRequest = await (await fetch(new URL('/last-request', model.url))).json()

  const { connection, pid: postmasterPid } = await findEmbeddedDatabase(folder.path)
  const client = new pg.Client(connection)
  await client.connect()
  closers.push(() => client.end())
  await subscribe(client, configured.userId)
  await createBareTable(client)
  const bareServer = await startScript('bare-server.ts', {
    connection,
    poolSize,
    modelUrl: model.url,
    modelRequest,
    ids: { userId: configured.userId, agentId: configured.agentId, userAgentId: instantId },
  } satisfies BareOptions)
  closers.push(bareServer.stop)
  const bare = (modelName: string): Side => ({
    process: bareServer,
    order: {
      url: bareServer.url,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ input, model: modelName }),
    },
    answered: 0,
  })
  const [bareInstant, bareSlow] = [bare('instant'), bare('slow')]

  const loader = fork(join(import.meta.dirname, 'load-client.ts'), { execArgv: [] })
  closers.push(() => loader.kill())
  const measure = (side: Side, connections: number, forSeconds = seconds) =>
    measureCell(loader, side, { connections, seconds: forSeconds, postmasterPid })
  const compare = async (name: string, connections: number, sides: { bare?: Side; ours: Side }): Promise<Case> => {
    const cells: { bare: Cell[]; ours: Cell[] } = { bare: [], ours: [] }
    for (let round = 0; round < rounds; round++) {
      if (sides.bare) cells.bare.push(await measure(sides.bare, connections))
      cells.ours.push(await measure(sides.ours, connections))
    }
    const result: Case = { name, connections, ours: medianCell(cells.ours) }
    if (sides.bare) result.bare = medianCell(cells.bare)
    process.stdout.write(`${JSON.stringify(result)}\n`)
    return result
  }

  // Until V8 has compiled what runs often: the same number of runs for both, since both take it by runs and not by time.
  for (const side of [bareInstant, instant, streamed]) await warmUp(side, () => measure(side, 50, 1))
  const cases: Case[] = []
  for (const connections of levels)
    cases.push(await compare('instant model', connections, { bare: bareInstant, ours: instant }))
  if (!values.only) {
    cases.push(await compare('model takes 200 ms', 50, { bare: bareSlow, ours: slow }))
    cases.push(await compare('instant model, streamed', 50, { ours: streamed }))
  }
  const answered = [instant, slow, streamed].reduce((sum, side) => sum + side.answered, 0)
  const rows = await countRows(client, answered, bareInstant.answered + bareSlow.answered)
  if (values.only) return
  const results = {
    surroundings: await describeSurroundings(client),
    seconds,
    rounds,
    pool_size: poolSize,
    cases,
    rows,
  }
  await writeResults('run-overhead', results, formatRunOverhead(results))
}

async function warmUp(side: Side, load: () => Promise<unknown>): Promise<void> {
  const deadline = performance.now() + maxWarmUpMs
  while (side.answered < warmUpRuns && performance.now() < deadline) await load()
}

/** The first run of an agent reads and compiles what later ones have at hand; it also shows the request the model gets. */
async function runOnce(side: Side): Promise<void> {
  const { url, headers, body } = side.order
  const response = await fetch(url, { method: 'POST', headers, body })
  const run = (await response.json()) as { status?: string; model?: string }
  if (run.status !== 'succeeded' || run.model !== 'compatible/instant')
    throw new Error(`A run failed: ${JSON.stringify(run)}`)
  side.answered++
}

/** Whoever signs up first is an admin, who has no limits; nearly everybody else has some, and a run is counted against them. */
async function subscribe(client: pg.Client, userId: string): Promise<void> {
  const far = 1_000_000_000
  const limits = {
    ...{ user_agents: 200, runs_per_month: far, tokens_per_month: far, cost_usd_per_month: 1_000_000 },
    ...{ integrations: 1000, api_keys: 50, concurrent_runs: 10_000, log_retention_days: 365, upload_kb: 1000 },
  }
  const switches = { api: true, widget: true, schedules: true, publishing: true, own_model_keys: true }
  const features = { limits, switches, integration_types: null, models: 'all', support: 'email', highlights: [] }
  const [planId, subscriptionId] = [createId(), createId()]
  await client.query(
    `insert into public.plans (id, name, description, price, features) values ($1, 'Measured', 'Limits far away.', 10, $2)`,
    [planId, JSON.stringify(features)],
  )
  await client.query(
    `insert into public.subscriptions (id, user_id, plan_id, status, is_current, start_date) values ($1, $2, $3, 'active', true, now())`,
    [subscriptionId, userId, planId],
  )
  await client.query(`update public.users set role = 'user' where id = $1`, [userId])
  // Credentials are remembered for a second.
  await sleep(1100)
}

/** The same columns, keys and indexes, written by the owner: no row-level security, no partitions. */
async function createBareTable(client: pg.Client): Promise<void> {
  await client.query(`
    create schema bare;
    create table bare.agent_logs (like public.agent_logs including defaults including constraints including indexes);
    alter table bare.agent_logs add foreign key (agent_id) references public.agents (id) on delete set null;
    alter table bare.agent_logs add foreign key (user_id) references public.users (id) on delete cascade`)
}

async function measureCell(
  loader: ChildProcess,
  side: Side,
  { connections, seconds: forSeconds, postmasterPid }: { connections: number; seconds: number; postmasterPid: number },
): Promise<Cell> {
  const readCpu = async () => ({
    server: await readProcessCpu(side.process.pid),
    postgres: await readPostgresCpu(postmasterPid),
  })
  const before = await readCpu()
  const answered = once(loader, 'message')
  loader.send({ ...side.order, connections, seconds: forSeconds } satisfies LoadOrder)
  const [load] = (await answered) as [Load]
  const after = await readCpu()
  if (load.failures > 0) throw new Error(`${load.failures} of ${load.runs + load.failures} requests failed`)
  side.answered += load.runs
  await sleep(200)
  return {
    runs_per_second: load.runs / (load.elapsedMs / 1000),
    p50_ms: load.p50Ms,
    p99_ms: load.p99Ms,
    server_cpu_ms: (after.server - before.server) / load.runs,
    postgres_cpu_ms: (after.postgres - before.postgres) / load.runs,
  }
}

function medianCell(cells: Cell[]): Cell {
  const of = (name: keyof Cell) => median(cells.map((cell) => cell[name]))
  return {
    runs_per_second: of('runs_per_second'),
    p50_ms: of('p50_ms'),
    p99_ms: of('p99_ms'),
    server_cpu_ms: of('server_cpu_ms'),
    postgres_cpu_ms: of('postgres_cpu_ms'),
  }
}

/** Throws unless each answered run has its row, ended as `succeeded`. Speed that loses a row is worth nothing. */
async function countRows(client: pg.Client, answered: number, bareAnswered: number) {
  const count = async (table: string) => {
    const { rows } = await client.query(
      `select count(*) filter (where status = 'succeeded' and output <> '')::int as succeeded, count(*)::int as total from ${table}`,
    )
    return rows[0] as { succeeded: number; total: number }
  }
  const [ours, bare] = [await count('public.agent_logs'), await count('bare.agent_logs')]
  if (ours.succeeded !== answered || ours.total !== answered)
    throw new Error(`${answered} runs were answered, ${ours.succeeded} of ${ours.total} rows have succeeded`)
  if (bare.total !== bareAnswered) throw new Error(`The bare server answered ${bareAnswered} and wrote ${bare.total}`)
  const { rows } = await client.query(
    `select sum(n_tup_hot_upd)::float8 / nullif(sum(n_tup_upd), 0) as share from pg_stat_user_tables where schemaname = 'agent_log_partitions'`,
  )
  return { answered, succeeded: ours.succeeded, hot_update_share: Number(rows[0]?.share ?? 0) }
}

try {
  await main()
} finally {
  for (const close of closers.toReversed()) await close()
}
