import { z } from 'zod'
import { callRepository, type Github, pageOf } from './call-github.ts'
import { addComment, userSchema, words } from './github-issues.ts'

const maxPatchChars = 6000
const maxPatchesChars = 60_000

const pullSchema = z.object({
  number: z.number(),
  title: z.string(),
  state: z.string(),
  draft: z.boolean().nullish(),
  html_url: z.string(),
  user: userSchema,
  head: z.object({ ref: z.string(), sha: z.string() }),
  base: z.object({ ref: z.string() }),
  created_at: z.string(),
  updated_at: z.string(),
  merged_at: z.string().nullish(),
  body: z.string().nullish(),
  // The list leaves these out.
  mergeable: z.boolean().nullish(),
  additions: z.number().optional(),
  deletions: z.number().optional(),
  changed_files: z.number().optional(),
})
const fileSchema = z.object({
  filename: z.string(),
  previous_filename: z.string().optional(),
  status: z.string(),
  additions: z.number(),
  deletions: z.number(),
  // Left out for binary and very long files.
  patch: z.string().optional(),
})

function toPull(pull: z.infer<typeof pullSchema>) {
  return {
    number: pull.number,
    title: words(pull.title, 300),
    state: pull.merged_at ? 'merged' : pull.state,
    is_draft: pull.draft ?? false,
    author: pull.user,
    head: pull.head.ref,
    base: pull.base.ref,
    created_at: pull.created_at,
    updated_at: pull.updated_at,
    url: pull.html_url,
  }
}

export async function listPullRequests(
  github: Github,
  { repository, state = 'open', base, cursor }: { repository: string; state?: string; base?: string; cursor?: string },
) {
  const query = { state, base, ...pageOf(cursor, 30) }
  const { answer, next_cursor } = await callRepository(github, repository, '/pulls', z.array(pullSchema), { query })
  return { pull_requests: answer.map(toPull), next_cursor }
}

/** With what changed, cut where it is long. The cursor goes on with the files. */
export async function getPullRequest(
  github: Github,
  { repository, number, cursor }: { repository: string; number: number; cursor?: string },
) {
  const { answer: pull } = await callRepository(github, repository, `/pulls/${number}`, pullSchema)
  const path = `/pulls/${number}/files`
  const query = pageOf(cursor, 50)
  const { answer, next_cursor } = await callRepository(github, repository, path, z.array(fileSchema), { query })
  let left = maxPatchesChars
  const files = answer.map(({ filename, previous_filename, status, additions, deletions, patch }) => {
    const room = Math.min(maxPatchChars, left)
    const shown = patch?.slice(0, room).toWellFormed()
    left -= shown?.length ?? 0
    return {
      path: filename,
      ...(previous_filename !== undefined && { previous_path: previous_filename }),
      status,
      additions,
      deletions,
      patch: shown ?? null,
      is_cut: patch !== undefined && patch.length > room,
    }
  })
  const { mergeable = null, additions, deletions, changed_files } = pull
  return {
    pull_request: { ...toPull(pull), mergeable, additions, deletions, changed_files, body: words(pull.body) },
    files,
    next_cursor,
  }
}

/** Below the pull request, or at a line of a file as it is after the change. */
export async function commentOnPullRequest(
  github: Github,
  given: { repository: string; number: number; body: string; path?: string; line?: number },
) {
  const { repository, number, body, path, line } = given
  // Also keeps a comment from going to an issue of that number.
  const { answer: pull } = await callRepository(github, repository, `/pulls/${number}`, pullSchema)
  if (path === undefined || line === undefined) return await addComment(github, { repository, number, body })
  const comment = { body, path, line, side: 'RIGHT', commit_id: pull.head.sha }
  const request = { method: 'POST', body: comment } as const
  const schema = z.object({ html_url: z.string() })
  const { answer } = await callRepository(github, repository, `/pulls/${number}/comments`, schema, request)
  return { url: answer.html_url }
}

export async function createPullRequest(
  github: Github,
  {
    repository,
    ...body
  }: { repository: string; title: string; head: string; base: string; body?: string; draft?: boolean },
) {
  const { answer } = await callRepository(github, repository, '/pulls', pullSchema, { method: 'POST', body })
  return { number: answer.number, url: answer.html_url }
}
