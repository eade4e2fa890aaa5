import { checkUrl } from '../../../url-guard/check-url.ts'
import { UrlFetchFailed, UrlRefused } from '../../../url-guard/url-refused.ts'
import { type Connection, ConnectionFailed } from '../../integration-type.ts'
import { isListed } from './host-list.ts'

const timeoutMs = 20_000
const maxBytes = 1024 * 1024
const maxRedirects = 3

export interface HttpRequest {
  method: string
  url: string
  query?: Record<string, string | number | boolean> | undefined
  body?: unknown
}

export interface HttpAnswer {
  status: number
  url: string
  content_type: string
  body: string
  /** Where it points, when that was not followed. */
  location?: string
}

/** One request to a listed host, with the credentials. Throws what the model can act on, `ConnectionFailed` on 401. */
export async function sendHttpRequest(connection: Connection, request: HttpRequest): Promise<HttpAnswer> {
  let url = withQuery(checkAddress(request.url, connection), request.query)
  const { origin } = url
  const body = bodyOf(request.body)
  for (let redirects = 0; ; redirects++) {
    const headers: Record<string, string> = { accept: 'application/json, text/*;q=0.9, */*;q=0.5' }
    if (body) headers['content-type'] = body.type
    // Another host of the list may be somebody else's.
    if (url.origin === origin) Object.assign(headers, credentialHeaders(connection))
    const response = await fetchOnce(connection, url, {
      method: request.method,
      headers,
      ...(body && { body: body.text }),
    })
    const location = response.headers.get('location')
    if (location === null || response.status < 300 || response.status > 399) return await readAnswer(response, url)
    await response.body?.cancel()
    const target = URL.canParse(location, url) ? new URL(location, url) : null
    const mayFollow = request.method === 'GET' && redirects < maxRedirects
    if (!target || !mayFollow || !isReachable(target, connection))
      return { status: response.status, url: url.href, content_type: '', body: '', location: location.slice(0, 2000) }
    url = target
  }
}

function checkAddress(text: string, connection: Connection): URL {
  const url = checkUrl(text)
  if (url.protocol === 'http:' && connection.settings.allow_http !== true)
    throw new Error('Only https addresses may be asked with this connection.')
  if (!isReachable(url, connection))
    throw new Error(`Only these hosts may be asked: ${hostsOf(connection).join(', ')}.`)
  return url
}

const hostsOf = ({ settings }: Connection) => (settings.hosts ?? []) as string[]

function isReachable(url: URL, connection: Connection): boolean {
  const isSchemeAllowed =
    url.protocol === 'https:' || (url.protocol === 'http:' && connection.settings.allow_http === true)
  return isSchemeAllowed && url.username === '' && url.password === '' && isListed(url, hostsOf(connection))
}

function withQuery(url: URL, query: HttpRequest['query'] = {}): URL {
  for (const [name, value] of Object.entries(query)) url.searchParams.append(name, String(value))
  return url
}

function bodyOf(body: unknown): { text: string; type: string } | null {
  if (body === undefined || body === null) return null
  if (typeof body === 'string') return { text: body, type: 'text/plain; charset=utf-8' }
  return { text: JSON.stringify(body), type: 'application/json' }
}

function credentialHeaders({ settings, credentials }: Connection): Record<string, string> {
  const secret = String(credentials.secret ?? '')
  switch (settings.auth) {
    case 'bearer':
      return { authorization: `Bearer ${secret}` }
    case 'basic':
      return { authorization: `Basic ${Buffer.from(`${settings.username}:${secret}`).toString('base64')}` }
    case 'header':
      return { [String(settings.header_name)]: secret }
    default:
      return {}
  }
}

async function fetchOnce({ urlGuard, signal }: Connection, url: URL, init: RequestInit): Promise<Response> {
  try {
    return await urlGuard.boundedFetch({ timeoutMs, maxBytes, maxRedirects: 0 })(url, {
      ...init,
      redirect: 'manual',
      signal,
    })
  } catch (error) {
    if (error instanceof UrlRefused || error instanceof UrlFetchFailed)
      throw new ConnectionFailed('unreachable', `${url.host} cannot be asked: ${error.message}`, error)
    throw error
  }
}

async function readAnswer(response: Response, url: URL): Promise<HttpAnswer> {
  const content_type = response.headers.get('content-type') ?? ''
  const isText =
    content_type === '' ||
    /^(text\/|application\/([\w.+-]*\+)?(json|xml|javascript|x-www-form-urlencoded))/i.test(content_type)
  const body = isText ? (await response.text()).replaceAll('\0', '').toWellFormed() : ''
  if (!isText) await response.body?.cancel()
  if (response.status === 401)
    throw new ConnectionFailed('credentials', `${url.host} does not accept the credentials (401).`)
  return {
    status: response.status,
    url: url.href,
    content_type,
    body: isText ? body : `This is ${content_type}, which cannot be read as text.`,
  }
}
