import type { Case, Cell } from './run-overhead.bench.ts'
import { formatSurroundings, round, type Surroundings, toTable } from './write-results.ts'

interface RunOverhead {
  surroundings: Surroundings
  seconds: number
  rounds: number
  pool_size: number
  cases: Case[]
  rows: { answered: number; succeeded: number; hot_update_share: number }
}

const minThroughput = 0.5
const maxP99 = 3

/** The page that people read; it judges the targets by the same figures that the JSON holds. */
export function formatRunOverhead({ surroundings, seconds, rounds, pool_size, cases, rows }: RunOverhead): string {
  const compared = cases.flatMap((found) => (found.bare ? [{ ...found, bare: found.bare }] : []))
  const instant = compared.filter(({ name }) => name === 'instant model')
  const targets = [
    ...instant.map(({ connections, bare, ours }) => {
      const ratio = ours.runs_per_second / bare.runs_per_second
      return judge(`runs/s at ${connections} connections`, ratio, `at least ${minThroughput}`, ratio >= minThroughput)
    }),
    ...instant
      .filter(({ connections }) => connections === 50)
      .map(({ bare, ours }) => {
        const ratio = ours.p99_ms / bare.p99_ms
        return judge('p99 at 50 connections', ratio, `at most ${maxP99}`, ratio <= maxP99)
      }),
  ]
  return `# What AgentExpress adds to a run

Made by \`node benchmarks/run-overhead.bench.ts\`; the same figures are in run-overhead.json.
${formatSurroundings(surroundings)}.

A run is one POST to the API with an API key: the row \`running\` committed under row-level security, the model called, the row
updated to \`succeeded\`, the answer sent. The bare server is a plain Node HTTP server that calls the same model with the same
request through the same HTTP client (our undici pool) and inserts one row with the same columns, keys and indexes into the same
PostgreSQL as the owner of the table: no authentication, no validation, no row-level security, no limits, no partitions.
Both have ${pool_size} database connections. Each connection of the client sends one run after the other, each a conversation of its own.
Client, model, servers and PostgreSQL share the cores; all are warm. Medians of ${rounds} rounds of ${seconds} s, bare and ours in turns.

${toTable(
  ['case', 'connections', 'server', 'runs/s', 'p50 ms', 'p99 ms', 'server CPU ms a run', 'PostgreSQL CPU ms a run'],
  cases.flatMap((found) => [
    ...(found.bare ? [toRow(found, 'bare', found.bare)] : []),
    toRow(found, 'AgentExpress', found.ours),
  ]),
)}

AgentExpress divided by bare:

${toTable(
  ['case', 'connections', 'runs/s', 'p50', 'p99', 'server CPU', 'PostgreSQL CPU'],
  compared.map(({ name, connections, bare, ours }) => [
    name,
    connections,
    ...(['runs_per_second', 'p50_ms', 'p99_ms', 'server_cpu_ms', 'postgres_cpu_ms'] as const).map((field) =>
      (ours[field] / bare[field]).toFixed(2),
    ),
  ]),
)}

Targets:

${targets.join('\n')}

After the load: ${rows.answered} runs answered, ${rows.succeeded} rows \`succeeded\`, none missing, none left over;
${Math.round(rows.hot_update_share * 100)} % of the updates stayed within their page (HOT).
`
}

function judge(name: string, ratio: number, target: string, isMet: boolean): string {
  return `- ${isMet ? 'met' : 'MISSED'}: ${name} ${ratio.toFixed(2)} × bare (target: ${target})`
}

function toRow({ name, connections }: Case, server: string, cell: Cell): (string | number)[] {
  return [
    name,
    connections,
    server,
    round(cell.runs_per_second),
    round(cell.p50_ms),
    round(cell.p99_ms),
    round(cell.server_cpu_ms),
    round(cell.postgres_cpu_ms),
  ]
}
