import { z } from 'zod'
import { cleanToolText } from '../../clean-tool-text.ts'
import { callRepository, type Github, pageOf } from './call-github.ts'

export const userSchema = z
  .object({ login: z.string() })
  .nullish()
  // Whoever deleted the account is called ghost at GitHub.
  .transform((user) => user?.login ?? 'ghost')
const labelSchema = z.union([z.string(), z.object({ name: z.string().nullish() })])
export const issueSchema = z.object({
  number: z.number(),
  title: z.string(),
  state: z.string(),
  state_reason: z.string().nullish(),
  html_url: z.string(),
  user: userSchema,
  labels: z.array(labelSchema).default([]),
  assignees: z.array(z.object({ login: z.string() })).nullish(),
  comments: z.number().default(0),
  created_at: z.string(),
  updated_at: z.string(),
  body: z.string().nullish(),
  pull_request: z.unknown().optional(),
})
const commentSchema = z.object({
  id: z.number(),
  html_url: z.string(),
  user: userSchema,
  created_at: z.string(),
  body: z.string().nullish(),
})
const writtenSchema = z.object({ number: z.number(), html_url: z.string(), state: z.string() })

export const words = (text: string | null | undefined, maxChars = 20_000) => cleanToolText(text ?? '', maxChars)

function toIssue(issue: z.infer<typeof issueSchema>) {
  return {
    number: issue.number,
    title: words(issue.title, 300),
    state: issue.state,
    author: issue.user,
    labels: issue.labels.map((label) => words(typeof label === 'string' ? label : label.name, 100)),
    assignees: (issue.assignees ?? []).map(({ login }) => login),
    comments: issue.comments,
    created_at: issue.created_at,
    updated_at: issue.updated_at,
    url: issue.html_url,
  }
}

export async function listIssues(
  github: Github,
  given: { repository: string; state?: string; labels?: string[]; assignee?: string; since?: string; cursor?: string },
) {
  const { repository, state = 'open', labels, assignee, since, cursor } = given
  const query = { state, labels: labels?.join(','), assignee, since, ...pageOf(cursor, 50) }
  const { answer, next_cursor } = await callRepository(github, repository, '/issues', z.array(issueSchema), { query })
  // GitHub counts pull requests among the issues.
  return { issues: answer.filter(({ pull_request }) => !pull_request).map(toIssue), next_cursor }
}

/** The cursor goes on with the comments. */
export async function getIssue(
  github: Github,
  { repository, number, cursor }: { repository: string; number: number; cursor?: string },
) {
  const { answer } = await callRepository(github, repository, `/issues/${number}`, issueSchema)
  const { comments, next_cursor } = await listComments(github, repository, number, cursor)
  return {
    issue: { ...toIssue(answer), is_pull_request: Boolean(answer.pull_request), body: words(answer.body) },
    comments,
    next_cursor,
  }
}

export async function listComments(github: Github, repository: string, number: number, cursor?: string) {
  const { answer, next_cursor } = await callRepository(
    github,
    repository,
    `/issues/${number}/comments`,
    z.array(commentSchema),
    { query: pageOf(cursor, 30) },
  )
  const comments = answer.map(({ user, created_at, body, html_url }) => ({
    author: user,
    created_at,
    body: words(body, 8000),
    url: html_url,
  }))
  return { comments, next_cursor }
}

export async function createIssue(
  github: Github,
  {
    repository,
    ...body
  }: { repository: string; title: string; body?: string; labels?: string[]; assignees?: string[] },
) {
  const { answer } = await callRepository(github, repository, '/issues', writtenSchema, { method: 'POST', body })
  return { number: answer.number, url: answer.html_url }
}

export async function updateIssue(
  github: Github,
  { repository, number, ...body }: { repository: string; number: number; [field: string]: unknown },
) {
  const request = { method: 'PATCH', body } as const
  const { answer } = await callRepository(github, repository, `/issues/${number}`, writtenSchema, request)
  return { number: answer.number, state: answer.state, url: answer.html_url }
}

/** Pull requests are issues in this. */
export async function addComment(
  github: Github,
  { repository, number, body }: { repository: string; number: number; body: string },
) {
  const path = `/issues/${number}/comments`
  const schema = z.object({ html_url: z.string() })
  const { answer } = await callRepository(github, repository, path, schema, { method: 'POST', body: { body } })
  return { url: answer.html_url }
}
