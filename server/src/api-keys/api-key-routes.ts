import type { Services } from '../app.ts'
import { getSessionUser } from '../auth/authenticate.ts'
import { AppError } from '../errors.ts'
import type { App } from '../http/app-types.ts'
import { requireRoom, requireSwitch } from '../limits/require-in-plan.ts'
import { createApiKey, listApiKeys, renameApiKey, revokeApiKey } from './api-key-queries.ts'
import { apiKeyRoutes } from './api-key-schemas.ts'

export function addApiKeyRoutes(app: App, { database }: Services): void {
  app.get('/api/v1/api-keys', { schema: apiKeyRoutes['GET /api/v1/api-keys'] }, async (request) => {
    const { claims } = getSessionUser(request)
    return { data: await database.withUser(claims, (tx) => listApiKeys(tx, claims.sub)) }
  })

  app.post('/api/v1/api-keys', { schema: apiKeyRoutes['POST /api/v1/api-keys'] }, async (request, reply) => {
    const { claims } = getSessionUser(request)
    const { name, expires_at: expiresAt = null } = request.body
    if (expiresAt !== null && expiresAt.getTime() <= Date.now()) {
      throw new AppError('invalid_request', {
        faults: [{ path: '/expires_at', message: 'This must be in the future.' }],
      })
    }
    const created = await database.withUser(claims, async (tx) => {
      await requireSwitch(tx, claims, 'api')
      await requireRoom(tx, claims, 'api_keys')
      return await createApiKey(tx, { userId: claims.sub, name, expiresAt })
    })
    return reply.status(201).send(created)
  })

  app.patch('/api/v1/api-keys/:id', { schema: apiKeyRoutes['PATCH /api/v1/api-keys/:id'] }, async (request) => {
    const { claims } = getSessionUser(request)
    const { id } = request.params
    return database.withUser(claims, (tx) => renameApiKey(tx, { userId: claims.sub, id, name: request.body.name }))
  })

  app.delete(
    '/api/v1/api-keys/:id',
    { schema: apiKeyRoutes['DELETE /api/v1/api-keys/:id'] },
    async (request, reply) => {
      const { claims } = getSessionUser(request)
      await database.withUser(claims, (tx) => revokeApiKey(tx, { userId: claims.sub, id: request.params.id }))
      return reply.status(204).send(null)
    },
  )
}
