import { type InfiniteData, useQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect, useEffectEvent, useState } from 'react'
import type { AgentLogSummary } from '../../../api-client/src/api-types.ts'
import { api } from '../api.ts'
import { logsQuery } from './agent-log-queries.ts'
import type { LogQuery } from './log-filters.ts'

type Page = { data: AgentLogSummary[]; next_cursor: string | null }
type Pages = InfiniteData<Page, string | undefined>

const pollEveryMs = 3000
/** Running rows looked up again at each poll; more than these at once are of no use to a reader. */
const runningAtOnce = 10

/**
 * Follows the list: new rows come to its top, running ones end. While the reader is further down, new rows are held back
 * and `waiting` counts them; `show` lets them in. Nothing is asked while the tab is hidden.
 */
export function useLiveLogs(query: LogQuery, rows: AgentLogSummary[] | undefined, isOn: boolean) {
  const queryClient = useQueryClient()
  const [freshIds, setFreshIds] = useState<ReadonlySet<string>>(new Set())
  const [held, setHeld] = useState<AgentLogSummary[]>([])
  const newestId = held[0]?.id ?? rows?.[0]?.id
  const { queryKey } = logsQuery(query)

  const insert = (newer: AgentLogSummary[]) => {
    queryClient.setQueryData<Pages>(queryKey, (pages) => pages && withNewer(pages, newer))
    void queryClient.invalidateQueries({ queryKey: ['agent-logs', 'activity'] })
    setFreshIds(new Set(newer.map((row) => row.id)))
  }

  const poll = useQuery({
    queryKey: ['agent-logs', 'live', query, newestId ?? 'first'],
    enabled: isOn && rows !== undefined,
    refetchInterval: pollEveryMs,
    refetchOnMount: 'always',
    gcTime: 0,
    queryFn: async ({ signal }) => {
      const newer = await api('GET /api/v1/agent-logs', { query: { ...query, after: newestId, limit: 50 }, signal })
      const running = (rows ?? []).filter((row) => row.status === 'running').slice(0, runningAtOnce)
      const looked = await Promise.all(
        running.map(({ id }) => api('GET /api/v1/agent-logs/:id', { params: { id }, signal }).catch(() => null)),
      )
      return {
        newer: newer.data,
        ended: looked.filter((row) => row !== null).filter((row) => row.status !== 'running'),
      }
    },
  })

  const found = poll.data
  const take = useEffectEvent((answer: NonNullable<typeof found>) => {
    if (answer.ended.length > 0) {
      queryClient.setQueryData<Pages>(queryKey, (pages) => pages && withChanged(pages, answer.ended))
    }
    if (answer.newer.length === 0) return
    if (window.scrollY < 120) insert(answer.newer)
    else setHeld((before) => withoutDoubles([...answer.newer, ...before]))
  })
  // Once for each answer: what it changes must not make it run again.
  useEffect(() => {
    if (found) take(found)
  }, [found])

  const show = () => {
    insert(held)
    setHeld([])
    window.scrollTo({ top: 0 })
  }
  return { freshIds, waiting: held.length, show }
}

function withNewer(pages: Pages, newer: AgentLogSummary[]): Pages {
  const [first, ...rest] = pages.pages
  if (!first) return pages
  return { ...pages, pages: [{ ...first, data: withoutDoubles([...newer, ...first.data]) }, ...rest] }
}

function withChanged(pages: Pages, changed: AgentLogSummary[]): Pages {
  const byId = new Map(changed.map((row) => [row.id, row]))
  return {
    ...pages,
    pages: pages.pages.map((page) => ({ ...page, data: page.data.map((row) => byId.get(row.id) ?? row) })),
  }
}

function withoutDoubles(rows: AgentLogSummary[]): AgentLogSummary[] {
  return [...new Map(rows.map((row) => [row.id, row])).values()]
}
