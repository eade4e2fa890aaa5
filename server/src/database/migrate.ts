import { createHash, randomUUID } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'

export interface Migration {
  name: string
  up: string
  down: string
  /** SHA-256 of migration.sql, as Prisma computes it. */
  checksum: string
}

export const migrationsFolder = join(import.meta.dirname, '../../../database/migrations')

/** Number of the advisory lock that deployers of all nodes wait for; Prisma's own, so that its commands wait as well. */
const advisoryLock = 72707369

// Prisma's own ledger, to the letter: its commands read and write the same table.
const ledger = `create table if not exists public._prisma_migrations (
  id varchar(36) primary key not null,
  checksum varchar(64) not null,
  finished_at timestamptz,
  migration_name varchar(255) not null,
  logs text,
  rolled_back_at timestamptz,
  started_at timestamptz not null default now(),
  applied_steps_count integer not null default 0
)`

// Nobody but the owner may read or write the ledger.
const ledgerAccess = `alter table public._prisma_migrations enable row level security;
do $$
declare api_role text;
begin
  for api_role in select rolname from pg_roles where rolname in ('anon', 'authenticated', 'service_role') loop
    execute format('revoke all on public._prisma_migrations from %I', api_role);
  end loop;
end $$`

export async function readMigrations(folder = migrationsFolder): Promise<Migration[]> {
  const entries = await readdir(folder, { withFileTypes: true })
  const names = entries
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort()
  return Promise.all(
    names.map(async (name) => {
      const read = (file: string) =>
        readFile(join(folder, name, file), 'utf8').catch((cause: Error) => {
          throw new MigrationError(`The migration ${name} has no readable ${file}.`, { cause })
        })
      const [up, down] = [await read('migration.sql'), await read('down.sql')]
      return { name, up, down, checksum: createHash('sha256').update(up).digest('hex') }
    }),
  )
}

export class MigrationError extends Error {
  override name = 'MigrationError'
}

/**
 * Applies what is missing, oldest first, each migration in one transaction with its ledger row. When one fails, those
 * that this call applied are taken back with their down.sql, newest first, and a `MigrationError` says what happened.
 * Any number of nodes may call it at once: one works, the others wait. Answers the names it applied.
 */
export async function deployMigrations(
  ownerUrl: string,
  migrations: Migration[],
  onProgress: (text: string) => void = () => {},
): Promise<string[]> {
  return withLock(ownerUrl, onProgress, async (client) => {
    const missing = await findMissing(client, migrations)
    const applied: Migration[] = []
    for (const migration of missing) {
      onProgress(`applying ${migration.name}`)
      try {
        await apply(client, migration)
        applied.push(migration)
      } catch (cause) {
        const reason = cause instanceof Error ? cause.message : String(cause)
        await withLivingConnection(ownerUrl, client, onProgress, (living) =>
          takeBackDeployment(living, { applied, failed: migration, reason }, onProgress),
        )
        throw new MigrationError(
          `The migration ${migration.name} failed: ${reason}. Everything this deployment had applied was taken back.`,
          { cause },
        )
      }
    }
    return applied.map(({ name }) => name)
  })
}

/** Takes back every migration after `target`, newest first; a null target takes back all. Answers the names. */
export async function revertMigrations(
  ownerUrl: string,
  migrations: Migration[],
  target: string | null,
): Promise<string[]> {
  if (target !== null && !migrations.some(({ name }) => name === target))
    throw new MigrationError(`There is no migration ${target}.`)
  return withLock(
    ownerUrl,
    () => {},
    async (client) => {
      const missing = new Set((await findMissing(client, migrations)).map(({ name }) => name))
      const reverted: string[] = []
      for (const migration of migrations.toReversed()) {
        if (migration.name === target) break
        if (missing.has(migration.name)) continue
        await takeBack(client, migration)
        reverted.push(migration.name)
      }
      return reverted
    },
  )
}

/** Every known migration, oldest first, and whether the database has it. Throws when files and database disagree. */
export async function findMigrationStatus(
  ownerUrl: string,
  migrations: Migration[],
): Promise<{ name: string; isApplied: boolean }[]> {
  return withLock(
    ownerUrl,
    () => {},
    async (client) => {
      const missing = new Set((await findMissing(client, migrations)).map(({ name }) => name))
      return migrations.map(({ name }) => ({ name, isApplied: !missing.has(name) }))
    },
  )
}

