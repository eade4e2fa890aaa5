import { z } from 'zod'
import { askProvider, parseJson } from '../../ask-provider.ts'
import { type Connection, ConnectionFailed } from '../../integration-type.ts'
import { type Search, type SearchResult, toSearchResults } from './search-result.ts'

const answerSchema = z.object({
  results: z.array(
    z.object({
      title: z.string().nullish(),
      // Some engines answer with values instead of pages.
      url: z.string().nullish(),
      content: z.string().nullish(),
      publishedDate: z.string().nullish(),
    }),
  ),
})

/** Where searches go: the address that was entered, with `/search` below it. */
export function searxngUrl(baseUrl: string): URL {
  const url = new URL(baseUrl)
  url.pathname = `${url.pathname.replace(/\/(search)?\/?$/, '')}/search`
  url.search = ''
  url.hash = ''
  return url
}

/** https://docs.searxng.org/dev/search_api.html */
export async function searchWithSearxng(connection: Connection, search: Search): Promise<SearchResult[]> {
  const url = searxngUrl(String(connection.settings.base_url))
  url.searchParams.set('q', search.query)
  url.searchParams.set('format', 'json')
  if (search.language) url.searchParams.set('language', search.language)
  if (search.freshness) url.searchParams.set('time_range', search.freshness)
  const { status, headers, text } = await askProvider(connection, url, {
    headers: { accept: 'application/json' },
  }).catch(explainPrivate)
  if (status === 403)
    throw new ConnectionFailed(
      'refused',
      `${url.host} does not answer in JSON (403). Add "json" to search.formats in its settings.yml and restart it.`,
    )
  if (status === 429)
    throw new Error(`${url.host} limits how often it may be asked (429). Its operator can allow this server.`)
  if (status >= 300 && status < 400)
    throw new ConnectionFailed('refused', `${url.host} redirects to ${originOf(headers, url)}. Enter that address.`)
  if (status >= 500) throw new ConnectionFailed('unreachable', `${url.host} has a failure (${status}).`)
  const answer = answerSchema.safeParse(parseJson(text))
  if (status !== 200 || !answer.success)
    throw new ConnectionFailed('refused', `${url.host} answered like no SearXNG (${status}). Is this its address?`)
  const found = answer.data.results.flatMap(({ title, url, content, publishedDate }) =>
    url ? [{ title, url, snippet: content, published: publishedDate }] : [],
  )
  return toSearchResults(found, search.count)
}

function explainPrivate(error: unknown): never {
  if (error instanceof ConnectionFailed && /private network|public internet/.test(error.message))
    throw new ConnectionFailed(
      'unreachable',
      `${error.message} The operator of this server can allow it in ALLOWED_PRIVATE_HOSTS.`,
      error,
    )
  throw error
}

function originOf(headers: Headers, base: URL): string {
  const location = headers.get('location') ?? ''
  return URL.canParse(location, base.href) ? new URL(location, base).origin : 'another address'
}
