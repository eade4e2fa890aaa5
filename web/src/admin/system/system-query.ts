import { queryOptions } from '@tanstack/react-query'
import { api } from '../../api.ts'

const lookEveryMs = 15 * 60_000

/** How the system is. The banner on every page asks seldom, the pages that show it more often: they share the answer. */
export const systemQuery = queryOptions({
  queryKey: ['admin-system'],
  queryFn: ({ signal }) => api('GET /api/v1/admin/system', { signal }),
  staleTime: lookEveryMs,
  refetchInterval: lookEveryMs,
})
