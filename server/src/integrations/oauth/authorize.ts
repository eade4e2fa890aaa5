import { createHash, randomBytes } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import type { Settings } from '../../agents/capabilities.ts'
import type { Claims } from '../../database/database.ts'
import { AppError } from '../../errors.ts'
import { UrlFetchFailed, UrlRefused } from '../../url-guard/url-refused.ts'
import { changeCredentials, readIntegration } from '../change-credentials.ts'
import { getIntegration, type Place } from '../change-integration.ts'
import type { IntegrationServices } from '../integration-services.ts'
import { ConnectionFailed, OAuthNotConfigured, type OAuthServer } from '../integration-type.ts'
import { type OAuthPending, readPending } from '../stored-credentials.ts'
import { openState, sealState } from './oauth-state.ts'
import { requestToken, TokenRefused } from './request-token.ts'

const timeoutMs = 15_000
const random = () => randomBytes(32).toString('base64url')

/** Where the browser goes to sign in at the provider. `baseUrl` is how it reaches this server. */
export async function beginAuthorization(
  services: IntegrationServices,
  claims: Claims,
  place: Place,
  baseUrl: string,
): Promise<string> {
  await getIntegration(services, claims, place)
  const key = { integrationId: place.integrationId, ownerId: claims.sub }
  const redirectUri = `${baseUrl}/api/v1/oauth/callback`
  const { server, settings } = await findServer(services, key, redirectUri)
  const nonce = random()
  const pending = toPending(server, { nonce, redirect_uri: redirectUri })
  await changeCredentials(services, key, async (present) => {
    if (!isDeepStrictEqual(present.settings, settings)) throw changedMeanwhile()
    const credentials = { ...present.credentials, ...server.credentials, oauth_pending: { ...pending } }
    return { credentials, result: null, keepsState: true }
  })
  const verifier = random()
  const state = await sealState(services.keyring, claims.sub, {
    user_agent_id: place.userAgentId,
    integration_id: place.integrationId,
    verifier,
    nonce,
  })
  return authorizationUrl(server, { redirectUri, state, verifier })
}

/** What was asked for leads to another server by now, which must not get what this one gives. */
const changedMeanwhile = () => new AppError('conflict', { detail: 'It was changed in the meantime. Sign in again.' })

async function findServer(
  services: IntegrationServices,
  key: { integrationId: string; ownerId: string },
  redirectUri: string,
): Promise<{ server: OAuthServer; settings: Settings }> {
  const { type, settings, credentials } = await readIntegration(services, key)
  const { publicUrl, oauthClients } = services.config
  try {
    const server = await type.oauth?.({
      settings,
      credentials,
      urlGuard: services.urlGuard,
      signal: AbortSignal.timeout(timeoutMs),
      operatorClient: oauthClients[type.type] ?? null,
      redirectUri,
      clientMetadataUrl: publicUrl?.startsWith('https:') ? `${publicUrl}/oauth/client-metadata.json` : null,
    })
    if (server) return { server, settings }
  } catch (error) {
    if (error instanceof OAuthNotConfigured) throw new AppError('oauth_not_configured', { cause: error })
    if (error instanceof ConnectionFailed || error instanceof UrlRefused || error instanceof UrlFetchFailed)
      throw new AppError('provider_unreachable', { detail: error.message, cause: error })
    throw error
  }
  throw new AppError('oauth_not_needed')
}

function toPending(server: OAuthServer, begun: Pick<OAuthPending, 'nonce' | 'redirect_uri'>): OAuthPending {
  const { clientSecret, revocationEndpoint, resource, issuer, promisesIssuer } = server
  return {
    ...begun,
    token_endpoint: server.tokenEndpoint,
    client_id: server.clientId,
    client_authentication: server.clientAuthentication ?? (clientSecret === undefined ? 'none' : 'client_secret_basic'),
    ...(clientSecret !== undefined && { client_secret: clientSecret }),
    ...(revocationEndpoint !== undefined && { revocation_endpoint: revocationEndpoint }),
    ...(resource !== undefined && { resource }),
    ...(issuer !== undefined && { issuer }),
    ...(promisesIssuer === true && { promises_issuer: true }),
  }
}

function authorizationUrl(
  server: OAuthServer,
  { redirectUri, state, verifier }: { redirectUri: string; state: string; verifier: string },
): string {
  const url = new URL(server.authorizationEndpoint)
  // The browser follows it: nothing but a web page may be there.
  if (url.protocol !== 'https:' && url.protocol !== 'http:') throw new AppError('provider_unreachable')
  const parameters = {
    ...server.parameters,
    response_type: 'code',
    client_id: server.clientId,
    redirect_uri: redirectUri,
    state,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    ...(server.scopes.length > 0 && { scope: server.scopes.join(' ') }),
    ...(server.resource !== undefined && { resource: server.resource }),
  }
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value)
  return url.href
}

export interface Callback {
  state?: string | undefined
  code?: string | undefined
  error?: string | undefined
  iss?: string | undefined
}

/**
 * The browser is back: the code becomes tokens. Throws `oauth_state_invalid` unless this very user began it within ten
 * minutes and has not come back yet, `oauth_refused` when the provider says no. `where` is told as soon as it is known.
 */
export async function finishAuthorization(
  services: IntegrationServices,
  claims: Claims,
  callback: Callback,
  where: (place: Place) => void,
): Promise<void> {
  const state = await openState(services.keyring, claims.sub, callback.state ?? '')
  if (!state) throw new AppError('oauth_state_invalid')
  const key = { integrationId: state.integration_id, ownerId: claims.sub }
  where({ userAgentId: state.user_agent_id, integrationId: state.integration_id })
  // Taken away first: whoever comes back a second time finds nothing that was begun.
  const begun = await changeCredentials(services, key, async ({ credentials, settings }) => {
    const found = readPending(credentials)
    if (found?.nonce !== state.nonce) return { credentials: null, result: null }
    const { oauth_pending: _, ...others } = credentials
    return { credentials: others, result: { pending: found, settings }, keepsState: true }
  })
  if (!begun) throw new AppError('oauth_state_invalid')
  const { pending, settings } = begun
  // RFC 9207: a code of another server must not be sent to this one.
  const isOthers = callback.iss === undefined ? pending.promises_issuer === true : callback.iss !== pending.issuer
  if (pending.issuer !== undefined && isOthers)
    throw new AppError('oauth_refused', { detail: 'The answer came from another provider.' })
  if (callback.error !== undefined || !callback.code)
    throw new AppError('oauth_refused', { detail: 'The provider did not let you in.' })
  const tokens = await exchangeCode(services, pending, callback.code, state.verifier)
  await changeCredentials(services, key, async (present) => {
    if (!isDeepStrictEqual(present.settings, settings)) throw changedMeanwhile()
    return { credentials: { ...present.credentials, oauth: { ...tokens } }, result: null }
  })
}

async function exchangeCode(
  services: IntegrationServices,
  { nonce: _nonce, redirect_uri, issuer: _issuer, promises_issuer: _promised, ...server }: OAuthPending,
  code: string,
  verifier: string,
) {
  const { resource } = server
  const grant = { grant_type: 'authorization_code', code, redirect_uri, code_verifier: verifier }
  try {
    return await requestToken(server, { ...grant, ...(resource !== undefined && { resource }) }, services)
  } catch (error) {
    if (error instanceof TokenRefused) throw new AppError('oauth_refused', { detail: error.message, cause: error })
    if (error instanceof ConnectionFailed)
      throw new AppError('provider_unreachable', { detail: error.message, cause: error })
    throw error
  }
}
