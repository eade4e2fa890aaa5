import { useQuery } from '@tanstack/react-query'
import { useEffect } from 'react'
import type { AgentLog } from '../../../api-client/src/api-types.ts'
import { readRunDetails } from '../agent-logs/run-details.ts'
import { api } from '../api.ts'

const lookEveryMs = { running: 2000, waiting: 10_000 }

interface WatchedRun {
  id: string
  status: 'running' | 'waiting'
  /** How much it has asked for, as far as is shown. */
  approvalCount: number
}

/**
 * Looks now and then whether a run that was begun elsewhere has ended, and whether one that waits was decided elsewhere;
 * hands its log over then.
 */
export function useRunningRun(run: WatchedRun | undefined, onChange: (log: AgentLog) => void) {
  const { id, status = 'running', approvalCount = 0 } = run ?? {}
  const hasChanged = (log: AgentLog) =>
    log.status !== status || (status === 'waiting' && readRunDetails(log).approvals.length !== approvalCount)
  const { data } = useQuery({
    queryKey: ['agent-logs', id, status, approvalCount],
    queryFn: ({ signal }) => api('GET /api/v1/agent-logs/:id', { params: { id: id ?? '' }, signal }),
    enabled: id !== undefined,
    refetchInterval: (query) => (query.state.data && hasChanged(query.state.data) ? false : lookEveryMs[status]),
    gcTime: 0,
  })
  const isNews = data !== undefined && data.id === id && hasChanged(data)
  useEffect(() => {
    if (isNews) onChange(data)
  }, [data, isNews, onChange])
}
