import type { Readable } from 'node:stream'
import { Agent, request } from 'undici'
import { checkUrl } from './check-url.ts'
import { readBody } from './read-body.ts'
import { type Lookup, type ResolvedAddress, readAllowedHosts, resolveHost, systemLookup } from './resolve-host.ts'
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
}

export function createUrlGuard(options: UrlGuardOptions): UrlGuard {
  const allowed = readAllowedHosts(options.allowedPrivateHosts)
  const lookup = options.lookup ?? systemLookup

  async function fetchHops(startUrl: string, init: GuardedRequest, signal: AbortSignal): Promise<GuardedResponse> {
    let url = checkUrl(startUrl)
    let hop: Hop = {
      method: (init.method ?? 'GET').toUpperCase(),
      headers: requestHeaders(init),
      body: init.body,
    }
    for (let redirects = 0; ; redirects++) {
      const addresses = await raceAbort(resolveHost(url, allowed, lookup), signal)
      const answer = await fetchOnce(url, hop, addresses, signal, init.maxBytes ?? options.maxBytes)
      const location = isRedirect(answer.status) ? answer.headers.location : undefined
      if (location === undefined) return answer
      if (redirects >= options.maxRedirects) {
        throw new UrlRefused('too-many-redirects', `The address redirects more than ${options.maxRedirects} times.`)
      }
      const next = redirectTarget(location, url)
      hop = nextHop(hop, answer.status, url, next)
      url = next
    }
  }

  return {
    async fetch(url, init = {}) {
      const timeout = AbortSignal.timeout(options.timeoutMs)
      const signal = init.signal ? AbortSignal.any([init.signal, timeout]) : timeout
      try {
        signal.throwIfAborted()
        return await fetchHops(url, init, signal)
      } catch (error) {
        if (error instanceof UrlRefused || error instanceof UrlFetchFailed) throw error
        if (init.signal?.aborted) throw init.signal.reason
        if (timeout.aborted) {
          throw new UrlFetchFailed('timeout', `No whole answer came within ${options.timeoutMs / 1000} seconds.`, error)
        }
        throw new UrlFetchFailed('network', 'The connection failed.', error)
      }
    },
  }
}

interface Hop {
  method: string
  headers: Record<string, string>
  body: string | Buffer | undefined
}

async function fetchOnce(
  url: URL,
  hop: Hop,
  addresses: ResolvedAddress[],
  signal: AbortSignal,
  maxBytes: number,
): Promise<GuardedResponse> {
  // One agent a hop: its sockets go to the checked addresses and are never reused for another host.
  const agent = new Agent({
    connect: {
      lookup: (_hostname, lookupOptions, callback) => {
        const first = addresses[0]
        if (lookupOptions.all) callback(null, addresses)
        else callback(null, first?.address ?? '', first?.family)
      },
      timeout: 10_000,
    },
    maxHeaderSize: 32_768,
    pipelining: 0,
  })
  try {
    const response = await request(url, {
      dispatcher: agent,
      method: hop.method as 'GET',
      headers: hop.headers,
      body: hop.body ?? null,
      signal,
    })
    const headers = flatHeaders(response.headers)
    const answer = { url: url.href, status: response.statusCode, headers }
    if (isRedirect(response.statusCode) && headers.location !== undefined) {
      discard(response.body)
      return { ...answer, body: Buffer.alloc(0), isCut: false }
    }
    const hasBody = hop.method !== 'HEAD' && response.statusCode !== 204 && response.statusCode !== 304
    const encoding = hasBody ? headers['content-encoding'] : undefined
    return { ...answer, ...(await readBody(response.body, encoding, maxBytes)) }
  } finally {
    await agent.destroy()
  }
}

function discard(body: Readable): void {
  body.on('error', () => {})
  body.destroy()
}

function requestHeaders(init: GuardedRequest): Record<string, string> {
  const headers: Record<string, string> = { 'user-agent': 'AgentExpress' }
  for (const [name, value] of Object.entries(init.headers ?? {})) headers[name.toLowerCase()] = value
  // These frame the message or choose the host; a caller that sets them could speak to another server than the checked one.
  for (const name of ['host', 'connection', 'content-length', 'transfer-encoding', 'upgrade', 'te', 'expect']) {
    delete headers[name]
  }
  return { accept: init.accept ?? '*/*', ...headers, 'accept-encoding': 'gzip, deflate, br' }
}

const isRedirect = (status: number) => [301, 302, 303, 307, 308].includes(status)

function redirectTarget(location: string, base: URL): URL {
  if (!URL.canParse(location, base)) throw new UrlRefused('redirect', 'The page redirects to an address that is none.')
  return checkUrl(new URL(location, base).href)
}

/** What is sent after a redirect, by the Fetch standard; across origins without credentials, and never with the body. */
function nextHop(hop: Hop, status: number, from: URL, to: URL): Hop {
  const dropsBody = status === 303 ? hop.method !== 'HEAD' : hop.method === 'POST' && (status === 301 || status === 302)
  const method = dropsBody ? 'GET' : hop.method
  const body = dropsBody ? undefined : hop.body
  const headers = { ...hop.headers }
  if (body === undefined) delete headers['content-type']
  if (from.origin === to.origin) return { method, headers, body }
  if (body !== undefined) {
    throw new UrlRefused('redirect', 'The page redirects a request with a body to another site.')
  }
  // An allow-list, because keys travel under many names: x-api-key, x-auth-token, private-token ...
  const harmless = ['accept', 'accept-encoding', 'accept-language', 'user-agent']
  return {
    method,
    body,
    headers: Object.fromEntries(Object.entries(headers).filter(([name]) => harmless.includes(name))),
  }
}

function flatHeaders(headers: Record<string, string | string[] | undefined>): Record<string, string> {
  const flat: Record<string, string> = Object.create(null)
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) flat[name.toLowerCase()] = Array.isArray(value) ? value.join(', ') : value
  }
  return flat
}

/** The system's name lookup cannot be aborted; this stops waiting for it. */
function raceAbort<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}
