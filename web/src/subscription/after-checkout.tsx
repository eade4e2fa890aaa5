import { Alert, Button, Group, Loader, Text } from '@mantine/core'
import { IconCircleCheck, IconClock } from '@tabler/icons-react'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { api } from '../api.ts'
import { ButtonLink } from '../ui/links.tsx'
import { refreshSubscription, type Subscribed } from './subscription-queries.ts'

const lookEveryMs = 2000
const patienceMs = 60_000

/** Who has just paid waits here until the payment has arrived: that takes seconds, sometimes a minute. */
export function AfterCheckout({ onDone }: { onDone: () => void }) {
  const queryClient = useQueryClient()
  const [isLate, setIsLate] = useState(false)
  const { data } = useQuery({
    queryKey: ['subscription', 'after-checkout'],
    queryFn: ({ signal }) => api('GET /api/v1/me/subscription', { signal }),
    refetchInterval: (query) => (isLate || hasArrived(query.state.data) ? false : lookEveryMs),
    refetchIntervalInBackground: true,
    gcTime: 0,
  })
  const isThere = hasArrived(data)
  useEffect(() => {
    if (isThere) void refreshSubscription(queryClient)
  }, [isThere, queryClient])
  useEffect(() => {
    if (isThere || isLate) return
    const timer = setTimeout(() => setIsLate(true), patienceMs)
    return () => clearTimeout(timer)
  }, [isThere, isLate])

  if (isThere) {
    return (
      <Alert
        color="spruce"
        variant="light"
        icon={<IconCircleCheck aria-hidden />}
        title={`Thank you. ${data?.plan?.name ?? 'Your plan'} is yours`}
        role="status"
      >
        <Group justify="space-between" gap="sm">
          <Text size="sm">The payment has arrived and everything in it can be used now.</Text>
          <Group gap="xs">
            <ButtonLink to="/my-agents" size="xs">
              Go to my agents
            </ButtonLink>
            <Button size="xs" variant="default" onClick={onDone}>
              Close
            </Button>
          </Group>
        </Group>
      </Alert>
    )
  }
  if (isLate) {
    return (
      <Alert
        color="honey"
        variant="light"
        icon={<IconClock aria-hidden />}
        title="The payment has not arrived yet"
        role="status"
      >
        <Group justify="space-between" gap="sm">
          <Text size="sm" flex="1 1 260px">
            Some banks take a few minutes. You need not pay again, and you can leave this page: the plan comes by
            itself.
          </Text>
          <Button size="xs" variant="default" onClick={() => setIsLate(false)}>
            Look again
          </Button>
        </Group>
      </Alert>
    )
  }
  return (
    <Alert variant="light" icon={<Loader size={18} aria-hidden />} title="Waiting for your payment" role="status">
      <Text size="sm">It takes some seconds until Stripe has told us. Then your plan stands here.</Text>
    </Alert>
  )
}

/** What is bought at the payment page is a subscription at Stripe that counts. */
function hasArrived(subscribed: Subscribed | undefined): boolean {
  const { subscription = null, is_lapsed = false } = subscribed ?? {}
  return subscription?.source === 'stripe' && !is_lapsed && ['trialing', 'active'].includes(subscription.status)
}
