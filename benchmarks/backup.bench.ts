import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { generateX25519Identity, identityToRecipient } from 'age-encryption'
import pg from 'pg'
import { findPostgresBinaries } from '../server/src/database/postgres-binaries.ts'
import { findOldestPostgres } from '../server/src/testing/installed-programs.ts'
import { fillLogs } from './backup-rows.ts'
import { type RunProgram, runProgram } from './run-program.ts'
import { startPostgres } from './start-postgres.ts'
import { describeSurroundings, formatSurroundings, median, round, toTable, writeResults } from './write-results.ts'

/*
 * How fast a backup is made, verified and restored by the commands an operator types, beside `pg_dump -Fc` and
 * `pg_restore` on the same rows in the same run, and how much memory each takes. On Debian's PostgreSQL 15 where it is
 * installed, because its pg_dump refuses a newer server; otherwise ours alone on the embedded one.
 */

const { values } = parseArgs({
  options: { rows: { type: 'string', default: '1000000' }, rounds: { type: 'string', default: '1' } },
})
const rows = Number(values.rows)
const rounds = Number(values.rounds)
const main = join(import.meta.dirname, '../server/src/main.ts')
const say = (text: string) => process.stdout.write(`${text}\n`)

interface Measured extends RunProgram {
  bytes: number
}

type Found = Record<string, Measured[]>

async function measureAll(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'agentexpress-backup-bench-'))
  const debian = findOldestPostgres()
  if (!debian) say("Debian's postgresql-15 is not installed: no pg_dump to compare with.")
  const binaries = debian ?? (await findPostgresBinaries())
  const postgres = await startPostgres(binaries, { max_wal_size: '4GB', shared_buffers: '512MB' })
  const url = postgres.ownerUrl
  try {
    const startedAt = performance.now()
    const rowBytes = await fillLogs(url, rows)
    say(`filled ${rows} logs in ${Math.round((performance.now() - startedAt) / 1000)} s`)
    const identity = await generateX25519Identity()
    const environment = {
      DATA_DIR: folder,
      BACKUP_DIR: join(folder, 'backups'),
      BACKUP_IDENTITY: identity,
      BACKUP_RECIPIENTS: await identityToRecipient(identity),
    }
    const [made, restored]: [Found, Found] = [{}, {}]
    for (let at = 0; at < rounds; at++) {
      await measureOurs(url, environment, made, restored)
      if (debian) await measureDump(url, dirname(debian.postgres), join(folder, 'dump'), { made, restored })
      say(`round ${at + 1} of ${rounds} done`)
    }
    await report(url, { made, restored, rowBytes })
  } finally {
    await postgres.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

async function measureOurs(url: string, environment: Record<string, string>, made: Found, restored: Found) {
  const backup = (database: string, ...args: string[]) =>
    runProgram(process.execPath, [main, 'backup', ...args], {
      ...environment,
      DATABASE_URL: database,
      DIRECT_URL: database,
    })
  const { BACKUP_DIR: folder = '' } = environment
  const sizeOf = async () => {
    const name = (await readdir(folder)).find((file) => !file.endsWith('.json')) ?? ''
    return { name, bytes: (await stat(join(folder, name))).size }
  }
  const plain = await backup(url, 'create', '--plain')
  note(made, 'ours, --plain', { ...plain, bytes: (await sizeOf()).bytes })
  await rm(folder, { recursive: true })
  const encrypted = await backup(url, 'create')
  const { name, bytes } = await sizeOf()
  note(made, 'ours, encrypted', { ...encrypted, bytes })
  note(restored, 'ours: verify (scratch database, compared)', { ...(await backup(url, 'verify', name)), bytes })
  await inScratch(url, async (target) => {
    note(restored, 'ours: restore (checked first, compared)', { ...(await backup(target, 'restore', name)), bytes })
  })
  await rm(folder, { recursive: true })
}

async function measureDump(
  url: string,
  programs: string,
  file: string,
  { made, restored }: { made: Found; restored: Found },
) {
  const dump = async (...args: string[]) => ({
    ...(await runProgram(join(programs, 'pg_dump'), [...args, '-Fc', '-f', file, url])),
    bytes: (await stat(file)).size,
  })
  note(made, 'pg_dump -Fc -Z 1', await dump('-Z', '1'))
  const dumped = await dump()
  note(made, 'pg_dump -Fc', dumped)
  await inScratch(url, async (target) => {
    const loaded = await runProgram(join(programs, 'pg_restore'), ['-d', target, '--exit-on-error', file])
    const startedAt = performance.now()
    // Ours ends with it: a restored database without statistics is slow.
    await withClient(target, async (client) => void (await client.query('analyze')))
    const seconds = loaded.seconds + (performance.now() - startedAt) / 1000
    note(restored, 'pg_restore (neither checked nor compared)', { ...loaded, seconds, bytes: dumped.bytes })
  })
  await rm(file)
}

function note(found: Found, name: string, measured: Measured): void {
  found[name] = [...(found[name] ?? []), measured]
  say(`${name}: ${measured.seconds.toFixed(1)} s, ${Math.round(measured.peakMib)} MiB of memory`)
}

async function inScratch(url: string, work: (target: string) => Promise<void>): Promise<void> {
  await withClient(url, async (client) => void (await client.query('create database scratch template template0')))
  const target = new URL(url)
  target.pathname = '/scratch'
  try {
    await work(target.href)
  } finally {
    await withClient(url, async (client) => void (await client.query('drop database scratch with (force)')))
  }
}

async function report(
  url: string,
  { made, restored, rowBytes }: { made: Found; restored: Found; rowBytes: number },
): Promise<void> {
  const surroundings = await withClient(url, (client) => describeSurroundings(client))
  const mib = rowBytes / 2 ** 20
  const toRows = (found: Found) =>
    Object.entries(found).map(([name, all]) => {
      const seconds = median(all.map((one) => one.seconds))
      const size = median(all.map(({ bytes }) => bytes)) / 2 ** 20
      const peak = Math.round(Math.max(...all.map(({ peakMib }) => peakMib)))
      return [name, round(seconds), round(rows / seconds), round(mib / seconds), round(size), peak]
    })
  const head = ['', 'seconds', 'logs/s', 'MiB/s of rows', 'file MiB', 'peak memory MiB']
  const text = [
    '# Backup and restore',
    '',
    `${rows.toLocaleString('en')} logs, ${round(mib)} MiB of rows as COPY writes them; median of ${rounds}. ${formatSurroundings(surroundings).replace(' (embedded)', '')}.`,
    '`node benchmarks/backup.bench.ts --rows <number>`. Whole commands, start of the program included; memory is that of the',
    'client program, not of PostgreSQL.',
    '',
    '## Making one',
    '',
    toTable(head, toRows(made)),
    '',
    '## Verifying it, restoring it into an empty database (RTO)',
    '',
    'Ours reads the whole backup before it begins, loads, builds indexes, checks foreign keys, reads every row again and compares; pg_restore loads and builds.',
    '',
    toTable(head, toRows(restored)),
    '',
  ].join('\n')
  await writeResults('backup', { surroundings, rows, row_mib: round(mib), made, restored }, text)
}

async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  return work(client).finally(() => client.end())
}

await measureAll()
