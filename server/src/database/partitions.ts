import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'

const monthsAhead = 3
const countedStrays = 100_000

/** While it waits for the default partition, everybody who wants that one waits behind it. */
const lockTimeoutMs = 500
const pausesMs = [250, 500]

/** Something else holds `agent_logs`, such as a backup: nothing was made, and nothing is lost. */
export class PartitionsBusy extends Error {}

/**
 * Makes the missing monthly partitions of `agent_logs`, from last month to three months ahead. Answers how many it made.
 * Throws `PartitionsBusy` when their lock was not to be had within two or three seconds, behind another server that makes
 * them within half a minute.
 */
export async function ensurePartitions(ownerUrl: string, now = new Date()): Promise<number> {
  return asOwner(ownerUrl, async (client) => {
    for (let attempt = 0; ; attempt++) {
      try {
        return await makePartitions(client, now)
      } catch (cause) {
        if (!isLockFailure(cause)) throw cause
        const pauseMs = pausesMs[attempt]
        if (pauseMs === undefined)
          throw new PartitionsBusy('agent_logs is in use, such as by a backup: its partitions could not be made', {
            cause,
          })
        await sleep(pauseMs)
      }
    }
  })
}

async function makePartitions(client: pg.Client, now: Date): Promise<number> {
  await client.query('begin')
  try {
    // The same lock that the function takes: whoever waits for another server that makes them stands in nobody's way.
    await client.query("set local lock_timeout = '10s'")
    await client.query(`select pg_advisory_xact_lock(hashtextextended('app.ensure_agent_log_partitions', 0))`)
    await client.query(`set local lock_timeout = ${lockTimeoutMs}`)
    const { rows } = await client.query<{ created: number }>(
      'select app.ensure_agent_log_partitions($1::date, $2::integer) as created',
      [monthOf(now, -1), monthsAhead + 2],
    )
    await client.query('commit')
    return rows[0]?.created ?? 0
  } catch (error) {
    await client.query('rollback')
    throw error
  }
}

/** lock_not_available, or deadlock_detected: writers may hold the default partition and want the whole. */
function isLockFailure(error: unknown): boolean {
  return error instanceof pg.DatabaseError && (error.code === '55P03' || error.code === '40P01')
}

export interface PartitionFault {
  kind: 'missing' | 'strays'
  partitions?: string[]
  /** At most 100,000 are counted. */
  count?: number
  oldest?: Date
  newest?: Date
  /** What it means and what to do. */
  detail: string
}

/** What is not as it should be after `ensurePartitions`. No log is lost by any of it, but reading and forgetting are slower. */
export async function findPartitionFaults(ownerUrl: string, now = new Date()): Promise<PartitionFault[]> {
  return asOwner(ownerUrl, async (client) => {
    const faults: PartitionFault[] = []
    const wanted = Array.from({ length: monthsAhead + 1 }, (_, months) => monthOf(now, months))
    const { rows: missing } = await client.query<{ name: string }>(
      `select name from unnest($1::date[]) month, lateral (select format('agent_logs_%s', to_char(month, 'YYYY_MM')) as name) n
       where not exists (
         select from pg_inherits where inhparent = 'public.agent_logs'::regclass
           and inhrelid = to_regclass(format('agent_log_partitions.%I', name)))
       order by name`,
      [wanted],
    )
    if (missing.length > 0)
      faults.push({
        kind: 'missing',
        partitions: missing.map(({ name }) => name),
        detail:
          'partitions of agent_logs are missing; their logs go to the default partition and move when they are made',
      })
    const { rows: strays } = await client.query<{ count: number; oldest: Date | null; newest: Date | null }>(
      `select count(*)::integer as count, min("timestamp") as oldest, max("timestamp") as newest
       from (select "timestamp" from agent_log_partitions.agent_logs_default limit ${countedStrays}) strays`,
    )
    const [found] = strays
    if (found && found.count > 0)
      faults.push({
        kind: 'strays',
        count: found.count,
        oldest: found.oldest ?? undefined,
        newest: found.newest ?? undefined,
        detail:
          'logs lie in the default partition: a partition was missing, or a clock was wrong. "select app.ensure_agent_log_partitions(<month>, 1)" as owner makes a month and moves them',
      })
    return faults
  })
}

/** What was wrong when this server looked last, for `/readyz`. */
export interface PartitionWatch {
  faults: PartitionFault['kind'][]
}

/** `ensurePartitions` makes this month and the next ones whenever they are missing. */
export const firstMonthKept = (now: Date) => new Date(monthOf(now, -1))

const monthOf = (now: Date, months: number) =>
  new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + months, 1)).toISOString().slice(0, 10)

async function asOwner<T>(ownerUrl: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({
    connectionString: ownerUrl,
    application_name: 'agentexpress partitions',
    connectionTimeoutMillis: 10_000,
  })
  // What breaks the connection also fails the statement; without a listener Node would end the process.
  client.on('error', () => {})
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}
