import type { Settings } from '../../../agents/capabilities.ts'

const form = /^[A-Za-z0-9](?:[A-Za-z0-9_-]{0,99})\/(?!\.{1,2}$)[A-Za-z0-9._-]{1,100}$/

/** `owner/name`, or `*` for all that the token can reach. */
export const isRepositoryRule = (line: string) => line.trim() === '*' || form.test(line.trim())

/** Empty when every repository is allowed. */
export function listRepositories({ repositories }: Settings): string[] {
  const lines = ((repositories ?? []) as string[]).map((line) => line.trim())
  return lines.includes('*') ? [] : lines
}

export function isAllowed(repository: string, settings: Settings): boolean {
  const allowed = listRepositories(settings)
  // GitHub knows no difference between capitals and small letters here.
  return allowed.length === 0 || allowed.some((line) => line.toLowerCase() === repository.toLowerCase())
}

/** The path of a repository in the API. Throws before anybody is asked when it is not in the settings. */
export function repositoryPath(text: string, settings: Settings): string {
  const repository = text.trim()
  if (!form.test(repository)) throw new Error('A repository is written as owner/name.')
  if (!isAllowed(repository, settings))
    throw new Error(
      `${repository} is not in the settings. Only these may be used: ${listRepositories(settings).join(', ')}.`,
    )
  return `/repos/${repository}`
}

/** A path inside a repository or the name of a branch, for an address. `..` would lead out of the repository. */
export function encodePath(path: string): string {
  const parts = path.replace(/^\/+|\/+$/g, '').split('/')
  const isPlain = parts.every((part) => part !== '' && part !== '.' && part !== '..' && !/\p{Cc}/u.test(part))
  if (path !== '' && path !== '/' && !isPlain)
    throw new Error(`"${path.slice(0, 200)}" is no path inside a repository.`)
  return parts.map(encodeURIComponent).join('/')
}
