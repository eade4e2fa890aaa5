import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query'
import { api } from '../api.ts'

/** A call that is asked for may come from a program or another window at any time. */
const lookEveryMs = 30_000

/** Everything that waits, oldest first. */
export const pendingApprovalsQuery = infiniteQueryOptions({
  queryKey: ['approvals', 'pending'],
  initialPageParam: undefined as string | undefined,
  refetchInterval: lookEveryMs,
  queryFn: ({ pageParam, signal }) =>
    api('GET /api/v1/approvals', { query: { status: 'pending', order: 'asc', limit: 20, cursor: pageParam }, signal }),
  getNextPageParam: (page) => page.next_cursor ?? undefined,
})

export const approvalQuery = (id: string) =>
  queryOptions({
    queryKey: ['approvals', id],
    queryFn: ({ signal }) => api('GET /api/v1/approvals/:id', { params: { id }, signal }),
    // Decided in another window, it must not stand here as if it were open.
    refetchInterval: (query) => (query.state.data && query.state.data.status !== 'pending' ? false : lookEveryMs),
  })
