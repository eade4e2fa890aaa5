import { z } from 'zod'
import { callGithub, callRepository, type Github, pageOf } from './call-github.ts'
import { encodePath, isAllowed, listRepositories, repositoryPath } from './repositories.ts'

const entrySchema = z.object({ name: z.string(), path: z.string(), type: z.string(), size: z.number().default(0) })
const contentSchema = z.union([
  z.array(entrySchema),
  entrySchema.extend({ sha: z.string(), encoding: z.string().optional(), content: z.string().optional() }),
])

interface Place {
  repository: string
  path: string
  ref?: string
}

async function getContent(github: Github, { repository, path, ref }: Place) {
  const query = { ref }
  return (await callRepository(github, repository, `/contents/${encodePath(path)}`, contentSchema, { query })).answer
}

export async function listFiles(github: Github, place: Place) {
  const content = await getContent(github, place)
  if (!Array.isArray(content)) throw new Error(`${place.path} is a ${content.type}: read it with read_file.`)
  return { entries: content.map(({ path, type, size }) => ({ path, type, bytes: size })) }
}

/** The text as it is, with the `sha` that a change of it needs; `from_line` and `to_line` count from 1. */
export async function readFile(github: Github, place: Place & { from_line?: number; to_line?: number }) {
  const content = await getContent(github, place)
  if (Array.isArray(content)) throw new Error(`${place.path} is a folder: list_files gives what is in it.`)
  if (content.type !== 'file') throw new Error(`${place.path} is a ${content.type}, not a file.`)
  // From 1 MB up GitHub leaves the content out.
  if (content.encoding !== 'base64' || content.content === undefined)
    throw new Error(`${place.path} has ${content.size} bytes; files from 1 MB up cannot be read.`)
  const bytes = Buffer.from(content.content, 'base64')
  const text = bytes.toString('utf8')
  if (bytes.includes(0) || text.includes('\ufffd')) throw new Error(`${place.path} is no text.`)
  const { from_line, to_line } = place
  const lines = text.split('\n')
  const part = from_line || to_line ? lines.slice((from_line ?? 1) - 1, to_line).join('\n') : text
  return { path: content.path, sha: content.sha, bytes: content.size, lines: lines.length, text: part }
}

const searchSchema = z.object({
  incomplete_results: z.boolean().default(false),
  items: z.array(
    z.object({
      path: z.string(),
      html_url: z.string(),
      repository: z.object({ full_name: z.string() }),
      text_matches: z.array(z.object({ fragment: z.string() })).optional(),
    }),
  ),
})
/** In one query; GitHub refuses very long ones. */
const maxRepositories = 20

/** Searches the allowed repositories and no others: words that choose a repository are refused in the query itself. */
export async function searchCode(
  github: Github,
  { query, repository, cursor }: { query: string; repository?: string; cursor?: string },
) {
  const { settings } = github.connection
  if (/\b(repo|org|user|owner|enterprise)\s*:/i.test(query))
    throw new Error('Name the repository in the field repository, not in the query.')
  if (/(^|\s)(OR|NOT|AND)(\s|$)|[()]/.test(query))
    throw new Error('Search for words, without AND, OR, NOT and brackets.')
  if (repository !== undefined) repositoryPath(repository, settings)
  const wanted = repository === undefined ? listRepositories(settings) : [repository.trim()]
  if (wanted.length > maxRepositories)
    throw new Error(`Name one repository: ${wanted.length} are too many for one search.`)
  const q = [query, ...wanted.map((name) => `repo:${name}`)].join(' ')
  const { answer, next_cursor } = await callGithub(github, '/search/code', searchSchema, {
    query: { q, ...pageOf(cursor, 30) },
    ...(repository !== undefined && { repository }),
  })
  const results = answer.items
    .filter((item) => isAllowed(item.repository.full_name, settings))
    .map((item) => ({ repository: item.repository.full_name, path: item.path, url: item.html_url }))
  return { results, is_complete: !answer.incomplete_results, next_cursor }
}

export interface FileChange {
  repository: string
  path: string
  branch: string
  content: string
  message: string
  sha?: string
}

/** One commit with one file. Without `sha` the file must not be there yet. */
export async function writeFile(github: Github, { repository, path, content, ...change }: FileChange) {
  const address = `/contents/${encodePath(path)}`
  const schema = z.object({
    content: z.object({ path: z.string(), sha: z.string() }),
    commit: z.object({ sha: z.string(), html_url: z.string() }),
  })
  const body = { ...change, content: Buffer.from(content, 'utf8').toString('base64') }
  try {
    const { answer } = await callRepository(github, repository, address, schema, { method: 'PUT', body })
    return {
      path: answer.content.path,
      sha: answer.content.sha,
      commit: answer.commit.sha,
      url: answer.commit.html_url,
    }
  } catch (error) {
    if (error instanceof Error && /"?sha"? wasn't supplied/.test(error.message))
      throw new Error(`${path} is there already: read it with read_file and give its sha.`, { cause: error })
    throw error
  }
}

const refSchema = z.object({ object: z.object({ sha: z.string() }) })

/** Begins where `from` is; left out, at the default branch. */
export async function createBranch(
  github: Github,
  { repository, branch, from }: { repository: string; branch: string; from?: string },
) {
  const base = from ?? (await getRepository(github, repository)).default_branch
  const start = await callRepository(github, repository, `/git/ref/heads/${encodePath(base)}`, refSchema)
  const body = { ref: `refs/heads/${branch}`, sha: start.answer.object.sha }
  await callRepository(github, repository, '/git/refs', refSchema, { method: 'POST', body })
  return { branch, from: base }
}

const repositorySchema = z.object({ full_name: z.string(), default_branch: z.string() })

export async function getRepository(github: Github, repository: string) {
  return (await callRepository(github, repository, '', repositorySchema)).answer
}
