import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { Services } from '../../app.ts'
import { getClaims } from '../../auth/authenticate.ts'
import { AppError } from '../../errors.ts'
import type { App } from '../../http/app-types.ts'
import { asAppError } from '../../http/problem.ts'
import type { Place } from '../change-integration.ts'
import { integrationRoutes } from '../integration-schemas.ts'
import { beginAuthorization, finishAuthorization } from './authorize.ts'

const begin = '/api/v1/user-agents/:id/integrations/:integration_id/authorization'
const callbackPath = '/api/v1/oauth/callback'
const text = z.string().max(20_000).optional()

const schemas = {
  callback: {
    hide: true,
    querystring: z.object({ code: text, state: text, error: text, iss: text }),
  },
  metadata: { hide: true },
} as const

export function addOAuthRoutes(app: App, services: Services): void {
  const { config } = services

  app.post(begin, { schema: integrationRoutes[`POST ${begin}`] }, async (request) => {
    const place = { userAgentId: request.params.id, integrationId: request.params.integration_id }
    return {
      authorization_url: await beginAuthorization(services, getClaims(request), place, baseUrlOf(request)),
    }
  })

  // Public, because a browser without a session has to be told on a page, not in JSON.
  app.get(callbackPath, { schema: schemas.callback, config: { access: 'public' } }, async (request, reply) => {
    reply.header('cache-control', 'no-store').header('referrer-policy', 'no-referrer')
    let place: Place | null = null
    try {
      await finishAuthorization(services, getClaims(request), request.query, (known) => {
        place = known
      })
      return reply.redirect(pageOf(place, { connected: (place as Place | null)?.integrationId ?? '' }), 303)
    } catch (error) {
      const known = asAppError(error)
      if (known.status >= 500 && known.code === 'internal_error')
        request.log.error({ err: known.cause ?? known }, known.message)
      return reply.redirect(pageOf(place, { oauth_error: known.code }), 303)
    }
  })

  // OAuth Client ID Metadata Document: for servers that take the address of this document as the id of a client.
  app.get(
    '/oauth/client-metadata.json',
    { schema: schemas.metadata, config: { access: 'public' } },
    (_request, reply) => {
      const { publicUrl } = config
      if (!publicUrl?.startsWith('https:')) throw new AppError('not_found')
      return reply.type('application/json').send({
        client_id: `${publicUrl}/oauth/client-metadata.json`,
        client_name: 'AgentExpress',
        client_uri: publicUrl,
        redirect_uris: [`${publicUrl}${callbackPath}`],
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        token_endpoint_auth_method: 'none',
      })
    },
  )

  const baseUrlOf = (request: FastifyRequest) => config.publicUrl ?? `${request.protocol}://${request.host}`
}

/** What is connected to the user agent; without one the list of all of them. Always a page of this site. */
function pageOf(place: Place | null, query: Record<string, string>): string {
  const path = place ? `/user-agents/${place.userAgentId}/integrations` : '/my-agents'
  return `${path}?${new URLSearchParams(query)}`
}
