import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod'
import { AppError, type ErrorCode, errorTable, type Fault } from '../errors.ts'

/** Fastify's own errors, by their documented codes. */
const fastifyCodes: Record<string, ErrorCode> = {
  FST_ERR_CTP_INVALID_JSON_BODY: 'invalid_json',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'invalid_json',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'invalid_request',
  FST_ERR_CTP_BODY_TOO_LARGE: 'body_too_large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported_media_type',
  FST_ERR_BAD_URL: 'invalid_request',
  FST_UNDER_PRESSURE: 'unavailable',
}

/** Any thrown value as an `AppError`; what we do not know becomes `internal_error` and tells the caller nothing. */
export function asAppError(error: unknown): AppError {
  if (error instanceof AppError) return error
  if (hasZodFastifySchemaValidationErrors(error)) {
    const faults = error.validation.map(
      (issue): Fault => ({ path: issue.instancePath || '/', message: issue.message ?? 'Not valid.' }),
    )
    return new AppError('invalid_request', { faults, cause: error })
  }
  const { code, statusCode } = error as Partial<FastifyError>
  const known = code ? fastifyCodes[code] : undefined
  if (known) return new AppError(known, { cause: error, retryAfterSeconds: known === 'unavailable' ? 2 : undefined })
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500)
    return new AppError('invalid_request', { cause: error })
  return new AppError('internal_error', { cause: error })
}

export function toProblem(error: AppError, requestId: string) {
  const [status, title, action] = errorTable[error.code]
  return {
    ...error.more,
    type: `/docs/errors#${error.code}`,
    title: error.message || title,
    status,
    code: error.code,
    detail: action,
    request_id: requestId,
    ...(error.faults && error.faults.length > 0 ? { errors: cutFaults(error.faults) } : {}),
  }
}

/** A body with sixty thousand unknown fields is not repeated to who sent it. */
function cutFaults(faults: Fault[]): Fault[] {
  const cut = (text: string) => (text.length > 500 ? `${text.slice(0, 500).toWellFormed()}…` : text)
  return faults.slice(0, 100).map(({ path, message }) => ({ path: cut(path), message: cut(message) }))
}

/** The same error for clients that expect OpenAI's shape. */
export function toOpenAiError(error: AppError) {
  const type =
    error.status === 401
      ? 'authentication_error'
      : error.status === 429
        ? 'rate_limit_error'
        : error.status >= 500
          ? 'server_error'
          : 'invalid_request_error'
  const [fault] = cutFaults(error.faults ?? [])
  return {
    error: {
      ...error.more,
      message: fault ? `${error.message} ${fault.path}: ${fault.message}` : error.message,
      type,
      param: fault ? fault.path.slice(1).replaceAll('/', '.') : null,
      code: error.code,
    },
  }
}

export function sendProblem(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const known = asAppError(error)
  if (known.status >= 500) request.log.error({ err: known.cause ?? known, code: known.code }, known.message)
  else request.log.info({ code: known.code }, known.message)
  if (known.retryAfterSeconds !== undefined) reply.header('retry-after', String(Math.ceil(known.retryAfterSeconds)))
  if (known.headers) reply.headers(known.headers)
  reply.status(known.status).header('cache-control', 'no-store')
  const isOpenAi = request.routeOptions?.config?.errorShape === 'openai' || request.url.startsWith('/v1/')
  return isOpenAi
    ? reply.type('application/json').serializer(JSON.stringify).send(toOpenAiError(known))
    : reply.type('application/problem+json').serializer(JSON.stringify).send(toProblem(known, request.id))
}
