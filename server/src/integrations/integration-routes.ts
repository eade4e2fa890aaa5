import type { Services } from '../app.ts'
import { getClaims } from '../auth/authenticate.ts'
import type { App } from '../http/app-types.ts'
import { getUserAgent } from '../user-agents/configure-agent.ts'
import {
  changeIntegration,
  connectIntegration,
  getIntegration,
  removeIntegration,
  setToolPermission,
} from './change-integration.ts'
import { listIntegrations } from './integration-queries.ts'
import { integrationRoutes as routes } from './integration-schemas.ts'
import { testIntegration, testNewIntegration } from './test-integration.ts'
import { toIntegration } from './to-integration.ts'

const one = '/api/v1/user-agents/:id/integrations/:integration_id'
const placeOf = (params: { id: string; integration_id: string }) => ({
  userAgentId: params.id,
  integrationId: params.integration_id,
})

export function addIntegrationRoutes(app: App, services: Services): void {
  app.get(
    '/api/v1/user-agents/:id/integrations',
    { schema: routes['GET /api/v1/user-agents/:id/integrations'] },
    async (request) => {
      const claims = getClaims(request)
      const { id } = request.params
      const rows = await services.database.withUser(claims, async (tx) => {
        await getUserAgent(tx, { id, userId: claims.sub })
        return await listIntegrations(tx, id)
      })
      return { data: rows.map((row) => toIntegration(services, row)) }
    },
  )

  app.post(
    '/api/v1/user-agents/:id/integrations',
    { schema: routes['POST /api/v1/user-agents/:id/integrations'] },
    async (request, reply) => {
      const claims = getClaims(request)
      const { row, madeCredentials } = await connectIntegration(services, claims, request.params.id, request.body)
      return reply.status(201).send({ ...toIntegration(services, row), new_secrets: madeCredentials })
    },
  )

  app.post(
    '/api/v1/user-agents/:id/integrations/test',
    { schema: routes['POST /api/v1/user-agents/:id/integrations/test'] },
    (request) => testNewIntegration(services, getClaims(request), request.params.id, request.body),
  )

  app.get(one, { schema: routes[`GET ${one}`] }, async (request) =>
    toIntegration(services, await getIntegration(services, getClaims(request), placeOf(request.params))),
  )

  app.patch(one, { schema: routes[`PATCH ${one}`] }, async (request) => {
    const place = placeOf(request.params)
    const { row, madeCredentials } = await changeIntegration(services, getClaims(request), place, request.body)
    return { ...toIntegration(services, row), new_secrets: madeCredentials }
  })

  app.delete(one, { schema: routes[`DELETE ${one}`] }, async (request) => ({
    is_revoked: await removeIntegration(services, getClaims(request), placeOf(request.params)),
  }))

  app.post(`${one}/test`, { schema: routes[`POST ${one}/test`] }, (request) =>
    testIntegration(services, getClaims(request), placeOf(request.params)),
  )

  app.put(`${one}/tools/:tool`, { schema: routes[`PUT ${one}/tools/:tool`] }, async (request) => {
    const { tool } = request.params
    const { permission } = request.body
    const place = placeOf(request.params)
    return toIntegration(services, await setToolPermission(services, getClaims(request), place, { tool, permission }))
  })
}
