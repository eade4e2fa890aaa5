import { statfs } from 'node:fs/promises'
import { sql } from 'kysely'
import type { Services } from '../../app.ts'
import { readVersion } from '../../backup/program-version.ts'
import type { Tx } from '../../database/database.ts'
import { readMigrations } from '../../database/migrate.ts'
import { reconcileType } from '../../stripe/work-through-events.ts'
import type { System } from './system-schemas.ts'

/** As keep-server-node.ts judges: six heartbeats of five seconds. */
const silentSeconds = 30
const tablesShown = 10

/** What an operator should look at, from the database, this process and its disk. */
export async function readSystem(services: Services): Promise<System> {
  const { config, database, backupWatch, jobs, recentErrors, nodeId } = services
  const known = (await readMigrations()).map(({ name }) => name)
  const found = await database.asSystem('admins see how the system is', async (tx) => ({
    server: await readServer(tx),
    described: await describeDatabase(tx),
    servers: await listServers(tx, nodeId),
    tables: await listTables(tx),
    stripe: await readStripeLedger(tx),
    reconciliation: await findReconciliation(tx),
  }))
  const { migrations, partitions, strays } = found.described
  return {
    version: await readVersion(),
    node_version: process.versions.node,
    postgres_version: found.server.version,
    is_embedded: config.database.url === undefined,
    servers: found.servers,
    migrations: {
      applied: migrations.length,
      latest: migrations.at(-1) ?? null,
      pending: known.filter((name) => !migrations.includes(name)),
      unknown: migrations.filter((name) => !known.includes(name)),
    },
    partitions: {
      count: partitions.length,
      oldest: partitions[0] ?? null,
      newest: partitions.at(-1) ?? null,
      default_rows: strays,
      faults: findPartitionFaults(partitions, strays, new Date()),
    },
    backups: await backupWatch.read(),
    jobs: await jobs.list(),
    disk: {
      data_dir: await readDisk(config.dataDir),
      database_bytes: found.server.bytes,
      tables: found.tables,
    },
    errors: recentErrors.list(),
    stripe: { is_configured: config.stripe !== undefined, ...found.stripe },
    reconciliation: found.reconciliation,
  }
}

async function readServer(tx: Tx): Promise<{ version: string; bytes: number }> {
  const { rows } = await sql<{ version: string; bytes: number }>`
    select split_part(current_setting('server_version'), ' ', 1) as version,
      pg_database_size(current_database()) as bytes`.execute(tx)
  if (!rows[0]) throw new Error('A statement without tables has one row.')
  return rows[0]
}

interface Described {
  migrations: string[]
  partitions: string[]
  strays: number
}

async function describeDatabase(tx: Tx): Promise<Described> {
  const { rows } = await sql<{ described: Described }>`select app.describe_database() as described`.execute(tx)
  if (!rows[0]) throw new Error('A statement without tables has one row.')
  return rows[0].described
}

async function listServers(tx: Tx, nodeId: string): Promise<System['servers']> {
  const { rows } = await sql<System['servers'][number]>`
    select id, started_at, heartbeat_at, id = ${nodeId}::uuid as is_this,
      heartbeat_at > now() - make_interval(secs => ${silentSeconds}) as is_alive
    from public.server_nodes order by started_at, id`.execute(tx)
  return rows
}

/** A partitioned table counts with its partitions. */
async function listTables(tx: Tx): Promise<System['disk']['tables']> {
  const { rows } = await sql<System['disk']['tables'][number]>`
    select c.relname as name, sum(pg_total_relation_size(part.relid))::bigint as bytes,
      sum(greatest(leaf.reltuples, 0))::bigint as rows
    from pg_class c, pg_partition_tree(c.oid) part, pg_class leaf
    where c.relnamespace = 'public'::regnamespace and c.relkind = 'p' and leaf.oid = part.relid and leaf.relkind = 'r'
    group by c.relname
    union all
    select relname, pg_total_relation_size(oid), greatest(reltuples, 0)::bigint from pg_class
    where relnamespace = 'public'::regnamespace and relkind = 'r'
    order by bytes desc, name limit ${tablesShown}`.execute(tx)
  return rows
}

async function readStripeLedger(tx: Tx): Promise<Omit<System['stripe'], 'is_configured'>> {
  const { rows } = await sql<Omit<System['stripe'], 'is_configured'>>`
    select count(*) filter (where next_attempt_at is not null) as waiting,
      count(*) filter (where next_attempt_at is not null and failure is not null) as failed,
      count(*) filter (where next_attempt_at is null and handled_at is null) as given_up,
      min(received_at) filter (where next_attempt_at is not null) as oldest_waiting_at,
      max(received_at) filter (where type <> ${reconcileType}) as last_event_at,
      (select failure from public.stripe_events where failure is not null and handled_at is null
       order by received_at desc limit 1) as failure
    from public.stripe_events where received_at > now() - interval '30 days' or next_attempt_at is not null`.execute(tx)
  if (!rows[0]) throw new Error('A sum without groups has one row.')
  return rows[0]
}

async function findReconciliation(tx: Tx): Promise<System['reconciliation']> {
  const { rows } = await sql<NonNullable<System['reconciliation']>>`
    select created_at, to_char(month, 'YYYY-MM-DD') as month, users, released_reservations,
      difference_count as differences
    from public.usage_reconciliations order by created_at desc, id desc limit 1`.execute(tx)
  return rows[0] ?? null
}

async function readDisk(path: string): Promise<System['disk']['data_dir']> {
  try {
    const { bavail, blocks, bsize } = await statfs(path)
    return { path, free_bytes: bavail * bsize, total_bytes: blocks * bsize }
  } catch {
    // With a PostgreSQL of one's own the folder need not be there.
    return null
  }
}

/** Names of the partitions of this month and the next ones that have to be there; see partitions.ts. */
export function findPartitionFaults(partitions: string[], strays: number, now: Date): string[] {
  const wanted = Array.from({ length: 4 }, (_, months) => {
    const month = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + months, 1)).toISOString()
    return `agent_logs_${month.slice(0, 4)}_${month.slice(5, 7)}`
  })
  const missing = wanted.filter((name) => !partitions.includes(name))
  const faults: string[] = []
  if (missing.length > 0)
    faults.push(`${missing.join(', ')} missing; their logs go to the default partition and move when they are made.`)
  if (strays > 0)
    faults.push(
      `${strays} logs lie in the default partition: a partition was missing, or a clock was wrong. See docs/database.md.`,
    )
  return faults
}
