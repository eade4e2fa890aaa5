import { Stack, Text } from '@mantine/core'
import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { plansQuery } from '../plans/plan-queries.ts'
import { ErrorState } from '../ui/error-state.tsx'
import { LoadMore } from '../ui/load-more.tsx'
import { LoadingState } from '../ui/loading-state.tsx'
import { Time } from '../ui/time.tsx'
import { actorWords, describeEvent, eventPrice, eventReason } from './event-words.ts'
import { type SubscriptionEvent, subscriptionEventsQuery } from './subscription-queries.ts'

/** Everything that happened to one's subscriptions, newest first. */
export function EventList() {
  const query = useInfiniteQuery(subscriptionEventsQuery)
  const plans = useQuery(plansQuery).data ?? []
  const nameOf = (planId: string) => plans.find(({ id }) => id === planId)?.name
  const events = query.data?.pages.flatMap((page) => page.data) ?? []
  if (query.isError && events.length === 0)
    return <ErrorState error={query.error} onRetry={() => void query.refetch()} isRetrying={query.isFetching} />
  if (query.isPending) return <LoadingState label="Loading the history" />
  if (events.length === 0) return <Text c="dimmed">Nothing has changed yet.</Text>
  return (
    <Stack gap="md">
      <Stack component="ol" gap={0} p={0} m={0} style={{ listStyle: 'none' }}>
        {events.map((event) => (
          <EventRow key={event.id} event={event} nameOf={nameOf} />
        ))}
      </Stack>
      <LoadMore hasMore={query.hasNextPage} isLoading={query.isFetchingNextPage} onLoad={query.fetchNextPage} />
    </Stack>
  )
}

function EventRow({ event, nameOf }: { event: SubscriptionEvent; nameOf: (planId: string) => string | undefined }) {
  const price = eventPrice(event)
  const reason = eventReason(event)
  return (
    <Text component="li" size="sm" py={8} style={{ borderTop: '1px solid var(--ax-line)' }}>
      {[describeEvent(event, nameOf), actorWords(event)].filter(Boolean).join(' ')}
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
