import { queryOptions } from '@tanstack/react-query'
import { api } from '../api.ts'

/** Those everybody can choose, and those offered to whoever is signed in, in their order. */
export const plansQuery = queryOptions({
  queryKey: ['plans'],
  staleTime: 60_000,
  queryFn: async ({ signal }) => (await api('GET /api/v1/plans', { signal })).data,
})
