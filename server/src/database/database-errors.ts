import pg from 'pg'
import { AppError } from '../errors.ts'

/** Beside class 08: PostgreSQL, or who runs it, ended this session. https://www.postgresql.org/docs/current/errcodes-appendix.html */
const endOfSession = new Set([
  '57P01', // shut down by an administrator
  '57P02', // crash of another session
  '57P03', // starting up or shutting down
  '57P04', // database dropped
  '57P05', // idle_session_timeout
  '25P03', // idle_in_transaction_session_timeout
  '25P04', // transaction_timeout
])

const socketErrors = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENETDOWN',
  'ENOTFOUND',
  'EAI_AGAIN',
])

/** What `pg` says itself, without a code. */
const endOfClient =
  /^(Connection terminated|Client has encountered a connection error|Client was closed|Query read timeout|write after end|This socket has been ended)/

/** Of a client whose statement failed with this error: is its connection of no more use? */
export function isConnectionLost(error: unknown): boolean {
  if (error instanceof pg.DatabaseError) {
    const code = error.code ?? ''
    return error.severity === 'FATAL' || code.startsWith('08') || endOfSession.has(code)
  }
  if (!(error instanceof Error)) return false
  return socketErrors.has((error as NodeJS.ErrnoException).code ?? '') || endOfClient.test(error.message)
}

/** PostgreSQL did not even say that the statement takes too long: it, or the way to it, is dead. */
export function isSilence(error: unknown): boolean {
  return error instanceof Error && error.message === 'Query read timeout'
}

const busy = (cause: unknown) =>
  new AppError('unavailable', { detail: 'The database is too busy.', retryAfterSeconds: 2, cause })

/** Why no connection was to be had. */
export function toConnectError(cause: unknown): AppError {
  // pg-pool says so when all connections were in use for as long as one may wait.
  const isQueue = cause instanceof Error && cause.message === 'timeout exceeded when trying to connect'
  if (isQueue) return busy(cause)
  return new AppError('unavailable', { detail: 'The database cannot be reached.', retryAfterSeconds: 2, cause })
}

/** More wait for a connection than can be served before their time is over: refused at once. */
export function queueIsFull(): AppError {
  return busy(undefined)
}

const lostAnswers = new WeakSet<AppError>()

/**
 * The connection was lost behind something that had been sent: whether it was committed, or will be, is not known. Of all
 * other errors it is: what never had a connection was not sent, and what PostgreSQL refused is rolled back.
 */
export function isAnswerLost(error: unknown): boolean {
  return error instanceof AppError && lostAnswers.has(error)
}

/**
 * SQLSTATEs whose meaning for the caller is always the same; everything else stays as it is. With `isLost`, the connection
 * is gone: whatever the work made of that, the transaction is not committed.
 */
export function toAppError(error: unknown, isLost: boolean): unknown {
  if (error instanceof AppError) return error
  if (isLost) {
    const detail = isSilence(error) ? 'The database does not answer.' : 'The database is restarting.'
    const lost = new AppError('unavailable', { detail, retryAfterSeconds: 2, cause: error })
    lostAnswers.add(lost)
    return lost
  }
  if (!(error instanceof pg.DatabaseError)) return error
  switch (error.code) {
    case '57014': // statement_timeout, or an administrator cancelled it
      return new AppError('database_timeout', { retryAfterSeconds: 5, cause: error })
    case '55P03': // lock_timeout
    case '40001': // serialisation failure
    case '40P01': // deadlock
    case '53000': // insufficient resources
    case '53200': // out of memory
    case '53300': // too many connections
    case '53400': // a configured limit
      return busy(error)
    case '53100':
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
