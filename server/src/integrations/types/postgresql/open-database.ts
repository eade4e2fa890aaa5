import { isIP, type Socket } from 'node:net'
import pg from 'pg'
import { cleanToolText } from '../../clean-tool-text.ts'
import { type Connection, ConnectionFailed } from '../../integration-type.ts'
import { openServiceSocket } from '../../open-service-socket.ts'
import { StatementRefused } from './check-statement.ts'

export const maxSeconds = 30
const connectTimeoutMs = 15_000
/** Of everything that one call receives. One row alone may be a gigabyte. */
const maxReceivedBytes = 16 * 1024 * 1024

export type Query = <Row extends object>(text: string, values?: unknown[]) => Promise<Row[]>

export interface OpenDatabase {
  /** Rows as objects. */
  query: Query
  client: pg.Client
}

/**
 * One connection with one transaction that is READ ONLY, bounded in time and rolled back at the end. Throws
 * `ConnectionFailed`, also for a role that could do more than any wall holds back.
 */
export async function withDatabase<Result>(
  connection: Connection,
  work: (database: OpenDatabase) => Promise<Result>,
): Promise<Result> {
  const { settings } = connection
  const host = String(settings.host).trim()
  const seconds = Math.min(maxSeconds, Number(settings.time_limit ?? 10))
  // The server ends the statement itself; this is for a server that does not answer at all.
  const timeout = AbortSignal.timeout(connectTimeoutMs + seconds * 2000)
  const signal = AbortSignal.any([connection.signal, timeout])
  let socket: Socket | null = null
  let hasTooMuch = false
  const hangUp = () => socket?.destroy()
  const watch = setInterval(() => {
    if ((socket?.bytesRead ?? 0) <= maxReceivedBytes) return
    hasTooMuch = true
    hangUp()
  }, 5)
  try {
    const place = { host, port: Number(settings.port), ports: [], isEncrypted: settings.ssl !== 'disable' }
    const opened = await openServiceSocket(connection, place, signal)
    socket = opened.socket
    const client = createClient(connection, opened.place.host, opened.socket)
    client.on('error', () => {})
    signal.addEventListener('abort', hangUp, { once: true })
    signal.throwIfAborted()
    await client.connect()
    const query: Query = async (text, values = []) =>
      (await client.query({ text, values, queryMode: 'extended' } as pg.QueryConfig)).rows
    await begin(query, seconds, (settings.schemas ?? []) as string[])
    await refuseMightyRoles(query)
    return await work({ query, client })
  } catch (error) {
    if (connection.signal.aborted) throw connection.signal.reason
    if (hasTooMuch)
      throw new StatementRefused('The result is larger than 16 MB. Ask for fewer or shorter columns, or for sums.')
    if (timeout.aborted) throw new ConnectionFailed('unreachable', `${host} did not answer in time.`, error)
    throw explainDatabaseError(error, host)
  } finally {
    clearInterval(watch)
    signal.removeEventListener('abort', hangUp)
    // Whatever was begun, the server rolls it back when the connection ends.
    hangUp()
  }
}

function createClient({ settings, credentials }: Connection, host: string, socket: Socket): pg.Client {
  // The driver wants to connect by itself; this socket is connected already, to an address that was checked.
  const connected = Object.assign(socket, {
    connect() {
      process.nextTick(() => socket.emit('connect'))
      return socket
    },
  })
  const ca = String(settings.ca_certificate ?? '').trim()
  return new pg.Client({
    host,
    port: Number(settings.port),
    database: String(settings.database),
    user: String(settings.user),
    password: String(credentials.password),
    application_name: 'agentexpress',
    ssl: settings.ssl !== 'disable' && {
      minVersion: 'TLSv1.2',
      rejectUnauthorized: settings.ssl !== 'require',
      ...(isIP(host) === 0 && { servername: host }),
      ...(ca && { ca }),
    },
    stream: () => connected,
    types: { getTypeParser: () => (text: unknown) => text } as never,
  })
}

async function begin(query: Query, seconds: number, schemas: readonly string[]): Promise<void> {
  await query('begin transaction isolation level repeatable read read only')
  const local = {
    default_transaction_read_only: 'on',
    statement_timeout: `${seconds}s`,
    lock_timeout: '2s',
    idle_in_transaction_session_timeout: '60s',
    standard_conforming_strings: 'on',
    row_security: 'on',
    timezone: 'UTC',
    datestyle: 'ISO, YMD',
    intervalstyle: 'iso_8601',
    bytea_output: 'hex',
    client_encoding: 'UTF8',
    ...(schemas.length > 0 && { search_path: schemas.map((name) => `"${name.replaceAll('"', '""')}"`).join(', ') }),
  }
  await query('select pg_catalog.set_config(key, value, true) from pg_catalog.jsonb_each_text($1::jsonb)', [
    JSON.stringify(local),
  ])
}

/** A superuser reads files and runs programs of its server; what this server holds back would be a fence of paper. */
async function refuseMightyRoles(query: Query): Promise<void> {
  const [role] = await query<{ name: string; is_mighty: string }>(`
    select current_user as name, (r.rolsuper or r.rolreplication or exists (
      select from pg_catalog.pg_roles m
      where m.rolname in ('pg_read_server_files', 'pg_write_server_files', 'pg_execute_server_program')
        and pg_catalog.pg_has_role(current_user, m.oid, 'usage')
    ))::text as is_mighty
    from pg_catalog.pg_roles r where r.rolname = current_user`)
  if (role?.is_mighty === 'true')
    throw new ConnectionFailed(
      'refused',
      `${cleanToolText(role.name, 63)} is a superuser or may use the files of its server. Make a role that only reads, as the instructions say, and connect with it.`,
    )
}

function explainDatabaseError(error: unknown, host: string): unknown {
  if (!(error instanceof Error) || error instanceof ConnectionFailed || error instanceof StatementRefused) return error
  if (error instanceof pg.DatabaseError) return explainServerError(error, host)
  const text = `${'code' in error ? error.code : ''} ${error.message}`
  const why = /expired/i.test(text)
    ? 'its certificate has expired.'
    : /altname/i.test(text)
      ? 'its certificate is for another name.'
      : /self.signed|DEPTH_ZERO|UNABLE_TO|issuer/i.test(text)
        ? 'its certificate is from nobody this server trusts. Enter the certificate of its authority.'
        : /does not support SSL/i.test(text)
          ? 'it does not offer encryption.'
          : null
  if (why) return new ConnectionFailed('unreachable', `No safe connection to ${host}: ${why}`, error)
  return new ConnectionFailed('unreachable', `The connection to ${host} broke off.`, error)
}

function explainServerError(error: pg.DatabaseError, host: string): Error {
  const { code = '', message, hint } = error
  const said = cleanToolText(message, 500)
  if (code.startsWith('28')) return new ConnectionFailed('credentials', `${host} refuses to sign in: ${said}`, error)
  if (code === '3D000' || code.startsWith('53') || code.startsWith('57P'))
    return new ConnectionFailed('refused', `${host} refuses the connection: ${said}`, error)
  if (code === '57014') return new StatementRefused('The statement took too long and was ended. Ask for less.')
  if (code === '25006') return new StatementRefused(`Only reading is allowed: ${said}.`)
  const at = error.position ? ` (at character ${error.position})` : ''
  return new StatementRefused(`The database says: ${said}${at}.${hint ? ` ${cleanToolText(hint, 300)}` : ''}`)
}
