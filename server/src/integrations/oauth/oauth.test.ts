import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Person } from '../../auth/authenticate.ts'
import { hashPassword } from '../../auth/password.ts'
import { createId } from '../../database/uuid-v7.ts'
import { createTestApp, type TestApp, type TestUser } from '../../testing/test-app.ts'
import { serve } from '../../url-guard/url-guard-testing.ts'
import { deleteAccount } from '../../users/delete-account.ts'
import { changeCredentials, readIntegration } from '../change-credentials.ts'
import { prepareUserAgent } from '../integration-api-testing.ts'
import { type IntegrationType, OAuthNotConfigured } from '../integration-type.ts'
import { type OAuthTokens, readTokens } from '../stored-credentials.ts'
import { getAccessToken } from './get-access-token.ts'
import { oauthType, startOAuthServer, type TestOAuthServer } from './oauth-server-testing.ts'

const publicUrl = 'http://agents.example.test'

let site: TestApp
let owner: TestUser
let other: TestUser
let provider: TestOAuthServer
let types: IntegrationType[]
beforeAll(async () => {
  site = await createTestApp({ PUBLIC_URL: publicUrl, ALLOWED_PRIVATE_HOSTS: '127.0.0.1' })
})
afterAll(() => site.close())
beforeEach(async () => {
  provider = await startOAuthServer(`${publicUrl}/api/v1/oauth/callback`)
  types = [oauthType(() => provider.server)]
  site.services.integrationTypes = types
  site.services.config.oauthClients = {}
  site.services.config.publicUrl = publicUrl
  owner = await site.createUser()
  other = await site.createUser()
})

async function prepare() {
  const agent = await prepareUserAgent(site, owner)
  const { id } = await agent.connect({ type: 'signed_in' })
  const key = { integrationId: id, ownerId: owner.id }
  return {
    ...agent,
    id,
    key,
    begin: async () => {
      const answer = await agent.send('POST', `/${id}/authorization`)
      return { status: answer.status, ...answer.json() } as { status: number; authorization_url: string; code?: string }
    },
    credentials: async () => (await readIntegration(site.services, key)).credentials,
  }
}

async function comeBack(url: URL, who: TestUser | null = owner) {
  const answer = await site.app.inject({ url: `${url.pathname}${url.search}`, headers: { ...who?.headers } })
  return { status: answer.statusCode, location: answer.headers.location }
}

async function signIn() {
  const prepared = await prepare()
  const { authorization_url } = await prepared.begin()
  const back = await provider.signIn(authorization_url)
  expect(await comeBack(back)).toMatchObject({ status: 303 })
  return { ...prepared, back }
}

test('somebody signs in at the provider, and the connection works', async () => {
  const { read, id, userAgentId, begin, send, credentials } = await prepare()
  expect(await read(id)).toMatchObject({ needs_authorization: true, credentials: {} })
  const { authorization_url } = await begin()
  const asked = new URL(authorization_url).searchParams
  expect(asked.get('code_challenge_method')).toBe('S256')
  expect(asked.get('code_challenge')).toMatch(/^[\w-]{43}$/)
  expect(authorization_url).not.toContain(owner.id)
  const back = await provider.signIn(authorization_url)
  expect(await comeBack(back)).toEqual({
    status: 303,
    location: `/user-agents/${userAgentId}/integrations?connected=${id}`,
  })
  expect(await read(id)).toMatchObject({ needs_authorization: false, state: 'connected', credentials: { oauth: '' } })
  const tested = (await send('POST', `/${id}/test`)).json()
  expect(tested).toEqual({ ok: true, message: expect.stringMatching(/^Signed in with /) })
  const tokens = readTokens(await credentials())
  expect((await send('GET', '')).text).not.toContain(tokens?.refresh_token)
})

