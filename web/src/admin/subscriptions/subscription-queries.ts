import { infiniteQueryOptions } from '@tanstack/react-query'
import type { ResponseOf } from '../../../../api-client/src/route-types.ts'
import { api } from '../../api.ts'
import { isStatus, toUserQuery, type UserFilters } from '../users/user-queries.ts'

export type PlanRequest = ResponseOf<'GET /api/v1/admin/plan-requests'>['data'][number]

export type SubscriptionFilters = Pick<UserFilters, 'search' | 'plan_id' | 'status'>

export function subscriptionsQuery(filters: SubscriptionFilters) {
  const { search, plan_id } = toUserQuery(filters)
  const query = { search, plan_id, status: isStatus(filters.status) ? filters.status : undefined }
  return infiniteQueryOptions({
    queryKey: ['admin-subscriptions', query],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam, signal }) =>
      api('GET /api/v1/admin/subscriptions', { query: { ...query, cursor: pageParam }, signal }),
    getNextPageParam: (page) => page.next_cursor ?? undefined,
  })
}

export const requestStates = ['open', 'accepted', 'refused', 'withdrawn'] as const
export type RequestState = (typeof requestStates)[number]

/** Requests of a state, newest first. */
export const requestsQuery = (status: RequestState) =>
  infiniteQueryOptions({
    queryKey: ['admin-plan-requests', status],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam, signal }) =>
      api('GET /api/v1/admin/plan-requests', { query: { status, limit: 20, cursor: pageParam }, signal }),
    getNextPageParam: (page) => page.next_cursor ?? undefined,
  })
