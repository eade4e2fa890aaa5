import { useQuery } from '@tanstack/react-query'
import { useEffect } from 'react'
import type { AgentLog } from '../../../api-client/src/api-types.ts'
import { api } from '../api.ts'

/** Looks every two seconds whether a run that was begun elsewhere has ended, and hands its log over then. */
export function useRunningRun(runId: string | undefined, onEnd: (log: AgentLog) => void) {
  const { data } = useQuery({
    queryKey: ['agent-logs', runId, 'running'],
    queryFn: ({ signal }) => api('GET /api/v1/agent-logs/:id', { params: { id: runId ?? '' }, signal }),
    enabled: runId !== undefined,
    refetchInterval: (query) => (query.state.data && query.state.data.status !== 'running' ? false : 2000),
    gcTime: 0,
  })
  useEffect(() => {
    if (data && data.id === runId && data.status !== 'running') onEnd(data)
  }, [data, runId, onEnd])
}
