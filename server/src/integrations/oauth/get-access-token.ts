import { setTimeout as sleep } from 'node:timers/promises'
import { changeCredentials, readIntegration } from '../change-credentials.ts'
import { endRefreshLease, markFailing, takeRefreshLease } from '../integration-queries.ts'
import type { IntegrationServices } from '../integration-services.ts'
import { ConnectionFailed } from '../integration-type.ts'
import { type OAuthTokens, readTokens } from '../stored-credentials.ts'
import { requestToken, TokenRefused } from './request-token.ts'

/** Longer than a token request may take: two at once would lose one of the refresh tokens. */
const leaseSeconds = 30
const pollMs = 100

/** RFC 6749, GitHub and Slack. */
const lostRefreshToken = ['invalid_grant', 'bad_refresh_token', 'invalid_refresh_token']

const signInAgain = 'Sign in again: the provider does not accept this connection any more.'

interface Key {
  integrationId: string
  ownerId: string
}

/**
 * A valid access token. One server alone renews it; the others wait for what it gets, because providers give out a new
 * refresh token each time and take the old one, used twice, for stolen. Throws `ConnectionFailed`.
 */
export async function getAccessToken(services: IntegrationServices, key: Key, signal: AbortSignal): Promise<string> {
  for (;;) {
    signal.throwIfAborted()
    const tokens = await readPresentTokens(services, key)
    if (isFresh(tokens)) return tokens.access_token
    if (tokens.refresh_token === undefined) throw await giveUp(services, key, tokens)
    const isOurs = await services.database.asSystem('one server alone renews an access token', (tx) =>
      takeRefreshLease(tx, key.integrationId, leaseSeconds),
    )
    if (!isOurs) {
      await sleep(pollMs, undefined, { signal })
      continue
    }
    try {
      return await renew(services, key)
    } finally {
      await services.database.asSystem('one server alone renews an access token', (tx) =>
        endRefreshLease(tx, key.integrationId),
      )
    }
  }
}

async function renew(services: IntegrationServices, key: Key): Promise<string> {
  // Another server may have renewed it between our look and our lease.
  const tokens = await readPresentTokens(services, key)
  if (isFresh(tokens) || tokens.refresh_token === undefined) return tokens.access_token
  const { token_endpoint, client_id, resource } = tokens
  const grant = {
    grant_type: 'refresh_token',
    refresh_token: tokens.refresh_token,
    ...(resource !== undefined && { resource }),
  }
  try {
    // Without the caller's signal: an answer that nobody waits for any more may carry the only refresh token there is.
    const renewed = await requestToken(tokens, grant, services)
    // A provider that does not rotate leaves it out.
    const next: OAuthTokens = { ...renewed, refresh_token: renewed.refresh_token ?? tokens.refresh_token }
    return await changeCredentials(services, key, async ({ credentials }) => {
      const present = readTokens(credentials)
      // Somebody signed in anew meanwhile: what they got stays.
      if (present?.refresh_token !== tokens.refresh_token)
        return { credentials: null, result: present?.access_token ?? next.access_token }
      return { credentials: { ...credentials, oauth: { ...next } }, result: next.access_token }
    })
  } catch (error) {
    if (!(error instanceof TokenRefused)) throw error
    services.log.info(
      { integrationId: key.integrationId, tokenEndpoint: token_endpoint, client_id, code: error.code },
      'a token was not renewed',
    )
    if (lostRefreshToken.includes(error.code)) throw await giveUp(services, key, tokens)
    throw new ConnectionFailed('refused', error.message, error)
  }
}

async function readPresentTokens(services: IntegrationServices, key: Key): Promise<OAuthTokens> {
  const { row, credentials } = await readIntegration(services, key)
  if (row.status !== 'connected') throw new ConnectionFailed('credentials', row.failure ?? signInAgain)
  const tokens = readTokens(credentials)
  if (!tokens) throw new ConnectionFailed('credentials', 'Nobody has signed in at the provider yet.')
  return tokens
}

/** Flags the connection, unless somebody signed in anew meanwhile. */
async function giveUp(services: IntegrationServices, key: Key, tokens: OAuthTokens): Promise<ConnectionFailed> {
  await changeCredentials(services, key, async ({ credentials }, tx) => {
    if (readTokens(credentials)?.access_token === tokens.access_token)
      await markFailing(tx, key.integrationId, { failure: signInAgain, needsReconnect: true })
    return { credentials: null, result: null }
  })
  return new ConnectionFailed('credentials', signInAgain)
}

function isFresh({ renew_at }: OAuthTokens): boolean {
  return renew_at === undefined || renew_at > Date.now()
}
