import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import Provider from 'oidc-provider'
import { onTestFinished } from 'vitest'
import type { IntegrationType, OAuthServer } from '../integration-type.ts'

export interface TestOAuthServer {
  issuer: string
  /** How often the token endpoint gave tokens, by grant type. */
  grants: Record<string, number>
  /** Tokens that were taken back. */
  revoked: number
  server: OAuthServer
  /** Follows the authorization URL as a browser does whose user signs in and allows everything; answers the callback URL. */
  signIn(authorizationUrl: string): Promise<URL>
}

/** A real OAuth server that rotates refresh tokens and takes one that is used twice for stolen. */
export async function startOAuthServer(redirectUri: string): Promise<TestOAuthServer> {
  const http = createServer()
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  onTestFinished(
    () =>
      new Promise<void>((resolve) => {
        http.closeAllConnections()
        http.close(() => resolve())
      }),
  )
  const issuer = `http://127.0.0.1:${(http.address() as AddressInfo).port}`
  const client = { client_id: 'agentexpress', client_secret: 'planted-client-secret' }
  const provider = new Provider(issuer, {
    clients: [
      {
        ...client,
        redirect_uris: [redirectUri],
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
      },
    ],
    features: { revocation: { enabled: true } },
    pkce: { required: () => true },
    rotateRefreshToken: true,
    issueRefreshToken: async () => true,
    // So short that the server asks for a new one after half a second.
    ttl: {
      AccessToken: 1,
      AuthorizationCode: 60,
      RefreshToken: 600,
      Session: 600,
      Grant: 600,
      Interaction: 600,
      IdToken: 600,
    },
    findAccount: (_ctx: unknown, sub: string) => ({ accountId: sub, claims: () => ({ sub }) }),
    cookies: { keys: ['test'] },
  })
  const state = { grants: {} as Record<string, number>, revoked: 0 }
  provider.on('grant.success', (ctx) => {
    const type = ctx.oidc.params?.grant_type ?? ''
    state.grants[type] = (state.grants[type] ?? 0) + 1
  })
  provider.on('grant.revoked', () => {
    state.revoked++
  })
  http.on('request', provider.callback())
  return Object.assign(state, {
    issuer,
    server: {
      issuer,
      authorizationEndpoint: `${issuer}/auth`,
      tokenEndpoint: `${issuer}/token`,
      revocationEndpoint: `${issuer}/token/revocation`,
      clientId: client.client_id,
      clientSecret: client.client_secret,
      scopes: ['openid', 'offline_access'],
      parameters: { prompt: 'consent' },
    },
    signIn: (url: string) => browse(url, redirectUri),
  })
}

/** The development pages of oidc-provider: a form to sign in with, a form to allow what is asked for. */
async function browse(authorizationUrl: string, redirectUri: string): Promise<URL> {
  const cookies = new Map<string, string>()
  let url = new URL(authorizationUrl)
  let form: URLSearchParams | null = null
  for (let steps = 0; steps < 20; steps++) {
    const response: Response = await fetch(url, {
      redirect: 'manual',
      headers: { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
      ...(form && { method: 'POST', body: form }),
    })
    form = null
    for (const cookie of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? []
      if (value === '') cookies.delete(name)
      else cookies.set(name, value)
    }
    const location = response.headers.get('location')
    if (location !== null) {
      url = new URL(location, url)
      if (url.href.startsWith(redirectUri)) return url
      continue
    }
    const page = await response.text()
    const action = /<form[^>]* action="([^"]+)"/.exec(page)?.[1]
    const prompt = /name="prompt" value="(\w+)"/.exec(page)?.[1]
    if (!action || !prompt) throw new Error(`${response.status} ${page.slice(0, 2000)}`)
    url = new URL(action, url)
    form = new URLSearchParams(prompt === 'login' ? { prompt, login: 'anna', password: 'x' } : { prompt })
  }
  throw new Error('The sign-in goes round in circles.')
}

/** A type that is connected by signing in at this server; its one tool tells the access token's first letters. */
export function oauthType(find: () => OAuthServer | null, more: Partial<IntegrationType> = {}): IntegrationType {
  return {
    type: 'signed_in',
    title: 'Signed in',
    description: 'For tests.',
    icon: 'key',
    documentation: '',
    settings: {
      type: 'object',
      properties: { url: { type: 'string', title: 'Where?', format: 'uri' } },
      required: [],
    },
    credentials: { type: 'object', properties: {}, required: [] },
    destination: ['url'],
    scopes: [],
    oauth: async () => find(),
    async test(connection) {
      return { message: `Signed in with ${await connection.getAccessToken()}.` }
    },
    tools: [],
    ...more,
  }
}
