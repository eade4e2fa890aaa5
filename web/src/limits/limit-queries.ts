import { queryOptions } from '@tanstack/react-query'
import type { ResponseOf } from '../../../api-client/src/route-types.ts'
import { api } from '../api.ts'

/** The plan, its limits and what of them is used. */
export type Limits = ResponseOf<'GET /api/v1/me/limits'>
export type Limit = Limits['limits'][number]

export const limitsQuery = queryOptions({
  queryKey: ['limits'],
  staleTime: 30_000,
  queryFn: ({ signal }) => api('GET /api/v1/me/limits', { signal }),
})
