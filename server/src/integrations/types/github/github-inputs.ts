import type { JSONSchema7 } from '@ai-sdk/provider'
import { z } from 'zod'
import { cursorInput } from './call-github.ts'

const maxBodyChars = 60_000
const maxFileChars = 900_000

const repository = z.string().trim().min(3).max(201)
const number = z.number().int().min(1)
const title = z.string().trim().min(1).max(256)
const body = z.string().max(maxBodyChars)
const comment = z.string().trim().min(1).max(maxBodyChars)
const names = z.array(z.string().min(1).max(100)).max(20)
const state = z.enum(['open', 'closed', 'all']).optional()
const path = z.string().max(1000)
// Of the same repository: `owner:branch` would be one of somebody else's.
const branch = z.string().regex(/^(?!-)[^\s:~^?*[\\\p{Cc}]{1,244}$/u, 'must be the name of a branch of this repository')
const sha = z.string().regex(/^[0-9a-f]{40,64}$/, 'must be the sha that read_file gave')
const line = z.number().int().min(1)

export const inputs = {
  list_issues: z.object({
    repository,
    state,
    labels: z
      .array(z.string().regex(/^[^,]{1,100}$/))
      .max(20)
      .optional(),
    assignee: z.string().max(100).optional(),
    since: z.iso.datetime({ offset: true }).optional(),
    cursor: cursorInput,
  }),
  get_issue: z.object({ repository, number, cursor: cursorInput }),
  create_issue: z.object({
    repository,
    title,
    body: body.optional(),
    labels: names.optional(),
    assignees: names.optional(),
  }),
  comment_on_issue: z.object({ repository, number, body: comment }),
  update_issue: z
    .object({
      repository,
      number,
      state: z.enum(['open', 'closed']).optional(),
      state_reason: z.enum(['completed', 'not_planned', 'duplicate', 'reopened']).optional(),
      title: title.optional(),
      body: body.optional(),
      labels: names.optional(),
      assignees: names.optional(),
    })
    .refine((given) => Object.keys(given).length > 2, 'name what shall change'),
  list_pull_requests: z.object({ repository, state, base: branch.optional(), cursor: cursorInput }),
  get_pull_request: z.object({ repository, number, cursor: cursorInput }),
  comment_on_pull_request: z
    .object({ repository, number, body: comment, path: path.min(1).optional(), line: line.optional() })
    .refine((given) => (given.path === undefined) === (given.line === undefined), 'path and line belong together'),
  create_pull_request: z.object({
    repository,
    title,
    head: branch,
    base: branch,
    body: body.optional(),
    draft: z.boolean().optional(),
  }),
  list_files: z.object({ repository, path: path.default(''), ref: z.string().max(250).optional() }),
  read_file: z.object({
    repository,
    path: path.min(1),
    ref: z.string().max(250).optional(),
    from_line: line.optional(),
    to_line: line.optional(),
  }),
  search_code: z.object({
    query: z.string().trim().min(1).max(200),
    repository: repository.optional(),
    cursor: cursorInput,
  }),
  create_branch: z.object({ repository, branch, from: branch.optional() }),
  create_or_update_file: z.object({
    repository,
    path: path.min(1),
    branch,
    content: z.string().max(maxFileChars),
    message: z.string().trim().min(1).max(5000),
    sha: sha.optional(),
  }),
}

const fields = {
  repository: { type: 'string', description: 'owner/name' },
  number: { type: 'integer', minimum: 1, description: 'The number after the #' },
  state: { type: 'string', enum: ['open', 'closed', 'all'], default: 'open' },
  title: { type: 'string', maxLength: 256 },
  body: { type: 'string', maxLength: maxBodyChars, description: 'Markdown' },
  labels: { type: 'array', items: { type: 'string' }, maxItems: 20 },
  assignees: { type: 'array', items: { type: 'string' }, maxItems: 20, description: 'User names' },
  cursor: { type: 'string', description: 'next_cursor of the answer before, to read on' },
  path: { type: 'string', description: 'Path in the repository, such as docs/readme.md' },
  ref: { type: 'string', description: 'Branch, tag or commit; left out: the default branch' },
  branch: { type: 'string', description: 'Name of a branch of this repository' },
  line: { type: 'integer', minimum: 1 },
  text: { type: 'string' },
} as const satisfies Record<string, JSONSchema7>
const { repository: repo, cursor, labels, assignees } = fields

const object = (properties: Record<string, JSONSchema7>, required: string[]): JSONSchema7 => ({
  type: 'object',
  properties,
  required,
  additionalProperties: false,
})

/** The same for models. */
export const inputSchemas: Record<keyof typeof inputs, JSONSchema7> = {
  list_issues: object(
    {
      repository: repo,
      state: fields.state,
      labels: { ...labels, description: 'Only those that have all of these' },
      assignee: { ...fields.text, description: 'User name, * for any, none for nobody' },
      since: { type: 'string', format: 'date-time', description: 'Only those that changed after this time' },
      cursor,
    },
    ['repository'],
  ),
  get_issue: object({ repository: repo, number: fields.number, cursor }, ['repository', 'number']),
  create_issue: object({ repository: repo, title: fields.title, body: fields.body, labels, assignees }, [
    'repository',
    'title',
  ]),
  comment_on_issue: object({ repository: repo, number: fields.number, body: fields.body }, [
    'repository',
    'number',
    'body',
  ]),
  update_issue: object(
    {
      repository: repo,
      number: fields.number,
      state: { type: 'string', enum: ['open', 'closed'] },
      state_reason: { type: 'string', enum: ['completed', 'not_planned', 'duplicate', 'reopened'] },
      title: fields.title,
      body: fields.body,
      labels: { ...labels, description: 'All labels it shall have: those left out are taken away' },
      assignees,
    },
    ['repository', 'number'],
  ),
  list_pull_requests: object(
    {
      repository: repo,
      state: fields.state,
      base: { ...fields.branch, description: 'Only those into this branch' },
      cursor,
    },
    ['repository'],
  ),
  get_pull_request: object({ repository: repo, number: fields.number, cursor }, ['repository', 'number']),
  comment_on_pull_request: object(
    {
      repository: repo,
      number: fields.number,
      body: fields.body,
      path: { ...fields.path, description: 'With line: comments on this file' },
      line: { ...fields.line, description: 'Line of the file as it is after the change' },
    },
    ['repository', 'number', 'body'],
  ),
  create_pull_request: object(
    {
      repository: repo,
      title: fields.title,
      head: { ...fields.branch, description: 'The branch with the changes' },
      base: { ...fields.branch, description: 'The branch they shall go into' },
      body: fields.body,
      draft: { type: 'boolean' },
    },
    ['repository', 'title', 'head', 'base'],
  ),
  list_files: object(
    { repository: repo, path: { ...fields.path, description: 'A folder; left out: the top' }, ref: fields.ref },
    ['repository'],
  ),
  read_file: object(
    { repository: repo, path: fields.path, ref: fields.ref, from_line: fields.line, to_line: fields.line },
    ['repository', 'path'],
  ),
  search_code: object(
    {
      query: { ...fields.text, description: 'Words; also language:, path:, filename:, extension:' },
      repository: repo,
      cursor,
    },
    ['query'],
  ),
  create_branch: object(
    {
      repository: repo,
      branch: fields.branch,
      from: { ...fields.branch, description: 'Where it begins; left out: the default branch' },
    },
    ['repository', 'branch'],
  ),
  create_or_update_file: object(
    {
      repository: repo,
      path: fields.path,
      branch: fields.branch,
      content: { type: 'string', maxLength: maxFileChars, description: 'The whole file' },
      message: { ...fields.text, description: 'What the commit does' },
      sha: { ...fields.text, description: 'Of the file as read_file gave it; left out for a new file' },
    },
    ['repository', 'path', 'branch', 'content', 'message'],
  ),
}
