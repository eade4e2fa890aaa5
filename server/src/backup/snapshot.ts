import type { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { to as copyTo } from 'pg-copy-streams'
import { BackupError, reasonOf, throwIfStopped } from './backup-error.ts'
import type { BackupManifest, BackupTable } from './backup-format.ts'
import { createPace } from './pace.ts'
import { orderByForeignKeys } from './table-order.ts'

/** Schemas whose tables belong to AgentExpress. Partitions are read through their parent. */
export const dataSchemas = ['public', 'app']
/** Written by the deployment of migrations, which a restore runs. */
export const ledgerTable = '_prisma_migrations'

/** The same text for the same value, whatever the database is set to. */
export const textSettings = [
  "set client_encoding = 'UTF8'",
  "set datestyle = 'ISO, YMD'",
  "set intervalstyle = 'postgres'",
  "set timezone = 'UTC'",
  "set bytea_output = 'hex'",
  'set extra_float_digits = 1',
  'set statement_timeout = 0',
  'set idle_in_transaction_session_timeout = 0',
  'set idle_session_timeout = 0',
  // PostgreSQL 17 brought it.
  "do $$ begin if current_setting('server_version_num')::int >= 170000 then set transaction_timeout = 0; end if; end $$",
]

/** One moment of the database, for as long as it is open: what is written meanwhile is not in it. */
export interface Snapshot {
  tables: BackupTable[]
  postgres: string
  migrations: { name: string; checksum: string }[]
  logMonths: string[]
  keys: { name: string; fingerprint: string }[]
  auditHead: string | null
  readRows(table: BackupTable): Readable & { rowCount: number }
  readSequences(): Promise<BackupManifest['sequences']>
  close(): Promise<void>
}

export async function openSnapshot(ownerUrl: string, options: Waiting = {}): Promise<Snapshot> {
  const client = new pg.Client({
    connectionString: ownerUrl,
    application_name: 'agentexpress backup',
    connectionTimeoutMillis: 10_000,
  })
  // Whoever waits for an answer is told; without a listener the loss of the connection would end the process.
  client.on('error', () => {})
  await client.connect()
  try {
    for (const setting of textSettings) await client.query(setting)
    const postgres = (await client.query('show server_version')).rows[0]?.server_version
    const locked = await beginWithLocks(client, options)
    const tables = orderByForeignKeys(await readTables(client, dataSchemas), await readForeignKeys(client))
    const ours = tables.filter(isOurs)
    refuseUnlocked(ours, locked)
    const migrations = await readLedger(client)
    const logMonths = await readLogMonths(client)
    await becomeReader(client, ours)
    return {
      tables: ours,
      postgres: String(postgres),
      migrations,
      logMonths,
      keys: await readKeyFingerprints(client),
      auditHead: await readAuditHead(client),
      readRows: (table) => client.query(copyTo(copyOutStatement(table), { highWaterMark: 2 ** 20 })),
      readSequences: () => readSequences(client),
      close: () => client.end(),
    }
  } catch (error) {
    await client.end().catch(() => {})
    throw error
  }
}

function isOurs({ name }: BackupTable): boolean {
  return name !== ledgerTable
}

export function quoteTable({ schema, name }: { schema: string; name: string }): string {
  return `${pg.escapeIdentifier(schema)}.${pg.escapeIdentifier(name)}`
}

export function columnList({ columns }: BackupTable): string {
  return columns.map((column) => pg.escapeIdentifier(column)).join(', ')
}

// A query, because COPY of a partitioned table itself came with PostgreSQL 18.
export function copyOutStatement(table: BackupTable): string {
  return `copy (select ${columnList(table)} from ${quoteTable(table)}) to stdout`
}

export async function readTables(client: pg.ClientBase, schemas: string[]): Promise<BackupTable[]> {
  const { rows } = await client.query<BackupTable>(
    `select nspname as schema, relname as name,
            array(select attname::text from pg_attribute
                  where attrelid = pg_class.oid and attnum > 0 and not attisdropped and attgenerated = ''
                  order by attnum) as columns
     from pg_class join pg_namespace on pg_namespace.oid = relnamespace
     where nspname = any($1) and relkind in ('r', 'p') and not relispartition and relpersistence <> 't'
       and not exists (select from pg_depend where classid = 'pg_class'::regclass and objid = pg_class.oid and deptype = 'e')
     order by 1, 2`,
    [schemas],
  )
  return rows.filter(({ columns }) => columns.length > 0)
}

async function readForeignKeys(client: pg.ClientBase): Promise<{ from: string; to: string }[]> {
  const { rows } = await client.query<{ from: string; to: string }>(
    `select distinct format('%s.%s', source_schema.nspname, source.relname) as "from",
                     format('%s.%s', target_schema.nspname, target.relname) as "to"
     from pg_constraint
     join pg_class source on source.oid = conrelid join pg_namespace source_schema on source_schema.oid = source.relnamespace
     join pg_class target on target.oid = confrelid join pg_namespace target_schema on target_schema.oid = target.relnamespace
     where contype = 'f' and conparentid = 0 and conrelid <> confrelid`,
  )
  return rows
}

async function readLedger(client: pg.ClientBase): Promise<{ name: string; checksum: string }[]> {
  const { rows: found } = await client.query(`select to_regclass('public.${ledgerTable}') is not null as is_there`)
  if (!found[0]?.is_there) throw new BackupError('This database has no AgentExpress in it: it knows of no migration.')
  const { rows } = await client.query<{ name: string; checksum: string }>(
    `select migration_name as name, checksum from public.${ledgerTable}
     where finished_at is not null and rolled_back_at is null order by migration_name`,
  )
  if (rows.length === 0) throw new BackupError('This database has no AgentExpress in it: no migration was applied.')
  return rows
}

interface Waiting {
  onProgress?: (text: string) => void
  signal?: AbortSignal
}

const patienceMs = 30_000
/** SQLSTATE of a lock that somebody else has. */
const lockNotAvailable = '55P03'

/**
 * Begins the transaction and locks the tables: from here on nobody can drop or rewrite what is being read; reading and
 * writing rows goes on. The locks come before the first query, which takes the snapshot: to an older one a table that was
 * rewritten or truncated since is empty (https://www.postgresql.org/docs/current/mvcc-caveats.html). While a migration has
 * one of them none is held, or each might wait for the other.
 */
async function beginWithLocks(client: pg.ClientBase, { onProgress, signal }: Waiting): Promise<BackupTable[]> {
  const deadline = performance.now() + patienceMs
  const pace = createPace(onProgress ?? (() => {}))
  for (;;) {
    const tables = (await readTables(client, dataSchemas)).filter(isOurs)
    await client.query('begin isolation level repeatable read read only')
    if (tables.length === 0) return tables
    try {
      await client.query(`lock table ${tables.map(quoteTable).join(', ')} in access share mode nowait`)
      return tables
    } catch (cause) {
      await client.query('rollback')
      if ((cause as pg.DatabaseError).code !== lockNotAvailable || performance.now() > deadline) {
        throw new BackupError(
          `The tables could not be locked against changes of their shape: ${reasonOf(cause)}. Is a migration running? Try again when it is done.`,
          { cause },
        )
      }
    }
    throwIfStopped(signal)
    pace(() => 'waiting for somebody who changes a table, such as a migration')
    await sleep(100)
  }
}

function refuseUnlocked(tables: BackupTable[], locked: BackupTable[]): void {
  const names = new Set(locked.map(quoteTable))
  const made = tables.find((table) => !names.has(quoteTable(table)))
  if (made)
    throw new BackupError(
      `The table ${made.name} was made at this moment. Is a migration running? Try again when it is done.`,
    )
}

async function readLogMonths(client: pg.ClientBase): Promise<string[]> {
  const { rows } = await client.query<{ bound: string }>(
    `select pg_get_expr(relpartbound, pg_class.oid) as bound from pg_inherits join pg_class on pg_class.oid = inhrelid
     where inhparent = 'public.agent_logs'::regclass order by 1`,
  )
  return rows.flatMap(({ bound }) => /^FOR VALUES FROM \('(\d{4}-\d\d-\d\d)/.exec(bound)?.[1] ?? [])
}

/**
 * An owner under forced row-level security would read nothing and not be told. Who may pass it says so with row_security
 * = off, which turns a filtered answer into an error; who may not reads as service_role, whose policies show every row.
 */
async function becomeReader(client: pg.ClientBase, tables: BackupTable[]): Promise<void> {
  const { rows } = await client.query<{ can_bypass: boolean }>(
    'select rolsuper or rolbypassrls as can_bypass from pg_roles where rolname = current_user',
  )
  if (rows[0]?.can_bypass) {
    await client.query('set local row_security = off')
    return
  }
  const { rows: hidden } = await client.query<{ name: string }>(
    `select relname as name from pg_class join pg_namespace on pg_namespace.oid = relnamespace
     where format('%s.%s', nspname, relname) = any($1) and relrowsecurity
       and (not exists (select from pg_policies p
                        where p.schemaname = nspname and p.tablename = relname and p.permissive = 'PERMISSIVE'
                          and p.cmd in ('SELECT', 'ALL') and p.roles @> array['service_role']::name[] and p.qual = 'true')
            or exists (select from pg_policies p where p.schemaname = nspname and p.tablename = relname and p.permissive = 'RESTRICTIVE'
                       and p.cmd in ('SELECT', 'ALL') and p.roles && array['service_role', 'public']::name[])
            or not has_table_privilege('service_role', pg_class.oid, 'select'))`,
    [tables.map(({ schema, name }) => `${schema}.${name}`)],
  )
  if (hidden.length > 0) {
    throw new BackupError(
      `The owner of the database cannot read every row of ${hidden.map(({ name }) => name).join(', ')}: row-level security ` +
        'holds for it too. Give it the right for backups as a superuser: alter role <owner> bypassrls;',
    )
  }
  try {
    await client.query('set local role service_role')
  } catch (cause) {
    throw new BackupError(
      'Row-level security holds for the owner of the database too, and it may not act as service_role. Run as the owner: ' +
        'grant service_role to current_user;',
      { cause },
    )
  }
}

async function readKeyFingerprints(client: pg.ClientBase): Promise<{ name: string; fingerprint: string }[]> {
  const { rows } = await client.query<{ name: string; fingerprint: string }>(
    `select name, value ->> 'kid' as fingerprint from public.installation where value ->> 'kid' is not null order by name`,
  )
  const { rows: found } = await client.query(`select to_regclass('public.encryption_keys') is not null as is_there`)
  if (!found[0]?.is_there) return rows
  const { rows: encryptionKeys } = await client.query<{ name: string; fingerprint: string }>(
    `select 'encryption_key' as name, id as fingerprint from public.encryption_keys order by created_at, id`,
  )
  return [...rows, ...encryptionKeys]
}

async function readAuditHead(client: pg.ClientBase): Promise<string | null> {
  const { rows: found } = await client.query(`select to_regclass('public.audit_log') is not null as is_there`)
  if (!found[0]?.is_there) return null
  const { rows } = await client.query<{ hash: string }>(
    `select encode(hash, 'hex') as hash from public.audit_log order by id desc limit 1`,
  )
  return rows[0]?.hash ?? null
}

async function readSequences(client: pg.ClientBase): Promise<BackupManifest['sequences']> {
  // Row-level security knows no sequences, and service_role may not read all of them.
  await client.query('reset role')
  const { rows: found } = await client.query<{ schema: string; name: string }>(
    `select nspname as schema, relname as name from pg_class join pg_namespace on pg_namespace.oid = relnamespace
     where relkind = 'S' and nspname = any($1) order by 1, 2`,
    [dataSchemas],
  )
  const sequences: BackupManifest['sequences'] = []
  for (const { schema, name } of found) {
    const { rows } = await client.query<{ last_value: string; is_called: boolean }>(
      `select last_value::text, is_called from ${quoteTable({ schema, name })}`,
    )
    if (rows[0]) sequences.push({ schema, name, ...rows[0] })
  }
  return sequences
}
