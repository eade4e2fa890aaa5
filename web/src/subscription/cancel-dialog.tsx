import { Button, Group, List, Modal, Stack, Text } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { api } from '../api.ts'
import { isFree } from '../plans/plan-price.ts'
import { plansQuery } from '../plans/plan-queries.ts'
import { ErrorState } from '../ui/error-state.tsx'
import { TextLink } from '../ui/links.tsx'
import { toastDone } from '../ui/toast.ts'
import { refreshSubscription, type Subscription } from './subscription-queries.ts'
import { endOf, longDate } from './subscription-words.ts'

interface CancelDialogProps {
  subscription: Subscription
  planName: string
  onClose: () => void
}

/** Says what stays and until when, before anything is cancelled. */
export function CancelDialog({ subscription, planName, onClose }: CancelDialogProps) {
  const queryClient = useQueryClient()
  const free = useQuery(plansQuery).data?.find((plan) => isFree(plan))
  const end = endOf(subscription)
  const cancel = useMutation({
    mutationFn: () => api('POST /api/v1/me/subscription/cancel'),
    onSuccess: async ({ status }) => {
      await refreshSubscription(queryClient)
      toastDone(
        status === 'canceled' ? `${planName} has ended.` : `${planName} is cancelled. It goes on until its end.`,
      )
      onClose()
    },
  })
  return (
    <Modal
      opened
      onClose={onClose}
      title={<Text fw={650}>Cancel {planName}?</Text>}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <Stack>
        <List spacing="xs">
          <List.Item>
            {end === null
              ? `${planName} ends at once, and your agents stop answering.`
              : `Everything goes on until ${longDate(end)}. Then your agents stop answering.`}
          </List.Item>
          <List.Item>Nothing more is charged.</List.Item>
          <List.Item>
            Agents, settings, accounts and logs stay. You can read, download and delete them, and go on with any plan at
            any time.
          </List.Item>
          {end !== null && <List.Item>You can take it back until then.</List.Item>}
        </List>
        {free && free.id !== subscription.plan_id && (
          <Text size="sm">
            To keep some agents going,{' '}
            <TextLink to="/subscription" search={{ choose: free.id }} inherit underline="always" onClick={onClose}>
              change to {free.name} instead
            </TextLink>
            .
          </Text>
        )}
        {cancel.error && <ErrorState error={cancel.error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose} disabled={cancel.isPending} data-autofocus>
            Keep {planName}
          </Button>
          <Button color="red.9" onClick={() => cancel.mutate()} loading={cancel.isPending}>
            Cancel the subscription
          </Button>
        </Group>
      </Stack>
    </Modal>
  )
}
