import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createTestApp, type TestApp, type TestUser } from '../testing/test-app.ts'

let testApp: TestApp
let user: TestUser
let port: number

beforeAll(async () => {
  testApp = await createTestApp()
  user = await testApp.createUser()
  port = Number(new URL(await testApp.app.listen({ port: 0, host: '127.0.0.1' })).port)
})
afterAll(() => testApp.close())

/** What comes back for these bytes until the server hangs up. */
function send(bytes: string): Promise<{ status: number; head: string; body: string }> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes))
    let answer = ''
    socket.on('data', (chunk: Buffer) => {
      answer += chunk.toString()
    })
    socket.on('error', reject)
    socket.on('close', () => {
      const [head = '', body = ''] = answer.split('\r\n\r\n')
      resolve({ status: Number(head.split(' ')[1]), head, body })
    })
  })
}

const post = (headers: string, body: string) =>
  `POST /api/v1/auth/sign-in HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n${headers}\r\n\r\n${body}`

test.each([
  ['two lengths', post('Content-Length: 6\r\nContent-Length: 7', '{}{}{}{}'), 400],
  [
    'a length beside chunks',
    post('Content-Length: 6\r\nTransfer-Encoding: chunked', '0\r\n\r\nGET /x HTTP/1.1\r\n\r\n'),
    400,
  ],
  ['bare line feeds', 'GET / HTTP/1.1\nHost: x\n\n', 400],
  ['the greeting of TLS', '\x16\x03\x01\x02\x00\x01\r\n\r\n', 400],
  ['headers of 20 kB', `GET / HTTP/1.1\r\nHost: x\r\nX: ${'a'.repeat(20_000)}\r\n\r\n`, 431],
  ['an address that cannot be decoded', 'GET /api/v1/agents/%zz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n', 400],
])('%s is an ordinary problem, and the connection is closed', async (_what, bytes, status) => {
  const answer = await send(bytes)
  expect(answer.status).toBe(status)
  expect(answer.head).toMatch(/content-type: application\/problem\+json/i)
  expect(JSON.parse(answer.body)).toMatchObject({ status, code: 'invalid_request', request_id: expect.any(String) })
  expect(answer.body).not.toMatch(/FST_|HPE_|node_modules/)
})

describe('what is not valid', () => {
  test('is not repeated at length', async () => {
    const fields = Object.fromEntries(Array.from({ length: 50_000 }, (_, n) => [`field_${n}`, n]))
    for (const url of ['/api/v1/agents', '/v1/chat/completions']) {
      const response = await testApp.app.inject({
        method: 'POST',
        url,
        headers: user.headers,
        payload: { ...fields, n: 2 },
      })
      expect(response.statusCode).toBe(400)
      expect(response.body.length).toBeLessThan(100_000)
    }
  })

  test('each request has a number that no other has, on no node and after no restart', async () => {
    const numbers = new Set<string>()
    for (let n = 0; n < 5; n++) numbers.add((await testApp.app.inject({ url: '/api/v1/nothing' })).json().request_id)
    expect(numbers.size).toBe(5)
    for (const number of numbers) expect(number).toMatch(/^[0-9a-f-]{36}$/)
  })
})

test('an id of any UUID is looked for and not found', async () => {
  for (const id of ['ffffffff-ffff-ffff-ffff-ffffffffffff', 'f47ac10b-58cc-4372-a567-0e02b2c3d479']) {
    for (const [method, url, payload] of [
      ['GET', `/api/v1/agent-logs/${id}`],
      ['POST', `/api/v1/agent-logs/${id}/cancel`],
      ['DELETE', `/api/v1/agent-logs/${id}`],
      ['PUT', `/api/v1/agent-logs/${id}/rating`, { rating: 1 }],
      ['POST', `/api/v1/user-agents/${id}/runs`, { input: 'Hello', conversation_id: id }],
    ] as const) {
      const response = await testApp.app.inject({ method, url, payload, headers: user.headers })
      expect(response.statusCode, `${method} ${url}`).toBe(404)
    }
  }
})

test('addresses of the API are never answered with the web app', async () => {
  for (const url of ['/api', '/v1', '/api/v1/nothing', '/v1/nothing', '/api?x', '/assets']) {
    const response = await testApp.app.inject({ url, headers: { accept: 'text/html' } })
    expect(response.statusCode, url).toBe(404)
    expect(response.headers['content-type'], url).toContain('json')
  }
})
