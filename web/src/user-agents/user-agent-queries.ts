import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query'
import { api } from '../api.ts'

export const userAgentsQuery = infiniteQueryOptions({
  queryKey: ['user-agents'],
  initialPageParam: undefined as string | undefined,
  queryFn: ({ pageParam, signal }) => api('GET /api/v1/user-agents', { query: { cursor: pageParam }, signal }),
  getNextPageParam: (page) => page.next_cursor ?? undefined,
})

export function userAgentQuery(id: string) {
  return queryOptions({
    queryKey: ['user-agents', id],
    queryFn: ({ signal }) => api('GET /api/v1/user-agents/:id', { params: { id }, signal }),
  })
}

export const modelsQuery = queryOptions({
  queryKey: ['models'],
  staleTime: 60_000,
  queryFn: async ({ signal }) => (await api('GET /api/v1/models', { signal })).data,
})
