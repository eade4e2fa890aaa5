import { Readable } from 'node:stream'
import type { Services } from '../app.ts'
import { getClaims, getSessionUser } from '../auth/authenticate.ts'
import { clearSessionCookies } from '../auth/session-cookies.ts'
import { endOwnSession, listSessions } from '../auth/session-queries.ts'
import { AppError } from '../errors.ts'
import type { App } from '../http/app-types.ts'
import { changePassword } from './change-password.ts'
import { deleteAccount } from './delete-account.ts'
import { exportAccount } from './export-account.ts'
import { findUser, updateProfile } from './user-queries.ts'
import { userRoutes } from './user-schemas.ts'

export function addUserRoutes(app: App, services: Services): void {
  addProfileRoutes(app, services)
  addSessionRoutes(app, services)
}

function addProfileRoutes(app: App, services: Services): void {
  const { config, database } = services
  app.get('/api/v1/me', { schema: userRoutes['GET /api/v1/me'] }, async (request) => {
    const claims = getClaims(request)
    return orSignedOut(await database.withUser(claims, (tx) => findUser(tx, claims.sub)))
  })

  app.patch('/api/v1/me', { schema: userRoutes['PATCH /api/v1/me'] }, async (request) => {
    const claims = getClaims(request)
    if (request.body.cost_cap_usd !== undefined) getSessionUser(request)
    return orSignedOut(await database.withUser(claims, (tx) => updateProfile(tx, claims.sub, request.body)))
  })

  app.delete('/api/v1/me', { schema: userRoutes['DELETE /api/v1/me'] }, async (request, reply) => {
    await deleteAccount(services, getSessionUser(request), request.body?.password)
    clearSessionCookies(reply, config)
    return reply.status(204).send(null)
  })

  app.post('/api/v1/me/password', { schema: userRoutes['POST /api/v1/me/password'] }, async (request, reply) => {
    const { via, claims, sessionId } = getSessionUser(request)
    if (via === 'supabase') throw new AppError('password_managed_elsewhere')
    await changePassword(database, { userId: claims.sub, sessionId }, request.body)
    return reply.status(204).send(null)
  })

  app.get('/api/v1/me/export', { schema: userRoutes['GET /api/v1/me/export'] }, async (request, reply) => {
    const text = await exportAccount(database, getClaims(request))
    reply
      .type('application/json; charset=utf-8')
      .header('content-disposition', 'attachment; filename="agentexpress-account.json"')
    // A stream is sent as it is; the schema of the answer documents it.
    return reply.send(Readable.from(text) as never)
  })
}

function addSessionRoutes(app: App, { database }: Services): void {
  app.get('/api/v1/me/sessions', { schema: userRoutes['GET /api/v1/me/sessions'] }, async (request) => {
    const { claims, sessionId } = getSessionUser(request)
    const sessions = await database.withUser(claims, (tx) => listSessions(tx, claims.sub))
    return { data: sessions.map((session) => ({ ...session, is_current: session.id === sessionId })) }
  })

  app.delete(
    '/api/v1/me/sessions/:id',
    { schema: userRoutes['DELETE /api/v1/me/sessions/:id'] },
    async (request, reply) => {
      const { claims } = getSessionUser(request)
      const isEnded = await database.withUser(claims, (tx) => endOwnSession(tx, claims.sub, request.params.id))
      if (!isEnded) throw new AppError('not_found')
      return reply.status(204).send(null)
    },
  )
}

/** The account may have been deleted within the second for which a credential is remembered. */
function orSignedOut<T>(user: T | null): T {
  if (user === null) throw new AppError('unauthenticated')
  return user
}
