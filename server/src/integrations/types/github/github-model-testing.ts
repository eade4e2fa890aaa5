import { createHash } from 'node:crypto'

interface TestIssue {
  number: number
  title: string
  body: string | null
  state: string
  labels: string[]
  assignees: string[]
  comments: { id: number; body: string; author: string; path?: string; line?: number; commit_id?: string }[]
  pull?: { head: string; base: string; draft: boolean; files: object[] }
}

export interface TestRepository {
  full_name: string
  is_private: boolean
  branches: Map<string, Map<string, Buffer>>
  issues: TestIssue[]
}

/** What the routes read of bodies. */
export interface Body {
  title?: string
  body?: string
  labels?: string[]
  assignees?: string[]
  head?: string
  base?: string
  draft?: boolean
  path?: string
  line?: number
  commit_id?: string
  branch?: string
  content?: string
  sha?: string
  ref?: string
  access_token?: string
}
export interface Asked {
  repository: TestRepository
  match: RegExpMatchArray
  query: URLSearchParams
  body: Body
  path: string
}
export interface Answer {
  status?: number
  body: unknown
  headers?: Record<string, string>
}
export type Route = [method: string, path: RegExp, permission: string, work: (asked: Asked) => Answer]

export const documentation_url = 'https://docs.github.com/rest'
export const problem = (status: number, message: string, more: object = {}): Answer => ({
  status,
  body: { message, documentation_url, status: String(status), ...more },
})
export const blobSha = (content: Buffer) =>
  createHash('sha1').update(`blob ${content.length}\0`).update(content).digest('hex')
export const time = '2026-05-01T10:00:00Z'

export const headOf = (files: Map<string, Buffer>) =>
  createHash('sha1')
    .update([...files].map(([path, content]) => path + blobSha(content)).join())
    .digest('hex')
export const url = ({ full_name }: TestRepository, rest: string) => `https://github.com/${full_name}/${rest}`

export function page<Item>(items: readonly Item[], { query, path }: Asked): Answer {
  const size = Number(query.get('per_page') ?? 30)
  const at = Number(query.get('page') ?? 1)
  const next = new URLSearchParams(query)
  next.set('page', String(at + 1))
  // As on GitHub for issues: a cursor beside the number.
  next.set('after', `cursor=${at}`)
  const link = `<https://elsewhere.example${path}?${next}>; rel="next", <https://elsewhere.example${path}?page=9>; rel="last"`
  const hasMore = items.length > at * size
  return { body: items.slice((at - 1) * size, at * size), ...(hasMore && { headers: { link } }) }
}
export const issueJson = (repository: TestRepository, issue: TestIssue) => ({
  id: issue.number,
  number: issue.number,
  title: issue.title,
  body: issue.body,
  state: issue.state,
  state_reason: null,
  html_url: url(repository, `${issue.pull ? 'pull' : 'issues'}/${issue.number}`),
  user: { login: 'anna', id: 1, type: 'User' },
  labels: issue.labels.map((name, id) => ({ id, name, color: 'ededed' })),
  assignees: issue.assignees.map((login) => ({ login })),
  comments: issue.comments.length,
  created_at: time,
  updated_at: time,
  ...(issue.pull && { pull_request: { url: '', html_url: '', merged_at: null } }),
})
export const pullJson = (repository: TestRepository, issue: TestIssue) => {
  const { pull_request: _, comments: __, ...base } = issueJson(repository, issue)
  const { head = '', base: into = '', draft = false, files = [] } = issue.pull ?? {}
  const sha = headOf(repository.branches.get(head) ?? new Map())
  const counts = { mergeable: true, additions: 3, deletions: 1, changed_files: files.length, merged_at: null }
  return { ...base, draft, head: { ref: head, sha }, base: { ref: into, sha }, ...counts }
}
export const find = ({ repository, match }: Asked, isPull = false) => {
  const issue = repository.issues.find(({ number }) => number === Number(match[1]))
  return issue && (!isPull || issue.pull) ? issue : null
}
export const add = ({ repository, body }: Asked, more: Partial<TestIssue> = {}) => {
  const issue: TestIssue = {
    number: repository.issues.length + 1,
    title: body.title ?? '',
    body: body.body ?? null,
    state: 'open',
    labels: body.labels ?? [],
    assignees: body.assignees ?? [],
    comments: [],
    ...more,
  }
  repository.issues.push(issue)
  return issue
}
export const newestFirst = ({ repository, query }: Asked) =>
  repository.issues
    .filter(({ state: is }) => [is, 'all'].includes(query.get('state') ?? 'open'))
    .filter(({ labels }) => (query.get('labels') ?? '').split(',').every((name) => !name || labels.includes(name)))
    .toReversed()
export const notFound = problem(404, 'Not Found')
