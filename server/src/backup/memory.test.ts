import { Readable } from 'node:stream'
import { generateX25519Identity, identityToRecipient } from 'age-encryption'
import pg from 'pg'
import { expect, onTestFinished, test } from 'vitest'
import { deployMigrations, type Migration } from '../database/migrate.ts'
import { createEmptyDatabase, makeFolder, makeStore, newestSource, runSql, testMigrations } from './backup-testing.ts'
import { createBackup } from './create-backup.ts'
import type { Encryption } from './encryption.ts'
import { FolderStore } from './folder-store.ts'
import { checkBackup } from './read-backup.ts'
import { restoreBackup } from './restore-backup.ts'

const gate = 4711
const megabytes = 48
/** What may be on its way at one moment: some members of 4 MiB, and what sockets and streams hold. */
const inFlight = 24e6

const withTexts: Migration = {
  name: '20991231000000_create_texts',
  // Who loads a row waits while somebody holds the gate.
  up: `create function public.pass_gate() returns boolean language sql as 'select pg_advisory_xact_lock_shared(${gate}) is not null';
       create table public.texts (content text not null, check (public.pass_gate()));
       alter table public.texts alter column content set storage external;`,
  down: 'drop table public.texts; drop function public.pass_gate();',
  checksum: 'texts',
}

/** Random texts that repeat only where zstd has long forgotten them, so that the file is large too. */
async function createLargeDatabase(migrations: Migration[]): Promise<string> {
  const ownerUrl = await createEmptyDatabase()
  await deployMigrations(ownerUrl, migrations)
  await runSql(
    ownerUrl,
    `with texts as materialized (
       select n, (select string_agg(md5(random()::text || n || i), '') from generate_series(1, 4096) i) as content
       from generate_series(1, 32) n)
     insert into public.texts select content from generate_series(1, $1::integer / 4) copy, texts order by copy, n`,
    [megabytes],
  )
  return ownerUrl
}

/** Takes nothing until it is told to. */
class SlowStore extends FolderStore {
  readonly opening = Promise.withResolvers<void>()

  override async write(name: string, content: Readable): Promise<void> {
    await this.opening.promise
    return super.write(name, content)
  }
}

test('a backup waits for a slow place and a restore for a slow database: neither takes the rows into memory meanwhile', {
  timeout: 240_000,
}, async () => {
  const migrations = [...(await testMigrations), withTexts]
  const ownerUrl = await createLargeDatabase(migrations)
  const store = new SlowStore(await makeFolder())
  const identity = await generateX25519Identity()
  const encryption: Encryption = { kind: 'recipients', recipients: [await identityToRecipient(identity)] }
  const backup = { ownerUrl, encryption, migrations, agentexpress: '0' }
  const creating = createBackup({ ...backup, store })
  creating.catch(() => {})
  const copied = async () => {
    const { rows } = await runSql(
      ownerUrl,
      `select bytes_processed::int as bytes from pg_stat_progress_copy join pg_stat_activity using (pid, datname)
       where datname = current_database() and query like '%"texts"%'`,
    )
    return rows.map(({ bytes }) => bytes as number)
  }
  await expect.poll(async () => (await copied())[0], { timeout: 120_000 }).toBeGreaterThan(1e6)
  // Time enough to read everything: in the same process, another backup of the same rows comes to its end meanwhile.
  await createBackup({ ...backup, store: await makeStore() })
  const [waitingAt = Number.POSITIVE_INFINITY, ...others] = await copied()
  expect(others).toEqual([])
  expect(waitingAt).toBeLessThan(inFlight)
  store.opening.resolve()
  const { rowBytes, record } = await creating
  expect(rowBytes).toBeGreaterThan(2 * inFlight)
  expect(record.bytes).toBeGreaterThan(inFlight)

  const target = await createEmptyDatabase()
  const keeper = new pg.Client({ connectionString: target })
  await keeper.connect()
  onTestFinished(() => keeper.end())
  await keeper.query('select pg_advisory_lock($1)', [gate])
  const stored = await newestSource(store, { identities: [identity] })
  const read: number[] = []
  const open = async () => {
    const at = read.push(0) - 1
    const count = async function* (file: AsyncIterable<Buffer>) {
      for await (const chunk of file) {
        read[at] = (read[at] ?? 0) + chunk.length
        yield chunk
      }
    }
    return Readable.from(count(await stored.open()), { objectMode: false })
  }
  const restoring = restoreBackup({ ownerUrl: target, source: { ...stored, open }, migrations })
  restoring.catch(() => {})
  const waiting = `select 1 from pg_locks where locktype = 'advisory' and objid = ${gate} and not granted`
  await expect.poll(async () => (await runSql(target, waiting)).rows, { timeout: 120_000 }).toHaveLength(1)
  await checkBackup(stored)
  // It is read twice, and checked as a whole before a row is loaded.
  expect(read[0]).toBe(record.bytes)
  expect(read[1]).toBeGreaterThan(0)
  expect(read[1]).toBeLessThan(record.bytes / 2)
  await keeper.query('select pg_advisory_unlock($1)', [gate])
  await restoring
  expect(read).toEqual([record.bytes, record.bytes])
  const { rows } = await runSql(target, 'select count(*)::int as texts from public.texts')
  expect(rows).toEqual([{ texts: 8 * megabytes }])
})
