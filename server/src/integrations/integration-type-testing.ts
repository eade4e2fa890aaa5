import { createId } from '../database/uuid-v7.ts'
import { createUrlGuard, type UrlGuard } from '../url-guard/url-guard.ts'
import { checkForm } from './check-form.ts'
import { type Connection, ConnectionFailed, type Credentials, type IntegrationType } from './integration-type.ts'

export interface TestConnectionOptions {
  settings?: Record<string, unknown>
  credentials?: Record<string, unknown>
  /** What `getAccessToken` answers; without it the connection is not signed in. */
  accessToken?: string
  urlGuard?: UrlGuard
  signal?: AbortSignal
}

/**
 * A connection as the server opens it, to a server on this machine: the forms are checked and filled with their defaults.
 * Throws with the faults when they would not be accepted.
 */
export function testConnection(
  type: IntegrationType,
  { settings = {}, credentials = {}, accessToken, urlGuard, signal }: TestConnectionOptions = {},
): Connection {
  const accepted = checkForm(type.settings, settings, { settings, path: '/settings' })
  const secret = checkForm(type.credentials, credentials, { settings: accepted.values, path: '/credentials' })
  const given = { settings: accepted.values, credentials: secret.values as Credentials }
  const faults = [...accepted.faults, ...secret.faults]
  if (faults.length === 0) faults.push(...(type.check?.(given) ?? []))
  if (faults.length > 0) throw new Error(JSON.stringify(faults))
  return {
    integrationId: createId(),
    userAgentId: createId(),
    ownerId: createId(),
    ...given,
    urlGuard: urlGuard ?? createLocalUrlGuard(),
    signal: signal ?? AbortSignal.timeout(15_000),
    async getAccessToken() {
      if (accessToken === undefined) throw new ConnectionFailed('credentials', 'Nobody has signed in.')
      return accessToken
    },
  }
}

/** Allows this machine. */
export function createLocalUrlGuard(): UrlGuard {
  return createUrlGuard({
    allowedPrivateHosts: ['127.0.0.0/8', '::1', 'localhost'],
    maxBytes: 2 * 1024 * 1024,
    timeoutMs: 15_000,
    maxRedirects: 5,
  })
}
