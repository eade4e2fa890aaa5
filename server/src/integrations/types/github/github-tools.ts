import type { z } from 'zod'
import type { Connection, IntegrationTool } from '../../integration-type.ts'
import type { Github } from './call-github.ts'
import { createBranch, listFiles, readFile, searchCode, writeFile } from './github-files.ts'
import { inputSchemas, inputs } from './github-inputs.ts'
import { addComment, createIssue, getIssue, listIssues, updateIssue } from './github-issues.ts'
import { commentOnPullRequest, createPullRequest, getPullRequest, listPullRequests } from './github-pulls.ts'

type Name = keyof typeof inputs
type Input<N extends Name> = z.infer<(typeof inputs)[N]>
type Words = Pick<IntegrationTool, 'title' | 'description'>

const at = (connection: Connection): Github => ({
  connection,
  apiUrl: String(connection.settings.api_url).replace(/\/+$/, ''),
})
const short = (text: string) => (text.length > 200 ? `${text.slice(0, 199).replace(/[\ud800-\udbff]$/, '')}…` : text)

function reading<N extends Name>(
  name: N,
  words: Words,
  work: (github: Github, input: Input<N>) => Promise<unknown>,
): IntegrationTool {
  return {
    name,
    ...words,
    inputSchema: inputSchemas[name],
    effect: 'reads',
    isUntrusted: true,
    execute: async (input, connection) => await work(at(connection), inputs[name].parse(input) as Input<N>),
  }
}

function writing<N extends Name>(
  name: N,
  words: Words,
  work: (github: Github, input: Input<N>) => Promise<unknown>,
  describe: (input: Input<N>) => string,
): IntegrationTool {
  return {
    ...reading(name, words, work),
    effect: 'writes',
    isUntrusted: false,
    describeCall: (input) => describe(inputs[name].parse(input) as Input<N>),
  }
}

const issueTools = [
  reading(
    'list_issues',
    { title: 'List issues', description: 'The issues of a repository, newest first, without their texts.' },
    listIssues,
  ),
  reading(
    'get_issue',
    { title: 'Read an issue', description: 'An issue with its text and its comments, oldest first.' },
    getIssue,
  ),
  writing(
    'create_issue',
    { title: 'Create an issue', description: 'Opens an issue.' },
    createIssue,
    ({ repository, title }) => `Create the issue "${short(title)}" in ${repository}`,
  ),
  writing(
    'comment_on_issue',
    { title: 'Comment on an issue', description: 'Adds a comment below an issue.' },
    addComment,
    ({ repository, number, body }) => `Comment on ${repository}#${number}: "${short(body)}"`,
  ),
  writing(
    'update_issue',
    {
      title: 'Change an issue',
      description: 'Closes or reopens an issue, or changes labels, assignees, title or text.',
    },
    updateIssue,
    ({ repository, number, body, ...changes }) => {
      const said = Object.entries(changes).map(([name, value]) => `${name} ${short(JSON.stringify(value))}`)
      return `Change ${repository}#${number}: ${[...said, ...(body === undefined ? [] : ['its text'])].join(', ') || 'nothing'}`
    },
  ),
]

const pullTools = [
  reading(
    'list_pull_requests',
    {
      title: 'List pull requests',
      description: 'The pull requests of a repository, newest first, without their texts.',
    },
    listPullRequests,
  ),
  reading(
    'get_pull_request',
    {
      title: 'Read a pull request',
      description:
        'A pull request with its text and what it changes, file by file; long changes are cut. Its comments: get_issue with its number.',
    },
    getPullRequest,
  ),
  writing(
    'comment_on_pull_request',
    {
      title: 'Comment on a pull request',
      description: 'Adds a comment below a pull request, or at a line of one of its files.',
    },
    commentOnPullRequest,
    ({ repository, number, body, path, line }) =>
      `Comment on the pull request ${repository}#${number}${path ? ` at ${path}:${line}` : ''}: "${short(body)}"`,
  ),
  writing(
    'create_pull_request',
    { title: 'Create a pull request', description: 'Asks to take the changes of one branch into another.' },
    createPullRequest,
    ({ repository, title, head, base }) =>
      `Create the pull request "${short(title)}" from ${head} into ${base} in ${repository}`,
  ),
]

const fileTools = [
  reading('list_files', { title: 'List files', description: 'What is in a folder of a repository.' }, listFiles),
  reading(
    'read_file',
    { title: 'Read a file', description: 'The text of a file, and the sha that a change of it needs.' },
    readFile,
  ),
  reading(
    'search_code',
    { title: 'Search code', description: 'Files of the default branches in which words occur.' },
    searchCode,
  ),
  writing(
    'create_branch',
    { title: 'Create a branch', description: 'Makes a branch for changes.' },
    createBranch,
    ({ repository, branch, from }) =>
      `Create the branch ${branch} from ${from ?? 'the default branch'} in ${repository}`,
  ),
  writing(
    'create_or_update_file',
    {
      title: 'Write a file',
      description:
        'Makes or replaces one file on a branch, as one commit. For changes to review, on a branch of its own.',
    },
    writeFile,
    ({ repository, path, branch, message, sha }) =>
      `${sha ? 'Replace' : 'Create'} ${path} on ${branch} in ${repository}: "${short(message)}"`,
  ),
]

export const githubTools: IntegrationTool[] = [...issueTools, ...pullTools, ...fileTools]
