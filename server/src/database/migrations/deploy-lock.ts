import { hostname } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { prepareLedger } from './ledger.ts'

/** Number of the advisory lock that deployers of all nodes wait for; Prisma's own, so that its commands wait as well. */
const advisoryLock = 72707369

export async function connectOwner(ownerUrl: string): Promise<pg.Client> {
  const client = new pg.Client({
    connectionString: ownerUrl,
    application_name: `agentexpress migrate, process ${process.pid} of ${hostname()}`.slice(0, 63),
    connectionTimeoutMillis: 10_000,
  })
  // Whoever waits for an answer is told; without a listener the loss of the connection would end the process.
  client.on('error', () => {})
  await client.connect()
  // Some managed databases set short limits for every session.
  await client.query('set statement_timeout = 0; set idle_in_transaction_session_timeout = 0')
  // PostgreSQL then notices within seconds that a deployer was killed, also in the middle of a long statement. Not every
  // operating system can do that.
  await client.query(`set client_connection_check_interval = '2s'`).catch(() => {})
  return client
}

/**
 * Runs `work` while no other node does. Asks again and again instead of waiting inside PostgreSQL: a statement that waits
 * there is a running transaction, which a CREATE INDEX CONCURRENTLY of the node at work would wait for in turn.
 */
export async function withDeployLock<T>(
  ownerUrl: string,
  onProgress: (text: string) => void,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = await connectOwner(ownerUrl)
  try {
    let saidAt = Number.NEGATIVE_INFINITY
    for (let waitMs = 50; !(await tryLock(client)); waitMs = Math.min(1000, waitMs * 1.5)) {
      if (performance.now() - saidAt > 30_000) {
        saidAt = performance.now()
        const holder = await findLockHolder(client)
        onProgress(`waiting for another node that is migrating the database${holder ? ` (${holder})` : ''}`)
      }
      await sleep(waitMs)
    }
    await prepareLedger(client)
    return await work(client)
  } finally {
    await client.end()
  }
}

async function tryLock(client: pg.Client): Promise<boolean> {
  const { rows } = await client.query<{ is_free: boolean }>('select pg_try_advisory_lock($1) as is_free', [
    advisoryLock,
  ])
  return rows[0]?.is_free === true
}

/** Who deploys at this moment, as a phrase; null when nobody does. */
export async function findLockHolder(client: pg.Client): Promise<string | null> {
  const { rows } = await client.query<{ holder: string }>(
    `select format('%s, since %s', coalesce(nullif(application_name, ''), usename, 'session ' || pid),
       to_char(backend_start at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"')) as holder
     from pg_locks join pg_stat_activity using (pid)
     where locktype = 'advisory' and granted and classid = 0 and objid = $1 and pid <> pg_backend_pid()
       and database = (select oid from pg_database where datname = current_database())`,
    [advisoryLock],
  )
  return rows[0]?.holder ?? null
}
