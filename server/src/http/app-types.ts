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
  /** How they signed in: a browser session (cookie or bearer token), an API key, or a token of Supabase Auth. */
  via: 'session' | 'api_key' | 'supabase'
  sessionId: string | null
  apiKeyId: string | null
  /** When a user of Supabase last gave a password, code or link, as far as the token tells. */
  signedInAt: Date | null
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
