import { UrlFetchFailed, UrlRefused } from '../../../url-guard/url-refused.ts'
import { type Connection, ConnectionFailed } from '../../integration-type.ts'
import { asText, type JsonObject } from './json-object.ts'
import { encode } from './serialize-parameter.ts'

// In memory alone: such a token is made anew from the credentials at any time.
const clientTokens = new Map<string, { token: string; until: number }>()
const maxTokens = 1000

/** An access token by the client credentials grant (RFC 6749, section 4.4). */
export async function getClientToken({
  settings,
  credentials,
  urlGuard,
  signal,
  integrationId,
  ownerId,
}: Connection): Promise<string> {
  const [tokenUrl, clientId, secret, scope] = [
    settings.token_url,
    settings.client_id,
    credentials.client_secret,
    settings.scopes,
  ].map(asText)
  const key = JSON.stringify([integrationId, ownerId, tokenUrl, clientId, secret, scope])
  const known = clientTokens.get(key)
  if (known && known.until > Date.now()) return known.token
  const pair = [clientId, secret].map((part) => encode(part ?? '')).join(':')
  const form = new URLSearchParams({ grant_type: 'client_credentials', ...(scope && { scope }) })
  const answer = await urlGuard
    .fetch(tokenUrl ?? '', {
      method: 'POST',
      headers: {
        authorization: `Basic ${Buffer.from(pair).toString('base64')}`,
        'content-type': 'application/x-www-form-urlencoded',
      },
      body: form.toString(),
      accept: 'application/json',
      maxBytes: 100_000,
      signal,
    })
    .catch((error: unknown) => {
      if (error instanceof UrlRefused) throw new ConnectionFailed('refused', error.message, error)
      if (error instanceof UrlFetchFailed) throw new ConnectionFailed('unreachable', error.message, error)
      throw error
    })
  if (answer.status === 400 || answer.status === 401) {
    throw new ConnectionFailed('credentials', 'The authorization server does not accept the client id and secret.')
  }
  const { token, seconds } = readToken(answer.status, answer.body.toString('utf8'))
  clientTokens.set(key, { token, until: Date.now() + Math.max(0, seconds - 60) * 1000 })
  for (const oldest of clientTokens.keys()) {
    if (clientTokens.size <= maxTokens) break
    clientTokens.delete(oldest)
  }
  return token
}

function readToken(status: number, body: string): { token: string; seconds: number } {
  try {
    const { access_token: token, expires_in: seconds } = JSON.parse(body) as JsonObject
    if (status === 200 && typeof token === 'string' && token !== '') {
      return { token, seconds: typeof seconds === 'number' ? Math.min(seconds, 3600) : 300 }
    }
  } catch {
    // Said below, as for any other answer without a token.
  }
  throw new ConnectionFailed('unreachable', `The authorization server gave no token (status ${status}).`)
}
