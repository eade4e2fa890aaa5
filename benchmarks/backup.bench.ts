import { execFile } from 'node:child_process'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { generateX25519Identity, identityToRecipient } from 'age-encryption'
import pg from 'pg'
import { createBackup } from '../server/src/backup/create-backup.ts'
import type { Encryption } from '../server/src/backup/encryption.ts'
import { FolderStore } from '../server/src/backup/folder-store.ts'
import { restoreBackup } from '../server/src/backup/restore-backup.ts'
import { startEmbeddedPostgres } from '../server/src/database/embedded.ts'
import { deployMigrations, readMigrations } from '../server/src/database/migrate.ts'
import { ensurePartitions } from '../server/src/database/partitions.ts'
import { createLog } from '../server/src/log.ts'
import { type DebianPostgres, startDebianPostgres } from './debian-postgres.ts'
import { describeSurroundings, formatSurroundings, median, round, toTable, writeResults } from './write-results.ts'

/*
 * How fast a backup is made and restored, beside `pg_dump -Fc` and `pg_restore` on the same rows in the same run, and how
 * much memory it takes. On Debian's PostgreSQL 15 where it is installed, because its pg_dump refuses a newer server;
 * otherwise ours alone on the embedded one.
 */

const { values } = parseArgs({
  options: { logs: { type: 'string', default: '1000000' }, rounds: { type: 'string', default: '3' } },
})
const logs = Number(values.logs)
const rounds = Number(values.rounds)
const run = promisify(execFile)
const migrations = await readMigrations()
const say = (text: string) => process.stdout.write(`${text}\n`)

interface Measured {
  seconds: number
  bytes: number
  peak_mib?: number
}

async function main(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'agentexpress-backup-bench-'))
  const debian = await startDebianPostgres()
  const embedded = debian ? null : await startEmbeddedPostgres(join(folder, 'data'), createLog('error'))
  if (!debian) say("Debian's postgresql-15 is not installed: no pg_dump to compare with.")
  const url = debian ? debian.url : (embedded?.ownerUrl ?? '')
  try {
    await fill(url)
    const store = new FolderStore(join(folder, 'backups'))
    const identity = await generateX25519Identity()
    const sealed: Encryption = { kind: 'recipients', recipients: [await identityToRecipient(identity)] }
    const taken: Record<string, Measured[]> = {}
    const restored: Record<string, Measured[]> = {}
    let rowBytes = 0
    for (let at = 0; at < rounds; at++) {
      for (const [name, encryption] of [
        ['ours, age', sealed],
        ['ours, --plain', { kind: 'none' } as Encryption],
      ] as const) {
        const { measured, made } = await take(url, store, encryption)
        rowBytes = made.rowBytes
        note(taken, name, measured)
        const source = {
          label: name,
          open: () => store.read(made.record.name),
          record: made.record,
          keys: { identities: [identity] },
        }
        if (encryption.kind !== 'none') note(restored, 'ours, age (checked, compared)', await putBack(url, source))
        await store.remove(made.record.name)
      }
      if (!debian) continue
      const file = join(folder, 'dump')
      note(taken, 'pg_dump -Fc', await timed(() => dump(debian, ['-Fc', '-f', file]), file))
      note(restored, 'pg_restore (not compared)', await putBackDump(debian, file))
      note(taken, 'pg_dump -Fc -Z 1', await timed(() => dump(debian, ['-Fc', '-Z', '1', '-f', file]), file))
      say(`round ${at + 1} of ${rounds} done`)
    }
    await report(url, { taken, restored, rowBytes })
  } finally {
    await debian?.stop()
    await embedded?.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

function note(found: Record<string, Measured[]>, name: string, measured: Measured): void {
  found[name] = [...(found[name] ?? []), measured]
}

async function fill(url: string): Promise<void> {
  say(`filling ${logs} logs`)
  await deployMigrations(url, migrations)
  await ensurePartitions(url)
  await withClient(url, async (client) => {
    await client.query(
      `insert into users (id, email) select gen_random_uuid(), 'user' || n || '@example.com' from generate_series(1, 1000) n`,
    )
    // The keys of the rows are right; checking each would only make the filling slow.
    await client.query('set session_replication_role = replica')
    for (let from = 0; from < logs; from += 250_000) {
      await client.query(
        `with ids as (select array_agg(id) as all_ids from users)
         insert into agent_logs (id, user_id, conversation_id, "timestamp", input, output, metadata, status, source, model, input_tokens, output_tokens, cost_usd, latency_ms)
         select gen_random_uuid(), all_ids[1 + n % 1000], gen_random_uuid(), now() - make_interval(secs => n % 2400000),
                'Could you tell me what became of order ' || n || '? ' || md5(n::text),
                'Your order ' || n || ' was sent on day ' || n % 365 || ' and arrives within ' || n % 9 || ' days. ' || md5((n + 1)::text) || md5((n + 2)::text) || ' Is there anything else?',
                jsonb_build_object('steps', n % 5, 'citations', jsonb_build_array(md5((n + 3)::text))),
                'succeeded', 'api', 'anthropic/claude-haiku-4-5', n % 4000, n % 900, (n % 1000) / 100000.0, n % 9000
         from ids, generate_series($1::integer, $2::integer) n`,
        [from + 1, Math.min(logs, from + 250_000)],
      )
    }
    await client.query('vacuum analyze')
  })
}

async function take(url: string, store: FolderStore, encryption: Encryption) {
  let peak = 0
  const sampling = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage.rss())
  }, 50)
  const startedAt = performance.now()
  const made = await createBackup({
    ownerUrl: url,
    store,
    encryption,
    migrations,
    agentexpress: '0',
  })
  clearInterval(sampling)
  const measured = { seconds: since(startedAt), bytes: made.record.bytes, peak_mib: Math.round(peak / 2 ** 20) }
  return { measured, made }
}

