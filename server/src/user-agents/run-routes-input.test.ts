import { request } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { TestUser } from '../testing/test-app.ts'
import { configureTestAgent, createRunTestApp, listen, listLogRows, postRun, type RunTestApp } from './run-testing.ts'

let testApp: RunTestApp
let user: TestUser
let userAgentId: string
let url: string

beforeAll(async () => {
  testApp = await createRunTestApp()
  user = await testApp.createUser()
  userAgentId = await configureTestAgent(testApp.database, user)
  url = await listen(testApp.app)
})
afterAll(() => testApp.close())

interface Answer {
  status: number
  type: string
  code: string
}

/** The bytes as they are, in chunks when the length is not told. */
function send(body: Buffer, headers: Record<string, string> = {}, isChunked = false): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(
      `${url}/api/v1/user-agents/${userAgentId}/runs`,
      {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          ...user.headers,
          ...(isChunked ? { 'transfer-encoding': 'chunked' } : { 'content-length': body.length }),
          ...headers,
        },
      },
      (response) => {
        response.setEncoding('utf8')
        let text = ''
        response.on('data', (chunk: string) => {
          text += chunk
        })
        response.on('end', () => {
          const type = String(response.headers['content-type'])
          resolve({ status: response.statusCode ?? 0, type, code: JSON.parse(text).code })
        })
      },
    )
    sent.on('error', reject)
    sent.end(body)
  })
}

const hostile: [string, Buffer, number, string][] = [
  ['no JSON', Buffer.from('input=Hello'), 400, 'invalid_json'],
  ['half a JSON', Buffer.from('{"input":"Hel'), 400, 'invalid_json'],
  ['an empty body', Buffer.from(''), 400, 'invalid_json'],
  ['a list', Buffer.from('["Hello"]'), 400, 'invalid_request'],
  ['null', Buffer.from('null'), 400, 'invalid_request'],
  ['no input', Buffer.from('{}'), 400, 'invalid_request'],
  ['blanks for input', Buffer.from('{"input":"  \\n "}'), 400, 'invalid_request'],
  ['a number for input', Buffer.from('{"input":42}'), 400, 'invalid_request'],
  ['a field nobody knows', Buffer.from('{"input":"Hello","model":"x"}'), 400, 'invalid_request'],
  ['a NUL byte, escaped', Buffer.from('{"input":"Hel\\u0000lo"}'), 400, 'invalid_request'],
  ['a NUL byte, raw', Buffer.from('{"input":"Hel\u0000lo"}'), 400, 'invalid_json'],
  ['half of a surrogate pair', Buffer.from('{"input":"Hel\\ud800lo"}'), 400, 'invalid_request'],
  ['too long an input', Buffer.from(JSON.stringify({ input: 'x'.repeat(100_001) })), 400, 'invalid_request'],
  ['a conversation that is no UUID', Buffer.from('{"input":"Hello","conversation_id":"1"}'), 400, 'invalid_request'],
  ['a body of two megabytes', Buffer.from(JSON.stringify({ input: 'x'.repeat(2e6) })), 413, 'body_too_large'],
  ['deep JSON', Buffer.from(`{"input":${'['.repeat(200_000)}${']'.repeat(200_000)}}`), 400, 'invalid_request'],
  ['deep objects', Buffer.from(`${'{"input":'.repeat(50_000)}1${'}'.repeat(50_000)}`), 400, 'invalid_request'],
  ['a prototype', Buffer.from('{"input":"Hello","__proto__":{"admin":true}}'), 400, 'invalid_json'],
  ['invalid UTF-8', Buffer.from([...Buffer.from('{"input":"'), 0xff, 0xfe, ...Buffer.from('"}')]), 400, 'invalid_json'],
]

describe.each([
  ['with its length', false],
  ['in chunks', true],
])('hostile bodies, sent %s', (_name, isChunked) => {
  test.each(hostile)('%s', async (_what, body, status, code) => {
    const answer = await send(body, {}, isChunked)
    expect(answer).toMatchObject({ status, code })
    expect(answer.type).toContain('application/problem+json')
  })
})

test('another content type is refused', async () => {
  expect(await send(Buffer.from('{"input":"Hello"}'), { 'content-type': 'text/plain' })).toMatchObject({ status: 415 })
  expect(await send(Buffer.from('<input/>'), { 'content-type': 'application/xml' })).toMatchObject({ status: 415 })
})

test('none of them left a row, and none of them hurt the server', async () => {
  expect(await listLogRows(testApp.database, userAgentId)).toEqual([])
  expect((await postRun(testApp.app, user.headers, userAgentId, { input: 'Hello' })).statusCode).toBe(200)
})

test('words in any script, emoji and the longest input come back as they were sent', async () => {
  for (const input of [
    'Grüße 👩‍👩‍👧 你好 שלום',
    `{"a":'"\\`,
    'x'.repeat(100_000),
    `<script>alert(1)</script> {{settings.x}}`,
  ]) {
    const response = await postRun(testApp.app, user.headers, userAgentId, { input })
    expect(response.json()).toMatchObject({ status: 'succeeded', output: `You said: ${input}` })
  }
})
