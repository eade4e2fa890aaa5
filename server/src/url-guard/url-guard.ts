import { checkUrl } from './check-url.ts'
import { followRedirects } from './follow-redirects.ts'
import { createGuardedFetch, type FetchBounds } from './guarded-fetch.ts'
import { requestHeaders } from './hop.ts'
import type { PinnedAnswer } from './pinned-request.ts'
import { readBody } from './read-body.ts'
import { type Lookup, readAllowedHosts, systemLookup } from './resolve-host.ts'
import { createSocketResolver, type SocketResolver } from './resolve-socket.ts'
import { UrlFetchFailed, UrlRefused } from './url-refused.ts'

export interface UrlGuardOptions {
  /** `host`, `host:port`, an address or a CIDR range that may be reached although it is private. */
  allowedPrivateHosts: string[]
  /** Counted after decompression. */
  maxBytes: number
  /** For everything together: names, redirects, headers and body. */
  timeoutMs: number
  maxRedirects: number
  lookup?: Lookup
}

export interface GuardedRequest {
  method?: string
  headers?: Record<string, string>
  body?: string | Buffer
  signal?: AbortSignal
  maxBytes?: number
  accept?: string
}

export interface GuardedResponse {
  /** Where the answer came from, after redirects. */
  url: string
  status: number
  headers: Record<string, string>
  body: Buffer
  /** True when the body was longer than `maxBytes` and ends there. */
  isCut: boolean
}

/** The only way to fetch an address that came from a user, a model or a page. */
export interface UrlGuard {
  /** Throws UrlRefused when the address may not be fetched, UrlFetchFailed when no answer came. A 4xx or 5xx is an answer. */
  fetch(url: string, init?: GuardedRequest): Promise<GuardedResponse>
  /** The same behind the interface of the Fetch standard, with streams both ways. A body over the bounds fails, it is not cut. */
  guardedFetch: typeof fetch
  /** `guardedFetch` with other bounds than the guard's own. */
  boundedFetch(bounds: Partial<FetchBounds>): typeof fetch
  /** Where a server that does not speak HTTP may be connected to. Throws UrlRefused, and UrlFetchFailed for unknown names. */
  resolveSocket: SocketResolver
}

export function createUrlGuard(options: UrlGuardOptions): UrlGuard {
  const allowed = readAllowedHosts(options.allowedPrivateHosts)
  const lookup = options.lookup ?? systemLookup
  const { maxBytes, timeoutMs, maxRedirects } = options
  const boundedFetch = (bounds: Partial<FetchBounds>) =>
    createGuardedFetch(allowed, lookup, { maxBytes, timeoutMs, maxRedirects, ...bounds })

  async function fetchWhole(url: string, init: GuardedRequest, signal: AbortSignal): Promise<GuardedResponse> {
    const method = (init.method ?? 'GET').toUpperCase()
    const headers = requestHeaders(Object.entries(init.headers ?? {}), init.accept)
    const hop = { method, headers, body: init.body }
    const end = await followRedirects(checkUrl(url), hop, { allowed, lookup, maxRedirects, signal, redirect: 'follow' })
    try {
      return await readAnswer(end, init.maxBytes ?? maxBytes)
    } finally {
      await end.answer.close()
    }
  }

  return {
    guardedFetch: boundedFetch({}),
    boundedFetch,
    resolveSocket: createSocketResolver(allowed, lookup),
    async fetch(url, init = {}) {
      const timeout = AbortSignal.timeout(timeoutMs)
      const signal = init.signal ? AbortSignal.any([init.signal, timeout]) : timeout
      try {
        signal.throwIfAborted()
        return await fetchWhole(url, init, signal)
      } catch (error) {
        if (error instanceof UrlRefused || error instanceof UrlFetchFailed) throw error
        if (init.signal?.aborted) throw init.signal.reason
        if (timeout.aborted) {
          throw new UrlFetchFailed('timeout', `No whole answer came within ${timeoutMs / 1000} seconds.`, error)
        }
        throw new UrlFetchFailed('network', 'The connection failed.', error)
      }
    },
  }
}

async function readAnswer(
  { url, method, answer }: { url: URL; method: string; answer: PinnedAnswer },
  maxBytes: number,
): Promise<GuardedResponse> {
  const headers = flatHeaders(answer.headers)
  const hasBody = method !== 'HEAD' && answer.status !== 204 && answer.status !== 304
  const encoding = hasBody ? headers['content-encoding'] : undefined
  return { url: url.href, status: answer.status, headers, ...(await readBody(answer.body, encoding, maxBytes)) }
}

function flatHeaders(headers: Record<string, string | string[] | undefined>): Record<string, string> {
  const flat: Record<string, string> = Object.create(null)
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) flat[name.toLowerCase()] = Array.isArray(value) ? value.join(', ') : value
  }
  return flat
}
