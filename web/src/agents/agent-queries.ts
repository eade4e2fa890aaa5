import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query'
import type { AgentType } from '../../../server/src/catalogue/catalogue-schemas.ts'
import { api } from '../api.ts'
import { agentTypeLooks } from '../ui/agent-type.ts'

export interface AgentFilter {
  search?: string
  type?: string
  mine?: boolean
}

export function agentsQuery({ search, type, mine }: AgentFilter, limit = 50) {
  return infiniteQueryOptions({
    queryKey: ['agents', { search, type, mine, limit }],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam, signal }) =>
      api('GET /api/v1/agents', {
        query: { search, type: knownType(type), mine: mine ? 'true' : undefined, limit, cursor: pageParam },
        signal,
      }),
    getNextPageParam: (page) => page.next_cursor ?? undefined,
  })
}

export function agentQuery(id: string) {
  return queryOptions({
    queryKey: ['agents', id],
    queryFn: ({ signal }) => api('GET /api/v1/agents/:id', { params: { id }, signal }),
  })
}

// An address somebody typed may name a type that does not exist; then all are shown.
function knownType(type: string | undefined): AgentType | undefined {
  return type !== undefined && Object.hasOwn(agentTypeLooks, type) ? (type as AgentType) : undefined
}
