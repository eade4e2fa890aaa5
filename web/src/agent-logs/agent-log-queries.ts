import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query'
import { api } from '../api.ts'
import type { LogQuery } from './log-filters.ts'

export const logsQuery = (query: LogQuery) =>
  infiniteQueryOptions({
    queryKey: ['agent-logs', 'list', query],
    initialPageParam: undefined as string | undefined,
    // New rows come by polling; reading every page again would move what is being read.
    refetchOnWindowFocus: false,
    queryFn: ({ signal, pageParam }) =>
      api('GET /api/v1/agent-logs', { query: { ...query, limit: 50, cursor: pageParam }, signal }),
    getNextPageParam: (page) => page.next_cursor ?? undefined,
  })

export const logQuery = (id: string) =>
  queryOptions({
    queryKey: ['agent-logs', id],
    queryFn: ({ signal }) => api('GET /api/v1/agent-logs/:id', { params: { id }, signal }),
    refetchInterval: ({ state }) => (state.data?.status === 'running' ? 2000 : false),
  })

export const activityQuery = (userAgentId: string | undefined) =>
  queryOptions({
    queryKey: ['agent-logs', 'activity', userAgentId ?? 'all'],
    queryFn: ({ signal }) =>
      api('GET /api/v1/agent-logs/activity', { query: { days: 30, user_agent_id: userAgentId }, signal }),
  })

/** For lists to choose from; whoever has more than 200 agents chooses by the link on "My agents". */
export const userAgentNamesQuery = queryOptions({
  queryKey: ['user-agents', 'names'],
  staleTime: 60_000,
  queryFn: async ({ signal }) => {
    const page = await api('GET /api/v1/user-agents', { query: { limit: 200 }, signal })
    return page.data.map(({ id, name }) => ({ id, name }))
  },
})
