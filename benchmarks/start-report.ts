import type { Held, StartTimes } from './start.bench.ts'
import { formatSurroundings, type Surroundings, toTable } from './write-results.ts'

interface StartResults {
  surroundings: Surroundings
  rounds: number
  first_run: StartTimes
  existing_database: StartTimes
  first_run_with_web_build: StartTimes | null
  idle_seconds: number
  runs: number
  memory: { idle: Held; after_runs: Held; idle_after_runs: Held }
}

const maxExistingSeconds = 5
const maxFirstSeconds = 15
const maxIdleMiB = 300

/** The page that people read; it judges the targets by the same figures that the JSON holds. */
export function formatStart(found: StartResults): string {
  const idleMiB = found.memory.idle.server.pssMiB + found.memory.idle.postgres.pssMiB
  const first = found.first_run_with_web_build ?? found.first_run
  const starts: [string, StartTimes | null][] = [
    ['existing database', found.existing_database],
    ['first run, web app built before', found.first_run],
    ['first run, web app built on the way', found.first_run_with_web_build],
  ]
  const memories: [string, Held][] = [
    [`idle for ${found.idle_seconds} s after the start`, found.memory.idle],
    [`right after ${found.runs} runs over 10 connections`, found.memory.after_runs],
    [`${found.idle_seconds} s later`, found.memory.idle_after_runs],
  ]
  return `# Start and memory

Made by \`node benchmarks/start.bench.ts\`; the same figures are in start.json.
${formatSurroundings(found.surroundings)}.

## From the command to the first healthy answer

Medians of ${found.rounds} starts (one with the build of the web app). \`/healthz\` says that the process answers,
\`/readyz\` that the database does too.

${toTable(
  ['start', 'healthz, s', 'readyz, s'],
  starts.flatMap(([name, times]) =>
    times ? [[name, times.healthy_seconds.toFixed(2), times.ready_seconds.toFixed(2)]] : [],
  ),
)}

## Memory of the server and the embedded PostgreSQL

PSS counts a page that n processes share as 1/n in each of them, so that the sum over all processes is what they hold together. RSS
counts it in each of them: the shared buffers of PostgreSQL would be counted once for each of its processes.

${toTable(
  ['when', 'server, MiB', 'PostgreSQL, MiB', 'together, MiB', 'RSS together, MiB', 'processes'],
  memories.map(([name, { server, postgres }]) => [
    name,
    Math.round(server.pssMiB),
    Math.round(postgres.pssMiB),
    Math.round(server.pssMiB + postgres.pssMiB),
    Math.round(server.rssMiB + postgres.rssMiB),
    server.processes + postgres.processes,
  ]),
)}

Targets:

${judge('existing database', found.existing_database.ready_seconds, maxExistingSeconds, 's')}
${judge('first run', first.ready_seconds, maxFirstSeconds, 's')}
${judge('idle memory', idleMiB, maxIdleMiB, 'MiB')}
`
}

function judge(name: string, value: number, limit: number, unit: string): string {
  return `- ${value < limit ? 'met' : 'MISSED'}: ${name} ${value.toFixed(unit === 's' ? 1 : 0)} ${unit} (target: under ${limit} ${unit})`
}
