import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import type { Log } from '../log.ts'
import { queueIsFull, toConnectError } from './database-errors.ts'

/** How long a statement may wait for a connection when all are in use. */
const queueTimeoutMs = 5000
/** For each connection: a burst of thousands is served within that time when statements are fast. */
const maxWaitingPerConnection = 500
/**
 * Longer than the `statement_timeout` of time-limits.ts: a PostgreSQL that is alive ends a slow statement itself. What is
 * silent for longer has gone without a word, as behind a firewall that forgot the connection.
 */
const silenceTimeoutMs = 9500
/** How long the end may wait for a PostgreSQL that is silent. */
const goodbyeMs = 3000

export interface ConnectionPool {
  /** Rejects with an `AppError` when none can be had in time. */
  connect(): Promise<pg.PoolClient>
  /** This client's PostgreSQL fell silent: connections that were opened the same way are not used again. */
  distrust(client: pg.PoolClient): void
  /** One more statement would have to wait. */
  isExhausted(): boolean
  close(): Promise<void>
}

export interface PoolOptions {
  url: string
  poolSize: number
  log: Log
  silenceTimeoutMs?: number | undefined
}

interface PgPool {
  pool: pg.Pool
  idle: Set<pg.PoolClient>
}

function openPgPool({ url, poolSize, log, ...options }: PoolOptions): PgPool {
  const pool = new pg.Pool({
    connectionString: url,
    max: poolSize,
    connectionTimeoutMillis: queueTimeoutMs,
    idleTimeoutMillis: 60_000,
    query_timeout: options.silenceTimeoutMs ?? silenceTimeoutMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    application_name: 'agentexpress',
    // Statements behind BEGIN are sent without waiting for its answer. If BEGIN failed they would run as the login
    // role, which holds no privilege on any table.
    pipeline: true,
  } as pg.PoolConfig)
  const idle = new Set<pg.PoolClient>()
  // An idle connection that breaks is dropped from the pool; the next request opens a new one.
  pool.on('error', (error) => log.warn({ error: error.message }, 'a database connection broke'))
  // One that breaks between two statements of a transaction: the next statement fails with it. Without a listener Node
  // would end the process.
  pool.on('connect', (client) => client.on('error', () => {}))
  pool.on('acquire', (client) => idle.delete(client))
  pool.on('remove', (client) => idle.delete(client))
  pool.on('release', (error, client) => {
    if (!error) idle.add(client)
  })
  return { pool, idle }
}

/** The connections of one login, opened when they are needed. */
export function openPool(options: PoolOptions): ConnectionPool {
  const maxWaiting = options.poolSize * maxWaitingPerConnection
  const openedBy = new WeakMap<pg.PoolClient, PgPool>()
  let current = openPgPool(options)
  return {
    async connect() {
      const { pool } = current
      if (pool.waitingCount >= maxWaiting) throw queueIsFull()
      const from = current
      try {
        const client = await pool.connect()
        openedBy.set(client, from)
        return client
      } catch (cause) {
        throw toConnectError(cause)
      }
    },
    distrust(client) {
      // Several fall silent together; those after the first say nothing about the new ones.
      if (openedBy.get(client) !== current) return
      const { pool, idle } = current
      current = openPgPool(options)
      options.log.warn('PostgreSQL does not answer; its connections are opened anew')
      // A goodbye would wait for an answer.
      for (const other of idle) destroySocket(other)
      pool.end().catch(() => {})
    },
    isExhausted() {
      const { pool, idle } = current
      return pool.waitingCount > 0 || (idle.size === 0 && pool.totalCount >= options.poolSize)
    },
    async close() {
      const { pool, idle } = current
      const ended = pool.end()
      await Promise.race([ended, sleep(goodbyeMs, undefined, { ref: false })])
      for (const client of idle) destroySocket(client)
      await ended
    },
  }
}

/** The cast is sound: @types/pg leaves out the connection of a client, which every client of `pg` has. */
function destroySocket(client: pg.PoolClient): void {
  const { connection } = client as unknown as { connection: { stream: { destroy(): void } } }
  connection.stream.destroy()
}
