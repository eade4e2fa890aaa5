import { Parser } from 'htmlparser2'
import { z } from 'zod'
import { cleanToolText } from '../../clean-tool-text.ts'

export const freshnesses = ['day', 'week', 'month', 'year'] as const
export const maxCount = 20

export const searchInput = z.object({
  query: z.string().trim().min(1).max(400),
  count: z.number().int().min(1).max(maxCount).default(8),
  /** `de`, or `pt-BR`. */
  language: z
    .string()
    .regex(/^[a-z]{2}(-[A-Za-z]{2,4})?$/)
    .optional(),
  freshness: z.enum(freshnesses).optional(),
})
export type Search = z.infer<typeof searchInput>

export interface SearchResult {
  title: string
  url: string
  snippet: string
  /** ISO 8601; null where the provider does not know. */
  published_at: string | null
}

export interface FoundPage {
  title?: string | null | undefined
  url: string
  snippet?: string | null | undefined
  published?: string | null | undefined
}

/** What providers found, in one shape, in their order: web addresses alone, each once, at most `count`. */
export function toSearchResults(found: readonly FoundPage[], count: number): SearchResult[] {
  const results = new Map<string, SearchResult>()
  for (const { title, url: text, snippet, published } of found) {
    if (results.size === count) break
    const url = withoutTracking(text)
    if (url === null || results.has(url)) continue
    results.set(url, {
      title: cleanToolText(title ?? '', 300) || new URL(url).host,
      url,
      snippet: cleanToolText(snippet ?? '', 1500),
      published_at: toTime(published),
    })
  }
  return [...results.values()]
}

// Parameters that tell who came from where and never choose the page.
const tracking =
  /^(utm_\w+|gclid|gclsrc|dclid|gbraid|wbraid|gad_source|gad_campaignid|fbclid|msclkid|yclid|ttclid|twclid|li_fat_id|igshid|igsh|mc_cid|mc_eid|_hsenc|_hsmi|mkt_tok|oly_anon_id|oly_enc_id|vero_id|wickedid|srsltid|ref_src|_ga|_gl|s_cid|ysclid)$/i

/** Null for what is no web address, or carries a user name. */
export function withoutTracking(text: string): string | null {
  if (text.length > 2048 || !URL.canParse(text)) return null
  const url = new URL(text)
  if (!/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '') return null
  const names = [...new Set(url.searchParams.keys())].filter((name) => tracking.test(name))
  // Deleting rewrites the whole query, so an address without any of them stays as it is.
  for (const name of names) url.searchParams.delete(name)
  return url.href
}

function toTime(text: string | null | undefined): string | null {
  // Without a year it is something like "3 days ago", which the engine would take for some day in 2001.
  if (!text || !/\d{4}/.test(text)) return null
  // Times without a zone are taken for UTC: the server's own zone has nothing to do with them.
  const hasZone = /(Z|[+-]\d\d:?\d\d|GMT|UTC)$/i.test(text)
  const time = Date.parse(hasZone || !/^\d{4}-\d\d-\d\dT/.test(text) ? text : `${text}Z`)
  return Number.isNaN(time) ? null : new Date(time).toISOString()
}

/** The words of a snippet that comes as HTML. */
export function textOfHtml(html: string): string {
  let text = ''
  const parser = new Parser({
    ontext(words) {
      text += words
    },
  })
  parser.end(html)
  return text
}
