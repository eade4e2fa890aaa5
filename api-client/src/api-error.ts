export interface Fault {
  /** JSON pointer, e.g. `/settings/faq/0/answer`. */
  path: string
  message: string
}

/** What the server said in `application/problem+json`, or `network_error` when nothing answered. */
export class ApiError extends Error {
  readonly status: number
  readonly code: string
  /** What happened. */
  readonly title: string
  /** What to do next. */
  readonly detail: string
  readonly request_id: string | null
  readonly errors: Fault[]
  readonly retryAfterSeconds: number | null
  /** Set when a run failed: its row in the log. */
  readonly run_id: string | null
  /** Further members of the problem, such as `limit` and `resets_at` of a limit that is reached. */
  readonly more: Record<string, unknown>

  constructor(problem: {
    status: number
    code: string
    title: string
    detail: string
    request_id?: string | null
    errors?: Fault[]
    retryAfterSeconds?: number | null
    run_id?: string | null
    more?: Record<string, unknown>
    cause?: unknown
  }) {
    super(problem.title, { cause: problem.cause })
    this.name = 'ApiError'
    this.status = problem.status
    this.code = problem.code
    this.title = problem.title
    this.detail = problem.detail
    this.request_id = problem.request_id ?? null
    this.errors = problem.errors ?? []
    this.retryAfterSeconds = problem.retryAfterSeconds ?? null
    this.run_id = problem.run_id ?? null
    this.more = problem.more ?? {}
  }
}

/** Reads the problem in an answer that is not 2xx; what is no problem (a proxy's HTML page) gets words of its own. */
export async function readApiError(response: Response): Promise<ApiError> {
  const text = await response.text().catch(() => '')
  const body = parseObject(text)
  const string = (key: string) => (typeof body[key] === 'string' ? body[key] : undefined)
  return new ApiError({
    status: response.status,
    code: string('code') ?? `http_${response.status}`,
    title: string('title') ?? `The server answered with status ${response.status}.`,
    detail: string('detail') ?? 'Try again; if it stays, tell the operator of this site.',
    request_id: string('request_id') ?? response.headers.get('x-request-id'),
    errors: Array.isArray(body.errors) ? body.errors.filter(isFault) : [],
    retryAfterSeconds: readRetryAfter(response.headers.get('retry-after')),
    run_id: string('run_id'),
    more: body,
  })
}

function parseObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}

function isFault(value: unknown): value is Fault {
  if (typeof value !== 'object' || value === null) return false
  const { path, message } = value as Partial<Fault>
  return typeof path === 'string' && typeof message === 'string'
}

// RFC 9110 allows seconds or a date.
function readRetryAfter(header: string | null): number | null {
  if (header === null) return null
  const seconds = /^\d+$/.test(header.trim()) ? Number(header) : (Date.parse(header) - Date.now()) / 1000
  return Number.isFinite(seconds) ? Math.max(0, Math.ceil(seconds)) : null
}
