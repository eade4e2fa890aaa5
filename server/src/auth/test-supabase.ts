import { randomBytes, randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from 'jose'

export interface TestKey {
  kid: string
  alg: 'ES256' | 'RS256'
  privateKey: CryptoKey
  publicKey: CryptoKey
}

/** What answers in place of a Supabase project: its JWK set over HTTP, and tokens as Supabase Auth makes them. */
export interface TestSupabase {
  url: string
  issuer: string
  jwtSecret: string
  /** How often the keys were fetched. */
  fetches: number
  /** The answer to a fetch; `hang` never comes, `away` breaks the connection. */
  answer: 'keys' | 'hang' | 'away' | { status: number; body: string }
  published: JWK[]
  makeKey(alg?: 'ES256' | 'RS256'): Promise<TestKey>
  publish(...keys: TestKey[]): Promise<void>
  claims(changes?: JWTPayload): JWTPayload
  sign(claims: JWTPayload, key: TestKey): Promise<string>
  signWithSecret(claims: JWTPayload, secret?: string): Promise<string>
  close(): Promise<void>
}

export async function startTestSupabase(): Promise<TestSupabase> {
  const server = createServer((request, response) => {
    supabase.fetches += 1
    const { answer } = supabase
    if (answer === 'hang') return
    if (answer === 'away') return void request.socket.destroy()
    if (request.url !== '/auth/v1/.well-known/jwks.json') return void response.writeHead(404).end()
    if (answer !== 'keys') return void response.writeHead(answer.status).end(answer.body)
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ keys: supabase.published }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const issuer = `${url}/auth/v1`
  const supabase: TestSupabase = {
    url,
    issuer,
    jwtSecret: randomBytes(40).toString('base64'),
    fetches: 0,
    answer: 'keys',
    published: [],
    async makeKey(alg = 'ES256') {
      return { kid: randomUUID(), alg, ...(await generateKeyPair(alg, { extractable: true })) }
    },
    async publish(...keys) {
      supabase.published = await Promise.all(
        keys.map(async ({ kid, alg, publicKey }) => ({ ...(await exportJWK(publicKey)), kid, alg, use: 'sig' })),
      )
    },
    claims: (changes = {}) => makeClaims(issuer, changes),
    sign: (claims, { alg, kid, privateKey }) =>
      new SignJWT(claims).setProtectedHeader({ alg, kid, typ: 'JWT' }).sign(privateKey),
    signWithSecret: (claims, secret = supabase.jwtSecret) =>
      new SignJWT(claims).setProtectedHeader({ alg: 'HS256', typ: 'JWT' }).sign(new TextEncoder().encode(secret)),
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return supabase
}

/** The claims of https://supabase.com/docs/guides/auth/jwt-fields, of somebody who signed in just now. */
function makeClaims(issuer: string, changes: JWTPayload): JWTPayload {
  const now = Math.floor(Date.now() / 1000)
  const sub = changes.sub ?? randomUUID()
  return {
    iss: issuer,
    sub,
    aud: 'authenticated',
    exp: now + 3600,
    iat: now,
    email: `${sub}@example.test`,
    phone: '',
    app_metadata: { provider: 'email', providers: ['email'] },
    user_metadata: { email_verified: true },
    role: 'authenticated',
    aal: 'aal1',
    amr: [{ method: 'password', timestamp: now }],
    session_id: randomUUID(),
    is_anonymous: false,
    ...changes,
  }
}
