import { isIP } from 'node:net'
import { isPrivateAddress } from '../url-guard/private-addresses.ts'

// RFC 7518 section 3.2: a key of HS256 has at least the size of the hash.
const minSecretBytes = 32

/** What the Supabase CLI and the self-hosting guide come with: everybody knows them. */
const publicSecrets = [
  'super-secret-jwt-token-with-at-least-32-characters-long',
  'your-super-secret-jwt-token-with-at-least-32-characters-long',
]

/** True for https, and for http where it does not leave a private network. */
export function isFetchedSafely(url: string): boolean {
  const { protocol, hostname } = new URL(url)
  return protocol === 'https:' || isPrivateHost(hostname)
}

/** What is wrong with the secret, or null. */
export function checkJwtSecret(secret: string, supabaseUrl: string | undefined): string | null {
  // With a public key as the secret everybody could sign.
  if (/^(\{|-----BEGIN|eyJ[\w-]+\.|sb_)/.test(secret)) return 'must be the legacy JWT secret, not a key or a token'
  if (Buffer.byteLength(secret) < minSecretBytes) return `must have at least ${minSecretBytes} characters`
  const isLocal = supabaseUrl !== undefined && URL.canParse(supabaseUrl) && isLoopback(new URL(supabaseUrl).hostname)
  if (publicSecrets.includes(secret) && !isLocal) return 'is the published example: choose a secret of your own'
  return null
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname)
}

function isPrivateHost(hostname: string): boolean {
  const address = hostname.replace(/^\[|\]$/g, '')
  if (isIP(address) !== 0) return isPrivateAddress(address)
  return !hostname.includes('.') || /\.(local|internal|localhost)$/.test(hostname)
}
