import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { AppError } from '../errors.ts'
import type { LogRange } from './retention-queries.ts'

export interface LogPartition extends LogRange {
  name: string
  bytes: number
}

// Whoever comes while DROP waits for its locks waits behind it, so that it gives up soon and tries again.
const lockTimeoutMs = 100
const maxTries = 60

/** The owner's connection: nobody else may look into the schema of the partitions. */
export async function connectAsOwner(ownerUrl: string): Promise<pg.Client> {
  const client = new pg.Client({
    connectionString: ownerUrl,
    application_name: 'agentexpress retention',
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
  })
  client.on('error', () => {})
  await client.connect()
  await client.query("set timezone = 'UTC'")
  return client
}

/** Monthly partitions, oldest first, without the default one, which stays whatever is in it. */
export async function listPartitions(client: pg.Client): Promise<LogPartition[]> {
  const { rows } = await client.query<{ name: string; bound: string; bytes: number }>(`
    select relname as name, pg_get_expr(relpartbound, oid) as bound, pg_total_relation_size(oid) as bytes
    from pg_class join pg_inherits on inhrelid = oid where inhparent = 'public.agent_logs'::regclass order by relname`)
  return rows.flatMap(({ name, bound, bytes }) => {
    // The default partition says DEFAULT.
    const found = /^FOR VALUES FROM \('([\d-]+) ([\d:]+)\+00'\) TO \('([\d-]+) ([\d:]+)\+00'\)$/.exec(bound)
    if (!found) return []
    const [, fromDay, fromTime, toDay, toTime] = found
    return [{ name, bytes, from: new Date(`${fromDay}T${fromTime}Z`), to: new Date(`${toDay}T${toTime}Z`) }]
  })
}

/**
 * Drops a partition if `check` still says so once nobody can write into it any more. DETACH CONCURRENTLY is refused
 * beside a default partition, and DETACH needs the same locks as DROP: agent_logs and the tables it refers to, for the
 * milliseconds until the commit. Answers false when the check says no; `busy` when the locks were never free.
 */
export async function dropPartition(
  client: pg.Client,
  partition: LogPartition,
  check: () => Promise<boolean>,
  signal?: AbortSignal,
): Promise<boolean | 'busy'> {
  const name = `agent_log_partitions.${pg.escapeIdentifier(partition.name)}`
  for (let tries = 0; tries < maxTries && !signal?.aborted; tries++) {
    try {
      await client.query('begin')
      await client.query(`set local lock_timeout = '${lockTimeoutMs}ms'`)
      // Readers go on. What is waiting to write here finds the partition gone, and nothing of it was to be kept.
      await client.query(`lock table ${name} in share row exclusive mode`)
      const isExpired = await check()
      if (isExpired) await client.query(`drop table ${name}`)
      await client.query('commit')
      return isExpired
    } catch (error) {
      await client.query('rollback')
      // The look took too long with writers waiting: its rows go in batches, and the partition when it is empty.
      if (error instanceof AppError && error.code === 'database_timeout') return 'busy'
      // lock_not_available, deadlock_detected
      if (!(error instanceof pg.DatabaseError) || !['55P03', '40P01'].includes(error.code ?? '')) throw error
      await sleep(100 + Math.random() * 400)
    }
  }
  return 'busy'
}
