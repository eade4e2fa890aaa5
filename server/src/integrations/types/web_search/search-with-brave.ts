import { z } from 'zod'
import { askProvider, parseJson } from '../../ask-provider.ts'
import { cleanToolText } from '../../clean-tool-text.ts'
import { type Connection, ConnectionFailed } from '../../integration-type.ts'
import { type Search, type SearchResult, textOfHtml, toSearchResults } from './search-result.ts'

// Brave has its own codes where a language has more than one script or country.
const ownCodes: Record<string, string> = {
  ja: 'jp',
  pt: 'pt-br',
  zh: 'zh-hans',
  'zh-cn': 'zh-hans',
  'zh-tw': 'zh-hant',
  'zh-hk': 'zh-hant',
  no: 'nb',
}
const wholeCodes = ['en-gb', 'pt-br', 'pt-pt', 'zh-hans', 'zh-hant']
const freshness = { day: 'pd', week: 'pw', month: 'pm', year: 'py' } as const

const answerSchema = z.object({
  web: z
    .object({
      results: z.array(
        z.object({
          title: z.string(),
          url: z.string(),
          description: z.string().nullish(),
          page_age: z.string().nullish(),
        }),
      ),
    })
    .nullish(),
})
const errorSchema = z.object({ error: z.object({ code: z.string(), detail: z.string().nullish() }) })

/** https://api-dashboard.search.brave.com/app/documentation/web-search/get-started */
export async function searchWithBrave(
  connection: Connection,
  search: Search,
  baseUrl: string,
): Promise<SearchResult[]> {
  const url = new URL(`${baseUrl}/res/v1/web/search`)
  const parameters = {
    q: search.query,
    count: String(search.count),
    result_filter: 'web',
    text_decorations: 'false',
    ...(search.language && { search_lang: toBraveLanguage(search.language) }),
    ...(search.freshness && { freshness: freshness[search.freshness] }),
  }
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value)
  const { status, headers, text } = await askProvider(connection, url, {
    headers: { accept: 'application/json', 'x-subscription-token': String(connection.credentials.key) },
  })
  const json = parseJson(text)
  if (status !== 200) throw explain(status, headers, json)
  const answer = answerSchema.safeParse(json)
  if (!answer.success) throw new ConnectionFailed('unreachable', 'Brave answered with something else than results.')
  const found = (answer.data.web?.results ?? []).map(({ title, url, description, page_age }) => ({
    title: textOfHtml(title),
    url,
    snippet: textOfHtml(description ?? ''),
    published: page_age,
  }))
  return toSearchResults(found, search.count)
}

function toBraveLanguage(language: string): string {
  const code = language.toLowerCase()
  if (wholeCodes.includes(code)) return code
  const base = code.slice(0, 2)
  return ownCodes[code] ?? ownCodes[base] ?? base
}

function explain(status: number, headers: Headers, json: unknown): Error {
  const { code, detail } = errorSchema.safeParse(json).data?.error ?? { code: '', detail: '' }
  // A wrong key is answered with 422, not 401.
  if (code === 'SUBSCRIPTION_TOKEN_INVALID' || status === 401)
    return new ConnectionFailed('credentials', 'Brave does not accept the key.')
  if (status === 429) return new Error(`Brave's limit of searches is used up. ${whenAgain(headers)}`)
  if (status === 402 || code === 'RESOURCE_NOT_ALLOWED' || code === 'OPTION_NOT_IN_PLAN')
    return new ConnectionFailed('refused', `The plan of the key does not include this search (${code || status}).`)
  if (status >= 500) return new ConnectionFailed('unreachable', `Brave has a failure (${status}).`)
  const said = cleanToolText(detail ?? '', 300)
  return new Error(`Brave refused the search (${[status, code].filter(Boolean).join(' ')})${said ? `: ${said}` : '.'}`)
}

/** `X-RateLimit-Remaining: 0, 1995` and `X-RateLimit-Reset: 1, 1419704`: one entry for each of the limits. */
function whenAgain(headers: Headers): string {
  const read = (name: string) => (headers.get(name) ?? '').split(',').map((part) => Number.parseInt(part, 10))
  const resets = read('x-ratelimit-reset')
  const seconds = read('x-ratelimit-remaining').flatMap((remaining, at) => (remaining === 0 ? (resets[at] ?? []) : []))
  const longest = Math.max(0, ...seconds.filter(Number.isFinite))
  if (longest === 0) return 'Try again later.'
  return longest < 120
    ? `Try again in ${longest} seconds.`
    : `It is full again at ${new Date(Date.now() + longest * 1000).toISOString().slice(0, 16).replace('T', ' ')} UTC.`
}