describe('a way back', () => {
  test('is refused with another state, to another user and to nobody; its user still gets in, once', async () => {
    const { begin, userAgentId, id, credentials } = await prepare()
    const back = await provider.signIn((await begin()).authorization_url)
    const forged = new URL(back)
    forged.searchParams.set('state', `${back.searchParams.get('state')}x`)
    const refused = { status: 303, location: '/my-agents?oauth_error=oauth_state_invalid' }
    expect(await comeBack(forged)).toEqual(refused)
    forged.searchParams.delete('state')
    expect(await comeBack(forged)).toEqual(refused)
    expect(await comeBack(back, other)).toEqual(refused)
    expect(await comeBack(back, null)).toEqual({ status: 303, location: '/my-agents?oauth_error=unauthenticated' })
    expect(await credentials()).not.toHaveProperty('oauth')
    const page = `/user-agents/${userAgentId}/integrations`
    expect(await comeBack(back)).toEqual({ status: 303, location: `${page}?connected=${id}` })
    const before = await credentials()
    expect(await comeBack(back)).toEqual({ status: 303, location: `${page}?oauth_error=oauth_state_invalid` })
    expect(await credentials()).toEqual(before)
    expect(provider.grants.authorization_code).toBe(1)
  })

  test('of an earlier beginning is refused after a later one', async () => {
    const { begin } = await prepare()
    const first = await provider.signIn((await begin()).authorization_url)
    await begin()
    expect((await comeBack(first)).location).toContain('oauth_error=oauth_state_invalid')
  })

  test('with an error, or from another provider, is told on the page', async () => {
    const { begin } = await prepare()
    const denied = new URL('http://x/api/v1/oauth/callback?error=access_denied')
    denied.searchParams.set('state', new URL((await begin()).authorization_url).searchParams.get('state') ?? '')
    expect((await comeBack(denied)).location).toContain('oauth_error=oauth_refused')
    const back = await provider.signIn((await begin()).authorization_url)
    back.searchParams.set('iss', 'https://evil.example')
    expect((await comeBack(back)).location).toContain('oauth_error=oauth_refused')
    expect(provider.grants.authorization_code).toBeUndefined()
  })
})

describe('a way back without the name of its provider (RFC 9207)', () => {
  test.each([
    [true, 'oauth_error=oauth_refused'],
    [false, 'connected='],
  ])('where the provider promised it: %s', async (promisesIssuer, expected) => {
    Object.assign(provider.server, { promisesIssuer })
    const { begin } = await prepare()
    const back = await provider.signIn((await begin()).authorization_url)
    back.searchParams.delete('iss')
    expect((await comeBack(back)).location).toContain(expected)
  })
})

test('tokens of one server are not stored for another: the address was changed while they were fetched', async () => {
  const { begin, send, id, credentials } = await prepare()
  const { signIn } = provider
  const { tokenEndpoint } = provider.server
  const slow = await serve(async (request, response) => {
    await send('PATCH', `/${id}`, { settings: { url: 'https://elsewhere.example' } })
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const { authorization = '', 'content-type': type = '' } = request.headers
    const answer = await fetch(tokenEndpoint, {
      method: 'POST',
      headers: { authorization, 'content-type': type },
      body: Buffer.concat(chunks),
    })
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(await answer.text())
  })
  provider.server.tokenEndpoint = slow.url
  const back = await signIn((await begin()).authorization_url)
  expect((await comeBack(back)).location).toContain('oauth_error=conflict')
  expect(provider.grants.authorization_code).toBe(1)
  expect(await credentials()).toEqual({})
})

test('what the operator did not set up is said clearly, before and at the attempt', async () => {
  types.splice(
    0,
    1,
    oauthType(() => null, {
      usesOperatorClient: true,
      async oauth({ operatorClient }) {
        if (!operatorClient) throw new OAuthNotConfigured()
        return { ...provider.server, ...operatorClient }
      },
    }),
  )
  const { begin } = await prepare()
  expect(await begin()).toMatchObject({ status: 409, code: 'oauth_not_configured' })
  const list = async () =>
    (await site.app.inject({ url: '/api/v1/integration-types/signed_in', headers: owner.headers })).json()
  expect(await list()).toMatchObject({ needs_oauth: true, is_oauth_configured: false })
  site.services.config.oauthClients.signed_in = { clientId: 'agentexpress', clientSecret: 'planted-client-secret' }
  expect(await list()).toMatchObject({ is_oauth_configured: true })
  expect(await begin()).toMatchObject({ status: 200 })
})

