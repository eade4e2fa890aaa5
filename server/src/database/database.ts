import {
  type Kysely,
  Kysely as KyselyInstance,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
} from 'kysely'
import pg from 'pg'
import { AppError } from '../errors.ts'
import type { Log } from '../log.ts'
import { queryFramed, type Statement } from './framed-statement.ts'
import { TransactionConnection, TransactionDriver } from './transaction-driver.ts'
import type { Tables } from './types.ts'

/** A running transaction, as the user or the system it was opened for. */
export type Tx = Kysely<Tables>

/** Whom a transaction acts for; becomes `request.jwt.claims`, which `auth.uid()` and the policies read. */
export interface Claims {
  sub: string
  user_role: 'user' | 'admin'
}

export interface Database {
  /** Runs `work` in one transaction under row-level security as this user. Rolls back when it throws. */
  withUser<T>(claims: Claims, work: (tx: Tx) => Promise<T>): Promise<T>
  /** Runs `work` under row-level security as somebody who is not signed in. */
  asAnonymous<T>(work: (tx: Tx) => Promise<T>): Promise<T>
  /** Runs `work` without a user, past row-level security. `reason` says why that is right; lint lists who may call it. */
  asSystem<T>(reason: string, work: (tx: Tx) => Promise<T>): Promise<T>
  /** One prepared statement in a transaction of its own, in one round trip. */
  queryAsUser<Row extends pg.QueryResultRow>(claims: Claims, statement: Statement): Promise<Row[]>
  isReady(): Promise<boolean>
  close(): Promise<void>
}

export interface DatabaseOptions {
  url: string
  poolSize: number
  /** False behind a transaction pooler that does not know prepared statements (PgBouncer before 1.21). */
  usePreparedStatements: boolean
  log: Log
}

// timestamptz as Date and numeric as string are what the tables' types say; int8 (counts) is small enough for a number.
pg.types.setTypeParser(pg.types.builtins.INT8, Number)

const shared = {
  createAdapter: () => new PostgresAdapter(),
  createIntrospector: (db: Kysely<unknown>) => new PostgresIntrospector(db),
  createQueryCompiler: () => new PostgresQueryCompiler(),
}

function openPool({ url, poolSize, log }: Pick<DatabaseOptions, 'url' | 'poolSize' | 'log'>): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    max: poolSize,
    connectionTimeoutMillis: 5000,
    idleTimeoutMillis: 60_000,
    keepAlive: true,
    application_name: 'agentexpress',
    // Statements behind BEGIN are sent without waiting for its answer. If BEGIN failed they would run as the login
    // role, which holds no privilege on any table.
    pipeline: true,
  } as pg.PoolConfig)
  // An idle connection that breaks is dropped from the pool; the next request opens a new one.
  pool.on('error', (error) => log.warn({ error: error.message }, 'a database connection broke'))
  // One that breaks between two statements of a transaction: the next statement fails with it. Without a listener Node
  // would end the process.
  pool.on('connect', (client) => client.on('error', () => {}))
  return pool
}

/**
 * Opens the pool the server works with. Role and claims are set for the transaction alone, so that nothing of one
 * user's can be left on a pooled connection.
 */
