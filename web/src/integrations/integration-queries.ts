import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query'
import type { ResponseOf } from '../../../api-client/src/route-types.ts'
import { api } from '../api.ts'

/** What can be connected; changes with the version of the server alone. */
export const integrationTypesQuery = queryOptions({
  queryKey: ['integration-types'],
  staleTime: 10 * 60_000,
  queryFn: async ({ signal }) => (await api('GET /api/v1/integration-types', { signal })).data,
})

// Below the user agent, so that whatever makes that stale does it to these, too.
export const integrationsQuery = (userAgentId: string) =>
  queryOptions({
    queryKey: ['user-agents', userAgentId, 'integrations'],
    queryFn: async ({ signal }) =>
      (await api('GET /api/v1/user-agents/:id/integrations', { params: { id: userAgentId }, signal })).data,
  })

export type Delivery = ResponseOf<'GET /api/v1/user-agents/:id/integrations/:integration_id/deliveries'>['data'][number]

export const deliveriesQuery = (userAgentId: string, integrationId: string) =>
  infiniteQueryOptions({
    queryKey: ['user-agents', userAgentId, 'integrations', integrationId, 'deliveries'],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam, signal }) =>
      api('GET /api/v1/user-agents/:id/integrations/:integration_id/deliveries', {
        params: { id: userAgentId, integration_id: integrationId },
        query: { limit: 20, cursor: pageParam },
        signal,
      }),
    getNextPageParam: (page) => page.next_cursor ?? undefined,
  })
