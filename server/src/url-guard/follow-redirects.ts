import type { Readable } from 'node:stream'
import { type Hop, isRedirect, nextHop, redirectTarget } from './hop.ts'
import { type PinnedAnswer, requestPinned } from './pinned-request.ts'
import { type AllowedHosts, type Lookup, resolveHost } from './resolve-host.ts'
import { UrlRefused } from './url-refused.ts'

export interface FollowOptions {
  allowed: AllowedHosts
  lookup: Lookup
  maxRedirects: number
  signal: AbortSignal
  /** `manual`: the first redirect is the answer. */
  redirect: RequestRedirect
}

/** Sends the request and follows redirects; every hop is checked like the first. The caller closes the answer. */
export async function followRedirects(
  startUrl: URL,
  firstHop: Hop<string | Uint8Array | Readable>,
  { allowed, lookup, maxRedirects, signal, redirect }: FollowOptions,
): Promise<{ url: URL; redirects: number; method: string; answer: PinnedAnswer }> {
  let url = startUrl
  let hop = firstHop
  for (let redirects = 0; ; redirects++) {
    const addresses = await raceAbort(resolveHost(url, allowed, lookup), signal)
    const answer = await requestPinned(url, hop, addresses, signal)
    const location = isRedirect(answer.status) ? firstOf(answer.headers.location) : undefined
    if (location === undefined || redirect === 'manual') return { url, redirects, method: hop.method, answer }
    await answer.close()
    if (redirect === 'error') throw new UrlRefused('redirect', 'The address redirects, which is not allowed here.')
    if (redirects >= maxRedirects) {
      throw new UrlRefused('too-many-redirects', `The address redirects more than ${maxRedirects} times.`)
    }
    const next = redirectTarget(location, url)
    hop = nextHop(hop, answer.status, url, next)
    if (hop.body !== undefined && typeof hop.body !== 'string' && !(hop.body instanceof Uint8Array)) {
      throw new UrlRefused('redirect', 'The page redirects a request whose body was sent already.')
    }
    url = next
  }
}

const firstOf = (value: string | string[] | undefined) => (Array.isArray(value) ? value[0] : value)

/** The system's name lookup cannot be aborted; this stops waiting for it. */
function raceAbort<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason)
    if (signal.aborted) return onAbort()
    signal.addEventListener('abort', onAbort, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}
