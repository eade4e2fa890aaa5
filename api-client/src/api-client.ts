import { ApiError, readApiError } from './api-error.ts'
import type { RequestOf, ResponseOf, RouteKey } from './route-types.ts'

export interface ApiClientOptions {
  /** Origin of the server; left out in a browser, where it is the page's own. */
  baseUrl?: string
  fetch?: typeof fetch
  /** Access token or API key; left out where cookies carry the session. */
  token?: string | (() => string | null)
  /** Called once when a session could not be refreshed. */
  onSignedOut?: () => void
}

export interface CallOptions {
  headers?: Record<string, string>
  signal?: AbortSignal
}

type Input<Key extends RouteKey> = RequestOf<Key> & CallOptions
/** The second argument may be left out when nothing in it is required. */
type Arguments<Key extends RouteKey> =
  Record<never, never> extends Input<Key> ? [input?: Input<Key>] : [input: Input<Key>]

export interface ApiClient {
  /** Sends the request and answers the parsed body; throws `ApiError` for everything but 2xx. */
  <Key extends RouteKey>(key: Key, ...args: Arguments<Key>): Promise<ResponseOf<Key>>
  /** The same without reading the body, for streams and downloads. */
  raw<Key extends RouteKey>(key: Key, ...args: Arguments<Key>): Promise<Response>
}

interface AnyInput extends CallOptions {
  params?: Record<string, unknown>
  query?: Record<string, unknown>
  body?: unknown
}

const refreshPath = '/api/v1/auth/refresh'

export function createApiClient(options: ApiClientOptions = {}): ApiClient {
  const baseUrl = (options.baseUrl ?? '').replace(/\/$/, '')
  const send: typeof fetch = (input, init) => (options.fetch ?? globalThis.fetch)(input, init)
  const usesCookies = options.token === undefined
  let refreshing: Promise<boolean> | null = null

  // All requests that meet an expired token share one refresh: a second one would present a token that is already used.
  function refresh(): Promise<boolean> {
    refreshing ??= refreshOnce().finally(() => {
      refreshing = null
    })
    return refreshing
  }

  async function refreshOnce(): Promise<boolean> {
    const response = await send(baseUrl + refreshPath, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{}',
      credentials: 'same-origin',
    }).catch(() => null)
    if (response === null) return false
    await response.body?.cancel()
    // Only a refusal ends the session: a server that is restarting (503) still knows it.
    if (response.status === 401 || response.status === 403) options.onSignedOut?.()
    return response.ok
  }

  async function raw(key: string, input: AnyInput = {}): Promise<Response> {
    const [method = 'GET', path = '/'] = key.split(' ')
    const url = baseUrl + fillPath(path, input.params) + formatQuery(input.query)
    const request = () => attempt(send, method, url, input, readToken(options.token))
    let response = await request()
    const mayRefresh = usesCookies && response.status === 401 && !path.startsWith('/api/v1/auth/')
    if (mayRefresh && (await refresh())) {
      await response.body?.cancel()
      response = await request()
    }
    if (!response.ok) throw await readApiError(response)
    return response
  }

  async function call(key: string, input?: AnyInput): Promise<unknown> {
    const response = await raw(key, input)
    const text = await response.text()
    return text === '' ? undefined : JSON.parse(text)
  }

  // The one place where the untyped call meets the typed interface: the key decides all other types.
  return Object.assign(call, { raw }) as unknown as ApiClient
}

function fillPath(path: string, params: Record<string, unknown> = {}): string {
  return path.replace(/:([a-z_]+)/gi, (_, name: string) => encodeURIComponent(String(params[name])))
}

function formatQuery(query: Record<string, unknown> = {}): string {
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined || value === null || value === '') continue
    search.set(name, value instanceof Date ? value.toISOString() : String(value))
  }
  const text = search.toString()
  return text === '' ? '' : `?${text}`
}

async function attempt(
  send: typeof fetch,
  method: string,
  url: string,
  input: AnyInput,
  token: string | null,
): Promise<Response> {
  const headers: Record<string, string> = { accept: 'application/json', ...input.headers }
  if (token) headers.authorization = `Bearer ${token}`
  if (input.body !== undefined) headers['content-type'] = 'application/json'
  const body = input.body === undefined ? undefined : JSON.stringify(input.body)
  try {
    return await send(url, { method, headers, credentials: 'same-origin', body, signal: input.signal })
  } catch (cause) {
    if (input.signal?.aborted) throw cause
    throw new ApiError({
      status: 0,
      code: 'network_error',
      title: 'The server cannot be reached.',
      detail: 'Check your connection, then try again. Nothing you typed is lost.',
      cause,
    })
  }
}

function readToken(token: ApiClientOptions['token']): string | null {
  return typeof token === 'function' ? token() : (token ?? null)
}
