import { createHash } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import type { Database } from '../database/database.ts'
import { AppError } from '../errors.ts'
import type { App, SignedInUser } from '../http/app-types.ts'
import { findUserByApiKey } from './credential-queries.ts'

// A signed-out session, a revoked key or a suspended account is refused within this time.
const cacheMs = 1000
const maxCached = 10_000

/** Finds out who sent a request, by bearer token, API key or cookie. Null: nobody signed in, or the credential is not valid. */
export type Authenticate = (request: FastifyRequest) => Promise<SignedInUser | null>

type Found = { user: SignedInUser; isSuspended: boolean } | null

export function createAuthenticate(database: Database, now: () => number = Date.now): Authenticate {
  const cache = new Map<string, { found: Promise<Found>; expiresAt: number }>()

  function lookUp(credential: string): Promise<Found> {
    const cached = cache.get(credential)
    if (cached && cached.expiresAt > now()) return cached.found
    if (cache.size >= maxCached) cache.clear()
    const found = findByCredential(database, credential)
    found.catch(() => cache.delete(credential))
    cache.set(credential, { found, expiresAt: now() + cacheMs })
    return found
  }

  return async (request) => {
    const credential = readCredential(request)
    if (!credential) return null
    const found = await lookUp(credential)
    if (found?.isSuspended) throw new AppError('account_suspended')
    return found?.user ?? null
  }
}

function readCredential(request: FastifyRequest): string | null {
  const { authorization } = request.headers
  if (authorization !== undefined) return /^Bearer ([\w.~+/=-]{10,4096})$/i.exec(authorization)?.[1] ?? null
  return request.cookies.ax_access ?? null
}

async function findByCredential(database: Database, credential: string): Promise<Found> {
  if (!credential.startsWith('ax_')) return null
  const keyHash = createHash('sha256').update(credential).digest()
  const row = await database.asSystem('an API key tells who is asking', (tx) => findUserByApiKey(tx, keyHash))
  if (!row) return null
  return {
    user: {
      claims: { sub: row.user_id, user_role: row.role === 'admin' ? 'admin' : 'user' },
      via: 'api_key',
      sessionId: null,
      apiKeyId: row.id,
    },
    isSuspended: row.suspended_at !== null,
  }
}

/** Puts `signedInUser` on every request and refuses those the route's `access` does not allow. */
export function addAuthentication(app: App, authenticate: Authenticate): void {
  app.decorateRequest('signedInUser', null)
  app.addHook('onRequest', async (request) => {
    const { access = 'user' } = request.routeOptions.config
    if (request.is404) return
    request.signedInUser = await authenticate(request)
    if (access === 'public') return
    if (!request.signedInUser) throw new AppError('unauthenticated')
    if (access === 'admin' && request.signedInUser.claims.user_role !== 'admin') throw new AppError('forbidden')
  })
}

/** Claims of whoever is signed in; for routes whose access is not `public`. */
export function getClaims(request: FastifyRequest): SignedInUser['claims'] {
  if (!request.signedInUser) throw new AppError('unauthenticated')
  return request.signedInUser.claims
}
