import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import Provider from 'oidc-provider'
import { onTestFinished } from 'vitest'
import { serveFetch, statelessHandler } from './mcp-server-testing.ts'

export interface SignInOptions {
  canRegister?: boolean
  /** Reads a client ID metadata document; with it they are supported. */
  fetchDocument?: (url: string) => Promise<Response>
  clients?: object[]
  /** Asks for a name and for consent on pages, as a person sees them, in place of allowing everything. */
  hasPages?: boolean
}

export interface ProtectedServer {
  /** The MCP endpoint. */
  url: string
  issuer: string
  /** What reached the authorization server: `POST /token` ... */
  requests: string[]
  /** What was sent to the token endpoint. */
  tokenForms: URLSearchParams[]
  /** Follows the address as the browser of somebody who signs in and allows everything, until the callback. */
  signIn(authorizationUrl: string, redirectUri: string): Promise<URL>
}

/** An MCP server that takes only tokens for itself, of a real authorization server with PKCE and resource indicators. */
export async function startProtectedServer(options: SignInOptions = {}): Promise<ProtectedServer> {
  const http = createServer()
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  onTestFinished(async () => {
    http.closeAllConnections()
    await new Promise((resolve) => http.close(resolve))
  })
  const issuer = `http://127.0.0.1:${(http.address() as AddressInfo).port}`
  const provider = createProvider(issuer, options)
  const requests: string[] = []
  const tokenForms: URLSearchParams[] = []
  const callback = provider.callback()
  provider.on('grant.success', ({ oidc }) => {
    const sent = Object.entries(oidc.params ?? {}).filter((pair): pair is [string, string] => pair[1] !== undefined)
    tokenForms.push(new URLSearchParams(sent))
  })
  http.on('request', (request, response) => {
    requests.push(`${request.method} ${new URL(request.url ?? '/', issuer).pathname}`)
    if (request.url?.startsWith('/auto/')) void allowAll(provider, request, response)
    else callback(request, response)
  })
  const url = await protect(provider, issuer)
  return { url, issuer, requests, tokenForms, signIn }
}

interface Grant {
  addOIDCScope(scope: string): void
  addResourceScope(resource: string, scope: string): void
  save(): Promise<string>
}

/** What this test uses of the package besides. */
interface FullProvider extends Provider {
  interactionDetails(request: IncomingMessage, response: ServerResponse): Promise<Interaction>
  interactionFinished(
    request: IncomingMessage,
    response: ServerResponse,
    result: object,
    options?: object,
  ): Promise<void>
  Grant: { new (of: object): Grant; find(id: string): Promise<Grant> }
  AccessToken: { find(token: string): Promise<{ aud: unknown } | undefined> }
}

interface Interaction {
  prompt: { name: string }
  params: Record<string, unknown>
  grantId?: string
  session?: { accountId: string }
}

function createProvider(
  issuer: string,
  { canRegister = true, fetchDocument, clients = [], hasPages = false }: SignInOptions,
): FullProvider {
  const configuration = {
    clients,
    features: {
      devInteractions: { enabled: hasPages },
      registration: { enabled: canRegister },
      revocation: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_ctx: unknown, resource: string) => ({
          scope: 'orders',
          audience: resource,
          accessTokenFormat: 'opaque',
        }),
      },
      ...(fetchDocument && { clientIdMetadataDocument: { enabled: true, ack: 'draft-02' } }),
    },
    ...(fetchDocument && { fetch: (url: URL | string) => fetchDocument(String(url)) }),
    scopes: ['openid', 'offline_access', 'orders'],
    clientAuthMethods: ['none', 'client_secret_basic'],
    pkce: { required: () => true },
    ...(!hasPages && { interactions: { url: (_ctx: unknown, { uid }: { uid: string }) => `/auto/${uid}` } }),
    findAccount: (_ctx: unknown, sub: string) => ({ accountId: sub, claims: () => ({ sub }) }),
    cookies: { keys: ['test'] },
    ttl: {
      AccessToken: 600,
      AuthorizationCode: 60,
      RefreshToken: 600,
      Session: 600,
      Grant: 600,
      Interaction: 600,
      IdToken: 600,
    },
  }
  return new Provider(issuer, configuration) as FullProvider
}

/** Signs somebody in and grants whatever was asked for. */
async function allowAll(provider: FullProvider, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { prompt, params, grantId, session } = await provider.interactionDetails(request, response)
  if (prompt.name === 'login') {
    return await provider.interactionFinished(request, response, { login: { accountId: 'anna' } })
  }
  const accountId = session?.accountId
  const grant = grantId
    ? await provider.Grant.find(grantId)
    : new provider.Grant({ accountId, clientId: params.client_id })
  grant.addOIDCScope(String(params.scope ?? ''))
  grant.addResourceScope(String(params.resource), 'orders')
  await provider.interactionFinished(
    request,
    response,
    { consent: { grantId: await grant.save() } },
    { mergeWithLastSubmission: true },
  )
}

async function protect(provider: FullProvider, issuer: string): Promise<string> {
  const handler = statelessHandler()
  const { url } = await serveFetch(async (request) => {
    const { origin, pathname } = new URL(request.url)
    const metadata = `${origin}/.well-known/oauth-protected-resource/mcp`
    if (request.url === metadata) {
      return Response.json({ resource: `${origin}/mcp`, authorization_servers: [issuer], scopes_supported: ['orders'] })
    }
    if (pathname !== '/mcp') return new Response(null, { status: 404 })
    const token = await provider.AccessToken.find(request.headers.get('authorization')?.replace('Bearer ', '') ?? '')
    if (token?.aud === `${origin}/mcp`) return handler(request)
    const challenge = `Bearer error="invalid_token", scope="orders", resource_metadata="${metadata}"`
    return new Response(null, { status: 401, headers: { 'www-authenticate': challenge } })
  })
  return `${url}/mcp`
}

async function signIn(authorizationUrl: string, redirectUri: string): Promise<URL> {
  const cookies = new Map<string, string>()
  let url = new URL(authorizationUrl)
  for (let steps = 0; steps < 20; steps++) {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const response = await fetch(url, { redirect: 'manual', headers: { cookie } })
    for (const set of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(set) ?? []
      cookies.set(name, value)
    }
    const location = response.headers.get('location')
    if (location === null) throw new Error(`${url.href} ${response.status} ${(await response.text()).slice(0, 1500)}`)
    url = new URL(location, url)
    if (url.href.startsWith(redirectUri)) return url
  }
  throw new Error('The sign-in goes round in circles.')
}
