import { Badge, Button, Card, Group, NativeSelect, Stack, Text, Title } from '@mantine/core'
import { useInfiniteQuery } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { useState } from 'react'
import { nameOfUser } from '../../shell/account-menu.tsx'
import { ErrorState } from '../../ui/error-state.tsx'
import { TextLink } from '../../ui/links.tsx'
import { LoadMore } from '../../ui/load-more.tsx'
import { LoadingState } from '../../ui/loading-state.tsx'
import { Time } from '../../ui/time.tsx'
import { RequestDialog } from './request-dialog.tsx'
import { type PlanRequest, type RequestState, requestStates, requestsQuery } from './subscription-queries.ts'

const stateWords: Record<RequestState, { label: string; color: string }> = {
  open: { label: 'Waiting', color: 'honey' },
  accepted: { label: 'Accepted', color: 'spruce' },
  refused: { label: 'Refused', color: 'red' },
  withdrawn: { label: 'Withdrawn', color: 'gray' },
}

/** Plans that users ask for; what waits for an answer first. */
export function PlanRequests() {
  const navigate = useNavigate()
  const search = useSearch({ from: '/signed-in/admin/subscriptions' })
  const state = requestStates.find((one) => one === search.requests) ?? 'open'
  const query = useInfiniteQuery({ ...requestsQuery(state), refetchInterval: 60_000 })
  const requests = query.data?.pages.flatMap((page) => page.data) ?? []
  return (
    <section aria-labelledby="requests">
      <Group justify="space-between" mb="sm" gap="sm">
        <Title order={2} size="h3" id="requests">
          Requests
        </Title>
        <NativeSelect
          aria-label="State of the requests"
          value={state}
          onChange={(event) =>
            void navigate({
              to: '/admin/subscriptions',
              search: { ...search, requests: event.currentTarget.value },
              replace: true,
              resetScroll: false,
            })
          }
          data={requestStates.map((value) => ({ value, label: stateWords[value].label }))}
        />
      </Group>
      {query.isPending && <LoadingState shape="text" label="Loading the requests" />}
      {query.isError && (
        <ErrorState error={query.error} onRetry={() => query.refetch()} isRetrying={query.isFetching} />
      )}
      {query.isSuccess && requests.length === 0 && (
        <Text c="dimmed">{state === 'open' ? 'Nobody waits for an answer.' : 'There are none.'}</Text>
      )}
      <Stack gap="sm">
        {requests.map((request) => (
          <Request key={request.id} request={request} />
        ))}
        <LoadMore hasMore={query.hasNextPage} isLoading={query.isFetchingNextPage} onLoad={query.fetchNextPage} />
      </Stack>
    </section>
  )
}

function Request({ request }: { request: PlanRequest }) {
  const [dialog, setDialog] = useState<'accept' | 'refuse' | null>(null)
  const { user, plan_name, plan_id, billing_interval, message, status, answer, created_at } = request
  return (
    <Card component="article" aria-label={`${user.email} asks for ${plan_name}`} padding="md">
      <Group justify="space-between" gap="md">
        <div style={{ flex: '1 1 280px', minWidth: 0 }}>
          <Text style={{ overflowWrap: 'anywhere' }}>
            <TextLink to="/admin/users/$userId" params={{ userId: user.id }} fw={600}>
              {user.email}
            </TextLink>{' '}
            asks for{' '}
            <TextLink to="/admin/plans/$planId" params={{ planId: plan_id }} fw={600}>
              {plan_name}
            </TextLink>
            {billing_interval && `, by the ${billing_interval}`}
          </Text>
          <Text size="sm" c="dimmed">
            {nameOfUser(user)} · <Time value={created_at} />
          </Text>
        </div>
        {status === 'open' ? (
          <Group gap="sm">
            <Button variant="default" onClick={() => setDialog('refuse')} aria-label={`Refuse ${user.email}`}>
              Refuse
            </Button>
            <Button onClick={() => setDialog('accept')} aria-label={`Accept ${user.email}`}>
              Accept
            </Button>
          </Group>
        ) : (
          <Badge color={stateWords[status].color}>{stateWords[status].label}</Badge>
        )}
      </Group>
      {message && (
        <Text size="sm" mt="sm" className="ax-pre-line">
          “{message}”
        </Text>
      )}
      {answer && (
        <Text size="sm" c="dimmed" mt="xs" className="ax-pre-line">
          Answered: {answer}
        </Text>
      )}
      {status === 'open' && <RequestDialog request={request} decision={dialog} onClose={() => setDialog(null)} />}
    </Card>
  )
}