export function openDatabase({ url, poolSize, usePreparedStatements, log }: DatabaseOptions): Database {
  const pool = openPool({ url, poolSize, log })

  async function connect(): Promise<pg.PoolClient> {
    try {
      return await pool.connect()
    } catch (cause) {
      throw new AppError('unavailable', { detail: 'The database cannot be reached.', retryAfterSeconds: 2, cause })
    }
  }

  async function inTransaction<T>(begin: string, work: (tx: Tx) => Promise<T>): Promise<T> {
    const client = await connect()
    const connection = new TransactionConnection(client, usePreparedStatements)
    const tx: Tx = new KyselyInstance<Tables>({
      dialect: { ...shared, createDriver: () => new TransactionDriver(connection) },
    })
    let failure: unknown
    try {
      const begun = client.query(begin)
      begun.catch(() => {})
      const result = await work(tx)
      await begun
      connection.close()
      const { command } = await client.query('commit')
      // PostgreSQL answers ROLLBACK to the COMMIT of a failed transaction: a caught error must not look like success.
      if (command !== 'COMMIT') throw new Error('The transaction was rolled back because one of its statements failed.')
      return result
    } catch (error) {
      failure = error
      connection.close()
      await client.query('rollback').catch(() => {})
      throw toAppError(error)
    } finally {
      client.release(isBroken(failure))
    }
  }

  return {
    withUser: (claims, work) => inTransaction(beginAs('authenticated', claims), work),
    asAnonymous: (work) => inTransaction(beginAs('anon', null), work),
    asSystem: (_reason, work) => inTransaction(beginAs('service_role', null), work),
    async queryAsUser<Row extends pg.QueryResultRow>(claims: Claims, statement: Statement) {
      const client = await connect()
      let failure: unknown
      try {
        return await queryFramed<Row>(client, frameAs('authenticated', claims), statement, { usePreparedStatements })
      } catch (error) {
        failure = error
        throw toAppError(error)
      } finally {
        client.release(isBroken(failure))
      }
    },
    async isReady() {
      try {
        const client = await pool.connect()
        try {
          await client.query('select 1')
        } finally {
          client.release()
        }
        return true
      } catch {
        return false
      }
    },
    close: () => pool.end(),
  }
}

/*
 * `request.account_checked` tells the policies that the account was found not suspended when its credential was read
 * (authenticate.ts), so that no statement has to look again. Sessions that do not come through here have it looked up.
 */

/** The same as a statement of its own, for a transaction that needs no BEGIN. */
function frameAs(role: 'anon' | 'authenticated' | 'service_role', claims: Claims | null): Statement {
  return {
    name: `frame_${role}`,
    text: `select set_config('role', '${role}', true), set_config('request.jwt.claims', $1, true), set_config('request.account_checked', $2, true)`,
    values: [claims ? JSON.stringify({ ...claims, role }) : '', String(claims !== null)],
  }
}

function beginAs(role: 'anon' | 'authenticated' | 'service_role', claims: Claims | null): string {
  const json = claims ? JSON.stringify({ ...claims, role }) : ''
  return `begin; set local role ${role}; select set_config('request.jwt.claims', ${pg.escapeLiteral(json)}, true), set_config('request.account_checked', '${claims !== null}', true)`
}

/** A connection that lost its server is not given back to the pool. */
function isBroken(error: unknown): boolean {
  if (error === undefined || error instanceof AppError) return false
  if (error instanceof pg.DatabaseError) return error.severity === 'FATAL' || (error.code ?? '').startsWith('57P')
  return error instanceof Error && ('code' in error || /connection|terminated|timeout/i.test(error.message))
}

/** SQLSTATEs whose meaning for the caller is always the same; everything else stays as it is. */
function toAppError(error: unknown): unknown {
  if (error instanceof AppError) return error
  if (isBroken(error))
    return new AppError('unavailable', { detail: 'The database is restarting.', retryAfterSeconds: 2, cause: error })
  if (!(error instanceof pg.DatabaseError)) return error
  switch (error.code) {
    case '57014': // statement_timeout
    case '55P03': // lock_timeout
    case '40001': // serialisation failure
    case '40P01': // deadlock
    case '53300': // too many connections
      return new AppError('unavailable', { detail: 'The database is too busy.', retryAfterSeconds: 2, cause: error })
    case '53100': // disk full
      return new AppError('unavailable', {
        detail: 'The disk of the database is full.',
        retryAfterSeconds: 60,
        cause: error,
      })
    case '23503': // the account was deleted within the second for which its credential is remembered
      return error.constraint?.endsWith('_user_id_fkey') ? new AppError('unauthenticated', { cause: error }) : error
    case '42501': // row-level security or a missing privilege
      return new AppError('forbidden', { cause: error })
    case '22021': // NUL in text
    case '22P05': // NUL in jsonb
    case '22P02': // lone surrogate in jsonb
      return new AppError('invalid_request', { detail: 'The text has characters that cannot be stored.', cause: error })
    default:
      return error
  }
}
