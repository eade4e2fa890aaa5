import type { IncomingMessage, ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { serve } from '../../../url-guard/url-guard-testing.ts'

/** What the three servers know of the web. */
export interface TestPage {
  title: string
  url: string
  text: string
  language: string
  /** Local time without a zone, as SearXNG and Brave write it. */
  published?: string
  daysOld: number
}

type Handler = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>

const daysOf: Record<string, number> = { day: 1, week: 7, month: 31, year: 366, pd: 1, pw: 7, pm: 31, py: 366 }
const searchUrl = (request: IncomingMessage) => new URL(request.url ?? '/', 'http://x')

function find(pages: readonly TestPage[], query: string, { language, range }: { language?: string; range?: string }) {
  const words = query.toLowerCase().split(/\s+/)
  return pages.filter(
    (page) =>
      words.every((word) => `${page.title} ${page.text}`.toLowerCase().includes(word)) &&
      (!language || page.language === language) &&
      (!range || page.daysOld <= (daysOf[range] ?? 0)),
  )
}

const json = (response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}) =>
  void response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))

const escapeHtml = (words: string) => words.replaceAll('&', '&amp;').replaceAll("'", '&#x27;')

/** SearXNG with its `search.formats`; everything it does not know is its HTML page, as on a real one. */
export async function startSearxng(pages: readonly TestPage[], { formats = ['html', 'json'], below = '' } = {}) {
  const handler: Handler = (request, response) => {
    const { pathname, searchParams } = searchUrl(request)
    if (pathname !== `${below}/search`) return void response.writeHead(404, { 'content-type': 'text/html' }).end('<h1>')
    const format = searchParams.get('format') ?? 'html'
    if (!formats.includes(format)) return void response.writeHead(403, { 'content-type': 'text/html' }).end('Forbidden')
    const query = searchParams.get('q') ?? ''
    const found = find(pages, query, {
      language: searchParams.get('language') ?? '',
      range: searchParams.get('time_range') ?? '',
    })
    const results = found.map((page, at) => ({
      url: page.url,
      title: page.title,
      content: page.text,
      publishedDate: page.published ?? null,
      thumbnail: null,
      engine: 'duckduckgo',
      template: 'default.html',
      parsed_url: ['https', new URL(page.url).host, '/', '', '', ''],
      engines: ['duckduckgo'],
      positions: [at + 1],
      score: 1 / (at + 1),
      category: 'general',
    }))
    const value = { template: 'keyvalue.html', engine: 'currency', url: null, kvmap: { EUR: 1 } }
    json(response, 200, {
      query,
      number_of_results: results.length,
      results: [value, ...results],
      answers: [],
      corrections: [],
      infoboxes: [],
      suggestions: [],
      unresponsive_engines: [],
    })
  }
  return await serve((request, response) => void handler(request, response))
}

/** Brave's web search: two limits, one a second and one a month; HTML in titles and descriptions. */
export async function startBrave(
  pages: readonly TestPage[],
  { key, monthly = 2000 }: { key: string; monthly?: number },
) {
  let left = monthly
  const error = (status: number, code: string, detail: string) => ({
    type: 'ErrorResponse',
    error: { id: 'd0f3a1', status, code, detail, meta: {} },
    time: 1_767_225_600,
  })
  return await serve((request, response) => {
    const { pathname, searchParams } = searchUrl(request)
    if (pathname !== '/res/v1/web/search') return json(response, 404, error(404, 'NOT_FOUND', 'Not found'))
    if (request.headers['x-subscription-token'] !== key)
      return json(
        response,
        422,
        error(422, 'SUBSCRIPTION_TOKEN_INVALID', 'The provided subscription token is invalid.'),
      )
    const limits = {
      'x-ratelimit-limit': `20, ${monthly}`,
      'x-ratelimit-policy': `20;w=1, ${monthly};w=2592000`,
      'x-ratelimit-remaining': `19, ${Math.max(0, left - 1)}`,
      'x-ratelimit-reset': '1, 1419704',
    }
    if (left-- <= 0)
      return json(response, 429, error(429, 'RATE_LIMITED', 'Request rate limit exceeded for plan.'), limits)
    const language = searchParams.get('search_lang') ?? ''
    if (language !== '' && !['en', 'de', 'pt-br', 'jp'].includes(language))
      return json(response, 422, error(422, 'VALIDATION', 'Unable to validate request parameter(s)'))
    const query = searchParams.get('q') ?? ''
    const found = find(pages, query, { language, range: searchParams.get('freshness') ?? '' })
    const results = found.slice(0, Number(searchParams.get('count') ?? 20)).map((page) => ({
      title: escapeHtml(page.title),
      url: page.url,
      is_source_local: false,
      description:
        searchParams.get('text_decorations') === 'false' ? escapeHtml(page.text) : `<strong>${page.text}</strong>`,
      ...(page.published && { page_age: page.published, age: 'May 1, 2026' }),
      profile: { name: 'Example', url: page.url, long_name: new URL(page.url).host, img: '' },
      language: page.language,
      family_friendly: true,
      type: 'search_result',
      subtype: 'generic',
    }))
    const web = { type: 'search', results, family_friendly: true }
    const original = { original: query, more_results_available: false }
    // Without any page the part is left out.
    json(response, 200, { query: original, type: 'search', ...(results.length > 0 && { web }) }, limits)
  })
}

/** Tavily's search, with its own codes for limits. */
export async function startTavily(
  pages: readonly TestPage[],
  { key, credits = 1000 }: { key: string; credits?: number },
) {
  let left = credits
  const bodies: Record<string, unknown>[] = []
  const handler: Handler = async (request, response) => {
    const body = JSON.parse(await text(request)) as Record<string, unknown>
    if (request.method !== 'POST' || request.url !== '/search') return json(response, 404, { detail: 'Not Found' })
    if (request.headers.authorization !== `Bearer ${key}`)
      return json(response, 401, { detail: { error: 'Unauthorized: missing or invalid API key.' } })
    if (left-- <= 0)
      return json(response, 432, { detail: { error: "This request exceeds your plan's set usage limit." } })
    bodies.push(body)
    if (body.query === 'too fast')
      return json(
        response,
        429,
        { detail: { error: 'Your request has been blocked due to excessive requests.' } },
        { 'retry-after': '60' },
      )
    if (body.query === 'odd')
      return json(response, 400, { detail: { error: "Invalid topic. Must be 'general' or 'news'." } })
    const found = find(pages, String(body.query), { range: String(body.time_range ?? '') })
    json(response, 200, {
      query: body.query,
      answer: null,
      images: [],
      results: found.slice(0, Number(body.max_results ?? 5)).map((page) => ({
        title: page.title,
        url: page.url,
        content: page.text,
        score: 0.81,
        raw_content: null,
        ...(page.published && { published_date: new Date(`${page.published}Z`).toUTCString() }),
      })),
      response_time: 0.91,
      request_id: '123e4567',
    })
  }
  return { ...(await serve((request, response) => void handler(request, response))), bodies }
}
