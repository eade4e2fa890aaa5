import { Stack, Text, Title } from '@mantine/core'
import { infiniteQueryOptions, useInfiniteQuery, useQuery } from '@tanstack/react-query'
import type { ResponseOf } from '../../../../api-client/src/route-types.ts'
import { api } from '../../api.ts'
import { describeEvent, eventPrice, eventReason } from '../../subscription/event-words.ts'
import { ErrorState } from '../../ui/error-state.tsx'
import { LoadMore } from '../../ui/load-more.tsx'
import { Time } from '../../ui/time.tsx'
import { adminPlansQuery } from '../plans/plan-queries.ts'

type SubscriptionEvent = ResponseOf<'GET /api/v1/admin/users/:id/subscription/events'>['data'][number]

const historyQuery = (userId: string) =>
  infiniteQueryOptions({
    // Below the users: whatever is done to one makes their history stale, too.
    queryKey: ['admin-users', 'history', userId],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam, signal }) =>
      api('GET /api/v1/admin/users/:id/subscription/events', {
        params: { id: userId },
        query: { limit: 5, cursor: pageParam },
        signal,
      }),
    getNextPageParam: (page) => page.next_cursor ?? undefined,
  })

/** Everything that happened to somebody's subscriptions, newest first; nothing where there never was one. */
export function SubscriptionHistory({ userId }: { userId: string }) {
  const query = useInfiniteQuery(historyQuery(userId))
  const events = query.data?.pages.flatMap((page) => page.data) ?? []
  if (query.isError && events.length === 0)
    return <ErrorState error={query.error} onRetry={() => void query.refetch()} isRetrying={query.isFetching} />
  if (events.length === 0) return null
  return (
    <div>
      <Title order={3} size="h4" mb={4}>
        History
      </Title>
      <Stack component="ol" gap={0} p={0} m={0} style={{ listStyle: 'none' }}>
        {events.map((event) => (
          <EventRow key={event.id} event={event} />
        ))}
      </Stack>
      <LoadMore hasMore={query.hasNextPage} isLoading={query.isFetchingNextPage} onLoad={query.fetchNextPage} />
    </div>
  )
}

const actors = { me: 'by the user', admin: 'by an admin', server: null } as const

function EventRow({ event }: { event: SubscriptionEvent }) {
  const plans = useQuery(adminPlansQuery).data
  const nameOf = (planId: string) => plans?.find(({ id }) => id === planId)?.name
  const price = eventPrice(event)
  const reason = eventReason(event)
  return (
    <Text component="li" size="sm" py={8} style={{ borderTop: '1px solid var(--ax-line)', overflowWrap: 'anywhere' }}>
      {[describeEvent(event, nameOf), actors[event.by]].filter(Boolean).join(' ')}
      {price && `, for ${price}`}.{' '}
      <Text span size="sm" c="dimmed">
        <Time value={event.created_at} />
      </Text>
      {reason && (
        <Text span size="sm" c="dimmed" display="block" className="ax-pre-line">
          {reason}
        </Text>
      )}
    </Text>
  )
}
