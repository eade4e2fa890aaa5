import type { FastifyRequest } from 'fastify'
import { AppError } from '../errors.ts'

const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS'])

/**
 * Refuses a state-changing request that a browser sends from another site with our cookies. Browsers set Sec-Fetch-Site
 * and Origin themselves, scripts cannot (Fetch Standard, forbidden headers); programs without either hold no cookie of
 * ours by accident, and SameSite cookies stand behind this.
 */
export function refuseCrossSite(request: FastifyRequest, publicUrl: string | undefined): void {
  if (safeMethods.has(request.method)) return
  const site = request.headers['sec-fetch-site']
  if (site === 'same-origin' || site === 'none') return
  const { origin } = request.headers
  if (origin !== undefined) {
    const own = publicUrl ? new URL(publicUrl).host : request.host
    if (URL.canParse(origin) && new URL(origin).host === own) return
    throw new AppError('cross_site_request')
  }
  if (site !== undefined) throw new AppError('cross_site_request')
}
