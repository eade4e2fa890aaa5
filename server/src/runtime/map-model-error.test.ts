import { APICallError } from '@ai-sdk/provider'
import { describe, expect, test } from 'vitest'
import { mapModelError } from './map-model-error.ts'

function apiError(statusCode: number, body: unknown, headers: Record<string, string> = {}) {
  return new APICallError({
    message: (body as { error?: { message?: string } }).error?.message ?? 'failed',
    url: 'https://api.example.com',
    requestBodyValues: {},
    statusCode,
    responseHeaders: headers,
    responseBody: JSON.stringify(body),
    data: body,
  })
}
const withCode = (code: string, message = code) => Object.assign(new Error(message), { code })

describe('answers of providers', () => {
  test.each([
    [
      'OpenAI, wrong key',
      401,
      { error: { message: 'Incorrect API key', code: 'invalid_api_key' } },
      'model_auth_failed',
      false,
    ],
    [
      'Anthropic, not permitted',
      403,
      { type: 'error', error: { type: 'permission_error', message: 'no' } },
      'model_auth_failed',
      false,
    ],
    [
      'Google, wrong key',
      400,
      {
        error: {
          code: 400,
          message: 'API key not valid',
          status: 'INVALID_ARGUMENT',
          details: [{ reason: 'API_KEY_INVALID' }],
        },
      },
      'model_auth_failed',
      false,
    ],
    [
      'OpenAI, rate limit',
      429,
      { error: { message: 'Rate limit reached', code: 'rate_limit_exceeded' } },
      'model_rate_limited',
      true,
    ],
    [
      'OpenAI, no credit',
      429,
      { error: { message: 'quota', type: 'insufficient_quota', code: 'insufficient_quota' } },
      'model_quota_exceeded',
      false,
    ],
    [
      'Anthropic, no credit',
      400,
      {
        type: 'error',
        error: {
          type: 'invalid_request_error',
          message: 'Your credit balance is too low to access the Anthropic API.',
        },
      },
      'model_quota_exceeded',
      false,
    ],
    [
      'Anthropic, overloaded',
      529,
      { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } },
      'model_overloaded',
      true,
    ],
    [
      'Google, overloaded',
      503,
      { error: { code: 503, message: 'overloaded', status: 'UNAVAILABLE' } },
      'model_overloaded',
      true,
    ],
    [
      'OpenAI, too long',
      400,
      { error: { message: 'too long', code: 'context_length_exceeded' } },
      'model_context_exceeded',
      false,
    ],
    [
      'Ollama and llama.cpp, too long',
      400,
      { error: { message: 'the request exceeds the available context size' } },
      'model_context_exceeded',
      false,
    ],
    ['Azure, content filter', 400, { error: { message: 'filtered', code: 'content_filter' } }, 'model_refused', false],
    ['conflict', 409, { error: { message: 'conflict' } }, 'model_error', true],
    ['request timeout', 408, { error: { message: 'timeout' } }, 'model_timeout', true],
    ['server error', 500, { error: { message: 'oops' } }, 'model_error', true],
    [
      'unknown model',
      404,
      { error: { message: 'The model does not exist', code: 'model_not_found' } },
      'model_error',
      false,
    ],
    ['redirect', 302, {}, 'model_bad_response', false],
  ] as const)('%s', (_name, status, body, code, isRetryable) => {
    expect(mapModelError(apiError(status, body))).toMatchObject({ code, isRetryable })
  })

  test('obey x-should-retry', () => {
    const failure = mapModelError(apiError(500, { error: { message: 'oops' } }, { 'x-should-retry': 'false' }))
    expect(failure.isRetryable).toBe(false)
  })
})

describe('errors of the network', () => {
  test.each([
    ['ECONNREFUSED', 'model_unreachable', true],
    ['ENOTFOUND', 'model_unreachable', true],
    ['UND_ERR_CONNECT_TIMEOUT', 'model_unreachable', true],
    ['UND_ERR_SOCKET', 'model_unreachable', true],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'model_unreachable', false],
    ['UND_ERR_HEADERS_TIMEOUT', 'model_timeout', true],
    ['UND_ERR_BODY_TIMEOUT', 'model_timeout', true],
    ['UND_ERR_RES_EXCEEDED_MAX_SIZE', 'model_bad_response', false],
  ])('%s', (code, expected, isRetryable) => {
    expect(mapModelError(new Error('fetch failed', { cause: withCode(code) }))).toMatchObject({
      code: expected,
      isRetryable,
      detail: code,
    })
  })

  test('after the answer had begun are a cut answer', () => {
    const error = Object.assign(new Error('cut', { cause: withCode('UND_ERR_SOCKET') }), { statusCode: 200 })
    expect(mapModelError(error).code).toBe('model_stream_cut')
  })
})

test('the detail holds no key, neither a known one nor one by its shape', () => {
  const message = 'Incorrect API key provided: sk-proj-abc***xyz, x=AIzaSyA1234567890, Authorization: Bearer abcdef123'
  const { detail } = mapModelError(apiError(401, { error: { message } }))
  expect(detail).not.toMatch(/sk-proj|AIza|abcdef123/)
  expect(detail).toMatch(/^401 Incorrect API key provided: \[redacted\]/)
})

test('the detail is short and can be stored', () => {
  const { detail } = mapModelError(apiError(400, { error: { message: `a\u0000b\ud800${'x'.repeat(5000)}` } }))
  expect(detail.length).toBeLessThanOrEqual(500)
  expect(detail).toContain('a\uFFFDb\uFFFD')
})

test('anything that is thrown becomes a failure', () => {
  for (const odd of [null, undefined, 'text', 42, {}, new Error('')]) {
    expect(mapModelError(odd)).toMatchObject({ code: 'model_error', isRetryable: false })
  }
})

describe('how long to wait', () => {
  const waitOf = (headers: Record<string, string>, body: unknown = {}) =>
    mapModelError(apiError(429, body, headers)).retryAfterMs

  test('is read in seconds, milliseconds, as a date and from the body of Google', () => {
    expect(waitOf({ 'retry-after': '2' })).toBe(2000)
    expect(waitOf({ 'retry-after': '1.5' })).toBe(1500)
    expect(waitOf({ 'retry-after': '9', 'retry-after-ms': '250' })).toBe(250)
    const inTenSeconds = waitOf({ 'retry-after': new Date(Date.now() + 10_000).toUTCString() })
    expect(inTenSeconds).toBeGreaterThan(8000)
    expect(inTenSeconds).toBeLessThanOrEqual(10_000)
    const details = [{ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '34.5s' }]
    expect(waitOf({}, { error: { message: 'quota', details } })).toBe(34_500)
  })

  test('is unknown when the header is absent or unreadable, and zero when the date is past', () => {
    expect(waitOf({})).toBeNull()
    expect(waitOf({ 'retry-after': 'soon' })).toBeNull()
    expect(waitOf({ 'retry-after': 'Wed, 21 Oct 2015 07:28:00 GMT' })).toBe(0)
  })
})
