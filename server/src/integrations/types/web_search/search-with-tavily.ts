import { z } from 'zod'
import { askProvider, parseJson } from '../../ask-provider.ts'
import { cleanToolText } from '../../clean-tool-text.ts'
import { type Connection, ConnectionFailed } from '../../integration-type.ts'
import { type Search, type SearchResult, toSearchResults } from './search-result.ts'

const answerSchema = z.object({
  results: z.array(
    z.object({
      title: z.string().nullish(),
      url: z.string(),
      content: z.string().nullish(),
      published_date: z.string().nullish(),
    }),
  ),
})
const errorSchema = z.object({ detail: z.union([z.string(), z.object({ error: z.string() })]) })

/** https://docs.tavily.com/documentation/api-reference/endpoint/search. It knows no language: the query's own decides. */
export async function searchWithTavily(
  connection: Connection,
  search: Search,
  baseUrl: string,
): Promise<SearchResult[]> {
  const { status, headers, text } = await askProvider(connection, new URL(`${baseUrl}/search`), {
    method: 'POST',
    headers: {
      accept: 'application/json',
      'content-type': 'application/json',
      authorization: `Bearer ${connection.credentials.key}`,
    },
    body: JSON.stringify({
      query: search.query,
      max_results: search.count,
      search_depth: 'basic',
      ...(search.freshness && { time_range: search.freshness }),
    }),
  })
  const json = parseJson(text)
  if (status !== 200) throw explain(status, headers, json)
  const answer = answerSchema.safeParse(json)
  if (!answer.success) throw new ConnectionFailed('unreachable', 'Tavily answered with something else than results.')
  const found = answer.data.results.map(({ title, url, content, published_date }) => ({
    title,
    url,
    snippet: content,
    published: published_date,
  }))
  return toSearchResults(found, search.count)
}

function explain(status: number, headers: Headers, json: unknown): Error {
  if (status === 401) return new ConnectionFailed('credentials', 'Tavily does not accept the key.')
  if (status === 429) {
    const seconds = Number(headers.get('retry-after'))
    return new Error(`Tavily asks to wait ${seconds > 0 ? `${seconds} seconds` : 'a moment'} before the next search.`)
  }
  // Tavily's own: 432 is the limit of the plan or key, 433 the one set for paying by use.
  if (status === 432 || status === 433)
    return new ConnectionFailed('refused', `Tavily's limit for this key or plan is used up (${status}).`)
  if (status >= 500) return new ConnectionFailed('unreachable', `Tavily has a failure (${status}).`)
  const detail = errorSchema.safeParse(json).data?.detail
  const said = cleanToolText(typeof detail === 'string' ? detail : (detail?.error ?? ''), 300)
  return new Error(`Tavily refused the search (${status})${said ? `: ${said}` : '.'}`)
}
