import { queryOptions, useQuery } from '@tanstack/react-query'
import type { ResponseOf } from '../../../../api-client/src/route-types.ts'
import { api } from '../../api.ts'

export type AdminPlanDetail = ResponseOf<'GET /api/v1/admin/plans/:id'>
export type PlanImpact = ResponseOf<'PATCH /api/v1/admin/plans/:id'>['impact']

/** All plans in their order, archived ones last. */
export const adminPlansQuery = queryOptions({
  queryKey: ['admin-plans'],
  queryFn: async ({ signal }) => (await api('GET /api/v1/admin/plans', { signal })).data,
})

export const adminPlanQuery = (id: string) =>
  queryOptions({
    queryKey: ['admin-plans', id],
    queryFn: ({ signal }) => api('GET /api/v1/admin/plans/:id', { params: { id }, signal }),
  })

/** For the filters of lists. */
export function usePlanOptions(): { value: string; label: string }[] {
  const plans = useQuery(adminPlansQuery).data ?? []
  return [{ value: '', label: 'Every plan' }, ...plans.map(({ id, name }) => ({ value: id, label: name }))]
}
