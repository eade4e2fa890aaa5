import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createTestApp, type TestApp, type TestUser } from '../testing/test-app.ts'

let testApp: TestApp
let user: TestUser

beforeAll(async () => {
  testApp = await createTestApp({ PUBLIC_URL: 'https://agents.example.com' })
  user = await testApp.createUser()
})
afterAll(() => testApp.close())

describe('problems', () => {
  test('an address that is not there is a problem with a stable code and the number of the request', async () => {
    const response = await testApp.app.inject({ url: '/api/v1/nothing', headers: user.headers })
    expect(response.statusCode).toBe(404)
    expect(response.headers['content-type']).toContain('application/problem+json')
    expect(response.json()).toMatchObject({
      type: '/docs/errors#not_found',
      status: 404,
      code: 'not_found',
      title: expect.any(String),
      detail: expect.any(String),
      request_id: expect.any(String),
    })
  })

  test.each(['/api/v1/%', '/api/v1/agent-logs/%zz', '/%c0%af', `/api/v1/agent-logs/${'a'.repeat(5000)}`])(
    'the odd address %s is an ordinary error',
    async (url) => {
      const response = await testApp.app.inject({ url, headers: user.headers })
      expect(response.statusCode).toBeGreaterThanOrEqual(400)
      expect(response.statusCode).toBeLessThan(500)
    },
  )
})

describe('security headers', () => {
  test('every answer of the API carries them and is kept by nobody', async () => {
    for (const headers of [user.headers, {}]) {
      const response = await testApp.app.inject({ url: '/api/v1/me', headers })
      expect(response.headers).toMatchObject({
        'cache-control': 'no-store',
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'SAMEORIGIN',
        'strict-transport-security': expect.stringContaining('max-age='),
      })
      expect(response.headers['content-security-policy']).toContain("default-src 'self'")
      expect(response.headers['content-security-policy']).toContain("frame-ancestors 'none'")
      expect(response.headers['content-security-policy']).not.toContain("script-src 'self' 'unsafe")
      expect(response.headers['x-powered-by']).toBeUndefined()
    }
  })
})

describe('requests from other sites', () => {
  const patch = (headers: Record<string, string>) =>
    testApp.app.inject({
      method: 'PATCH',
      url: '/api/v1/me',
      headers: { host: 'agents.example.com', ...user.headers, ...headers },
      payload: { first_name: 'Ada' },
    })

  test.each<[string, Record<string, string>]>([
    ['Sec-Fetch-Site: cross-site', { 'sec-fetch-site': 'cross-site' }],
    ['Sec-Fetch-Site: same-site', { 'sec-fetch-site': 'same-site' }],
    ['another origin', { origin: 'https://evil.example' }],
    ['the origin null', { origin: 'null' }],
    ['another origin with our name in it', { origin: 'https://agents.example.com.evil.example' }],
    ['another port', { origin: 'https://agents.example.com:8443' }],
  ])('%s may not change anything', async (_name, headers) => {
    const response = await patch(headers)
    expect(response.statusCode).toBe(403)
    expect(response.json().code).toBe('cross_site_request')
  })

  test.each<[string, Record<string, string>]>([
    ['the site itself', { 'sec-fetch-site': 'same-origin', origin: 'https://agents.example.com' }],
    ['the site itself in an old browser', { origin: 'https://agents.example.com' }],
    ['an address typed by hand', { 'sec-fetch-site': 'none' }],
    ['a program', {}],
  ])('%s may', async (_name, headers) => {
    expect((await patch(headers)).statusCode).toBe(200)
  })
})

describe('health', () => {
  test('is open to everyone, says no more than it must, and survives odd credentials', async () => {
    for (const path of ['/healthz', '/readyz']) {
      const response = await testApp.app.inject({ url: path, headers: { authorization: 'Bearer nonsense-nonsense' } })
      expect(response.statusCode).toBe(200)
      expect(response.json()).toEqual({ status: 'ok' })
    }
  })
})
