import { createHash } from 'node:crypto'
import type { Client } from '@modelcontextprotocol/client'
import { type Connection, ConnectionFailed } from '../../integration-type.ts'
import { endWithServer, hasEnded } from './end-with-server.ts'
import { explainMcpError, isSessionLost, isTimeout } from './explain-mcp-error.ts'
import { type ConnectionSource, type OpenClient, openHttpClient, openStdioClient } from './open-mcp-client.ts'
import type { StdioCommands } from './stdio-commands.ts'

export interface McpSessionsOptions {
  stdioCommands: StdioCommands
  idleMs?: number
  maxSessions?: number
  maxProcesses?: number
}

interface Session {
  key: string
  source: ConnectionSource
  isProcess: boolean
  opening: Promise<OpenClient>
  activeCalls: number
  idleTimer: NodeJS.Timeout | undefined
}

export interface McpSessions {
  /** Work with a client that is connected. Many servers keep state between calls, so it stays connected for a while. */
  use<T>(connection: Connection, work: (client: Client) => Promise<T>): Promise<T>
  close(): Promise<void>
}

export function createMcpSessions(options: McpSessionsOptions): McpSessions {
  const { idleMs = 60_000 } = options
  const store = createSessionStore(options)

  async function attempt<T>(session: Session, connection: Connection, work: (client: Client) => Promise<T>) {
    session.source.current = connection
    session.activeCalls++
    clearTimeout(session.idleTimer)
    try {
      const { client } = await raceAbort(session.opening, connection.signal)
      return await work(client)
    } catch (error) {
      // A program that hangs or was left is not asked again.
      const isLeft = session.isProcess && (isTimeout(error) || connection.signal.aborted)
      if (isLeft || isSessionLost(error)) void store.end(session)
      throw error
    } finally {
      session.activeCalls--
      const isKept = session.activeCalls === 0 && store.find(session.key) === session
      if (isKept) session.idleTimer = setTimeout(() => void store.end(session), idleMs).unref()
    }
  }

  return {
    async use(connection, work) {
      const key = keyOf(connection)
      try {
        const known = store.find(key)
        if (!known) return await attempt(store.open(key, connection), connection, work)
        try {
          return await attempt(known, connection, work)
        } catch (error) {
          if (!isSessionLost(error) || connection.signal.aborted) throw error
          return await attempt(store.find(key) ?? store.open(key, connection), connection, work)
        }
      } catch (error) {
        throw explainMcpError(error, connection.signal)
      } finally {
        const session = connection.integrationId === null ? store.find(key) : undefined
        if (session) await store.end(session)
      }
    },
    close: () => store.close(),
  }
}

function createSessionStore({ stdioCommands, maxSessions = 200, maxProcesses = 8 }: McpSessionsOptions) {
  const sessions = new Map<string, Session>()

  /** The oldest ones without a call give way; with a call in each, nothing new begins. */
  function makeRoom(isProcess: boolean) {
    const isFull = () =>
      sessions.size >= maxSessions ||
      (isProcess && [...sessions.values()].filter((each) => each.isProcess).length >= maxProcesses)
    for (const session of sessions.values()) {
      if (!isFull()) return
      if (session.activeCalls === 0 && (session.isProcess || !isProcess)) void end(session)
    }
    if (isFull()) throw new ConnectionFailed('unreachable', 'Too many connections are in use. Try again in a minute.')
  }

  function open(key: string, connection: Connection): Session {
    const isProcess = connection.settings.transport === 'program'
    makeRoom(isProcess)
    const source = { current: connection }
    const opening = isProcess
      ? openStdioClient(String(connection.settings.program), stdioCommands)
      : openHttpClient(source)
    const session: Session = { key, source, isProcess, opening, activeCalls: 0, idleTimer: undefined }
    sessions.set(key, session)
    opening.then(
      ({ client, processId }) => {
        client.onclose = () => forget(session)
        if (processId !== null) endWithServer(processId)
      },
      () => forget(session),
    )
    return session
  }

  function forget(session: Session) {
    clearTimeout(session.idleTimer)
    if (sessions.get(session.key) === session) sessions.delete(session.key)
  }

  async function end(session: Session) {
    forget(session)
    const opened = await session.opening.catch(() => null)
    await opened?.close()
    if (opened?.processId) hasEnded(opened.processId)
  }

  return {
    find: (key: string) => sessions.get(key),
    open,
    end,
    close: async () => void (await Promise.all([...sessions.values()].map(end))),
  }
}

/** One session for one integration with the same settings and credentials, never shared between accounts. */
function keyOf({ integrationId, ownerId, settings, credentials }: Connection): string {
  if (integrationId === null) return `trial ${crypto.randomUUID()}`
  const { token, header_value } = credentials
  const content = JSON.stringify([integrationId, ownerId, settings, token, header_value])
  return createHash('sha256').update(content).digest('base64url')
}

function raceAbort<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason)
    if (signal.aborted) return onAbort()
    signal.addEventListener('abort', onAbort, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}
