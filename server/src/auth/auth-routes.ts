import type { FastifyReply, FastifyRequest } from 'fastify'
import type { z } from 'zod'
import type { Services } from '../app.ts'
import { createId } from '../database/uuid-v7.ts'
import { AppError } from '../errors.ts'
import type { App } from '../http/app-types.ts'
import { findUser, type User } from '../users/user-queries.ts'
import { accessTokenSeconds, createAccessTokens } from './access-token.ts'
import { authRoutes, type signedInSchema } from './auth-schemas.ts'
import { createRefreshToken, nextRefreshToken, type RefreshToken, readRefreshToken } from './refresh-token.ts'
import { clearSessionCookies, refreshCookie, setSessionCookies } from './session-cookies.ts'
import { endSession, rotateSession } from './session-queries.ts'
import { signIn } from './sign-in.ts'
import { signUp } from './sign-up.ts'

/** Answers the tokens of a session in the body, and as cookies for a browser. */
type AnswerSession = (reply: FastifyReply, user: User, token: RefreshToken) => Promise<z.output<typeof signedInSchema>>

export function addAuthRoutes(app: App, services: Services): void {
  const accessTokens = createAccessTokens(services)
  const answer: AnswerSession = async (reply, user, token) => {
    const access_token = await accessTokens.sign(user, token.sessionId)
    const tokens = { access_token, refresh_token: token.text }
    setSessionCookies(reply, services.config, tokens)
    return { user, token_type: 'bearer', expires_in: accessTokenSeconds, ...tokens }
  }
  addSignInRoutes(app, services, answer)
  addRefreshRoutes(app, services, answer)
  app.get(
    '/.well-known/jwks.json',
    { schema: authRoutes['GET /.well-known/jwks.json'], config: { access: 'public' } },
    async (_request, reply) => {
      reply.header('cache-control', 'public, max-age=300')
      return { keys: [services.signingKey.publicJwk] }
    },
  )
}

function addSignInRoutes(app: App, { config, database, signingKey }: Services, answer: AnswerSession): void {
  app.post(
    '/api/v1/auth/sign-up',
    { schema: authRoutes['POST /api/v1/auth/sign-up'], config: { access: 'public' } },
    async (request, reply) => {
      const token = createRefreshToken(signingKey, createId())
      const { first_name = null, last_name = null, ...account } = request.body
      const user = await signUp(database, config, { ...account, first_name, last_name }, token, originOf(request))
      return reply.status(201).send(await answer(reply, user, token))
    },
  )

  app.post(
    '/api/v1/auth/sign-in',
    { schema: authRoutes['POST /api/v1/auth/sign-in'], config: { access: 'public' } },
    async (request, reply) => {
      const token = createRefreshToken(signingKey, createId())
      const user = await signIn(database, config, request.body, token, originOf(request))
      return answer(reply, user, token)
    },
  )
}

function addRefreshRoutes(app: App, { config, database, signingKey }: Services, answer: AnswerSession): void {
  app.post(
    '/api/v1/auth/refresh',
    { schema: authRoutes['POST /api/v1/auth/refresh'], config: { access: 'public' } },
    async (request, reply) => {
      const text = request.body?.refresh_token ?? request.cookies[refreshCookie]
      const token = text === undefined ? null : readRefreshToken(signingKey, text)
      const next = token && nextRefreshToken(signingKey, token)
      const user =
        token &&
        next &&
        (await database.asSystem('a refresh token tells whose session goes on', async (tx) => {
          const userId = await rotateSession(tx, token, next)
          return userId === null ? null : findUser(tx, userId)
        }))
      if (!user) {
        // A browser would send the dead cookie again and again.
        if (request.cookies[refreshCookie] === text) clearSessionCookies(reply, config)
        throw new AppError('unauthenticated')
      }
      if (user.suspended_at !== null) throw new AppError('account_suspended')
      return answer(reply, user, next)
    },
  )

  app.post(
    '/api/v1/auth/sign-out',
    { schema: authRoutes['POST /api/v1/auth/sign-out'], config: { access: 'public' } },
    async (request, reply) => {
      const text = request.body?.refresh_token ?? request.cookies[refreshCookie]
      // The access token may have ended before the person signs out; the refresh token still names the session.
      const refreshed = text === undefined ? null : readRefreshToken(signingKey, text)
      const ids = new Set([request.signedInUser?.sessionId, refreshed?.sessionId])
      await database.asSystem(
        'signing out ends the session of a token, also when its account is suspended',
        async (tx) => {
          for (const id of ids) if (id) await endSession(tx, id)
        },
      )
      clearSessionCookies(reply, config)
      return reply.status(204).send(null)
    },
  )
}

function originOf(request: FastifyRequest) {
  return { ip: request.ip, userAgent: request.headers['user-agent'] }
}
