import type { QueryClient } from '@tanstack/react-query'

const keys = [
  'admin-users',
  'admin-subscriptions',
  'admin-plan-requests',
  'admin-plans',
  'admin-audit-log',
  'admin-revenue',
]

/** After anything that was done to somebody: lists, figures and the log of what was done are read anew. */
export async function refreshAdmin(queryClient: QueryClient): Promise<void> {
  await Promise.all(keys.map((key) => queryClient.invalidateQueries({ queryKey: [key] })))
}
