import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os'
import { join } from 'node:path'
import type pg from 'pg'

const folder = join(import.meta.dirname, 'results')

// Of other programs: read before anything of ours runs. Figures of a busy machine are good for comparing alone.
const loadBefore = loadavg()[0] ?? 0

/** What the figures were measured on; nothing that names the machine. */
export async function describeSurroundings(client?: pg.ClientBase) {
  const { version } = JSON.parse(await readFile(join(import.meta.dirname, '../package.json'), 'utf8'))
  const postgres = client ? (await client.query('show server_version')).rows[0]?.server_version : undefined
  return {
    date: new Date().toISOString().slice(0, 10),
    agentexpress: String(version),
    node: process.versions.node,
    postgres: postgres === undefined ? undefined : String(postgres),
    cores: availableParallelism(),
    processor: cpus()[0]?.model.trim(),
    load_before: Number(loadBefore.toFixed(1)),
    memory_gib: Math.round(totalmem() / 2 ** 30),
  }
}

export type Surroundings = Awaited<ReturnType<typeof describeSurroundings>>

export function formatSurroundings(found: Surroundings): string {
  return [
    `${found.date}, AgentExpress ${found.agentexpress}, Node ${found.node}`,
    found.postgres && `PostgreSQL ${found.postgres} (embedded)`,
    `${found.cores} cores (${found.processor}), ${found.memory_gib} GiB, load of other programs before: ${found.load_before}`,
  ]
    .filter(Boolean)
    .join(', ')
}

export async function writeResults(name: string, results: unknown, text: string): Promise<void> {
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, `${name}.json`), `${JSON.stringify(results, null, 2)}\n`)
  await writeFile(join(folder, `${name}.md`), text)
  process.stdout.write(`\n${text}\n`)
}

export function toTable(head: string[], rows: (string | number)[][]): string {
  const line = (cells: (string | number)[]) => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

export function median(values: number[]): number {
  const sorted = values.toSorted((left, right) => left - right)
  const middle = Math.floor(sorted.length / 2)
  const upper = sorted[middle] ?? 0
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? upper)) / 2
}

/** Three digits that mean something, whatever the size. */
export function round(value: number): number {
  return Number(value.toPrecision(3))
}
