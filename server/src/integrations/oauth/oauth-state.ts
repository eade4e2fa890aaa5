import { z } from 'zod'
import type { Keyring } from '../../crypto/keyring.ts'
import { openSecret, sealSecret } from '../../crypto/seal-secret.ts'

const lifetimeMs = 600_000

const stateSchema = z.object({
  user_agent_id: z.uuid(),
  integration_id: z.uuid(),
  /** Of PKCE (RFC 7636); the provider sees its hash alone. */
  verifier: z.string(),
  nonce: z.string(),
  expires_at: z.number(),
})
export type OAuthState = z.infer<typeof stateSchema>

const contextOf = (ownerId: string) => ({ purpose: 'oauth.state', rowId: 'state', ownerId }) as const

/** The `state` of an authorization request: encrypted, for this user, and for ten minutes. */
export async function sealState(
  keyring: Keyring,
  ownerId: string,
  state: Omit<OAuthState, 'expires_at'>,
): Promise<string> {
  const { sealed } = await sealSecret(keyring, contextOf(ownerId), { ...state, expires_at: Date.now() + lifetimeMs })
  return Buffer.from(JSON.stringify(sealed)).toString('base64url')
}

/** Null for anything else than what this user was given within ten minutes. */
export async function openState(
  keyring: Keyring,
  ownerId: string,
  text: string,
  now = Date.now(),
): Promise<OAuthState | null> {
  try {
    const bytes = Buffer.from(text, 'base64url')
    // Decoding skips what is no base64url; one state has one form.
    if (bytes.toString('base64url') !== text) return null
    const sealed: unknown = JSON.parse(bytes.toString('utf8'))
    const state = stateSchema.parse(await openSecret(keyring, contextOf(ownerId), sealed))
    return state.expires_at > now ? state : null
  } catch {
    return null
  }
}
