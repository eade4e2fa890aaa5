import { infiniteQueryOptions } from '@tanstack/react-query'
import type { ResponseOf } from '../../../../api-client/src/route-types.ts'
import { type AuditAction, auditActions } from '../../../../server/src/audit-log/audit-actions.ts'
import { api } from '../../api.ts'

export type AuditEntry = ResponseOf<'GET /api/v1/admin/audit-log'>['data'][number]

/** Filters as they stand in the address. Days are UTC, both are included. */
export interface AuditFilters {
  actor_id?: string
  action?: string
  target_type?: string
  target_id?: string
  from?: string
  to?: string
}

const day = /^\d{4}-\d{2}-\d{2}$/
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** The same as the API takes them; what is not valid is left out, so that an old link still opens. */
export function toAuditQuery(filters: AuditFilters) {
  const moment = (text: string | undefined, plusDays: number) => {
    const time = text && day.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN
    return Number.isNaN(time) ? undefined : new Date(time + plusDays * 86_400_000).toISOString()
  }
  return {
    actor_id: filters.actor_id && uuid.test(filters.actor_id) ? filters.actor_id : undefined,
    action: isAction(filters.action) ? filters.action : undefined,
    target_type: filters.target_type || undefined,
    target_id: filters.target_id || undefined,
    from: moment(filters.from, 0),
    to: moment(filters.to, 1),
  }
}

function isAction(name: string | undefined): name is AuditAction {
  return name !== undefined && Object.hasOwn(auditActions, name)
}

export function auditQuery(filters: AuditFilters, limit = 50) {
  const query = toAuditQuery(filters)
  return infiniteQueryOptions({
    queryKey: ['admin-audit-log', query, limit],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam, signal }) =>
      api('GET /api/v1/admin/audit-log', { query: { ...query, limit, cursor: pageParam }, signal }),
    getNextPageParam: (page) => page.next_cursor ?? undefined,
  })
}
