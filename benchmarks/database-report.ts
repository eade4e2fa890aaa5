import type pg from 'pg'
import type { ManyLogs } from '../database/tests/many-logs.ts'
import type { ContestResult } from './interleaved-rounds.ts'
import type { TimeInDatabase } from './time-in-database.ts'
import { describeSurroundings, formatSurroundings, round, toTable, writeResults } from './write-results.ts'

interface Report {
  filled: ManyLogs
  settings: Record<string, string>
  rounds: number
  seconds: number
  inDatabase: { name: string; rls: TimeInDatabase; owner: TimeInDatabase }[]
  results: ContestResult[]
}

interface Target {
  target: string
  measured: string
  verdict: 'PASS' | 'MISSED'
}

export async function reportDatabase(client: pg.Client, report: Report): Promise<void> {
  const { filled, settings, rounds, seconds, inDatabase, results } = report
  const surroundings = await describeSurroundings(client)
  const sizes = await readSizes(client)
  const load = {
    rows: filled.rows,
    copy_seconds: round(filled.seconds.copy),
    copy_rows_per_second: round(filled.rows / filled.seconds.copy),
    index_seconds: round(filled.seconds.indexes),
    ...sizes,
  }
  const targets = [...judgeInDatabase(inDatabase), ...results.flatMap(judge)]
  const text = [
    '# The database with many logs',
    '',
    `${filled.rows.toLocaleString('en')} logs over 14 months, ${filled.others.length.toLocaleString('en')} users with about a thousand each and one with a tenth of all; median of ${rounds} interleaved rounds of ${seconds} s. ${formatSurroundings(surroundings)}.`,
    `Settings: ${Object.entries(settings)
      .map(([name, value]) => `${name}=${value}`)
      .join(
        ', ',
      )}; fsync and checksums on. (What the server sets for its embedded PostgreSQL: shared_buffers=1/32 of the memory, 1 GB at most, max_wal_size=1GB.)`,
    `\`node benchmarks/database.bench.ts --rows ${filled.rows} --rounds ${rounds} --seconds ${seconds}\``,
    '',
    'Client, server and everything else share the cores. "Without": the same statement with `user_id = …` written out, through the same door with the same messages, as a role with BYPASSRLS, since the policies are forced on the owner. Reads are prepared, in the transaction of `withUser`; single inserts are framed as `queryAsUser` sends them. "Plain SQL": a prepared INSERT alone, autocommit, as a superuser: no role, no claims, no policies. "Plain table": one without partitions and policies that has the same columns, checks, foreign keys, indexes and rows of the month.',
    '',
    '## Targets',
    '',
    toTable(
      ['target', 'measured', ''],
      targets.map(({ target, measured, verdict }) => [target, measured, verdict]),
    ),
    '',
    '## Loading',
    '',
    `COPY with the primary key alone ${load.copy_rows_per_second.toLocaleString('en')} rows/s (${load.copy_seconds} s), then its other indexes in ${load.index_seconds} s; ${load.table_gib} GiB of rows, ${load.index_gib} GiB of indexes.`,
    '',
    '## In the database',
    '',
    'Execution by EXPLAIN ANALYZE of the prepared statements of one page or answer together, for one user after the other, 300 or as many as 10 s take, after ten seconds of the same to warm up.',
    '',
    toTable(
      ['', 'under policies p50 ms', 'p99', 'without p50 ms', 'p99'],
      inDatabase.map(({ name, rls, owner }) => [name, rls.p50_ms, rls.p99_ms, owner.p50_ms, owner.p99_ms]),
    ),
    '',
    '## Over the wire',
    '',
    toTable(
      ['', 'connections', 'side', 'per second', 'p50 ms', 'p99 ms', 'beside the second side'],
      results.flatMap(({ name, connections, sides }) =>
        sides.map((side, at) => [
          at === 0 ? name : '',
          at === 0 ? connections : '',
          side.name,
          side.per_second,
          side.p50_ms,
          side.p99_ms,
          at === 1 ? '' : `${Math.round(side.ratio * 100)} %`,
        ]),
      ),
    ),
    '',
  ].join('\n')
  await writeResults(
    'database',
    { surroundings, settings, rounds, seconds, load, targets, in_database: inDatabase, results },
    text,
  )
}

const least = 0.8

function judge({ name, sides }: ContestResult): Target[] {
  const [ours, second] = sides
  if (!ours || !second || ours.name !== 'row-level security') return []
  const percent = (share: number) => `${Math.round(share * 100)} %`
  const targets: Target[] = [
    {
      target: `${name}: 80 % of the throughput without policies`,
      measured: percent(ours.ratio),
      verdict: ours.ratio >= least ? 'PASS' : 'MISSED',
    },
  ]
  // Both ratios are to the same side of the same rounds.
  const besideThat = (name: string) => ours.ratio / (sides.find((side) => side.name === name)?.ratio ?? Number.NaN)
  const share = besideThat('plain SQL')
  if (!Number.isNaN(share))
    targets.push({
      target: `${name}: 80 % of plain SQL's with the same keys and indexes`,
      measured: `${percent(share)} (${percent(besideThat('plain SQL, plain table'))} of a table without partitions)`,
      verdict: share >= least ? 'PASS' : 'MISSED',
    })
  return targets
}

function judgeInDatabase(inDatabase: Report['inDatabase']): Target[] {
  return inDatabase
    .filter(({ name }) => name.startsWith('newest 50'))
    .map(({ name, rls }) => ({
      target: `${name}: p50 under 1 ms in the database`,
      measured: `${rls.p50_ms} ms`,
      verdict: rls.p50_ms < 1 ? 'PASS' : 'MISSED',
    }))
}

async function readSizes(client: pg.Client): Promise<{ table_gib: number; index_gib: number }> {
  const { rows } = await client.query(
    `select sum(pg_table_size(relid))::float8 / 2 ^ 30 as table_gib, sum(pg_indexes_size(relid))::float8 / 2 ^ 30 as index_gib
     from pg_partition_tree('public.agent_logs') where isleaf`,
  )
  return { table_gib: round(rows[0].table_gib), index_gib: round(rows[0].index_gib) }
}
