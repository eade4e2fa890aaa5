import { z } from 'zod'
import type { Services } from '../app.ts'
import { getClaims } from '../auth/authenticate.ts'
import { AppError } from '../errors.ts'
import type { App } from '../http/app-types.ts'
import { decodeKeys, encodeKeys, toPageByKeys } from '../http/pagination.ts'
import { revokeAllAccess } from '../integrations/revoke-access.ts'
import { configureAgent, getUserAgent, reconfigureAgent } from './configure-agent.ts'
import { toUserAgent } from './to-user-agent.ts'
import { deleteUserAgent, listUserAgents } from './user-agent-queries.ts'
import { userAgentRoutes } from './user-agent-schemas.ts'

const placeSchema = z.tuple([z.uuid()])
/** Settings are up to 500 kB each. */
const maxPage = 50

export function addUserAgentRoutes(app: App, services: Services): void {
  const { database, models, integrationTypes } = services
  app.get('/api/v1/user-agents', { schema: userAgentRoutes['GET /api/v1/user-agents'] }, async (request) => {
    const claims = getClaims(request)
    const limit = Math.min(request.query.limit, maxPage)
    const [afterId] = request.query.cursor === undefined ? [null] : decodeKeys(request.query.cursor, placeSchema)
    const rows = await database.withUser(claims, (tx) =>
      listUserAgents(tx, { userId: claims.sub, afterId, limit: limit + 1 }),
    )
    const page = toPageByKeys(rows, limit, (row) => encodeKeys([row.id]))
    return { data: page.data.map((row) => toUserAgent(row, integrationTypes)), next_cursor: page.next_cursor }
  })

  app.post('/api/v1/user-agents', { schema: userAgentRoutes['POST /api/v1/user-agents'] }, async (request, reply) => {
    const claims = getClaims(request)
    const row = await whileVisible(() =>
      database.withUser(claims, (tx) => configureAgent(tx, models, claims, request.body)),
    )
    return reply.status(201).send(toUserAgent(row, integrationTypes))
  })

  app.get('/api/v1/user-agents/:id', { schema: userAgentRoutes['GET /api/v1/user-agents/:id'] }, async (request) => {
    const claims = getClaims(request)
    const key = { id: request.params.id, userId: claims.sub }
    return toUserAgent(await database.withUser(claims, (tx) => getUserAgent(tx, key)), integrationTypes)
  })

  app.patch(
    '/api/v1/user-agents/:id',
    { schema: userAgentRoutes['PATCH /api/v1/user-agents/:id'] },
    async (request) => {
      const claims = getClaims(request)
      const { id } = request.params
      const row = await whileVisible(() =>
        database.withUser(claims, (tx) => reconfigureAgent(tx, models, claims, id, request.body)),
      )
      return toUserAgent(row, integrationTypes)
    },
  )

  app.delete(
    '/api/v1/user-agents/:id',
    { schema: userAgentRoutes['DELETE /api/v1/user-agents/:id'] },
    async (request, reply) => {
      const claims = getClaims(request)
      const key = { id: request.params.id, userId: claims.sub }
      await revokeAllAccess(services, claims, { userAgentId: key.id })
      if (!(await database.withUser(claims, (tx) => deleteUserAgent(tx, key)))) throw new AppError('not_found')
      return reply.status(204).send(null)
    },
  )
}

/** The database refuses a version that was replaced or withdrawn between our look at it and the write. */
async function whileVisible<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof AppError && error.code === 'forbidden')) throw error
    throw new AppError('conflict', { detail: 'The agent was changed in the meantime.', cause: error })
  }
}
