import { z } from 'zod'
import { askProvider, parseJson } from '../../ask-provider.ts'
import { hideSecrets } from '../../hide-credentials.ts'
import type { Connection } from '../../integration-type.ts'
import { explainGithubError } from './explain-github-error.ts'
import { repositoryPath } from './repositories.ts'

export interface Github {
  connection: Connection
  /** `https://api.github.com`, or `https://github.example.com/api/v3` of an own server. */
  apiUrl: string
}

export interface GithubRequest {
  method?: 'GET' | 'POST' | 'PATCH' | 'PUT'
  query?: Record<string, string | number | undefined>
  body?: object
  maxBytes?: number
}

const version = '2022-11-28'

export async function tokenOf({ settings, credentials, getAccessToken }: Connection): Promise<string> {
  return settings.authentication === 'oauth' ? await getAccessToken() : String(credentials.token)
}

/** One request below an allowed repository: `path` begins with a slash, and what it holds is encoded. */
export async function callRepository<Answer extends z.ZodType>(
  github: Github,
  repository: string,
  path: string,
  schema: Answer,
  request: GithubRequest = {},
): Promise<{ answer: z.infer<Answer>; next_cursor: string | null }> {
  const base = repositoryPath(repository, github.connection.settings)
  return await callGithub(github, `${base}${path}`, schema, { ...request, repository: repository.trim() })
}

export async function callGithub<Answer extends z.ZodType>(
  { connection, apiUrl }: Github,
  path: string,
  schema: Answer,
  { method = 'GET', query = {}, body, maxBytes = 5_000_000, repository }: GithubRequest & { repository?: string } = {},
): Promise<{ answer: z.infer<Answer>; headers: Headers; next_cursor: string | null }> {
  const token = await tokenOf(connection)
  const url = new URL(`${apiUrl}${path}`)
  for (const [name, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(name, String(value))
  const response = await askProvider(connection, url, {
    method,
    headers: {
      accept: 'application/vnd.github+json',
      'x-github-api-version': version,
      authorization: `Bearer ${token}`,
      ...(body && { 'content-type': 'application/json' }),
    },
    ...(body && { body: JSON.stringify(body) }),
    maxBytes,
  })
  const json = hideSecrets(parseJson(response.text), [token])
  if (response.status >= 300) throw explainGithubError(response, json, repository)
  const answer = schema.safeParse(json)
  if (!answer.success) throw new Error('GitHub answered in an unknown form.', { cause: answer.error })
  return { answer: answer.data, headers: response.headers, next_cursor: nextCursor(response.headers.get('link')) }
}

/**
 * Where the next page begins, of `Link: <https://...?page=2>; rel="next"`. Only the parameters that choose the page are
 * taken: the address itself is asked again as we know it.
 */
export function nextCursor(link: string | null): string | null {
  const next = /<([^<>]+)>\s*;\s*rel="next"/.exec(link ?? '')?.[1]
  if (next === undefined || !URL.canParse(next)) return null
  const { searchParams } = new URL(next)
  const cursor = new URLSearchParams()
  for (const name of ['page', 'after']) {
    const value = searchParams.get(name)
    if (value) cursor.set(name, value)
  }
  return cursor.toString() || null
}

export const cursorInput = z.string().max(600).optional()

/** The parameters of a cursor that `nextCursor` gave; a page of a list is `perPage` long. */
export function pageOf(cursor: string | undefined, perPage: number): Record<string, string | number> {
  const given = new URLSearchParams(cursor ?? '')
  const page = given.get('page')
  const after = given.get('after')
  if (page !== null && !/^\d{1,7}$/.test(page)) throw new Error('This is no cursor: begin without one.')
  return { per_page: perPage, ...(page !== null && { page }), ...(after !== null && { after }) }
}
