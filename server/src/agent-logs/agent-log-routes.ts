import { Readable } from 'node:stream'
import type { Services } from '../app.ts'
import { getClaims } from '../auth/authenticate.ts'
import type { App } from '../http/app-types.ts'
import { encodeCursor, toPage } from '../http/pagination.ts'
import { deleteLog, getLog, rateLog } from './agent-log-queries.ts'
import { agentLogRoutes } from './agent-log-schemas.ts'
import { toSpan } from './agent-log-span.ts'
import { countActivity } from './count-activity.ts'
import { deleteLogs } from './delete-agent-logs.ts'
import { exportLogs } from './export-agent-logs.ts'
import { findLogs } from './find-agent-logs.ts'

export function addAgentLogRoutes(app: App, { database }: Services): void {
  app.get('/api/v1/agent-logs', { schema: agentLogRoutes['GET /api/v1/agent-logs'] }, async (request) => {
    const { from, to, after, order, cursor, limit, ...filter } = request.query
    const selection = { filter, span: toSpan({ from, to, after, order, cursor }) }
    const { logs, searchedTo } = await findLogs(database, getClaims(request), selection, order, limit + 1)
    const page = toPage(logs, limit, (row) => row)
    return {
      ...page,
      next_cursor: searchedTo ? encodeCursor(searchedTo) : page.next_cursor,
      searched_to: searchedTo?.timestamp ?? null,
    }
  })

  app.get(
    '/api/v1/agent-logs/export',
    // A HEAD request would read the whole export to throw it away.
    { schema: agentLogRoutes['GET /api/v1/agent-logs/export'], exposeHeadRoute: false },
    async (request, reply) => {
      const { from, to, order, format, ...filter } = request.query
      const wanted = { selection: { filter, span: toSpan({ from, to }) }, order, format }
      const pieces = exportLogs(database, getClaims(request), wanted)
      // The first piece is read before the head of the answer goes out: what fails by then is still a proper error.
      const first = await pieces.next()
      const day = new Date().toISOString().slice(0, 10)
      reply
        .type(format === 'csv' ? 'text/csv; charset=utf-8; header=present' : 'application/x-ndjson; charset=utf-8')
        .header('content-disposition', `attachment; filename="agent-logs-${day}.${format}"`)
      return reply.send(Readable.from(continueWith(first, pieces)) as never)
    },
  )

  app.get(
    '/api/v1/agent-logs/activity',
    { schema: agentLogRoutes['GET /api/v1/agent-logs/activity'] },
    async (request) => {
      const { days, user_agent_id: userAgentId } = request.query
      return { data: await countActivity(database, getClaims(request), { days, userAgentId }) }
    },
  )

  app.get('/api/v1/agent-logs/:id', { schema: agentLogRoutes['GET /api/v1/agent-logs/:id'] }, (request) =>
    database.withUser(getClaims(request), (tx) => getLog(tx, request.params.id)),
  )

  app.put('/api/v1/agent-logs/:id/rating', { schema: agentLogRoutes['PUT /api/v1/agent-logs/:id/rating'] }, (request) =>
    database.withUser(getClaims(request), (tx) => rateLog(tx, request.params.id, request.body)),
  )

  app.delete(
    '/api/v1/agent-logs/:id',
    { schema: agentLogRoutes['DELETE /api/v1/agent-logs/:id'] },
    async (request, reply) => {
      await database.withUser(getClaims(request), (tx) => deleteLog(tx, request.params.id))
      return reply.status(204).send()
    },
  )

  app.delete('/api/v1/agent-logs', { schema: agentLogRoutes['DELETE /api/v1/agent-logs'] }, async (request) => {
    const { from, to, all: _all, ...filter } = request.query
    return deleteLogs(database, getClaims(request), { filter, span: toSpan({ from, to }) })
  })
}

async function* continueWith<T>(first: IteratorResult<T>, rest: AsyncGenerator<T>): AsyncGenerator<T> {
  if (first.done) return
  yield first.value
  yield* rest
}
