import {
  type AuthorizationServerMetadata,
  checkResourceAllowed,
  discoverOAuthServerInfo,
  extractWWWAuthenticateParams,
  type FetchLike,
  OAuthClientFlowError,
  type OAuthProtectedResourceMetadata,
  resourceUrlFromServerUrl,
} from '@modelcontextprotocol/client'
import { isPrivateAddress } from '../../../url-guard/private-addresses.ts'
import { UrlFetchFailed, UrlRefused } from '../../../url-guard/url-refused.ts'
import { ConnectionFailed, type IntegrationType, type OAuthServer } from '../../integration-type.ts'
import { findMcpClient } from './mcp-oauth-client.ts'

type OAuthConnection = Parameters<NonNullable<IntegrationType['oauth']>>[0]

/**
 * The authorization server of an MCP server, by RFC 9728 and RFC 8414, and our client there. Null when the connection is
 * not to sign in. Everything it reads comes through the guard.
 */
export async function findMcpOAuthServer(connection: OAuthConnection): Promise<OAuthServer | null> {
  if (connection.settings.authentication !== 'oauth') return null
  const url = String(connection.settings.url)
  const fetch = connection.urlGuard.boundedFetch({ maxBytes: 200_000, timeoutMs: 10_000 })
  const fetchFn: FetchLike = (input, init) => fetch(input, { ...init, signal: connection.signal })
  try {
    const challenge = await readChallenge(url, fetchFn)
    const info = await discoverOAuthServerInfo(url, { resourceMetadataUrl: challenge.resourceMetadataUrl, fetchFn })
    const metadata = checkMetadata(info.authorizationServerMetadata)
    const client = await findMcpClient(connection, metadata, fetchFn)
    return {
      authorizationEndpoint: metadata.authorization_endpoint,
      tokenEndpoint: metadata.token_endpoint,
      ...revocationOf(metadata),
      issuer: metadata.issuer,
      ...promiseOf(metadata),
      ...client,
      scopes: chooseScopes(challenge.scope, info.resourceMetadata, metadata),
      resource: chooseResource(url, info.resourceMetadata),
      // OpenID Connect gives a refresh token for offline access only when the user is asked.
      ...(metadata.scopes_supported?.includes('offline_access') && { parameters: { prompt: 'consent' } }),
    }
  } catch (error) {
    throw explain(error)
  }
}

/** Asks without credentials; a server with OAuth answers 401 and says where its metadata is and which scope it wants. */
async function readChallenge(url: string, fetchFn: FetchLike): Promise<{ resourceMetadataUrl?: URL; scope?: string }> {
  const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'AgentExpress', version: '1' } }
  const answer = await fetchFn(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 0, method: 'initialize', params }),
    redirect: 'manual',
  })
  await answer.body?.cancel()
  const { resourceMetadataUrl, scope } = answer.status === 401 ? extractWWWAuthenticateParams(answer) : {}
  return { ...(resourceMetadataUrl && { resourceMetadataUrl }), ...(scope && { scope }) }
}

function checkMetadata(metadata: AuthorizationServerMetadata | undefined): AuthorizationServerMetadata {
  if (!metadata) throw new ConnectionFailed('refused', 'The server does not say where to sign in.')
  if (!metadata.code_challenge_methods_supported?.includes('S256')) {
    throw new ConnectionFailed('refused', 'The sign-in of this server lacks PKCE with S256, which MCP demands.')
  }
  const { revocationEndpoint } = revocationOf(metadata)
  for (const endpoint of [metadata.authorization_endpoint, metadata.token_endpoint, revocationEndpoint]) {
    if (endpoint !== undefined && !isConfidential(endpoint)) {
      throw new ConnectionFailed('refused', 'The sign-in of this server has an address without https.')
    }
  }
  return metadata
}

// OpenID Connect's metadata may carry it too, without naming it.
function revocationOf(metadata: AuthorizationServerMetadata): { revocationEndpoint?: string } {
  const endpoint = 'revocation_endpoint' in metadata ? metadata.revocation_endpoint : undefined
  return typeof endpoint === 'string' ? { revocationEndpoint: endpoint } : {}
}

// RFC 9207.
function promiseOf(metadata: AuthorizationServerMetadata): { promisesIssuer?: boolean } {
  const name = 'authorization_response_iss_parameter_supported'
  return name in metadata && metadata[name] === true ? { promisesIssuer: true } : {}
}

/** https, or a server inside a private network, which the guard only reaches where the operator allows it. */
function isConfidential(endpoint: string): boolean {
  if (!URL.canParse(endpoint)) return false
  const { protocol, hostname } = new URL(endpoint)
  const isPrivate =
    hostname === 'localhost' || (/^[\d.]+$|^\[/.test(hostname) && isPrivateAddress(hostname.replace(/[[\]]/g, '')))
  return protocol === 'https:' || (protocol === 'http:' && isPrivate)
}

/** RFC 8707. Metadata that names another resource than this server would get us tokens for somebody else's. */
function chooseResource(url: string, metadata: OAuthProtectedResourceMetadata | undefined): string {
  const requestedResource = resourceUrlFromServerUrl(url)
  if (!metadata) return requestedResource.href
  if (!checkResourceAllowed({ requestedResource, configuredResource: metadata.resource })) {
    throw new ConnectionFailed('refused', 'The server names another resource than itself for its sign-in.')
  }
  return metadata.resource
}

function chooseScopes(
  challenge: string | undefined,
  resource: OAuthProtectedResourceMetadata | undefined,
  server: AuthorizationServerMetadata,
): string[] {
  const scopes = challenge?.split(' ').filter(Boolean) ?? resource?.scopes_supported ?? []
  const offline = server.scopes_supported?.includes('offline_access') ? ['offline_access'] : []
  return [...new Set([...scopes, ...offline])].slice(0, 50)
}

function explain(error: unknown): unknown {
  if (error instanceof UrlRefused) return new ConnectionFailed('refused', error.message, error)
  if (error instanceof UrlFetchFailed) return new ConnectionFailed('unreachable', error.message, error)
  if (error instanceof OAuthClientFlowError) {
    return new ConnectionFailed(
      'refused',
      'The sign-in of this server does not follow the rules (OAuth metadata).',
      error,
    )
  }
  if (error instanceof SyntaxError || (error instanceof Error && error.name === 'ZodError')) {
    return new ConnectionFailed('refused', 'What the server says about its sign-in cannot be read.', error)
  }
  return error
}
