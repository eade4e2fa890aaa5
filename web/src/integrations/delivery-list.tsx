import { Badge, Button, Code, Group, Stack, Text } from '@mantine/core'
import { IconRefresh } from '@tabler/icons-react'
import { useInfiniteQuery, useMutation, useQueryClient } from '@tanstack/react-query'
import { countOf } from '../agent-logs/format-run.ts'
import { api } from '../api.ts'
import { ErrorState } from '../ui/error-state.tsx'
import { ListRow } from '../ui/list-row.tsx'
import { LoadMore } from '../ui/load-more.tsx'
import { LoadingState } from '../ui/loading-state.tsx'
import { Time } from '../ui/time.tsx'
import { toastDone, toastError } from '../ui/toast.ts'
import { type Delivery, deliveriesQuery } from './integration-queries.ts'

interface DeliveryListProps {
  userAgentId: string
  integrationId: string
}

/** What a webhook was sent and how that went, newest first. */
export function DeliveryList(props: DeliveryListProps) {
  const list = useInfiniteQuery(deliveriesQuery(props.userAgentId, props.integrationId))
  const deliveries = list.data?.pages.flatMap((page) => page.data) ?? []
  if (list.isPending) return <LoadingState label="Loading the deliveries" />
  if (list.isError)
    return <ErrorState error={list.error} onRetry={() => void list.refetch()} isRetrying={list.isFetching} />
  if (deliveries.length === 0)
    return (
      <Text size="sm" c="dimmed">
        Nothing has been sent yet.
      </Text>
    )
  return (
    <Stack gap="md">
      <Stack component="ul" gap={0} m={0} p={0} style={{ listStyle: 'none' }} aria-label="Deliveries">
        {deliveries.map((delivery) => (
          <DeliveryRow key={delivery.id} {...props} delivery={delivery} />
        ))}
      </Stack>
      <LoadMore hasMore={list.hasNextPage} isLoading={list.isFetchingNextPage} onLoad={list.fetchNextPage} />
    </Stack>
  )
}

const looks = {
  pending: { label: 'Waiting', color: 'gray' },
  delivered: { label: 'Delivered', color: 'spruce' },
  failed: { label: 'Failed', color: 'red' },
} as const

function DeliveryRow({ userAgentId, integrationId, delivery }: DeliveryListProps & { delivery: Delivery }) {
  const queryClient = useQueryClient()
  const replay = useMutation({
    mutationFn: () =>
      api('POST /api/v1/user-agents/:id/integrations/:integration_id/deliveries/:delivery_id/replay', {
        params: { id: userAgentId, integration_id: integrationId, delivery_id: delivery.id },
      }),
    onSuccess: () => toastDone('It is being sent again.'),
    onError: toastError,
    onSettled: () => queryClient.invalidateQueries({ queryKey: deliveriesQuery(userAgentId, integrationId).queryKey }),
  })
  const look = looks[delivery.status]
  const facts = [
    countOf(delivery.attempts, 'attempt'),
    delivery.response_status === null ? null : `answered ${delivery.response_status}`,
    delivery.failure,
  ].filter((fact) => fact !== null)
  return (
    <ListRow>
      <div style={{ minWidth: 0 }}>
        <Group gap={8}>
          <Code>{delivery.event}</Code>
          <Badge size="sm" color={look.color}>
            {look.label}
          </Badge>
          <Text size="xs" c="dimmed">
            <Time value={delivery.created_at} />
          </Text>
        </Group>
        <Text size="xs" c="dimmed" mt={2} style={{ overflowWrap: 'anywhere' }}>
          {facts.join(' · ')}
          {delivery.status === 'pending' && delivery.next_attempt_at && (
            <>
              {' · next '}
              <Time value={delivery.next_attempt_at} />
            </>
          )}
        </Text>
      </div>
      <Button
        size="compact-xs"
        variant="default"
        leftSection={<IconRefresh size={14} aria-hidden />}
        onClick={() => replay.mutate()}
        loading={replay.isPending}
        aria-label={`Send again: ${delivery.event}`}
      >
        Send again
      </Button>
    </ListRow>
  )
}
