import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { z } from 'zod'
import type { SigningKey } from './signing-key.ts'

/**
 * A refresh token is `<session id>.<base64url of 16 bytes nonce and 16 bytes MAC>`.
 *
 * The MAC tells a token that we once issued from an invented one: only the first can be a stolen token, so nobody who
 * merely knows a session's id can end that session. The nonce of the next token is derived from the present one, so that
 * two tabs (or a repeat after a lost answer) which refresh at the same moment are given the same next token. Neither can
 * be computed without the server's key; the database keeps hashes alone.
 */
export interface RefreshToken {
  text: string
  sessionId: string
  hash: Buffer
}

const nonceBytes = 16
const macBytes = 16
const secretPattern = /^[\w-]{43}$/

export function createRefreshToken(key: SigningKey, sessionId: string): RefreshToken {
  return fromNonce(key, sessionId, randomBytes(nonceBytes))
}

/** Null unless we issued this token at some time. */
export function readRefreshToken(key: SigningKey, text: string): RefreshToken | null {
  const [sessionId = '', secret = '', ...rest] = text.split('.')
  if (rest.length > 0 || !secretPattern.test(secret) || !z.uuid().safeParse(sessionId).success) return null
  const expected = fromNonce(key, sessionId.toLowerCase(), Buffer.from(secret, 'base64url').subarray(0, nonceBytes))
  const given = Buffer.from(text)
  const own = Buffer.from(expected.text)
  return given.length === own.length && timingSafeEqual(given, own) ? expected : null
}

/** The token that follows this one; always the same for the same token. */
export function nextRefreshToken(key: SigningKey, token: RefreshToken): RefreshToken {
  return fromNonce(key, token.sessionId, key.mac(`next:${token.text}`).subarray(0, nonceBytes))
}

function fromNonce(key: SigningKey, sessionId: string, nonce: Buffer): RefreshToken {
  const mac = key.mac(`refresh:${sessionId}:${nonce.toString('hex')}`).subarray(0, macBytes)
  const text = `${sessionId}.${Buffer.concat([nonce, mac]).toString('base64url')}`
  return { text, sessionId, hash: createHash('sha256').update(text).digest() }
}
