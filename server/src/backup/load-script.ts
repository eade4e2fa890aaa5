import pg from 'pg'
import type { BackupHeader } from './backup-format.ts'
import { columnList, quoteTable, textSettings } from './snapshot.ts'

/** psql commands that load an unpacked backup without this program, into a database its migrations made. */
export function makeLoadScript({ name, tables, log_months, migrations }: BackupHeader): string {
  const names = tables.map(quoteTable)
  return [
    `-- Loads ${name}. In the folder it was unpacked to, into an empty database, as its owner:`,
    '--   for each migration in migrations/, in order: psql --single-transaction -v ON_ERROR_STOP=1 -f <migration>/migration.sql',
    '--   psql -v ON_ERROR_STOP=1 -f load.sql',
    'begin;',
    ...textSettings.map((setting) => `${setting};`),
    ...log_months.map((month) => `select app.ensure_agent_log_partitions(${pg.escapeLiteral(month)}::date, 1);`),
    ...names.map((table) => `alter table ${table} disable trigger user, no force row level security;`),
    `truncate ${names.join(', ')};`,
    ...tables.map((table) => {
      const folder = `data/${table.schema}.${table.name}`
      // A table without rows has no folder.
      return `\\copy ${quoteTable(table)} (${columnList(table)}) from program 'cat ${folder}/*.copy 2>/dev/null || true'`
    }),
    ...names.map((table) => `alter table ${table} enable trigger user, force row level security;`),
    'create table if not exists public._prisma_migrations (id varchar(36) primary key not null, checksum varchar(64) not null, finished_at timestamptz, migration_name varchar(255) not null, logs text, rolled_back_at timestamptz, started_at timestamptz not null default now(), applied_steps_count integer not null default 0);',
    ...migrations.map(
      ({ name: migration, checksum }) =>
        `insert into public._prisma_migrations (id, checksum, migration_name, finished_at, applied_steps_count) values (gen_random_uuid(), ${pg.escapeLiteral(checksum)}, ${pg.escapeLiteral(migration)}, now(), 1);`,
    ),
    'commit;',
    '',
  ].join('\n')
}
