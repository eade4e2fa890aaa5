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
type Route = [method: string, path: RegExp, permission: string, work: (asked: Asked) => Answer]

export const documentation_url = 'https://docs.github.com/rest'
export const problem = (status: number, message: string, more: object = {}): Answer => ({
  status,
  body: { message, documentation_url, status: String(status), ...more },
})
const blobSha = (content: Buffer) => createHash('sha1').update(`blob ${content.length}\0`).update(content).digest('hex')
const time = '2026-05-01T10:00:00Z'

const headOf = (files: Map<string, Buffer>) =>
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
const issueJson = (repository: TestRepository, issue: TestIssue) => ({
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
const pullJson = (repository: TestRepository, issue: TestIssue) => {
  const { pull_request: _, comments: __, ...base } = issueJson(repository, issue)
  const { head = '', base: into = '', draft = false, files = [] } = issue.pull ?? {}
  const sha = headOf(repository.branches.get(head) ?? new Map())
  const counts = { mergeable: true, additions: 3, deletions: 1, changed_files: files.length, merged_at: null }
  return { ...base, draft, head: { ref: head, sha }, base: { ref: into, sha }, ...counts }
}
const find = ({ repository, match }: Asked, isPull = false) => {
  const issue = repository.issues.find(({ number }) => number === Number(match[1]))
  return issue && (!isPull || issue.pull) ? issue : null
}
const add = ({ repository, body }: Asked, more: Partial<TestIssue> = {}) => {
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
const newestFirst = ({ repository, query }: Asked) =>
  repository.issues
    .filter(({ state: is }) => [is, 'all'].includes(query.get('state') ?? 'open'))
    .filter(({ labels }) => (query.get('labels') ?? '').split(',').every((name) => !name || labels.includes(name)))
    .toReversed()
export const notFound = problem(404, 'Not Found')

const issueRoutes: Route[] = [
  [
    'GET',
    /^\/issues$/,
    'issues=read',
    (asked) =>
      page(
        newestFirst(asked).map((one) => issueJson(asked.repository, one)),
        asked,
      ),
  ],
  ['POST', /^\/issues$/, 'issues=write', (asked) => ({ status: 201, body: issueJson(asked.repository, add(asked)) })],
  [
    'GET',
    /^\/issues\/(\d+)$/,
    'issues=read',
    (asked) => {
      const issue = find(asked)
      return issue ? { body: issueJson(asked.repository, issue) } : notFound
    },
  ],
  [
    'PATCH',
    /^\/issues\/(\d+)$/,
    'issues=write',
    (asked) => {
      const issue = find(asked)
      if (!issue) return notFound
      Object.assign(issue, asked.body)
      return { body: issueJson(asked.repository, issue) }
    },
  ],
  [
    'GET',
    /^\/issues\/(\d+)\/comments$/,
    'issues=read',
    (asked) => {
      const issue = find(asked)
      if (!issue) return notFound
      const plain = issue.comments.filter(({ path }) => path === undefined)
      return page(
        plain.map(({ id, body, author }) => ({
          id,
          body,
          user: { login: author },
          created_at: time,
          html_url: url(asked.repository, `issues/${issue.number}#issuecomment-${id}`),
        })),
        asked,
      )
    },
  ],
  [
    'POST',
    /^\/issues\/(\d+)\/comments$/,
    'issues=write',
    (asked) => {
      const issue = find(asked)
      if (!issue) return notFound
      const id = issue.comments.push({ id: issue.comments.length + 1, body: asked.body.body ?? '', author: 'anna' })
      return {
        status: 201,
        body: { id, html_url: url(asked.repository, `issues/${issue.number}#issuecomment-${id}`) },
      }
    },
  ],
]

const pullRoutes: Route[] = [
  [
    'GET',
    /^\/pulls$/,
    'pull_requests=read',
    (asked) => {
      const found = newestFirst(asked).filter(({ pull }) => pull && [pull.base, null].includes(asked.query.get('base')))
      return page(
        found.map((one) => pullJson(asked.repository, one)),
        asked,
      )
    },
  ],
  [
    'POST',
    /^\/pulls$/,
    'pull_requests=write',
    (asked) => {
      const { head = '', base = '', draft = false } = asked.body
      const field = [
        ['head', head],
        ['base', base],
      ].find(([, name]) => !asked.repository.branches.has(name ?? ''))?.[0]
      if (field)
        return problem(422, 'Validation Failed', { errors: [{ resource: 'PullRequest', field, code: 'invalid' }] })
      if (asked.repository.issues.some(({ pull, state: is }) => is === 'open' && pull?.head === head))
        return problem(422, 'Validation Failed', {
          errors: [
            { resource: 'PullRequest', code: 'custom', message: `A pull request already exists for anna:${head}.` },
          ],
        })
      const before = asked.repository.branches.get(base)
      const files = [...(asked.repository.branches.get(head) ?? [])].filter(
        ([path, content]) => !before?.get(path)?.equals(content),
      )
      const pull = {
        head,
        base,
        draft,
        files: files.map(([filename, content]) => ({
          filename,
          status: before?.has(filename) ? 'modified' : 'added',
          additions: 1,
          deletions: 0,
          changes: 1,
          ...(!content.includes(0) && { patch: `@@ -0,0 +1 @@\n+${content}` }),
        })),
      }
      return { status: 201, body: pullJson(asked.repository, add(asked, { pull })) }
    },
  ],
  [
    'GET',
    /^\/pulls\/(\d+)$/,
    'pull_requests=read',
    (asked) => {
      const issue = find(asked, true)
      return issue ? { body: pullJson(asked.repository, issue) } : notFound
    },
  ],
  [
    'GET',
    /^\/pulls\/(\d+)\/files$/,
    'pull_requests=read',
    (asked) => {
      const issue = find(asked, true)
      return issue ? page(issue.pull?.files ?? [], asked) : notFound
    },
  ],
  [
    'POST',
    /^\/pulls\/(\d+)\/comments$/,
    'pull_requests=write',
    (asked) => {
      const issue = find(asked, true)
      if (!issue) return notFound
      const { path, line, commit_id } = asked.body
      if (!issue.pull?.files.some((file) => (file as { filename: string }).filename === path))
        return problem(422, 'Validation Failed', {
          errors: [{ resource: 'PullRequestReviewComment', code: 'invalid', field: 'path' }],
        })
      const id = issue.comments.push({
        id: issue.comments.length + 1,
        body: asked.body.body ?? '',
        author: 'anna',
        path,
        line,
        commit_id,
      })
      return { status: 201, body: { id, html_url: url(asked.repository, `pull/${issue.number}#discussion_r${id}`) } }
    },
  ],
]

const fileRoutes: Route[] = [
  [
    'GET',
    /^$/,
    'metadata=read',
    ({ repository }) => ({
      body: { id: 1, full_name: repository.full_name, private: repository.is_private, default_branch: 'main' },
    }),
  ],
  [
    'GET',
    /^\/contents\/(.*)$/,
    'contents=read',
    ({ repository, match, query }) => {
      const files = repository.branches.get(query.get('ref') ?? 'main')
      if (!files) return problem(404, `No commit found for the ref ${query.get('ref')}`)
      const path = decodeURIComponent(match[1] ?? '')
      const content = files.get(path)
      const name = path.split('/').at(-1)
      if (content) {
        const isLarge = content.length >= 1_000_000
        const encoded = isLarge
          ? ''
          : (content.toString('base64').match(/.{1,60}/g) ?? []).map((row) => `${row}\n`).join('')
        return {
          body: {
            type: 'file',
            name,
            path,
            sha: blobSha(content),
            size: content.length,
            encoding: isLarge ? 'none' : 'base64',
            content: encoded,
          },
        }
      }
      const prefix = path === '' ? '' : `${path}/`
      const below = [...files].filter(([each]) => each.startsWith(prefix))
      if (below.length === 0) return notFound
      const entries = new Map<string, object>()
      for (const [each, bytes] of below) {
        const [first = '', ...deeper] = each.slice(prefix.length).split('/')
        const type = deeper.length > 0 ? 'dir' : 'file'
        entries.set(first, {
          type,
          name: first,
          path: prefix + first,
          size: type === 'file' ? bytes.length : 0,
          sha: blobSha(bytes),
        })
      }
      return { body: [...entries.values()] }
    },
  ],
  [
    'PUT',
    /^\/contents\/(.+)$/,
    'contents=write',
    ({ repository, match, body }) => {
      const { branch = 'main', content = '', sha } = body
      const files = repository.branches.get(branch)
      if (!files) return problem(404, `Branch ${branch} not found`)
      const path = decodeURIComponent(match[1] ?? '')
      const present = files.get(path)
      if (present && sha === undefined) return problem(422, 'Invalid request.\n\n"sha" wasn\'t supplied.')
      if (present && sha !== blobSha(present)) return problem(409, `${path} does not match ${sha}`)
      const bytes = Buffer.from(content, 'base64')
      files.set(path, bytes)
      const commit = headOf(files)
      return {
        status: present ? 200 : 201,
        body: {
          content: { name: path, path, sha: blobSha(bytes) },
          commit: { sha: commit, html_url: url(repository, `commit/${commit}`) },
        },
      }
    },
  ],
  [
    'GET',
    /^\/git\/ref\/heads\/(.+)$/,
    'contents=read',
    ({ repository, match }) => {
      const files = repository.branches.get(decodeURIComponent(match[1] ?? ''))
      return files
        ? { body: { ref: `refs/heads/${match[1]}`, object: { type: 'commit', sha: headOf(files) } } }
        : notFound
    },
  ],
  [
    'POST',
    /^\/git\/refs$/,
    'contents=write',
    ({ repository, body }) => {
      const { ref = '', sha } = body
      const branch = ref.replace('refs/heads/', '')
      if (repository.branches.has(branch)) return problem(422, 'Reference already exists')
      const from = [...repository.branches.values()].find((files) => headOf(files) === sha)
      if (!from) return problem(422, 'Object does not exist')
      repository.branches.set(branch, new Map(from))
      return { status: 201, body: { ref, object: { type: 'commit', sha } } }
    },
  ],
]

export const routes: Route[] = [...issueRoutes, ...pullRoutes, ...fileRoutes]
