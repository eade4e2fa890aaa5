import { z } from 'zod'
import { cleanToolText } from '../../clean-tool-text.ts'
import { ConnectionFailed } from '../../integration-type.ts'

const errorSchema = z.object({
  message: z.string().catch(''),
  errors: z
    .array(
      z.union([
        z.string(),
        z.object({
          resource: z.string().nullish(),
          field: z.string().nullish(),
          code: z.string().nullish(),
          message: z.string().nullish(),
        }),
      ]),
    )
    .catch([]),
})

/** What an answer of 300 and more means. `repository` is what was asked for; left out, the account itself. */
export function explainGithubError(
  { status, headers }: { status: number; headers: Headers },
  json: unknown,
  repository: string | undefined,
): Error {
  const { message, errors } = errorSchema.safeParse(json).data ?? { message: '', errors: [] }
  const said = cleanToolText([message, ...errors.map(describe)].filter(Boolean).join('; '), 400)
  const about = said === '' ? '' : `: ${said}`
  if (status === 401) return new ConnectionFailed('credentials', `GitHub does not accept the token${about}.`)
  const limit = status === 403 || status === 429 ? explainLimit(headers, said) : null
  if (limit) return limit
  if (status >= 300 && status < 400)
    return new Error(`${repository ?? 'This'} was moved or renamed. Its new name has to be put into the settings.`)
  if (status === 403) return explainForbidden(headers, about)
  if (status === 404)
    return new Error(
      repository === undefined
        ? 'GitHub does not know this address. Is the API address right?'
        : `GitHub does not find this in ${repository}. A private repository that the token may not see looks the same: check its name, number or path, and which repositories the token is for.`,
    )
  if (status === 409) return new Error(`It does not fit what is there by now${about}. Read it again, then try anew.`)
  if (status === 410) return new Error(`This is switched off or deleted in ${repository ?? 'GitHub'}${about}.`)
  if (status >= 500) return new ConnectionFailed('unreachable', `GitHub has a failure (${status}).`)
  return new Error(`GitHub refused (${status})${about}.`)
}

function describe(error: z.infer<typeof errorSchema>['errors'][number]): string {
  if (typeof error === 'string') return error
  return error.message ?? [error.resource, error.field, error.code].filter(Boolean).join(' ')
}

/** https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api */
function explainLimit(headers: Headers, said: string): Error | null {
  const seconds = Number(headers.get('retry-after'))
  if (seconds > 0) return new Error(`GitHub asks to wait ${seconds} seconds before the next request.`)
  const reset = Number(headers.get('x-ratelimit-reset'))
  if (headers.get('x-ratelimit-remaining') === '0' && reset > 0) {
    const at = new Date(reset * 1000).toISOString().slice(0, 16).replace('T', ' ')
    return new Error(`GitHub's limit of requests is used up until ${at} UTC.`)
  }
  return /rate limit/i.test(said) ? new Error('GitHub asks to wait a minute before the next request.') : null
}

function explainForbidden(headers: Headers, about: string): Error {
  if (headers.has('x-github-sso'))
    return new Error(
      'The organisation wants the token to be authorized for its single sign-on, at github.com/settings/tokens.',
    )
  const needed = headers.get('x-accepted-github-permissions') ?? ''
  const rights = /^[\w=;, -]{1,200}$/.test(needed) ? ` It needs ${needed}.` : ''
  return new Error(`The token may not do this${about}.${rights}`)
}
