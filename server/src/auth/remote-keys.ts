import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose'
import { request } from 'undici'
import { z } from 'zod'
import { AppError } from '../errors.ts'
import type { Log } from '../log.ts'
import { readBody } from '../url-guard/read-body.ts'

const fetchTimeoutMs = 3000
const maxBytes = 256 * 1024
// As long as Supabase's own edge and clients keep them: a revoked key is refused after this.
const freshMs = 10 * 60_000
// Known keys outlive an outage of the other side, but not for ever: one of them may have been revoked meanwhile.
const staleMs = 24 * 3_600_000
// Anybody can send tokens with an invented key id; each of them must not become a request.
const cooldownMs = 30_000
// Without any key nobody gets in, so the next try comes sooner.
const firstCooldownMs = 5000

// `oct` keys are secrets and have no place in a public set: none of them may ever verify anything.
const keySetSchema = z.object({ keys: z.array(z.looseObject({ kty: z.string() })).max(100) })

/**
 * Finds the public key of a token in a JWK set that is fetched when it is needed and kept. One fetch at a time, bounded.
 * Throws `unavailable` when the key cannot be known at present, and jose's errors when there is no such key.
 */
export function createRemoteKeys({
  url,
  log,
  now = () => performance.now(),
}: {
  url: string
  log: Log
  /** Milliseconds of a clock that nobody sets. */
  now?: () => number
}): JWTVerifyGetKey {
  let find: ReturnType<typeof createLocalJWKSet> | null = null
  let fetchedAt = Number.NEGATIVE_INFINITY
  let triedAt = Number.NEGATIVE_INFINITY
  let fetching: Promise<void> | null = null

  async function refresh(): Promise<void> {
    if (fetching) return fetching
    if (now() - triedAt < (find ? cooldownMs : firstCooldownMs)) return
    triedAt = now()
    fetching = fetchKeySet(url)
      .then(
        (keySet) => {
          find = createLocalJWKSet(keySet)
          fetchedAt = triedAt
        },
        (error: unknown) => log.warn({ err: error }, 'the keys of Supabase Auth could not be fetched'),
      )
      .finally(() => {
        fetching = null
      })
    return fetching
  }

  const getFinder = () => {
    if (find && now() - fetchedAt < staleMs) return find
    throw unavailable()
  }

  return async (header, token) => {
    if (now() - fetchedAt >= freshMs) await refresh()
    const known = getFinder()
    try {
      return await known(header, token)
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error
    }
    // Perhaps a key that was made a moment ago.
    await refresh()
    if (triedAt > fetchedAt) throw unavailable()
    return await getFinder()(header, token)
  }
}

function unavailable(): AppError {
  return new AppError('unavailable', { detail: 'Supabase Auth cannot be reached.', retryAfterSeconds: 5 })
}

async function fetchKeySet(url: string): Promise<JSONWebKeySet> {
  const { statusCode, headers, body } = await request(url, {
    headers: { accept: 'application/json' },
    signal: AbortSignal.timeout(fetchTimeoutMs),
    // It is asked once in ten minutes: a connection is not worth keeping.
    reset: true,
  })
  if (statusCode !== 200) {
    body.on('error', () => {}).destroy()
    throw new Error(`The answer has the status ${statusCode}.`)
  }
  const encoding = headers['content-encoding']
  const read = await readBody(body, Array.isArray(encoding) ? encoding.join() : encoding, maxBytes)
  if (read.isCut) throw new Error('The answer is too long.')
  const { keys } = keySetSchema.parse(JSON.parse(read.body.toString('utf8')))
  return { keys: keys.filter(({ kty }) => kty === 'EC' || kty === 'RSA') } as JSONWebKeySet
}
