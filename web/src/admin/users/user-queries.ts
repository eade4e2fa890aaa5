import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query'
import type { ResponseOf } from '../../../../api-client/src/route-types.ts'
import { api } from '../../api.ts'
import { type SubscriptionStatus, statusLooks } from '../subscriptions/subscription-line.ts'

export type AdminUserDetail = ResponseOf<'GET /api/v1/admin/users/:id'>

/** Filters as they stand in the address. */
export interface UserFilters {
  search?: string
  role?: string
  plan_id?: string
  status?: string
  suspended?: string
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** The same as the API takes them; what is not valid is left out, so that an old link still opens. */
export function toUserQuery({ search, role, plan_id, status, suspended }: UserFilters) {
  return {
    search: search?.trim().slice(0, 100) || undefined,
    role: role === 'admin' || role === 'user' ? role : undefined,
    plan_id: plan_id && uuid.test(plan_id) ? plan_id : undefined,
    status: status === 'none' || isStatus(status) ? status : undefined,
    is_suspended: suspended === 'true' || suspended === 'false' ? suspended : undefined,
  } as const
}

export function isStatus(name: string | undefined): name is SubscriptionStatus {
  return name !== undefined && Object.hasOwn(statusLooks, name)
}

export function usersQuery(filters: UserFilters) {
  const query = toUserQuery(filters)
  return infiniteQueryOptions({
    queryKey: ['admin-users', 'list', query],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam, signal }) =>
      api('GET /api/v1/admin/users', { query: { ...query, cursor: pageParam }, signal }),
    getNextPageParam: (page) => page.next_cursor ?? undefined,
  })
}

export const userDetailQuery = (id: string) =>
  queryOptions({
    queryKey: ['admin-users', 'detail', id],
    queryFn: ({ signal }) => api('GET /api/v1/admin/users/:id', { params: { id }, signal }),
  })
