import {
  add,
  blobSha,
  find,
  headOf,
  issueJson,
  newestFirst,
  notFound,
  page,
  problem,
  pullJson,
  type Route,
  time,
  url,
} from './github-model-testing.ts'

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
