import {
  type Kysely,
  Kysely as KyselyInstance,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
} from 'kysely'
import pg from 'pg'
import { isConnectionLost, isSilence, toAppError } from './database-errors.ts'
import { againAfterDeadlock } from './deadlocks.ts'
import { queryFramed, type Statement } from './framed-statement.ts'
import { gatherStatements, type Sent } from './gather-statements.ts'
import { type ConnectionPool, openPool, type PoolOptions } from './open-pool.ts'
import { createSlowStatementLog, explainStatement } from './slow-statements.ts'
import { type TimeLimits, timeLimitColumns } from './time-limits.ts'
import { TransactionConnection, TransactionDriver } from './transaction-driver.ts'
import type { Tables } from './types.ts'

/** A running transaction, as the user or the system it was opened for. */
export type Tx = Kysely<Tables>

/** Whom a transaction acts for; becomes `request.jwt.claims`, which `auth.uid()` and the policies read. */
export interface Claims {
  sub: string
  user_role: 'user' | 'admin'
}

export interface SystemOptions {
  /** In place of the role's `statement_timeout`, for work that nobody waits for. */
  statementTimeoutMs?: number
}

/** In each of these `work` may be run again after a deadlock: outside of its transaction it must leave nothing behind. */
export interface Database {
  /** Runs `work` in one transaction under row-level security as this user. Rolls back when it throws. */
  withUser<T>(claims: Claims, work: (tx: Tx) => Promise<T>): Promise<T>
  /** Runs `work` under row-level security as somebody who is not signed in. */
  asAnonymous<T>(work: (tx: Tx) => Promise<T>): Promise<T>
  /** Runs `work` without a user, past row-level security. `reason` says why that is right; lint lists who may call it. */
  asSystem<T>(reason: string, work: (tx: Tx) => Promise<T>, options?: SystemOptions): Promise<T>
  /**
   * One prepared statement in a transaction of its own, in one round trip; of the same user's that come meanwhile several
   * share the next one, without seeing each other fail.
   */
  queryAsUser<Row extends pg.QueryResultRow>(claims: Claims, statement: Statement): Promise<Row[]>
  isReady(): Promise<boolean>
  close(): Promise<void>
}

export interface DatabaseOptions extends PoolOptions {
  /** False behind a transaction pooler that does not know prepared statements (PgBouncer before 1.21). */
  usePreparedStatements: boolean
  /** Statements that take longer are logged with their plan; none when left out or 0. */
  slowQueryMs?: number | undefined
  /** Those that the login's sessions lack: each transaction sets them, which costs it a little. */
  timeLimits?: TimeLimits | undefined
}

// timestamptz as Date and numeric as string are what the tables' types say; int8 (counts) is small enough for a number.
pg.types.setTypeParser(pg.types.builtins.INT8, Number)

const shared = {
  createAdapter: () => new PostgresAdapter(),
  createIntrospector: (db: Kysely<unknown>) => new PostgresIntrospector(db),
  createQueryCompiler: () => new PostgresQueryCompiler(),
}

/**
 * Opens the pool the server works with. Role and claims are set for the transaction alone, so that nothing of one
 * user's can be left on a pooled connection.
 */
export function openDatabase(options: DatabaseOptions): Database {
  const { usePreparedStatements } = options
  const pool = openPool(options)
  const slowStatements = createSlowStatementLog(options.slowQueryMs ?? 0, options.log)
  const limits = timeLimitColumns(options.timeLimits ?? {})

  function giveBack(client: pg.PoolClient, lostBy: unknown): void {
    if (isSilence(lostBy)) pool.distrust(client)
    client.release(lostBy !== null)
  }

  const noteIfSlow: NoteIfSlow = (begin) => (text, durationMs, error) => {
    if (slowStatements.isSlow(durationMs))
      slowStatements.note({ text, durationMs, error }, () => explain(pool, begin, text))
  }

  async function inTransaction<T>(
    begin: string,
    work: (tx: Tx) => Promise<T>,
    { statementTimeoutMs }: SystemOptions = {},
  ): Promise<T> {
    const client = await pool.connect()
    const onEnd = noteIfSlow(begin)
    const limit = statementTimeoutMs === undefined ? '' : `; set local statement_timeout = ${statementTimeoutMs}`
    let lostBy: unknown = null
    try {
      return await againAfterDeadlock(async () => {
        const connection = new TransactionConnection(client, { usePreparedStatements, onEnd, statementTimeoutMs })
        try {
          return await runTransaction(connection, begin + limit, work)
        } finally {
          lostBy = connection.lostBy
        }
      })
    } catch (error) {
      throw toAppError(error, lostBy !== null)
    } finally {
      giveBack(client, lostBy)
    }
  }

  const gather = gatherStatements(
    createSend({ pool, giveBack, isSlow: slowStatements.isSlow, noteIfSlow, limits, usePreparedStatements }),
  )

  return {
    withUser: (claims, work) => inTransaction(beginAs('authenticated', claims, limits), work),
    asAnonymous: (work) => inTransaction(beginAs('anon', null, limits), work),
    asSystem: (_reason, work, more) => inTransaction(beginAs('service_role', null, limits), work, more),
    queryAsUser: async <Row extends pg.QueryResultRow>(claims: Claims, statement: Statement) =>
      (await gather(claims, statement)) as Row[],
    isReady: () => isReady(pool),
    close: () => pool.close(),
  }
}

