import { Alert, Button, Group, Text } from '@mantine/core'
import { IconMailQuestion } from '@tabler/icons-react'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { api } from '../api.ts'
import { Time } from '../ui/time.tsx'
import { toastDone, toastError } from '../ui/toast.ts'
import { refreshSubscription, type Subscribed } from './subscription-queries.ts'

type Request = NonNullable<Subscribed['request']>

/** What the operator was asked for, and what they said. An accepted request has become the plan, so only its words are shown. */
export function PlanRequestNote({ request }: { request: Request }) {
  if (request.status === 'open') return <OpenRequest request={request} />
  if (request.status === 'withdrawn' || (request.status === 'accepted' && !request.answer)) return null
  const isRefused = request.status === 'refused'
  return (
    <Alert
      variant="light"
      color={isRefused ? 'honey' : 'spruce'}
      icon={<IconMailQuestion aria-hidden />}
      title={isRefused ? `${request.plan_name} was not given to you` : `You were put on ${request.plan_name}`}
    >
      <Text size="sm" className="ax-pre-line">
        {request.answer || 'The operator gave no reason. You can ask again, or for another plan.'}
      </Text>
      {request.decided_at && (
        <Text size="xs" c="dimmed" mt={4}>
          Answered <Time value={request.decided_at} />
        </Text>
      )}
    </Alert>
  )
}

function OpenRequest({ request }: { request: Request }) {
  const queryClient = useQueryClient()
  const withdraw = useMutation({
    mutationFn: () => api('DELETE /api/v1/me/plan-requests/:id', { params: { id: request.id } }),
    onSuccess: async () => {
      await refreshSubscription(queryClient)
      toastDone('You took your request back.')
    },
    onError: toastError,
  })
  return (
    <Alert
      variant="light"
      icon={<IconMailQuestion aria-hidden />}
      title={`You asked for ${request.plan_name}`}
      role="status"
    >
      <Group justify="space-between" gap="sm">
        <div style={{ flex: '1 1 240px' }}>
          <Text size="sm">
            Asked <Time value={request.created_at} />. The operator of this site answers, and the answer comes here.
          </Text>
          {request.message && (
            <Text size="sm" c="dimmed" className="ax-pre-line">
              You wrote: {request.message}
            </Text>
          )}
        </div>
        <Button size="xs" variant="default" onClick={() => withdraw.mutate()} loading={withdraw.isPending}>
          Take the request back
        </Button>
      </Group>
    </Alert>
  )
}