describe('a token that ends', () => {
  test('is renewed once for twenty who need it at the same time', async () => {
    const { key } = await signIn()
    await sleep(600)
    const signal = AbortSignal.timeout(20_000)
    const tokens = await Promise.all(Array.from({ length: 20 }, () => getAccessToken(site.services, key, signal)))
    expect(new Set(tokens).size).toBe(1)
    expect(provider.grants.refresh_token).toBe(1)
    // The rotated one was kept: it works again.
    await sleep(600)
    expect(await getAccessToken(site.services, key, signal)).not.toBe(tokens[0])
    expect(provider.grants.refresh_token).toBe(2)
  })

  test('and is not accepted any more asks its owner to sign in again, who then can', async () => {
    const { key, id, read, begin, credentials } = await signIn()
    await changeCredentials(site.services, key, async (present) => ({
      credentials: {
        ...present.credentials,
        oauth: { ...(present.credentials.oauth as object), refresh_token: 'stolen' },
      },
      result: null,
    }))
    await sleep(600)
    await expect(getAccessToken(site.services, key, AbortSignal.timeout(5000))).rejects.toMatchObject({
      kind: 'credentials',
    })
    expect(await read(id)).toMatchObject({ state: 'reconnect', failure: expect.stringContaining('Sign in again') })
    expect(await comeBack(await provider.signIn((await begin()).authorization_url))).toMatchObject({ status: 303 })
    expect(await read(id)).toMatchObject({ state: 'connected', failure: null })
    expect(readTokens(await credentials())?.refresh_token).not.toBe('stolen')
  })

  test('of a provider that is away stays: it works again when the provider does', async () => {
    const { key, id, read } = await signIn()
    const { oauth } = (await readIntegration(site.services, key)).credentials
    const pointTo = (token_endpoint: string) =>
      changeCredentials(site.services, key, async ({ credentials }) => ({
        credentials: { ...credentials, oauth: { ...(oauth as object), token_endpoint } },
        result: null,
      }))
    await pointTo('http://127.0.0.1:9/token')
    await sleep(600)
    await expect(getAccessToken(site.services, key, AbortSignal.timeout(5000))).rejects.toMatchObject({
      kind: 'unreachable',
    })
    expect(await read(id)).toMatchObject({ state: 'connected' })
    await pointTo(`${provider.issuer}/token`)
    expect(await getAccessToken(site.services, key, AbortSignal.timeout(5000))).toEqual(expect.any(String))
  })
})

test('a removal takes the access back at the provider', async () => {
  const { send, id, key, credentials } = await signIn()
  const tokens = readTokens(await credentials())
  expect((await send('DELETE', `/${id}`)).json()).toEqual({ is_revoked: true })
  await expect(readIntegration(site.services, key)).rejects.toMatchObject({ code: 'not_found' })
  const answer = await fetch(`${provider.issuer}/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from('agentexpress:planted-client-secret').toString('base64')}` },
    body: new URLSearchParams({ grant_type: 'refresh_token', refresh_token: tokens?.refresh_token ?? '' }),
  })
  expect(answer.status).toBe(400)
})

