import { jwtVerify, SignJWT } from 'jose'
import { z } from 'zod'
import type { Config } from '../config.ts'
import type { SigningKey } from './signing-key.ts'

export const accessTokenSeconds = 15 * 60
const clockToleranceSeconds = 60
// PostgREST and Supabase switch to the role of this name; ours never reads it back from a token.
const audience = 'authenticated'

export interface TokenOwner {
  id: string
  email: string
  role: string
}

export interface AccessTokens {
  /** A token that ends after 15 minutes; PostgREST and Supabase's `auth.uid()` understand its claims. */
  sign(owner: TokenOwner, sessionId: string): Promise<string>
  /** Which session a token belongs to; null when it is not a valid token of ours. Says nothing about the account. */
  verify(token: string): Promise<{ userId: string; sessionId: string } | null>
}

const claimsSchema = z.object({ sub: z.uuid(), session_id: z.uuid(), role: z.literal(audience) })

export function createAccessTokens({
  config,
  signingKey,
}: {
  config: Pick<Config, 'publicUrl'>
  signingKey: SigningKey
}): AccessTokens {
  const issuer = config.publicUrl ?? 'agentexpress'
  return {
    sign: (owner, sessionId) =>
      new SignJWT({ role: audience, email: owner.email, session_id: sessionId, user_role: owner.role })
        .setProtectedHeader({ alg: 'ES256', typ: 'JWT', kid: signingKey.kid })
        .setIssuer(issuer)
        .setSubject(owner.id)
        .setAudience(audience)
        .setIssuedAt()
        .setExpirationTime(`${accessTokenSeconds}s`)
        .sign(signingKey.privateKey),
    async verify(token) {
      try {
        const { payload } = await jwtVerify(token, signingKey.publicKey, {
          algorithms: ['ES256'],
          typ: 'JWT',
          issuer,
          audience,
          clockTolerance: clockToleranceSeconds,
          requiredClaims: ['sub', 'iat', 'exp'],
        })
        const { sub, session_id } = claimsSchema.parse(payload)
        return { userId: sub, sessionId: session_id }
      } catch {
        return null
      }
    },
  }
}
