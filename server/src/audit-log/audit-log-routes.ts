import { z } from 'zod'
import type { Services } from '../app.ts'
import { getClaims } from '../auth/authenticate.ts'
import type { App } from '../http/app-types.ts'
import { decodeKeys, encodeKeys, toPageByKeys } from '../http/pagination.ts'
import { auditActions } from './audit-actions.ts'
import { listAuditLog } from './audit-log-queries.ts'
import { auditLogRoutes } from './audit-log-schemas.ts'
import { verifyAuditLog } from './verify-audit-log.ts'

const cursorKeys = z.tuple([z.number().int()])

export function addAuditLogRoutes(app: App, { database }: Pick<Services, 'database'>): void {
  const config = { access: 'admin' } as const
  app.get(
    '/api/v1/admin/audit-log',
    { schema: auditLogRoutes['GET /api/v1/admin/audit-log'], config },
    async (request) => {
      const { limit, cursor, ...filter } = request.query
      const beforeId = cursor === undefined ? undefined : decodeKeys(cursor, cursorKeys)[0]
      const rows = await database.withUser(getClaims(request), (tx) =>
        listAuditLog(tx, filter, { beforeId, limit: limit + 1 }),
      )
      const entries = rows.map((row) => ({ ...row, description: describeAction(row.action) }))
      return toPageByKeys(entries, limit, ({ id }) => encodeKeys([id]))
    },
  )

  app.get(
    '/api/v1/admin/audit-log/verify',
    { schema: auditLogRoutes['GET /api/v1/admin/audit-log/verify'], config },
    (request) => verifyAuditLog(database, { head: request.query.head }),
  )
}

/** A later version may have written actions that this one does not know. */
export function describeAction(action: string): string {
  const known: Record<string, string> = auditActions
  return Object.hasOwn(known, action) ? (known[action] ?? action) : action
}
