import { z } from 'zod'
import { getClaims } from '../auth/authenticate.ts'
import { AppError } from '../errors.ts'
import type { App } from '../http/app-types.ts'
import { decodeKeys, encodeKeys, toPageByKeys } from '../http/pagination.ts'
import { showRunLimit } from '../limits/show-run-limit.ts'
import { continueRun } from '../runtime/continue-run.ts'
import type { RunServices } from '../runtime/run-agent.ts'
import { answerRun, streamRun, wantsStream } from '../user-agents/answer-run.ts'
import { runRoutes } from '../user-agents/run-schemas.ts'
import { type ApprovalRow, countApprovals, findApproval, listApprovals } from './approval-queries.ts'
import { approvalRoutes } from './approval-schemas.ts'
import { decideApproval } from './decide-approval.ts'
import { withInputSchemas } from './list-run-approvals.ts'
import { toApproval } from './to-approval.ts'

const placeSchema = z.tuple([z.uuid()])
/** Each may hold the whole input of a call, such as a file: a page ends where it has grown too long. */
const maxPage = 50
const maxPageCharacters = 2_000_000

export function addApprovalRoutes(app: App, services: RunServices): void {
  const { database } = services

  app.get('/api/v1/approvals', { schema: approvalRoutes['GET /api/v1/approvals'] }, async (request) => {
    const claims = getClaims(request)
    const { cursor, limit: wanted, order, ...filter } = request.query
    const limit = Math.min(wanted, maxPage)
    const [afterId] = cursor === undefined ? [null] : decodeKeys(cursor, placeSchema)
    const { rows, total } = await database.withUser(claims, async (tx) => ({
      rows: await listApprovals(tx, claims.sub, filter, { order, afterId, limit: limit + 1 }),
      total: await countApprovals(tx, claims.sub, filter),
    }))
    const page = toPageByKeys(rows, countFitting(rows, limit), (row) => encodeKeys([row.id]))
    return { data: await withInputSchemas(database, claims, page.data), next_cursor: page.next_cursor, total }
  })

  app.get('/api/v1/approvals/:id', { schema: approvalRoutes['GET /api/v1/approvals/:id'] }, async (request) => {
    const claims = getClaims(request)
    const row = await database.withUser(claims, (tx) => findApproval(tx, request.params.id, claims.sub))
    const [approval] = row ? await withInputSchemas(database, claims, [row]) : []
    if (!approval) throw new AppError('not_found')
    return approval
  })

  app.post(
    '/api/v1/approvals/:id/decision',
    // Like a run: built here field by field.
    { schema: runRoutes['POST /api/v1/approvals/:id/decision'], serializerCompiler: () => JSON.stringify },
    async (request, reply) => {
      const claims = getClaims(request)
      const { decision, input, comment } = request.body
      const decided = await decideApproval(services, claims, {
        id: request.params.id,
        decision,
        input,
        comment: comment || null,
      })
      if (decided.kind === 'open') {
        const { approval } = decided
        return reply.send({ approval: toApproval(approval, null), run: { id: approval.log_id, status: 'waiting' } })
      }
      const { run } = decided
      showRunLimit(reply, run.allowance)
      // What was approved is done to its end, also when whoever approved it has closed the page by then.
      if (wantsStream(request))
        return streamRun(services, request, reply, async ({ onStart, onEvent }) => ({
          kind: 'ran',
          run: await continueRun(services, claims, run, { onStart, onEvent }),
        }))
      const ended = await continueRun(services, claims, run, {})
      return answerRun(services, request, reply, { kind: 'ran', run: ended })
    },
  )
}

/** How many of the first `limit` rows a page takes, at least one. */
function countFitting(rows: ApprovalRow[], limit: number): number {
  let characters = 0
  const tooLong = rows.findIndex(({ input, edited_input }) => {
    characters += JSON.stringify([input, edited_input]).length
    return characters > maxPageCharacters
  })
  return tooLong === -1 ? limit : Math.min(limit, Math.max(1, tooLong))
}
