import { UrlFetchFailed, UrlRefused } from '../url-guard/url-refused.ts'
import { type Connection, ConnectionFailed, type ConnectionTest } from './integration-type.ts'

const timeoutMs = 20_000

export interface ProviderRequest {
  method?: string
  headers?: Record<string, string>
  body?: string | Uint8Array<ArrayBuffer>
  /** A longer answer is an error; the model is told so. */
  maxBytes?: number
}

export interface ProviderAnswer {
  status: number
  headers: Headers
  text: string
}

/**
 * One request to a provider. A redirect is an answer like any other: it would carry the credentials elsewhere. Throws
 * `ConnectionFailed` when no answer came; a 4xx or 5xx is an answer.
 */
export async function askProvider(
  { urlGuard, signal }: Pick<Connection, 'urlGuard' | 'signal'>,
  url: URL,
  { maxBytes = 2_000_000, ...init }: ProviderRequest = {},
): Promise<ProviderAnswer> {
  try {
    const fetchOnce = urlGuard.boundedFetch({ timeoutMs, maxBytes, maxRedirects: 0 })
    const response = await fetchOnce(url, { ...init, redirect: 'manual', signal })
    return { status: response.status, headers: response.headers, text: await response.text() }
  } catch (error) {
    if (signal.aborted) throw error
    if (error instanceof UrlFetchFailed && error.reason === 'too-large')
      throw new Error(`The answer of ${url.host} is larger than ${Math.floor(maxBytes / 1000)} kB.`, { cause: error })
    if (error instanceof UrlRefused || error instanceof UrlFetchFailed)
      throw new ConnectionFailed('unreachable', `${url.host} cannot be reached: ${error.message}`, error)
    throw error
  }
}

/** Null when it is no JSON, as of a proxy that answers in the provider's place. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

/** For the test of a connection: what would be told to a model is told to the owner. */
export async function testCalls(calls: () => Promise<ConnectionTest>): Promise<ConnectionTest> {
  try {
    return await calls()
  } catch (error) {
    if (error instanceof ConnectionFailed || !(error instanceof Error) || error.name === 'TimeoutError') throw error
    throw new ConnectionFailed('refused', error.message, error)
  }
}
