import { APICallError, InvalidResponseDataError, JSONParseError, TypeValidationError } from '@ai-sdk/provider'
import type { ErrorCode } from '../errors.ts'
import { UnexpectedContentError } from './http-fetch.ts'
import { parseRetryAfter } from './models/parse-retry-after.ts'
import { redact } from './models/redact.ts'

export interface ModelFailure {
  code: ErrorCode
  /** What the provider said, without keys, at most 500 characters. */
  detail: string
  isRetryable: boolean
  /** How long the provider asked to wait. */
  retryAfterMs: number | null
}

/** What is known of an error, whichever of the many shapes it came in. */
interface Facts {
  status: number | undefined
  message: string
  /** Type, code and status names of the provider, in lower case. */
  names: string
  headers: Record<string, string>
  data: unknown
  networkCode: string | undefined
}

/** Errors of the network, of the provider's answer and inside its stream, as one of our codes. */
export function mapModelError(error: unknown, redactKeys: (text: string) => string = redact): ModelFailure {
  const facts = readFacts(error)
  const [code, isRetryable] = classify(error, facts)
  const status = facts.status === undefined || facts.message.startsWith(`${facts.status}`) ? '' : `${facts.status} `
  return {
    code,
    // The detail is stored, and PostgreSQL takes neither NUL nor lone surrogates.
    detail: redactKeys(`${status}${facts.message}`).slice(0, 500).toWellFormed().replaceAll('\0', '\uFFFD'),
    isRetryable: isRetryable && facts.headers['x-should-retry'] !== 'false',
    retryAfterMs: parseRetryAfter(facts.headers, facts.data),
  }
}

function classify(error: unknown, facts: Facts): [code: ErrorCode, isRetryable: boolean] {
  const { status, networkCode } = facts
  if (networkCode !== undefined) return classifyNetworkError(networkCode, status)
  if (isUnreadable(error)) return ['model_bad_response', false]
  if (isEndWithoutFinish(error)) return ['model_stream_cut', true]
  return classifyAnswer(facts)
}

/** The order matters: providers use one status for several faults and tell them apart in the body. */
function classifyAnswer({ status, names, message }: Facts): [code: ErrorCode, isRetryable: boolean] {
  if (/insufficient_quota|billing_error/.test(names) || status === 402 || /credit balance is too low/i.test(message)) {
    return ['model_quota_exceeded', false]
  }
  if (/context_length_exceeded|request_too_large/.test(names) || status === 413 || tellsOfLength(message)) {
    return ['model_context_exceeded', false]
  }
  if (/content_filter|content_policy/.test(names)) return ['model_refused', false]
  if (status === 401 || status === 403 || /authentication_error|permission_error|api_key_invalid/.test(names)) {
    return ['model_auth_failed', false]
  }
  if (status === 429 || /rate_limit/.test(names)) return ['model_rate_limited', true]
  if (status === 529 || status === 503 || /overloaded|unavailable/.test(names)) return ['model_overloaded', true]
  if (status === 408 || status === 504) return ['model_timeout', true]
  if (status === undefined) return ['model_error', /server_error|api_error|internal/.test(names)]
  if (status < 400) return ['model_bad_response', false]
  return ['model_error', status === 409 || status >= 500]
}

function tellsOfLength(message: string): boolean {
  return /maximum context length|prompt is too long|context window|input token count .* exceeds|exceeds? the (available )?context/i.test(
    message,
  )
}

function classifyNetworkError(code: string, status: number | undefined): [code: ErrorCode, isRetryable: boolean] {
  if (code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'UND_ERR_BODY_TIMEOUT') return ['model_timeout', true]
  if (code === 'UND_ERR_RES_EXCEEDED_MAX_SIZE') return ['model_bad_response', false]
  if (code.startsWith('HPE_')) return ['model_bad_response', false]
  // A status tells that the answer had begun when the connection broke.
  if (status !== undefined) return ['model_stream_cut', true]
  // A certificate does not get better by asking again.
  return ['model_unreachable', !/CERT|TLS|SIGNATURE|INVALID_ARG/.test(code)]
}

function isUnreadable(error: unknown): boolean {
  return chain(error).some(
    (each) =>
      each instanceof UnexpectedContentError ||
      each instanceof SyntaxError ||
      JSONParseError.isInstance(each) ||
      TypeValidationError.isInstance(each) ||
      // What @ai-sdk/anthropic throws, without a cause, when the first event of a stream is no JSON.
      (each instanceof Error && each.message === 'Expected a normalized Anthropic stream error') ||
      (InvalidResponseDataError.isInstance(each) && each.data !== undefined),
  )
}

/** How the OpenAI-compatible provider says that the stream ended early; other provider packages give a finish reason for it. */
function isEndWithoutFinish(error: unknown): boolean {
  return InvalidResponseDataError.isInstance(error) && error.data === undefined
}

function readFacts(error: unknown): Facts {
  const causes = chain(error)
  const call = causes.find((each) => APICallError.isInstance(each))
  const data = call ? (call.data ?? parseJson(call.responseBody)) : error
  const body = readErrorObject(data)
  const status = causes.map((each) => asStatus(readField(each, 'statusCode'))).find(Boolean) ?? asStatus(body.code)
  const networkCode = causes.map((each) => readField(each, 'code')).find((code) => isNetworkCode(code))
  const message = networkCode !== undefined ? (causes.at(-1) as Error).message : (call ?? body).message
  return {
    status,
    message: typeof message === 'string' && message !== '' ? message : errorMessage(error),
    names: [
      body.type,
      body.code,
      body.status,
      readField(error, 'type'),
      readField(error, 'code'),
      readReasons(body.details),
    ]
      .join(' ')
      .toLowerCase(),
    headers: call?.responseHeaders ?? {},
    data,
    networkCode: networkCode as string | undefined,
  }
}

/** The error, its cause, the cause of that. */
function chain(error: unknown): unknown[] {
  const list: unknown[] = []
  for (let each = error; each !== undefined && each !== null && list.length < 5; each = readField(each, 'cause')) {
    list.push(each)
  }
  return list
}

/** Providers nest what matters under `error`, some twice, some not at all. */
function readErrorObject(data: unknown): Record<string, unknown> {
  let value = data
  for (let depth = 0; depth < 3; depth++) {
    const inner = readField(value, 'error') ?? readField(value, 'data')
    if (typeof inner !== 'object' || inner === null) break
    value = inner
  }
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

/** Google puts the reason (`API_KEY_INVALID`) into a list of details. */
function readReasons(details: unknown): string {
  return Array.isArray(details) ? details.map((each) => readField(each, 'reason') ?? '').join(' ') : ''
}

function isNetworkCode(code: unknown): boolean {
  return (
    typeof code === 'string' &&
    /^(UND_ERR|HPE_|E[A-Z_]{3,}$|CERT_|ERR_TLS|ERR_SSL|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO)/.test(code)
  )
}

function asStatus(value: unknown): number | undefined {
  const number = Number(value)
  return Number.isInteger(number) && number >= 100 && number < 600 ? number : undefined
}

function readField(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined
}

function parseJson(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? '')
  } catch {
    return undefined
  }
}

function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : typeof error === 'string' ? error : 'The provider named no reason.'
}
