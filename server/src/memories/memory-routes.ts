import { z } from 'zod'
import type { Services } from '../app.ts'
import { getClaims } from '../auth/authenticate.ts'
import { AppError } from '../errors.ts'
import type { App } from '../http/app-types.ts'
import { decodeKeys, encodeKeys, toPageByKeys } from '../http/pagination.ts'
import { deleteMemories, hasUserAgent, listMemories } from './memory-queries.ts'
import { memoryRoutes } from './memory-schemas.ts'

const placeSchema = z.tuple([z.uuid()])

export function addMemoryRoutes(app: App, { database }: Pick<Services, 'database'>): void {
  app.get(
    '/api/v1/user-agents/:id/memories',
    { schema: memoryRoutes['GET /api/v1/user-agents/:id/memories'] },
    async (request) => {
      const { limit, cursor } = request.query
      const { id } = request.params
      const [afterId] = cursor === undefined ? [null] : decodeKeys(cursor, placeSchema)
      const rows = await database.withUser(getClaims(request), async (tx) => {
        const found = await listMemories(tx, id, { afterId, limit: limit + 1 })
        if (found.length === 0 && !(await hasUserAgent(tx, id))) throw new AppError('not_found')
        return found
      })
      return toPageByKeys(rows, limit, (row) => encodeKeys([row.id]))
    },
  )

  app.delete(
    '/api/v1/user-agents/:id/memories/:memory_id',
    { schema: memoryRoutes['DELETE /api/v1/user-agents/:id/memories/:memory_id'] },
    async (request, reply) => {
      const { id, memory_id } = request.params
      const deleted = await database.withUser(getClaims(request), (tx) => deleteMemories(tx, id, memory_id))
      if (deleted === 0) throw new AppError('not_found')
      return reply.status(204).send(null)
    },
  )

  app.delete(
    '/api/v1/user-agents/:id/memories',
    { schema: memoryRoutes['DELETE /api/v1/user-agents/:id/memories'] },
    async (request) => {
      const { id } = request.params
      const deleted = await database.withUser(getClaims(request), async (tx) => {
        if (!(await hasUserAgent(tx, id))) throw new AppError('not_found')
        return deleteMemories(tx, id)
      })
      return { deleted }
    },
  )
}
