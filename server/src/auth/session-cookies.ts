import type { FastifyReply } from 'fastify'
import type { Config } from '../config.ts'
import { accessTokenSeconds } from './access-token.ts'
import { sessionDays } from './session-queries.ts'

export const accessCookie = 'ax_access'
export const refreshCookie = 'ax_refresh'
// The refresh token travels only where it is used.
const refreshPath = '/api/v1/auth'

function attributes(config: Pick<Config, 'publicUrl'>) {
  // Without PUBLIC_URL the site may be plain http on a local network, where a Secure cookie would never come back.
  return { httpOnly: true, sameSite: 'lax', secure: config.publicUrl?.startsWith('https:') ?? false } as const
}

export function setSessionCookies(
  reply: FastifyReply,
  config: Pick<Config, 'publicUrl'>,
  tokens: { access_token: string; refresh_token: string },
): void {
  const shared = attributes(config)
  reply.setCookie(accessCookie, tokens.access_token, { ...shared, path: '/', maxAge: accessTokenSeconds })
  reply.setCookie(refreshCookie, tokens.refresh_token, { ...shared, path: refreshPath, maxAge: sessionDays * 86_400 })
}

export function clearSessionCookies(reply: FastifyReply, config: Pick<Config, 'publicUrl'>): void {
  const shared = attributes(config)
  reply.clearCookie(accessCookie, { ...shared, path: '/' })
  reply.clearCookie(refreshCookie, { ...shared, path: refreshPath })
}
