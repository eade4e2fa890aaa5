import { infiniteQueryOptions, type QueryClient, queryOptions } from '@tanstack/react-query'
import type { ResponseOf } from '../../../api-client/src/route-types.ts'
import { api } from '../api.ts'
import type { BillingInterval } from '../plans/plan-price.ts'

/** What somebody has, and what is to come. */
export type Subscribed = ResponseOf<'GET /api/v1/me/subscription'>
export type Subscription = NonNullable<Subscribed['subscription']>
export type Preview = ResponseOf<'POST /api/v1/me/subscription/preview'>
export type SubscriptionEvent = ResponseOf<'GET /api/v1/me/subscription/events'>['data'][number]
export type Invoice = ResponseOf<'GET /api/v1/me/invoices'>['data'][number]

export const subscribedQuery = queryOptions({
  queryKey: ['subscription'],
  queryFn: ({ signal }) => api('GET /api/v1/me/subscription', { signal }),
})

export const subscriptionEventsQuery = infiniteQueryOptions({
  queryKey: ['subscription', 'events'],
  initialPageParam: undefined as string | undefined,
  queryFn: ({ pageParam, signal }) =>
    api('GET /api/v1/me/subscription/events', { query: { cursor: pageParam, limit: 10 }, signal }),
  getNextPageParam: (page) => page.next_cursor ?? undefined,
})

export const invoicesQuery = queryOptions({
  queryKey: ['subscription', 'invoices'],
  staleTime: 60_000,
  queryFn: async ({ signal }) => (await api('GET /api/v1/me/invoices', { signal })).data,
})

/** Asked anew each time: what is due changes by the minute, and what is switched on may have. */
export const previewQuery = (planId: string, interval: BillingInterval | null) =>
  queryOptions({
    queryKey: ['subscription', 'preview', planId, interval],
    staleTime: 0,
    gcTime: 0,
    refetchOnWindowFocus: false,
    queryFn: ({ signal }) =>
      api('POST /api/v1/me/subscription/preview', { body: { plan_id: planId, billing_interval: interval }, signal }),
  })

/** After any change of a plan: what it may have switched on and off is read anew, too. */
export async function refreshSubscription(queryClient: QueryClient): Promise<void> {
  const keys = ['subscription', 'limits', 'plans', 'user-agents', 'api-keys']
  await Promise.all(keys.map((key) => queryClient.invalidateQueries({ queryKey: [key] })))
}
