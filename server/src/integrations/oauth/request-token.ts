import { z } from 'zod'
import type { UrlGuard } from '../../url-guard/url-guard.ts'
import { UrlFetchFailed, UrlRefused } from '../../url-guard/url-refused.ts'
import { ConnectionFailed } from '../integration-type.ts'
import type { OAuthEndpoints, OAuthTokens } from '../stored-credentials.ts'

const timeoutMs = 15_000
const maxBytes = 100_000
const marginMs = 60_000

const answerSchema = z.object({
  access_token: z.string().min(1).max(20_000),
  refresh_token: z.string().min(1).max(20_000).optional(),
  // Some providers write it as text.
  expires_in: z.coerce.number().positive().optional().catch(undefined),
})
const errorSchema = z.object({ error: z.string().max(200) })

/** The token endpoint said no, with a code of RFC 6749, section 5.2. */
export class TokenRefused extends Error {
  override name = 'TokenRefused'
  readonly code: string
  constructor(code: string) {
    // A stranger's words, which may repeat what was sent: only what looks like a code of a specification is passed on.
    const known = /^[a-z][a-z_]{2,49}$/.test(code) ? code : 'unknown'
    super(`The provider refused with the code ${known}.`)
    this.code = known
  }
}

/** RFC 6749, sections 4.1.3 and 6. Throws `TokenRefused`, or `ConnectionFailed` when nothing can be learned. */
export async function requestToken(
  server: OAuthEndpoints,
  grant: Record<string, string>,
  { urlGuard, signal }: { urlGuard: UrlGuard; signal?: AbortSignal },
): Promise<OAuthTokens> {
  const answer = await post(server.token_endpoint, server, grant, { urlGuard, signal })
  const parsed = answerSchema.safeParse(answer.json)
  const refusal = errorSchema.safeParse(answer.json)
  // GitHub and Slack refuse with the status 200.
  if (refusal.success && !parsed.success) throw new TokenRefused(refusal.data.error)
  if (answer.status !== 200 || !parsed.success)
    throw new ConnectionFailed('unreachable', `The token endpoint answered ${answer.status} and no token.`)
  const { access_token, refresh_token, expires_in } = parsed.data
  return {
    ...server,
    access_token,
    ...(refresh_token !== undefined && { refresh_token }),
    // Early enough to live through the call it is for, and not at once when it is short-lived anyway.
    ...(expires_in !== undefined && {
      renew_at: Date.now() + expires_in * 1000 - Math.min(marginMs, expires_in * 500),
    }),
  }
}

/** RFC 7009. True when the provider took the tokens back; null when it has no place to do so. */
export async function revokeTokens(
  tokens: OAuthTokens,
  { urlGuard, signal }: { urlGuard: UrlGuard; signal?: AbortSignal },
): Promise<boolean | null> {
  if (tokens.revocation_endpoint === undefined) return null
  const all = [
    ['refresh_token', tokens.refresh_token],
    ['access_token', tokens.access_token],
  ] as const
  let isDone = true
  for (const [token_type_hint, token] of all) {
    if (token === undefined) continue
    const answer = await post(tokens.revocation_endpoint, tokens, { token, token_type_hint }, { urlGuard, signal })
    if (answer.status !== 200) isDone = false
  }
  return isDone
}

async function post(
  url: string,
  server: OAuthEndpoints,
  parameters: Record<string, string>,
  { urlGuard, signal }: { urlGuard: UrlGuard; signal?: AbortSignal | undefined },
): Promise<{ status: number; json: unknown }> {
  const { client_id, client_secret, client_authentication } = server
  const body = new URLSearchParams(parameters)
  const headers: Record<string, string> = {
    accept: 'application/json',
    'content-type': 'application/x-www-form-urlencoded',
  }
  if (client_authentication === 'client_secret_basic' && client_secret !== undefined) {
    headers.authorization = `Basic ${Buffer.from(`${formEncode(client_id)}:${formEncode(client_secret)}`).toString('base64')}`
  } else {
    body.set('client_id', client_id)
    if (client_authentication === 'client_secret_post' && client_secret !== undefined)
      body.set('client_secret', client_secret)
  }
  try {
    // A redirect would carry the token or the secret of the client elsewhere.
    const fetchOnce = urlGuard.boundedFetch({ timeoutMs, maxBytes, maxRedirects: 0 })
    const response = await fetchOnce(url, {
      method: 'POST',
      headers,
      body: body.toString(),
      redirect: 'manual',
      ...(signal && { signal }),
    })
    return { status: response.status, json: parse(await response.text()) }
  } catch (error) {
    if (signal?.aborted) throw signal.reason
    if (error instanceof UrlRefused || error instanceof UrlFetchFailed)
      throw new ConnectionFailed('unreachable', `The provider cannot be reached: ${error.message}`, error)
    throw error
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

/** RFC 6749, section 2.3.1: id and secret are form-encoded first. */
function formEncode(text: string): string {
  return new URLSearchParams([['', text]]).toString().slice(1)
}