/** Throws once it is rolled back, or the connection lost. */
async function runTransaction<T>(
  connection: TransactionConnection,
  begin: string,
  work: (tx: Tx) => Promise<T>,
): Promise<T> {
  const tx: Tx = new KyselyInstance<Tables>({
    dialect: { ...shared, createDriver: () => new TransactionDriver(connection) },
  })
  try {
    const begun = connection.run(begin)
    begun.catch(() => {})
    const result = await work(tx)
    await begun
    connection.close()
    const { command } = await connection.run('commit')
    // PostgreSQL answers ROLLBACK to the COMMIT of a failed transaction: a caught error must not look like success.
    if (command !== 'COMMIT') throw new Error('The transaction was rolled back because one of its statements failed.')
    return result
  } catch (error) {
    connection.close()
    if (connection.lostBy === null)
      await connection.run('rollback').catch((failure: unknown) => {
        connection.lostBy ??= failure
      })
    // Whatever the work made of it.
    throw connection.lostBy === null ? (connection.deadlock ?? error) : error
  }
}

type NoteIfSlow = (begin: string) => (text: string, durationMs: number, error?: string) => void

interface Sending {
  pool: ConnectionPool
  giveBack(client: pg.PoolClient, lostBy: unknown): void
  isSlow(durationMs: number): boolean
  noteIfSlow: NoteIfSlow
  limits: string
  usePreparedStatements: boolean
}

/** Statements of a user in one transaction and one message; never rejects. */
function createSend({ pool, giveBack, isSlow, noteIfSlow, limits, usePreparedStatements }: Sending) {
  return async (claims: Claims, statements: Statement[]): Promise<Sent> => {
    let client: pg.PoolClient
    try {
      client = await pool.connect()
    } catch (error) {
      return { error, isLost: true }
    }
    const all = statements.flatMap((one) => (one.before ? [one.before, one] : [one]))
    const startedAt = performance.now()
    let lostBy: unknown = null
    let code: string | undefined
    try {
      const isAlone = statements.length === 1
      const frame = frameTogether(frameAs('authenticated', claims, limits), all.length, isAlone ? aloneMs : togetherMs)
      const query = () => queryFramed<unknown>(client, frame, all, { usePreparedStatements })
      // What fails together is sent again one by one.
      const rows = await (isAlone ? againAfterDeadlock(query) : query())
      return { rows: all.flatMap((one, at) => (statements.includes(one) ? [rows[at] ?? []] : [])) }
    } catch (error) {
      if (error instanceof pg.DatabaseError) code = error.code
      const isLost = isConnectionLost(error)
      // What is not PostgreSQL's error may have left half a message on the connection.
      if (isLost || code === undefined) lostBy = error
      return { error: toAppError(error, isLost), isLost: lostBy !== null }
    } finally {
      giveBack(client, lostBy)
      // Of several only the sum is known: each of them may be the slow one.
      const durationMs = performance.now() - startedAt
      if (isSlow(durationMs)) {
        const note = noteIfSlow(beginAs('authenticated', claims, limits))
        for (const text of new Set(all.map((one) => one.text))) note(text, durationMs, code)
      }
    }
  }
}

/** Null when others wait for a connection: they come first. */
async function explain(pool: ConnectionPool, begin: string, text: string): Promise<string[] | null> {
  if (pool.isExhausted()) return null
  const client = await pool.connect()
  let isSound = false
  try {
    await client.query(begin)
    const plan = await explainStatement(client, text)
    await client.query('rollback')
    isSound = true
    return plan
  } finally {
    client.release(!isSound)
  }
}

/** Whoever asks wants to know it now: a silent database counts as away after two seconds. */
async function isReady(pool: ConnectionPool): Promise<boolean> {
  try {
    const client = await pool.connect()
    try {
      await client.query({ text: 'select 1', query_timeout: 2000 } as pg.QueryConfig)
      client.release()
      return true
    } catch (error) {
      if (isSilence(error)) pool.distrust(client)
      client.release(true)
      return false
    }
  } catch {
    return false
  }
}

/*
 * `request.account_checked` tells the policies that the account was found not suspended when its credential was read
 * (authenticate.ts), so that no statement has to look again. Sessions that do not come through here have it looked up.
 */

type ApiRole = 'anon' | 'authenticated' | 'service_role'

/** The same as a statement of its own, for a transaction that needs no BEGIN. */
function frameAs(role: ApiRole, claims: Claims | null, limits: string): Statement {
  return {
    name: `frame_${role}`,
    text: `select set_config('role', '${role}', true), set_config('request.jwt.claims', $1, true), set_config('request.account_checked', $2, true)${limits}`,
    values: [claims ? JSON.stringify({ ...claims, role }) : '', String(claims !== null)],
  }
}

// Shorter than a PostgreSQL may be silent, also with an answer that takes its time: what is silent is given up.
const aloneMs = 8000
// Where others are sent again if it fails, which has to fit into the time they may wait.
const togetherMs = 4000

/** Where several share a transaction, each has its part of `ms`, so that all of them end before they are given up. */
function frameTogether(frame: Statement, count: number, ms: number): Statement {
  if (count === 1) return frame
  const { name, text, values } = frame
  // What the operator limited to less stays so; 0 is no limit.
  const limit = `least(nullif(extract(epoch from current_setting('statement_timeout')::interval) * 1000, 0), $${values.length + 1}::numeric)`
  return {
    name: `${name}_together`,
    text: `${text}, set_config('statement_timeout', ceil(${limit})::text, true)`,
    values: [...values, String(Math.floor(ms / count))],
  }
}

function beginAs(role: ApiRole, claims: Claims | null, limits: string): string {
  const json = claims ? JSON.stringify({ ...claims, role }) : ''
  return `begin; set local role ${role}; select set_config('request.jwt.claims', ${pg.escapeLiteral(json)}, true), set_config('request.account_checked', '${claims !== null}', true)${limits}`
}
