import { z } from 'zod'
import type { Settings } from '../agents/capabilities.ts'
import type { Credentials, IntegrationType } from './integration-type.ts'

/** Where a token comes from and goes back to, as it was when somebody signed in. */
const oauthEndpointsSchema = z.object({
  token_endpoint: z.string(),
  revocation_endpoint: z.string().optional(),
  client_id: z.string(),
  client_secret: z.string().optional(),
  client_authentication: z.enum(['client_secret_basic', 'client_secret_post', 'none']),
  resource: z.string().optional(),
})

const oauthTokensSchema = oauthEndpointsSchema.extend({
  access_token: z.string(),
  refresh_token: z.string().optional(),
  /** When to renew it, in milliseconds since 1970; left out, the token does not end. */
  renew_at: z.number().optional(),
})

/** A sign-in that was begun; the next one replaces it. */
const oauthPendingSchema = oauthEndpointsSchema.extend({
  nonce: z.string(),
  redirect_uri: z.string(),
  issuer: z.string().optional(),
  /** A callback without `iss` is refused. */
  promises_issuer: z.boolean().optional(),
})

export type OAuthEndpoints = z.infer<typeof oauthEndpointsSchema>
export type OAuthTokens = z.infer<typeof oauthTokensSchema>
export type OAuthPending = z.infer<typeof oauthPendingSchema>

/** Null while nobody has signed in. */
export function readTokens(credentials: Credentials): OAuthTokens | null {
  return oauthTokensSchema.safeParse(credentials.oauth).data ?? null
}

export function readPending(credentials: Credentials): OAuthPending | null {
  return oauthPendingSchema.safeParse(credentials.oauth_pending).data ?? null
}

/** Whether signing in at the provider is how this account is connected. */
export function needsOAuth(type: IntegrationType, settings: Settings): boolean {
  return type.oauth !== undefined && (type.asksForOAuth?.(settings) ?? true)
}
