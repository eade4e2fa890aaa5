import { describe, expect, test } from 'vitest'
import { createApiClient } from './api-client.ts'
import { ApiError } from './api-error.ts'

interface Sent {
  method: string
  url: string
  headers: Record<string, string>
  body: string | undefined
}

/** A server that answers by a function and remembers what it was asked. */
function scriptedServer(answer: (sent: Sent) => Response | Promise<Response>) {
  const requests: Sent[] = []
  const send: typeof fetch = async (input, init) => {
    const sent: Sent = {
      method: init?.method ?? 'GET',
      url: String(input),
      headers: Object.fromEntries(new Headers(init?.headers)),
      body: typeof init?.body === 'string' ? init.body : undefined,
    }
    requests.push(sent)
    return answer(sent)
  }
  return { requests, send }
}

const id = '019ab3c4-1d2e-7f30-8a4b-5c6d7e8f9012'
const json = (body: unknown, status = 200, headers: Record<string, string> = {}) =>
  new Response(JSON.stringify(body), { status, headers })
const problem = { title: 'You are not signed in.', detail: 'Sign in.', code: 'unauthenticated', request_id: 'req-1' }

describe('a call', () => {
  test('fills in the path, the query and the body', async () => {
    const { requests, send } = scriptedServer(() => json({ data: [], next_cursor: null }))
    const api = createApiClient({ baseUrl: 'http://server/', fetch: send, token: 'ax_key' })
    await api('GET /api/v1/agents', { query: { search: 'a & b', type: undefined, limit: 5 } })
    await api('PATCH /api/v1/user-agents/:id', { params: { id }, body: { is_active: false } })
    expect(requests[0]).toMatchObject({ method: 'GET', url: 'http://server/api/v1/agents?search=a+%26+b&limit=5' })
    expect(requests[0]?.headers.authorization).toBe('Bearer ax_key')
    expect(requests[0]?.headers).not.toHaveProperty('content-type')
    expect(requests[1]).toMatchObject({ url: `http://server/api/v1/user-agents/${id}`, body: '{"is_active":false}' })
  })

  test('cannot leave its path by what is filled in', async () => {
    const { requests, send } = scriptedServer(() => json({}))
    await createApiClient({ fetch: send })('GET /api/v1/agents/:id', { params: { id: '../me?x=1' } })
    expect(requests[0]?.url).toBe('/api/v1/agents/..%2Fme%3Fx%3D1')
  })

  test('answers undefined where there is no body', async () => {
    const { send } = scriptedServer(() => new Response(null, { status: 204 }))
    expect(await createApiClient({ fetch: send })('DELETE /api/v1/api-keys/:id', { params: { id } })).toBeUndefined()
  })
})

describe('an error', () => {
  const failWith = async (response: Response) => {
    const { send } = scriptedServer(() => response)
    const error = await createApiClient({ fetch: send, token: 't' })('GET /api/v1/me').catch((thrown) => thrown)
    expect(error).toBeInstanceOf(ApiError)
    return error as ApiError
  }

  test('carries what the problem says, its faults and how long to wait', async () => {
    const errors = [{ path: '/settings/faq/0/answer', message: 'Please fill this in.' }]
    const body = { title: 'No.', detail: 'Do this.', code: 'invalid_settings', request_id: 'req-7', errors }
    const error = await failWith(json(body, 422, { 'retry-after': '30' }))
    expect(error).toMatchObject({ status: 422, ...body, retryAfterSeconds: 30 })
    const reached = await failWith(json({ code: 'plan_limit_reached', limit: 'api_keys', limit_value: 2 }, 429))
    expect(reached.more).toMatchObject({ limit: 'api_keys', limit_value: 2 })
  })

  test('understands Retry-After as a date', async () => {
    const error = await failWith(json({}, 429, { 'retry-after': new Date(Date.now() + 60_000).toUTCString() }))
    expect(error.retryAfterSeconds).toBeGreaterThan(55)
    expect(error.retryAfterSeconds).toBeLessThanOrEqual(61)
  })

  test('has words of its own for what is no problem, such as a page of a proxy', async () => {
    const error = await failWith(new Response('<html>Bad gateway</html>', { status: 502 }))
    expect(error).toMatchObject({ code: 'http_502', errors: [], request_id: null })
    expect(error.title).not.toContain('<html>')
  })

  test('says that nothing answered when the connection failed', async () => {
    const { send } = scriptedServer(() => Promise.reject(new TypeError('fetch failed')))
    await expect(createApiClient({ fetch: send })('GET /api/v1/me')).rejects.toMatchObject({ code: 'network_error' })
  })
})

describe('an expired session', () => {
  function expiringServer() {
    let isFresh = false
    return scriptedServer(async ({ url }) => {
      if (url.endsWith('/auth/refresh')) {
        await new Promise((resolve) => setTimeout(resolve, 20))
        isFresh = true
        return json({})
      }
      return isFresh ? json({ id }) : json(problem, 401)
    })
  }

  test('is refreshed once for all requests that meet it, and each is sent again', async () => {
    const { requests, send } = expiringServer()
    const api = createApiClient({ fetch: send })
    const answers = await Promise.all([api('GET /api/v1/me'), api('GET /api/v1/me'), api('GET /api/v1/models')])
    expect(answers).toEqual([{ id }, { id }, { id }])
    expect(requests.filter(({ url }) => url.endsWith('/auth/refresh'))).toHaveLength(1)
  })

  test('ends when the server refuses to refresh it', async () => {
    let signedOut = 0
    const { requests, send } = scriptedServer(() => json(problem, 401))
    const api = createApiClient({ fetch: send, onSignedOut: () => signedOut++ })
    await expect(api('GET /api/v1/me')).rejects.toMatchObject({ status: 401, code: 'unauthenticated' })
    expect(requests).toHaveLength(2)
    expect(signedOut).toBe(1)
  })

  test('goes on when the server cannot refresh it just now', async () => {
    let signedOut = 0
    const { send } = scriptedServer(({ url }) => json(problem, url.endsWith('/auth/refresh') ? 503 : 401))
    const api = createApiClient({ fetch: send, onSignedOut: () => signedOut++ })
    await expect(api('GET /api/v1/me')).rejects.toMatchObject({ status: 401 })
    expect(signedOut).toBe(0)
  })

  test('is not refreshed for a wrong password, nor where a key is used', async () => {
    const { requests, send } = scriptedServer(() => json(problem, 401))
    const body = { email: 'ada@example.com', password: 'wrong password' }
    await expect(createApiClient({ fetch: send })('POST /api/v1/auth/sign-in', { body })).rejects.toThrow()
    await expect(createApiClient({ fetch: send, token: 'ax_old' })('GET /api/v1/me')).rejects.toThrow()
    expect(requests.map(({ url }) => url)).toEqual(['/api/v1/auth/sign-in', '/api/v1/me'])
  })
})
