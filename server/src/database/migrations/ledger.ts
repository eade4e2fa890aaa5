import { randomUUID } from 'node:crypto'
import type pg from 'pg'
import { type Migration, MigrationError, runsWithoutTransaction } from './migration.ts'

// Prisma's own ledger, to the letter: its commands read and write the same table.
const table = `create table if not exists public._prisma_migrations (
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
const access = `alter table public._prisma_migrations enable row level security;
do $$
declare api_role text;
begin
  for api_role in select rolname from pg_roles where rolname in ('anon', 'authenticated', 'service_role') loop
    execute format('revoke all on public._prisma_migrations from %I', api_role);
  end loop;
end $$`

export async function prepareLedger(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ is_ready: boolean }>(
    `select coalesce((select relrowsecurity from pg_class where oid = to_regclass('public._prisma_migrations')), false) as is_ready`,
  )
  // An ALTER, even one that changes nothing, would wait for whoever reads the ledger, a backup for example.
  if (rows[0]?.is_ready) return
  await client.query(table)
  await client.query(access)
}

export interface History {
  applied: Migration[]
  missing: Migration[]
  /** Begun without a transaction and neither finished nor taken back: its deployer was killed. */
  halfDone: Migration[]
}

/** Compares the ledger with the files. Throws a `MigrationError` when they disagree on the past. */
export async function readHistory(client: pg.Client, migrations: Migration[]): Promise<History> {
  const { rows: exists } = await client.query(`select where to_regclass('public._prisma_migrations') is not null`)
  if (exists.length === 0) return { applied: [], missing: migrations, halfDone: [] }
  const { rows } = await client.query<{ migration_name: string; checksum: string; is_finished: boolean }>(
    `select migration_name, checksum, finished_at is not null as is_finished from public._prisma_migrations
     where rolled_back_at is null order by migration_name`,
  )
  const byName = new Map(migrations.map((migration) => [migration.name, migration]))
  const finished = rows.filter((row) => row.is_finished)
  for (const { migration_name: name, checksum } of finished) {
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
  const names = new Set(finished.map((row) => row.migration_name))
  const halfDone = rows
    .filter((row) => !row.is_finished)
    .map(({ migration_name: name }) => checkHalfDone(name, byName.get(name)))
  const missing = migrations.filter(({ name }) => !names.has(name))
  checkGaps(missing, finished.at(-1)?.migration_name)
  return { applied: migrations.filter(({ name }) => names.has(name)), missing, halfDone }
}

function checkHalfDone(name: string, file: Migration | undefined): Migration {
  if (!file) {
    throw new MigrationError(
      `The database has half of the migration ${name}, which this version does not know. Start the newer version again: it takes the half back first.`,
    )
  }
  if (!runsWithoutTransaction(file)) {
    throw new MigrationError(
      `Another tool began the migration ${name} and did not finish it. When nothing of it is in the database, say so with: npx prisma migrate resolve --rolled-back ${name}`,
    )
  }
  return file
}

function checkGaps(missing: Migration[], newest: string | undefined): void {
  const gap = missing.find(({ name }) => newest !== undefined && name < newest)
  if (!gap) return
  throw new MigrationError(
    `The migration ${gap.name} is older than the newest applied one (${newest}). Give it a later name.`,
  )
}

/** A row of the ledger, written or not: its writer knows it by its id when the answer was lost with the connection. */
export interface LedgerEntry {
  id: string
  migration: Migration
}

/** Within the transaction of the migration itself. */
export async function recordApplied(client: pg.Client, { id, migration }: LedgerEntry): Promise<void> {
  await client.query(
    `insert into public._prisma_migrations (id, checksum, migration_name, finished_at, applied_steps_count)
     values ($1, $2, $3, clock_timestamp(), 1)`,
    [id, migration.checksum, migration.name],
  )
}

/** Before the first statement of a migration without a transaction. */
export async function recordBegun(client: pg.Client, { id, migration }: LedgerEntry): Promise<void> {
  await client.query('insert into public._prisma_migrations (id, checksum, migration_name) values ($1, $2, $3)', [
    id,
    migration.checksum,
    migration.name,
  ])
}

export async function recordStep(client: pg.Client, id: string): Promise<void> {
  await client.query(
    'update public._prisma_migrations set applied_steps_count = applied_steps_count + 1 where id = $1',
    [id],
  )
}

export async function recordFinished(client: pg.Client, id: string): Promise<void> {
  await client.query('update public._prisma_migrations set finished_at = clock_timestamp() where id = $1', [id])
}

/** A reason, if there is one, is added to what the ledger tells about the migration. */
export async function recordTakenBack(client: pg.Client, { name }: Migration, reason: string | null): Promise<void> {
  await client.query(
    `update public._prisma_migrations set rolled_back_at = clock_timestamp(), logs = coalesce($2, logs)
     where migration_name = $1 and rolled_back_at is null`,
    [name, reason],
  )
}

export async function recordFailure(client: pg.Client, { name, checksum }: Migration, reason: string): Promise<void> {
  await client.query(
    `insert into public._prisma_migrations (id, checksum, migration_name, logs, rolled_back_at)
     values ($1, $2, $3, $4, clock_timestamp())`,
    [randomUUID(), checksum, name, reason],
  )
}

export interface StandingRow {
  id: string
  name: string
  isFinished: boolean
}

/** What is applied or half-done from the migration of that name on, whoever did it. Oldest first. */
export async function listStanding(client: pg.Client, { name }: Migration): Promise<StandingRow[]> {
  const { rows } = await client.query<StandingRow>(
    `select id, migration_name as name, finished_at is not null as "isFinished" from public._prisma_migrations
     where migration_name >= $1 and rolled_back_at is null order by migration_name`,
    [name],
  )
  return rows
}