async function putBack(url: string, source: Parameters<typeof restoreBackup>[0]['source']): Promise<Measured> {
  return inScratch(url, async (target) => {
    const startedAt = performance.now()
    await restoreBackup({ ownerUrl: target, source, migrations })
    return { seconds: since(startedAt), bytes: source.record?.bytes ?? 0 }
  })
}

function putBackDump(debian: DebianPostgres, file: string): Promise<Measured> {
  return inScratch(debian.url, async (target) => {
    const startedAt = performance.now()
    await run(debian.program('pg_restore'), ['-d', target, '--exit-on-error', file])
    // Ours ends with it: a restored database without statistics is slow.
    await withClient(target, async (client) => void (await client.query('analyze')))
    return { seconds: since(startedAt), bytes: (await stat(file)).size }
  })
}

async function inScratch(url: string, work: (target: string) => Promise<Measured>): Promise<Measured> {
  await withClient(url, async (client) => void (await client.query('create database scratch template template0')))
  const target = new URL(url)
  target.pathname = '/scratch'
  try {
    return await work(target.href)
  } finally {
    await withClient(url, async (client) => void (await client.query('drop database scratch with (force)')))
  }
}

async function dump(debian: DebianPostgres, args: string[]): Promise<void> {
  await run(debian.program('pg_dump'), [...args, debian.url])
}

async function timed(work: () => Promise<void>, file: string): Promise<Measured> {
  const startedAt = performance.now()
  await work()
  return { seconds: since(startedAt), bytes: (await stat(file)).size }
}

async function report(
  url: string,
  {
    taken,
    restored,
    rowBytes,
  }: { taken: Record<string, Measured[]>; restored: Record<string, Measured[]>; rowBytes: number },
): Promise<void> {
  const surroundings = await withClient(url, (client) => describeSurroundings(client))
  const mib = rowBytes / 2 ** 20
  const toRows = (found: Record<string, Measured[]>) =>
    Object.entries(found).map(([name, all]) => {
      const seconds = median(all.map((one) => one.seconds))
      const size = median(all.map(({ bytes }) => bytes)) / 2 ** 20
      const peak = all[0]?.peak_mib === undefined ? '' : Math.max(...all.map(({ peak_mib = 0 }) => peak_mib))
      return [name, round(seconds), round(logs / seconds), round(mib / seconds), round(size), peak]
    })
  const head = ['', 'seconds', 'logs/s', 'MiB/s of rows', 'file MiB', 'peak memory MiB']
  const text = [
    '# Backup and restore',
    '',
    `${logs.toLocaleString('en')} logs, ${round(mib)} MiB of rows as COPY writes them; median of ${rounds}. ${formatSurroundings(surroundings).replace(' (embedded)', '')}.`,
    '`node benchmarks/backup.bench.ts --logs <number>`',
    '',
    '## Making one',
    '',
    toTable(head, toRows(taken)),
    '',
    '## Restoring it into an empty database (RTO)',
    '',
    'Ours reads the whole backup before it begins, loads, builds indexes, checks foreign keys, reads every row again and compares; pg_restore loads and builds.',
    '',
    toTable(
      head.slice(0, 5),
      toRows(restored).map((row) => row.slice(0, 5)),
    ),
    '',
  ].join('\n')
  await writeResults('backup', { surroundings, logs, row_mib: round(mib), taken, restored }, text)
}

function since(startedAt: number): number {
  return (performance.now() - startedAt) / 1000
}

async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  return work(client).finally(() => client.end())
}

await main()
