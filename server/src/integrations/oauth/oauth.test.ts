import { setTimeout as sleep } from 'node:timers/promises'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { createTestApp, type TestApp, type TestUser } from '../../testing/test-app.ts'
import { changeCredentials, readIntegration } from '../change-credentials.ts'
import { prepareUserAgent } from '../integration-api-testing.ts'
import { type IntegrationType, OAuthNotConfigured } from '../integration-type.ts'
import { readTokens } from '../stored-credentials.ts'
import { getAccessToken } from './get-access-token.ts'
import { oauthType, startOAuthServer, type TestOAuthServer } from './oauth-server-testing.ts'

const publicUrl = 'http://agents.example.test'

let site: TestApp
let owner: TestUser
let other: TestUser
let provider: TestOAuthServer
let types: IntegrationType[]
beforeEach(async () => {
  provider = await startOAuthServer(`${publicUrl}/api/v1/oauth/callback`)
  types = [oauthType(() => provider.server)]
  site = await createTestApp({ PUBLIC_URL: publicUrl, ALLOWED_PRIVATE_HOSTS: '127.0.0.1' })
  site.services.integrationTypes = types
  onTestFinished(() => site.close())
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
