import { describe, expect, test } from 'vitest'
import { closeAfterTest, createTestApp } from '../../../testing/test-app.ts'
import { createUrlGuard } from '../../../url-guard/url-guard.ts'
import { prepareUserAgent } from '../../integration-api-testing.ts'
import { ConnectionFailed } from '../../integration-type.ts'
import { createLocalUrlGuard } from '../../integration-type-testing.ts'
import { findMcpOAuthServer } from './mcp-oauth.ts'
import { startProtectedServer } from './mcp-oauth-testing.ts'
import { type FetchHandler, serveFetch } from './mcp-server-testing.ts'

const publicUrl = 'https://agents.example'
const redirectUri = `${publicUrl}/api/v1/oauth/callback`
const settingsOf = (url: string, more: object = {}) => ({ url, authentication: 'oauth', ...more })

/** The whole server with somebody who connects an MCP server by signing in there. */
async function prepare(environment: Record<string, string> = { PUBLIC_URL: publicUrl }) {
  const site = await createTestApp({ ALLOWED_PRIVATE_HOSTS: '127.0.0.0/8', ...environment })
  closeAfterTest(site)
  const user = await site.createUser()
  const userAgent = await prepareUserAgent(site, user)
  const begin = (id: string) => userAgent.send('POST', `/${id}/authorization`)
  const comeBack = async (callback: URL) =>
    (await site.app.inject({ url: callback.pathname + callback.search, headers: user.headers })).headers.location
  return { site, user, ...userAgent, begin, comeBack }
}

