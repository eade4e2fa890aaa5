import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { serve } from '../../../url-guard/url-guard-testing.ts'
import {
  type Answer,
  type Asked,
  type Body,
  documentation_url,
  notFound,
  page,
  problem,
  type TestRepository,
  url,
} from './github-model-testing.ts'
import { routes } from './github-routes-testing.ts'

/** github.com with repositories whose issues, branches and files change: version header, Link pages, limits, rights. */
export async function startGithub() {
  const repositories: TestRepository[] = []
  /** Token to rights, such as `issues=write`; `*` may do everything. */
  const tokens = new Map<string, { permissions: string; repositories: string[] }>()
  const client = { id: 'Iv1.8a61f9b3a7aba766', secret: 'planted-github-client-secret' }
  const codes = new Set<string>()
  const state = { instead: null as Answer | null, seen: [] as { method: string; url: string; body: Body }[] }

  const addRepository = (full_name: string, { is_private = false, files = {} as Record<string, string> } = {}) => {
    const main = new Map(Object.entries(files).map(([path, content]) => [path, Buffer.from(content)]))
    const repository: TestRepository = { full_name, is_private, branches: new Map([['main', main]]), issues: [] }
    repositories.push(repository)
    return repository
  }
  const addToken = (permissions = '*', only = repositories.map(({ full_name }) => full_name)) => {
    const token = `github_pat_${randomBytes(12).toString('hex')}`
    tokens.set(token, { permissions, repositories: only })
    return token
  }

  /** Legacy code search: words, and the repositories together when there are several. */
  function searchCode(query: URLSearchParams, path: string): Answer {
    const parts = (query.get('q') ?? '').split(' ')
    const wanted = parts.filter((part) => part.startsWith('repo:')).map((part) => part.slice(5))
    const words = parts.filter((part) => !part.includes(':'))
    if (words.length === 0)
      return problem(422, 'Validation Failed', { errors: [{ message: 'Query must include search text' }] })
    const found = repositories
      .filter(({ full_name }) => wanted.length === 0 || wanted.includes(full_name))
      .flatMap((repository) =>
        [...(repository.branches.get('main') ?? [])]
          .filter(([, content]) => words.every((word) => content.includes(word)))
          .map(([file]) => ({
            name: file,
            path: file,
            html_url: url(repository, `blob/main/${file}`),
            repository: { full_name: repository.full_name },
          })),
      )
    const { body, headers } = page(found, { query, path } as Asked)
    return { body: { total_count: found.length, incomplete_results: false, items: body }, ...(headers && { headers }) }
  }

  function answerApi(method: string, address: URL, token: string, body: Body): Answer {
    const known = tokens.get(token)
    if (!known) return problem(401, 'Bad credentials')
    if (address.pathname === '/user') return { body: { login: 'anna', id: 1, type: 'User' } }
    if (address.pathname === '/search/code') return searchCode(address.searchParams, address.pathname)
    const [, name = '', rest = ''] = /^\/repos\/([^/]+\/[^/]+)(.*)$/.exec(address.pathname) ?? []
    const repository = repositories.find(({ full_name }) => full_name.toLowerCase() === name.toLowerCase())
    // What a token may not see is not there.
    if (!repository || (repository.is_private && !known.repositories.includes(repository.full_name))) return notFound
    for (const [wanted, path, permission, work] of routes) {
      const match = rest.match(path)
      if (wanted !== method || !match) continue
      const [area, level] = permission.split('=')
      const may = known.permissions === '*' || level === 'read' || known.permissions.includes(permission)
      if (!may)
        return {
          ...problem(403, 'Resource not accessible by personal access token'),
          headers: { 'x-accepted-github-permissions': `${area}=${level}` },
        }
      return work({ repository, match, query: address.searchParams, body, path: address.pathname })
    }
    return notFound
  }

  function giveToken(given: URLSearchParams): Answer {
    // GitHub refuses with the status 200.
    const refuse = (error: string): Answer => ({
      body: { error, error_description: 'See the documentation.', error_uri: documentation_url },
    })
    if (given.get('client_id') !== client.id || given.get('client_secret') !== client.secret)
      return refuse('incorrect_client_credentials')
    if (!codes.delete(given.get('code') ?? '')) return refuse('bad_verification_code')
    const access_token = addToken()
    return { body: { access_token, token_type: 'bearer', scope: 'repo' } }
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const sent = await text(request)
    const address = new URL(request.url ?? '/', 'http://x')
    const { method = 'GET', headers } = request
    const isForm = address.pathname === '/login/oauth/access_token'
    const body = (isForm || sent === '' ? {} : JSON.parse(sent)) as Body
    state.seen.push({ method, url: request.url ?? '', body })
    const token = (headers.authorization ?? '').replace(/^Bearer /, '')
    let done: Answer
    if (isForm) done = giveToken(new URLSearchParams(sent))
    else if (address.pathname === `/applications/${client.id}/token`) {
      const isClient =
        headers.authorization === `Basic ${Buffer.from(`${client.id}:${client.secret}`).toString('base64')}`
      done = isClient && tokens.delete(body.access_token ?? '') ? { status: 204, body: '' } : notFound
    } else if (headers['x-github-api-version'] !== '2022-11-28' || !headers['user-agent'])
      done = problem(400, 'Invalid or missing X-GitHub-Api-Version header')
    else done = state.instead ?? answerApi(method, address, token, body)
    const limits = { 'x-ratelimit-limit': '5000', 'x-ratelimit-remaining': '4999', 'x-ratelimit-reset': '1767229200' }
    response.writeHead(done.status ?? 200, {
      'content-type': 'application/json; charset=utf-8',
      ...limits,
      ...done.headers,
    })
    response.end(done.status === 204 ? undefined : JSON.stringify(done.body))
  }

  const server = await serve((request, response) => void answer(request, response))
  const addCode = () => {
    const code = randomBytes(8).toString('hex')
    codes.add(code)
    return code
  }
  return { ...server, state, client, tokens, addRepository, addToken, addCode }
}
