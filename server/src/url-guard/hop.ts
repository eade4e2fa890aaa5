import { checkUrl } from './check-url.ts'
import { UrlRefused } from './url-refused.ts'

/** One request of a chain of redirects. */
export interface Hop<Body> {
  method: string
  headers: Record<string, string>
  body: Body | undefined
}

// These frame the message or choose the host; a caller that sets them could speak to another server than the checked one.
const framingHeaders = [
  'host',
  'connection',
  'keep-alive',
  'proxy-connection',
  'content-length',
  'transfer-encoding',
  'upgrade',
  'te',
  'trailer',
  'expect',
]

export function requestHeaders(entries: Iterable<[string, string]>, accept: string | undefined) {
  const headers: Record<string, string> = { 'user-agent': 'AgentExpress', accept: accept ?? '*/*' }
  for (const [name, value] of entries) headers[name.toLowerCase()] = value
  for (const name of framingHeaders) delete headers[name]
  return { ...headers, 'accept-encoding': 'gzip, deflate, br' }
}

export const isRedirect = (status: number) => [301, 302, 303, 307, 308].includes(status)

export function redirectTarget(location: string, base: URL): URL {
  if (!URL.canParse(location, base.href)) {
    throw new UrlRefused('redirect', 'The page redirects to an address that is none.')
  }
  return checkUrl(new URL(location, base).href)
}

/** What is sent after a redirect, by the Fetch standard; across origins without credentials, and never with the body. */
export function nextHop<Body>(hop: Hop<Body>, status: number, from: URL, to: URL): Hop<Body> {
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
