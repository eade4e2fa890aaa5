import { createHash } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import type { Config } from '../config.ts'
import type { Database } from '../database/database.ts'
import { AppError } from '../errors.ts'
import type { App, SignedInUser } from '../http/app-types.ts'
import type { AccessTokens } from './access-token.ts'
import { findUserByApiKey, findUserBySession } from './credential-queries.ts'
import { openSupabaseAccount } from './open-supabase-account.ts'
import type { SupabaseTokens } from './supabase-token.ts'

// A signed-out session, a revoked key, a suspended account or a plan without the API is refused within this time.
const cacheMs = 1000
const maxCached = 10_000

/** Finds out who sent a request, by bearer token, API key or cookie. Null: nobody signed in, or the credential is not valid. */
export type Authenticate = (request: FastifyRequest) => Promise<SignedInUser | null>

type Found = { user: SignedInUser; isSuspended: boolean; isInPlan: boolean } | null

interface Credentials {
  config: Pick<Config, 'adminEmail'>
  database: Database
  accessTokens: AccessTokens
  supabaseTokens: SupabaseTokens | null
}

export function createAuthenticate(credentials: Credentials, now: () => number = Date.now): Authenticate {
  const cache = new Map<string, { found: Promise<Found>; expiresAt: number }>()

  function lookUp(credential: string): Promise<Found> {
    const cached = cache.get(credential)
    if (cached && cached.expiresAt > now()) return cached.found
    if (cache.size >= maxCached) cache.clear()
    const entry = { found: findByCredential(credentials, credential), expiresAt: now() + cacheMs }
    const forget = () => {
      if (cache.get(credential) === entry) cache.delete(credential)
    }
    // What is not valid is not kept: invented credentials must not push out those of people who work.
    entry.found.then((found) => found ?? forget(), forget)
    cache.set(credential, entry)
    return entry.found
  }

  return async (request) => {
    const credential = readCredential(request)
    if (!credential) return null
    const found = await lookUp(credential)
    if (found?.isSuspended) throw new AppError('account_suspended')
    if (found && !found.isInPlan)
      throw new AppError('not_in_plan', {
        detail: 'Your plan does not include the API: keys do not work.',
        more: { feature: 'api' },
      })
    return found?.user ?? null
  }
}

function readCredential(request: FastifyRequest): string | null {
  const { authorization } = request.headers
  if (authorization !== undefined) return /^Bearer ([\w.~+/=-]{10,8192})$/i.exec(authorization)?.[1] ?? null
  return request.cookies.ax_access ?? null
}

async function findByCredential(credentials: Credentials, credential: string): Promise<Found> {
  if (credential.startsWith('ax_')) return await findByApiKey(credentials.database, credential)
  return (await findByAccessToken(credentials, credential)) ?? (await findBySupabaseToken(credentials, credential))
}

async function findByApiKey(database: Database, key: string): Promise<Found> {
  if (!/^ax_[\w-]{43}$/.test(key)) return null
  const keyHash = createHash('sha256').update(key).digest()
  const row = await database.asSystem('an API key tells who is asking', (tx) => findUserByApiKey(tx, keyHash))
  return row && describe(row, { via: 'api_key', sessionId: null, apiKeyId: row.id, signedInAt: null })
}

/** The token only names its session: who that is, and as what, the database says. */
async function findByAccessToken({ database, accessTokens }: Credentials, token: string): Promise<Found> {
  const claimed = await accessTokens.verify(token)
  if (!claimed) return null
  const row = await database.asSystem('an access token tells who is asking', (tx) => findUserBySession(tx, claimed))
  return row && describe(row, { via: 'session', sessionId: row.id, apiKeyId: null, signedInAt: null })
}

async function findBySupabaseToken({ config, database, supabaseTokens }: Credentials, token: string): Promise<Found> {
  const user = supabaseTokens && (await supabaseTokens.verify(token))
  if (!user) return null
  const row = await openSupabaseAccount(database, user, config.adminEmail)
  return row && describe(row, { via: 'supabase', sessionId: null, apiKeyId: null, signedInAt: user.signedInAt })
}

function describe(
  row: { user_id: string; role: string; suspended_at: Date | null; is_api_in_plan?: boolean },
  how: Omit<SignedInUser, 'claims'>,
): Found {
  const user_role = row.role === 'admin' ? 'admin' : 'user'
  const isInPlan = row.is_api_in_plan ?? true
  return { user: { claims: { sub: row.user_id, user_role }, ...how }, isSuspended: row.suspended_at !== null, isInPlan }
}

/** Puts `signedInUser` on every request and refuses those the route's `access` does not allow. */
export function addAuthentication(app: App, authenticate: Authenticate): void {
  app.decorateRequest('signedInUser', null)
  app.addHook('onRequest', async (request) => {
    const { access = 'user' } = request.routeOptions.config
    if (request.is404) return
    if (access === 'public') {
      // Here a credential may help but must not harm: an old cookie of a suspended account still lets its browser sign in
      // as somebody else, and health is answered while the database is away.
      request.signedInUser = await authenticate(request).catch((error: unknown) => {
        if (error instanceof AppError) return null
        throw error
      })
      return
    }
    request.signedInUser = await authenticate(request)
    if (!request.signedInUser) throw new AppError('unauthenticated')
    if (access === 'admin' && request.signedInUser.claims.user_role !== 'admin') throw new AppError('forbidden')
  })
}

/** Claims of whoever is signed in; for routes whose access is not `public`. */
export function getClaims(request: FastifyRequest): SignedInUser['claims'] {
  if (!request.signedInUser) throw new AppError('unauthenticated')
  return request.signedInUser.claims
}

/** Somebody who signed in, here or at Supabase. */
export type Person =
  | { via: 'session'; claims: SignedInUser['claims']; sessionId: string }
  | { via: 'supabase'; claims: SignedInUser['claims']; sessionId: null; signedInAt: Date | null }

/**
 * The person behind a session. An API key is refused: who finds one must not be able to make more keys, change the
 * password, end sessions or delete the account.
 */
export function getSessionUser(request: FastifyRequest): Person {
  const { signedInUser } = request
  if (!signedInUser) throw new AppError('unauthenticated')
  const { via, claims, sessionId, signedInAt } = signedInUser
  if (via === 'session' && sessionId !== null) return { via, claims, sessionId }
  if (via === 'supabase') return { via, claims, sessionId: null, signedInAt }
  throw new AppError('forbidden', { detail: 'An API key may not do this: sign in with e-mail and password.' })
}
