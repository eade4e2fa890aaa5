import { decodeJwt, decodeProtectedHeader, type JWTPayload, jwtVerify } from 'jose'
import { z } from 'zod'
import type { Config } from '../config.ts'
import { AppError } from '../errors.ts'
import type { Log } from '../log.ts'
import { emailSchema, nameSchema } from '../users/user-schemas.ts'
import { createRemoteKeys } from './remote-keys.ts'

const clockToleranceSeconds = 60

/** What a valid token of Supabase Auth says about its user. */
export interface SupabaseUser {
  /** The id in Supabase's `auth.users`. */
  id: string
  /** In lower case; null for a user without one, and for an anonymous one. */
  email: string | null
  first_name: string | null
  last_name: string | null
  issuedAt: Date
  /** When the person last gave a password, code or link; null when the token does not tell. Refreshing does not count. */
  signedInAt: Date | null
}

export interface SupabaseTokens {
  /** Null when it is not a valid token of the project. Throws `unavailable` when its key cannot be fetched. */
  verify(token: string): Promise<SupabaseUser | null>
}

// https://supabase.com/docs/guides/auth/jwt-fields
const claimsSchema = z.object({
  sub: z.uuid(),
  // PostgREST switches to the role of this name. The keys of a project, `anon` and `service_role`, are tokens as well.
  role: z.literal('authenticated'),
  iat: z.number(),
  // A token that an app was given by OAuth. It would make keys and delete the account, which nobody consented to.
  client_id: z.null().optional(),
  email: z.unknown().optional(),
  is_anonymous: z.unknown().optional(),
  amr: z.array(z.unknown()).catch([]),
  // People change it themselves: good for names and for nothing that matters, such as `email_verified`.
  user_metadata: z.record(z.string(), z.unknown()).catch({}),
})

const authenticationSchema = z.object({ method: z.string(), timestamp: z.number() })

/** Null when no Supabase project is configured. */
export function createSupabaseTokens({
  config,
  log,
}: {
  config: Pick<Config, 'supabase'>
  log: Log
}): SupabaseTokens | null {
  const { supabase } = config
  if (!supabase) return null
  const { issuer, jwksUrl, jwtSecret } = supabase
  const publicKeys = createRemoteKeys({ url: jwksUrl, log })
  const secret = jwtSecret === undefined ? null : new TextEncoder().encode(jwtSecret)

  /** Each kind of key with its own algorithms: what is public can never serve as the secret of HS256. */
  async function verifySignature(token: string): Promise<JWTPayload | null> {
    const checks = {
      issuer,
      audience: 'authenticated',
      typ: 'JWT',
      clockTolerance: clockToleranceSeconds,
      requiredClaims: ['sub', 'iat', 'exp'],
    }
    // Decoded without belief, so that only what claims to be of this project makes us look for its keys.
    if (decodeJwt(token).iss !== issuer) return null
    if (decodeProtectedHeader(token).alg === 'HS256') {
      return secret && (await jwtVerify(token, secret, { ...checks, algorithms: ['HS256'] })).payload
    }
    return (await jwtVerify(token, publicKeys, { ...checks, algorithms: ['ES256', 'RS256'] })).payload
  }

  return {
    async verify(token) {
      try {
        const payload = await verifySignature(token)
        return payload && describe(claimsSchema.parse(payload))
      } catch (error) {
        if (error instanceof AppError) throw error
        return null
      }
    },
  }
}

function describe(claims: z.output<typeof claimsSchema>): SupabaseUser | null {
  const latest = Date.now() / 1000 + clockToleranceSeconds
  if (claims.iat > latest) return null
  const email = emailSchema.safeParse(claims.email)
  return {
    id: claims.sub,
    email: email.success && claims.is_anonymous !== true ? email.data : null,
    ...readNames(claims.user_metadata),
    issuedAt: new Date(claims.iat * 1000),
    signedInAt: readSignInTime(claims.amr, latest),
  }
}

/** The newest time at which the person proved something: RFC 8176 names methods, Supabase adds when. */
function readSignInTime(amr: unknown[], latest: number): Date | null {
  const times = amr.flatMap((entry) => {
    const { success, data } = authenticationSchema.safeParse(entry)
    if (!success || ['token_refresh', 'anonymous'].includes(data.method) || data.timestamp > latest) return []
    return [data.timestamp]
  })
  return times.length > 0 ? new Date(Math.max(...times) * 1000) : null
}

/** A full name is not cut in two: where the family's begins differs from country to country. */
function readNames(metadata: Record<string, unknown>): Pick<SupabaseUser, 'first_name' | 'last_name'> {
  const first = readName(metadata.first_name) ?? readName(metadata.given_name)
  const last = readName(metadata.last_name) ?? readName(metadata.family_name)
  if (first !== null || last !== null) return { first_name: first, last_name: last }
  return { first_name: readName(metadata.full_name) ?? readName(metadata.name), last_name: null }
}

function readName(value: unknown): string | null {
  if (typeof value !== 'string') return null
  const cut = nameSchema.safeParse(
    value
      .trim()
      .slice(0, 100)
      .replace(/[\uD800-\uDBFF]$/, ''),
  )
  return cut.success ? cut.data : null
}
