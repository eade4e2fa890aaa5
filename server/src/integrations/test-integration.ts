import type { Claims } from '../database/database.ts'
import { AppError } from '../errors.ts'
import { UrlFetchFailed, UrlRefused } from '../url-guard/url-refused.ts'
import { getUserAgent } from '../user-agents/configure-agent.ts'
import { acceptIntegration, getIntegrationType } from './accept-integration.ts'
import { readIntegration } from './change-credentials.ts'
import { getIntegration, type Place } from './change-integration.ts'
import { watchSecrets } from './hide-credentials.ts'
import { markFailing, markTested, updateIntegration } from './integration-queries.ts'
import type { IntegrationServices } from './integration-services.ts'
import { type Connection, ConnectionFailed, type IntegrationType } from './integration-type.ts'
import { connectionOf, unstoredConnection } from './open-connection.ts'
import { refreshListedTools } from './refresh-listed-tools.ts'

const timeoutMs = 15_000
const maxMessageLength = 500

export interface TestResult {
  ok: boolean
  message: string
}

/** Tries what was entered; nothing is stored. Throws `invalid_integration` when the form is not complete. */
export async function testNewIntegration(
  services: IntegrationServices,
  claims: Claims,
  /** Null before the user agent is made. */
  userAgentId: string | null,
  entered: { type: string; settings: Record<string, unknown>; credentials: Record<string, unknown> },
): Promise<TestResult> {
  if (userAgentId !== null)
    await services.database.withUser(claims, (tx) => getUserAgent(tx, { id: userAgentId, userId: claims.sub }))
  const type = getIntegrationType(services, entered.type)
  const accepted = acceptIntegration(type, entered)
  const signal = AbortSignal.timeout(timeoutMs)
  const place = { userAgentId: userAgentId ?? '', ownerId: claims.sub }
  const { result } = await attempt(type, unstoredConnection(services, place, accepted, signal), signal)
  return result
}

/** Tries a stored connection, notes how it went, and lists its tools anew. */
export async function testIntegration(
  services: IntegrationServices,
  claims: Claims,
  place: Place,
): Promise<TestResult> {
  await getIntegration(services, claims, place)
  const key = { integrationId: place.integrationId, ownerId: claims.sub }
  const signal = AbortSignal.timeout(timeoutMs)
  const { result, failure } = await attemptStored(services, key, signal)
  await services.database.asSystem('how a connection went is noted for its owner', async (tx) => {
    if (!failure) return await markTested(tx, key.integrationId)
    const needsReconnect = failure.kind === 'credentials'
    await markFailing(tx, key.integrationId, { failure: result.message, needsReconnect })
    await updateIntegration(tx, key.integrationId, { last_tested_at: new Date() })
  })
  return result
}

/** Also what waits for its owner is tried: the password may be accepted again. */
async function attemptStored(
  services: IntegrationServices,
  key: { integrationId: string; ownerId: string },
  signal: AbortSignal,
): Promise<Attempt> {
  const integration = await readIntegration(services, key)
  if (!integration.isReadable) {
    const failure = new ConnectionFailed('credentials', 'The credentials have to be entered again.')
    return { result: { ok: false, message: failure.message }, failure }
  }
  const { type } = integration
  return await attempt(type, connectionOf(services, key, integration, signal), signal, (connection) =>
    refreshListedTools(services, key, type, connection),
  )
}

interface Attempt {
  result: TestResult
  failure: ConnectionFailed | null
}

async function attempt(
  type: IntegrationType,
  opened: Connection,
  signal: AbortSignal,
  andThen: (connection: Connection) => Promise<unknown> = async () => {},
): Promise<Attempt> {
  const { connection, hide } = watchSecrets(opened)
  const tell = (message: string) => hide(message).slice(0, maxMessageLength).toWellFormed()
  try {
    // A type that forgets the signal must not keep anybody waiting.
    const { message } = await orAbort(
      type.test(connection).then(async (tested) => {
        await andThen(connection)
        return tested
      }),
      signal,
    )
    return { result: { ok: true, message: tell(message) }, failure: null }
  } catch (error) {
    const failure = explain(error, signal, hide)
    return { result: { ok: false, message: tell(failure.message) }, failure }
  }
}

function explain(error: unknown, signal: AbortSignal, hide: (text: string) => string): ConnectionFailed {
  if (error instanceof AppError) throw error
  if (error instanceof ConnectionFailed) return error
  if (signal.aborted) return new ConnectionFailed('unreachable', 'No answer came within 15 seconds.', error)
  if (error instanceof UrlRefused || error instanceof UrlFetchFailed)
    return new ConnectionFailed('unreachable', error.message, error)
  // A fault of ours goes to the log; what a library says may hold what it was given.
  const { stack = String(error) } = error instanceof Error ? error : {}
  const hidden = new Error(hide(error instanceof Error ? error.message : String(error)))
  hidden.stack = hide(stack)
  throw hidden
}

function orAbort<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason)
    if (signal.aborted) return onAbort()
    signal.addEventListener('abort', onAbort, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}