describe('what goes with its agent or account', () => {
  const isRefused = async (tokens: OAuthTokens | null) => {
    const answer = await fetch(`${provider.issuer}/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from('agentexpress:planted-client-secret').toString('base64')}` },
      body: new URLSearchParams({ grant_type: 'refresh_token', refresh_token: tokens?.refresh_token ?? '' }),
    })
    return answer.status === 400
  }
  const remove = (url: string) => site.app.inject({ method: 'DELETE', url, headers: owner.headers })

  test('is taken back at the provider: a user agent', async () => {
    const { userAgentId, credentials } = await signIn()
    const tokens = readTokens(await credentials())
    const stranger = { method: 'DELETE', url: `/api/v1/user-agents/${userAgentId}`, headers: other.headers } as const
    expect((await site.app.inject(stranger)).statusCode).toBe(404)
    expect(provider.revoked).toBe(0)
    expect((await remove(`/api/v1/user-agents/${userAgentId}`)).statusCode).toBe(204)
    expect(await isRefused(tokens)).toBe(true)
  })

  test('is taken back at the provider: an agent with what its creator made of it, unless others use it', async () => {
    const { userAgentId, credentials } = await signIn()
    const tokens = readTokens(await credentials())
    const { agent_id, agent_version } = await site.database.asSystem('a test', async (tx) => {
      const found = await tx
        .selectFrom('user_agents')
        .select(['agent_id', 'agent_version'])
        .where('id', '=', userAgentId)
        .executeTakeFirstOrThrow()
      await tx.updateTable('agents').set({ creator_id: owner.id }).where('id', '=', found.agent_id).execute()
      return found
    })
    const ofOther = { id: createId(), user_id: other.id, agent_id, agent_version, name: 'Mine' }
    await site.database.asSystem('a test', (tx) => tx.insertInto('user_agents').values(ofOther).execute())
    expect((await remove(`/api/v1/agents/${agent_id}?force=true`)).json().code).toBe('agent_in_use')
    expect(provider.revoked).toBe(0)
    await site.database.asSystem('a test', (tx) => tx.deleteFrom('user_agents').where('id', '=', ofOther.id).execute())
    expect((await remove(`/api/v1/agents/${agent_id}?force=true`)).statusCode).toBe(204)
    expect(await isRefused(tokens)).toBe(true)
  })

  test('is taken back at the provider: an account; its refused deletion takes nothing', async () => {
    const { credentials } = await signIn()
    const tokens = readTokens(await credentials())
    const person = { via: 'session', claims: owner.claims, sessionId: createId() } as Person
    await site.database.asSystem('a test sets a password', async (tx) =>
      tx
        .updateTable('users')
        .set({ password: await hashPassword('a long password') })
        .where('id', '=', owner.id)
        .execute(),
    )
    await expect(deleteAccount(site.services, person, 'wrong')).rejects.toMatchObject({ code: 'invalid_request' })
    expect(provider.revoked).toBe(0)
    await deleteAccount(site.services, person, 'a long password')
    expect(await isRefused(tokens)).toBe(true)
  })

  test('goes also when the provider never answers', async () => {
    const { userAgentId, key } = await signIn()
    const { url } = await serve(() => {})
    await changeCredentials(site.services, key, async ({ credentials }) => ({
      credentials: { ...credentials, oauth: { ...(credentials.oauth as object), revocation_endpoint: url } },
      result: null,
    }))
    expect((await remove(`/api/v1/user-agents/${userAgentId}`)).statusCode).toBe(204)
    await expect(readIntegration(site.services, key)).rejects.toMatchObject({ code: 'not_found' })
  }, 30_000)
})

test('a provider that does not answer does not keep a connection from being removed', async () => {
  const { send, id, key } = await signIn()
  await changeCredentials(site.services, key, async ({ credentials }) => ({
    credentials: {
      ...credentials,
      oauth: { ...(credentials.oauth as object), revocation_endpoint: 'http://127.0.0.1:9/revoke' },
    },
    result: null,
  }))
  expect((await send('DELETE', `/${id}`)).json()).toEqual({ is_revoked: false })
  expect((await send('GET', '')).json().data).toEqual([])
})

test('an address in the settings that leads elsewhere ends the sign-in: the tokens were for the other server', async () => {
  const { send, id, credentials } = await signIn()
  await send('PATCH', `/${id}`, { name: 'Renamed' })
  expect(await credentials()).toHaveProperty('oauth')
  const changed = await send('PATCH', `/${id}`, { settings: { url: 'https://elsewhere.example' } })
  expect(changed.json()).toMatchObject({ needs_authorization: true, credentials: {} })
  expect(await credentials()).toEqual({})
})

test('the client metadata document is there for an https site alone', async () => {
  const path = '/oauth/client-metadata.json'
  expect((await site.app.inject({ url: path })).statusCode).toBe(404)
  site.services.config.publicUrl = 'https://agents.example.test'
  expect((await site.app.inject({ url: path })).json()).toMatchObject({
    client_id: `https://agents.example.test${path}`,
    redirect_uris: ['https://agents.example.test/api/v1/oauth/callback'],
  })
})