/** A migration that fails because its connection was lost is taken back through a new one, also while PostgreSQL restarts. */
async function withLivingConnection(
  ownerUrl: string,
  client: pg.Client,
  onProgress: (text: string) => void,
  work: (client: pg.Client) => Promise<void>,
): Promise<void> {
  const isAlive = await client.query('select 1').then(
    () => true,
    () => false,
  )
  if (isAlive) return work(client)
  for (const waitMs of [100, 500, 1000, 2000, 5000, 10_000]) {
    await sleep(waitMs)
    const canConnect = await withLock(ownerUrl, onProgress, async () => true).catch(() => false)
    if (canConnect) break
  }
  await withLock(ownerUrl, onProgress, work)
}

async function takeBackDeployment(
  client: pg.Client,
  { applied, failed, reason }: { applied: Migration[]; failed: Migration; reason: string },
  onProgress: (text: string) => void,
): Promise<void> {
  // The answer to its COMMIT may have been lost with the connection.
  const { rowCount } = await client.query(
    'select from public._prisma_migrations where migration_name = $1 and finished_at is not null and rolled_back_at is null',
    [failed.name],
  )
  for (const done of [...applied, ...(rowCount ? [failed] : [])].reverse()) {
    onProgress(`taking back ${done.name}`)
    await takeBack(client, done)
  }
  await recordFailure(client, failed, reason)
}

async function withLock<T>(
  ownerUrl: string,
  onProgress: (text: string) => void,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client({
    connectionString: ownerUrl,
    application_name: 'agentexpress migrate',
    connectionTimeoutMillis: 10_000,
  })
  // Whoever waits for an answer is told; without a listener the loss of the connection would end the process.
  client.on('error', () => {})
  await client.connect()
  try {
    // Some managed databases set short limits for every session.
    await client.query('set statement_timeout = 0; set idle_in_transaction_session_timeout = 0')
    const { rows } = await client.query<{ is_free: boolean }>('select pg_try_advisory_lock($1) as is_free', [
      advisoryLock,
    ])
    if (!rows[0]?.is_free) {
      onProgress('waiting for another node that is migrating the database')
      await client.query('select pg_advisory_lock($1)', [advisoryLock])
    }
    await client.query(ledger)
    await client.query(ledgerAccess)
    return await work(client)
  } finally {
    await client.end()
  }
}

/** Throws when the database and the files disagree on the past. */
async function findMissing(client: pg.Client, migrations: Migration[]): Promise<Migration[]> {
  const { rows } = await client.query<{ migration_name: string; checksum: string }>(
    'select migration_name, checksum from public._prisma_migrations where finished_at is not null and rolled_back_at is null order by migration_name',
  )
  const byName = new Map(migrations.map((migration) => [migration.name, migration]))
  for (const { migration_name: name, checksum } of rows) {
    const file = byName.get(name)
    if (!file) {
      throw new MigrationError(
        `The database is ahead: it has the migration ${name}, which this version does not know. Start the newer version, or go back with its "migrate down".`,
      )
    }
    if (file.checksum !== checksum) {
      throw new MigrationError(
        `The migration ${name} was edited after it had been applied. Put its file back and write a new migration instead.`,
      )
    }
  }
  const applied = new Set(rows.map((row) => row.migration_name))
  const missing = migrations.filter(({ name }) => !applied.has(name))
  const newest = rows.at(-1)?.migration_name
  const gap = missing.find(({ name }) => newest !== undefined && name < newest)
  if (gap)
    throw new MigrationError(
      `The migration ${gap.name} is older than the newest applied one (${newest}). Give it a later name.`,
    )
  return missing
}

async function apply(client: pg.Client, { name, up, checksum }: Migration): Promise<void> {
  await client.query('begin')
  try {
    await client.query("set local lock_timeout = '10s'")
    await client.query(up)
    await client.query(
      'insert into public._prisma_migrations (id, checksum, migration_name, finished_at, applied_steps_count) values ($1, $2, $3, clock_timestamp(), 1)',
      [randomUUID(), checksum, name],
    )
    await client.query('commit')
  } catch (error) {
    await client.query('rollback')
    throw error
  }
}

async function recordFailure(client: pg.Client, { name, checksum }: Migration, reason: string): Promise<void> {
  await client.query(
    'insert into public._prisma_migrations (id, checksum, migration_name, logs, rolled_back_at) values ($1, $2, $3, $4, clock_timestamp())',
    [randomUUID(), checksum, name, reason],
  )
}

async function takeBack(client: pg.Client, { name, down }: Migration): Promise<void> {
  await client.query('begin')
  try {
    await client.query("set local lock_timeout = '10s'")
    await client.query(down)
    await client.query(
      'update public._prisma_migrations set rolled_back_at = clock_timestamp() where migration_name = $1 and rolled_back_at is null',
      [name],
    )
    await client.query('commit')
  } catch (cause) {
    await client.query('rollback')
    throw new MigrationError(
      `The migration ${name} could not be taken back: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    )
  }
}
