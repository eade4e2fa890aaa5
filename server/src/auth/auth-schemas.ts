import { z } from 'zod'
import { problemSchema } from '../http/schemas.ts'
import { emailSchema, nameSchema, userSchema } from '../users/user-schemas.ts'
import { givenPasswordSchema, newPasswordSchema } from './password.ts'

const problems = { '4xx': problemSchema, '5xx': problemSchema }
const tags = ['Sign-in']
const exampleRefreshToken = '019ab3c4-1d2e-7f30-8a4b-5c6d7e8f9012.q1w2e3r4t5y6u7i8o9p0a1s2d3f4g5h6j7k8l9z0x1c'

export const signedInSchema = z
  .object({
    user: userSchema,
    access_token: z
      .string()
      .meta({ description: 'Send it as `Authorization: Bearer ...`', example: 'eyJhbGciOiJFUzI1NiJ9...' }),
    token_type: z.literal('bearer').meta({ description: 'How to send it', example: 'bearer' }),
    expires_in: z.int().meta({ description: 'Seconds until the access token ends', example: 900 }),
    refresh_token: z.string().meta({
      description: 'Good for one refresh; sliding, it ends after 30 days unused',
      example: exampleRefreshToken,
    }),
  })
  .meta({ id: 'SignedIn', description: 'A new session; the same tokens are set as httpOnly cookies' })

// nullish: these routes may be called without any body, which Fastify gives as null.
const refreshBody = z
  .strictObject({
    refresh_token: z
      .string()
      .max(200)
      .optional()
      .meta({ description: 'Left out, the cookie is taken', example: exampleRefreshToken }),
  })
  .nullish()

export const authRoutes = {
  'POST /api/v1/auth/sign-up': {
    tags,
    summary: 'Make an account',
    description:
      'Makes an account and signs it in. The first account is an admin, or the one that ADMIN_EMAIL names. An address that ' +
      'has an account answers `email_not_available`: without sending mail a sign-up cannot hide that, so it is limited by address.',
    security: [],
    body: z.strictObject({
      email: emailSchema,
      password: newPasswordSchema,
      first_name: nameSchema.nullish().meta({ description: 'First name', example: 'Ada' }),
      last_name: nameSchema.nullish().meta({ description: 'Last name', example: 'Lovelace' }),
    }),
    response: { 201: signedInSchema, ...problems },
  },
  'POST /api/v1/auth/sign-in': {
    tags,
    summary: 'Sign in',
    description:
      'The answer and its time do not tell whether the e-mail has an account. After 10 failures for an account or 50 from an ' +
      'address within 10 minutes, it answers `too_many_attempts` with `Retry-After`.',
    security: [],
    body: z.strictObject({ email: emailSchema, password: givenPasswordSchema }),
    response: { 200: signedInSchema, ...problems },
  },
  'POST /api/v1/auth/refresh': {
    tags,
    summary: 'Refresh a session',
    description:
      'Trades a refresh token for a new pair. Each is good once: a repeat within ten seconds (two tabs, a lost answer) gets the ' +
      'same next token, a later one ends the session, because somebody has a copy.',
    security: [],
    body: refreshBody,
    response: { 200: signedInSchema, ...problems },
  },
  'POST /api/v1/auth/sign-out': {
    tags,
    summary: 'Sign out',
    description:
      'Ends the session of the token or cookies that are sent, and clears the cookies. Answers 204 in any case. A session of ' +
      'Supabase Auth is ended there; its access token is good until it expires.',
    security: [],
    body: refreshBody,
    response: { 204: z.null().meta({ description: 'Done; the answer has no body' }), ...problems },
  },
  'GET /.well-known/jwks.json': {
    tags,
    summary: 'Public keys',
    description: 'The keys that access tokens are signed with, as a JWK set (RFC 7517).',
    security: [],
    response: {
      200: z.object({
        keys: z
          .array(
            z.object({
              kty: z.string().meta({ description: 'Key type', example: 'EC' }),
              crv: z.string().meta({ description: 'Curve', example: 'P-256' }),
              x: z
                .string()
                .meta({ description: 'x coordinate', example: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU' }),
              y: z
                .string()
                .meta({ description: 'y coordinate', example: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0' }),
              kid: z
                .string()
                .meta({ description: 'RFC 7638 thumbprint', example: 'oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U' }),
              alg: z.string().meta({ description: 'Algorithm', example: 'ES256' }),
              use: z.string().meta({ description: 'What it is for', example: 'sig' }),
            }),
          )
          .meta({ description: 'One key', example: [] }),
      }),
    },
  },
} as const