describe('signing in', () => {
  test('registers a client once, asks for a token of this server alone, and the tools work', {
    timeout: 30_000,
  }, async () => {
    const server = await startProtectedServer()
    const { connect, begin, comeBack, send, read } = await prepare()
    const { id } = await connect({ type: 'mcp', settings: settingsOf(server.url), credentials: {} })
    const { authorization_url } = (await begin(id)).json()
    const asked = new URL(authorization_url).searchParams
    expect(Object.fromEntries(asked)).toMatchObject({
      response_type: 'code',
      redirect_uri: redirectUri,
      resource: server.url,
      scope: 'orders offline_access',
      code_challenge_method: 'S256',
      code_challenge: expect.stringMatching(/^[\w-]{43}$/),
      state: expect.any(String),
    })
    expect(await comeBack(await server.signIn(authorization_url, redirectUri))).toContain(`connected=${id}`)
    expect(server.tokenForms.map((form) => form.get('resource'))).toEqual([server.url])
    expect((await send('POST', `/${id}/test`)).json()).toEqual({
      ok: true,
      message: 'Connected with Shop 3.1.0, which has 2 tools.',
    })
    expect(await read(id)).toMatchObject({
      state: 'connected',
      tools: [{ name: 'find_order' }, { name: 'cancel_order' }],
    })
    await begin(id)
    expect(server.requests.filter((each) => each === 'POST /reg')).toHaveLength(1)
  })

  test('needs no registration where our client ID metadata document is read', { timeout: 30_000 }, async () => {
    const { site, connect, begin, comeBack, send } = await prepare()
    const fetchDocument = async (url: string) => {
      const answer = await site.app.inject({ url: url.replace(publicUrl, '') })
      return new Response(answer.body, { status: answer.statusCode, headers: { 'content-type': 'application/json' } })
    }
    const server = await startProtectedServer({ fetchDocument })
    const { id } = await connect({ type: 'mcp', settings: settingsOf(server.url), credentials: {} })
    const { authorization_url } = (await begin(id)).json()
    const clientId = `${publicUrl}/oauth/client-metadata.json`
    expect(new URL(authorization_url).searchParams.get('client_id')).toBe(clientId)
    expect(await comeBack(await server.signIn(authorization_url, redirectUri))).toContain(`connected=${id}`)
    expect((await send('POST', `/${id}/test`)).json()).toMatchObject({ ok: true })
    expect(server.requests).not.toContain('POST /reg')
  })

  test('works with a client that the user entered, where none can register', { timeout: 30_000 }, async () => {
    const client = { client_id: 'ours', client_secret: 'planted-client-secret', redirect_uris: [redirectUri] }
    const grants = { grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'] }
    const server = await startProtectedServer({ canRegister: false, clients: [{ ...client, ...grants }] })
    const { connect, begin, comeBack, send } = await prepare()
    const without = await connect({ type: 'mcp', settings: settingsOf(server.url), credentials: {} })
    expect((await begin(without.id)).json()).toMatchObject({ title: expect.stringContaining('Enter a client id') })
    const settings = settingsOf(server.url, { client_id: 'ours' })
    const { id } = await connect({ type: 'mcp', settings, credentials: { client_secret: client.client_secret } })
    const { authorization_url } = (await begin(id)).json()
    expect(await comeBack(await server.signIn(authorization_url, redirectUri))).toContain(`connected=${id}`)
    expect((await send('POST', `/${id}/test`)).json()).toMatchObject({ ok: true })
  })
})

describe('servers whose sign-in is not as it must be', () => {
  const find = (url: string, urlGuard = createLocalUrlGuard()) =>
    findMcpOAuthServer({
      settings: settingsOf(url),
      credentials: {},
      urlGuard,
      signal: AbortSignal.timeout(5000),
      operatorClient: null,
      redirectUri,
      clientMetadataUrl: null,
    }).then(
      () => 'found',
      (error: unknown) => (error instanceof ConnectionFailed ? `${error.kind}: ${error.message}` : String(error)),
    )

  /** An MCP server whose authorization server says this of itself. */
  const saying = (server: object, resource: object = {}): FetchHandler => {
    return (request) => {
      const { origin, pathname } = new URL(request.url)
      const own = { resource: `${origin}/mcp`, authorization_servers: [origin] }
      const endpoints = { authorization_endpoint: `${origin}/auth`, token_endpoint: `${origin}/token` }
      if (pathname.startsWith('/.well-known/oauth-protected-resource')) return Response.json({ ...own, ...resource })
      if (pathname === '/register')
        return Response.json({ client_id: 'registered', redirect_uris: [redirectUri] }, { status: 201 })
      if (!pathname.startsWith('/.well-known/')) return new Response(null, { status: 401 })
      const rest = { response_types_supported: ['code'], code_challenge_methods_supported: ['S256'] }
      return Response.json({
        issuer: origin,
        ...endpoints,
        ...rest,
        registration_endpoint: `${origin}/register`,
        ...server,
      })
    }
  }

  test.each<[string, object, object, RegExp]>([
    ['one that is right', {}, {}, /^found$/],
    ['no PKCE', { code_challenge_methods_supported: ['plain'] }, {}, /lacks PKCE/],
    ['PKCE not said', { code_challenge_methods_supported: undefined }, {}, /lacks PKCE/],
    ['another issuer', { issuer: 'https://other.example' }, {}, /does not follow the rules/],
    ['another resource', {}, { resource: 'https://bank.example/mcp' }, /names another resource/],
    ['a token endpoint without https', { token_endpoint: 'http://example.com/token' }, {}, /without https/],
    ['an authorization page that is a script', { authorization_endpoint: 'javascript:alert(1)' }, {}, /^refused/],
    [
      'an authorization server inside the network',
      {},
      { authorization_servers: ['http://169.254.169.254'] },
      /^refused/,
    ],
    ['a registration inside the network', { registration_endpoint: 'http://10.0.0.1/' }, {}, /^refused/],
    ['no registration', { registration_endpoint: undefined }, {}, /Enter a client id/],
  ])('%s', async (_name, server, resource, expected) => {
    const { url } = await serveFetch(saying(server, resource))
    expect(await find(`${url}/mcp`)).toMatch(expected)
  })

  test('an address inside the network is not even asked', async () => {
    const urlGuard = createUrlGuard({ allowedPrivateHosts: [], maxBytes: 1e6, timeoutMs: 2000, maxRedirects: 3 })
    expect(await find('http://127.0.0.1:9000/mcp', urlGuard)).toMatch(/^refused: .*not on the public internet/)
  })
})
