import type { FastifyInstance, RawReplyDefaultExpression, RawRequestDefaultExpression, RawServerDefault } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import type { Claims } from '../database/database.ts'
import type { Log } from '../log.ts'

export type App = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  Log,
  ZodTypeProvider
>

/** Who sent a request, read from the database and at most a second old. */
export interface SignedInUser {
  claims: Claims
  /** How they signed in: a browser session (cookie or bearer token) or an API key. */
  via: 'session' | 'api_key'
  sessionId: string | null
  apiKeyId: string | null
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Who may call the route. Left out it means `user`, so that forgetting it opens nothing. */
    access?: 'public' | 'user' | 'admin'
    /** `openai` routes answer errors in OpenAI's shape. */
    errorShape?: 'problem' | 'openai'
  }
  interface FastifyRequest {
    /** Set on every route whose access is not `public`; there it is null for strangers. */
    signedInUser: SignedInUser | null
  }
}
