import { Alert, Badge, Button, Group, Stack, Text, Title } from '@mantine/core'
import { IconCreditCard } from '@tabler/icons-react'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import type { Plan } from '../../../api-client/src/api-types.ts'
import { api } from '../api.ts'
import { type BillingInterval, yearlySaving } from '../plans/plan-price.ts'
import { ErrorState } from '../ui/error-state.tsx'
import { ButtonLink } from '../ui/links.tsx'
import { toastDone, toastError } from '../ui/toast.ts'
import { CancelDialog } from './cancel-dialog.tsx'
import { refreshSubscription, type Subscribed } from './subscription-queries.ts'
import { actionsOf, describeState } from './subscription-words.ts'

/** Which plan, how it stands in one sentence, and what can be done with it. */
export function PresentPlan({ subscribed }: { subscribed: Subscribed }) {
  const [isCancelling, setIsCancelling] = useState(false)
  const state = describeState(subscribed)
  const actions = actionsOf(subscribed)
  const { subscription, plan, is_lapsed } = subscribed
  return (
    <Stack gap="md">
      <Group gap="sm">
        <Title order={3} size="h2">
          {plan?.name ?? 'No limits'}
        </Title>
        <Badge color={state.color} size="lg">
          {state.label}
        </Badge>
      </Group>
      {state.color === 'red' ? (
        <Alert color="red" variant="light" title={state.sentence} role="alert">
          <Text size="sm">{state.detail}</Text>
        </Alert>
      ) : (
        <div>
          <Text fz="lg">{state.sentence}</Text>
          {state.detail && <Text c="dimmed">{state.detail}</Text>}
        </div>
      )}
      <Group gap="sm">
        {actions.hasPortal && <PortalButton isFirst={subscription?.status === 'past_due'} />}
        {plan !== null && (
          <ButtonLink to="/plans" variant={subscription?.status === 'past_due' ? 'default' : 'filled'}>
            {is_lapsed ? 'Choose a plan' : 'Change the plan'}
          </ButtonLink>
        )}
        {plan && actions.otherInterval && <OtherInterval plan={plan} interval={actions.otherInterval} />}
        {actions.canResume && <ResumeButton planName={plan?.name ?? ''} />}
        {actions.canTakeBack && <TakeBackButton planName={plan?.name ?? ''} />}
        {actions.canCancel && (
          <Button variant="subtle" color="gray" onClick={() => setIsCancelling(true)}>
            Cancel the subscription
          </Button>
        )}
      </Group>
      {isCancelling && subscription && plan && (
        <CancelDialog subscription={subscription} planName={plan.name} onClose={() => setIsCancelling(false)} />
      )}
    </Stack>
  )
}

/** The same plan, paid by the year or by the month. */
function OtherInterval({ plan, interval }: { plan: Plan; interval: BillingInterval }) {
  if (plan.yearly_price === null) return null
  const saving = yearlySaving(plan)
  const label = interval === 'month' ? 'Pay by the month' : `Pay by the year${saving ? `, save ${saving.amount}` : ''}`
  return (
    <ButtonLink to="/subscription" search={{ choose: plan.id, interval }} variant="light">
      {label}
    </ButtonLink>
  )
}

/** Cards, addresses and tax numbers are Stripe's affair. */
function PortalButton({ isFirst }: { isFirst: boolean }) {
  const open = useMutation({
    mutationFn: () => api('POST /api/v1/me/subscription/portal'),
    onSuccess: ({ url }) => window.location.assign(url),
    onError: toastError,
  })
  return (
    <Button
      variant={isFirst ? 'filled' : 'default'}
      leftSection={<IconCreditCard size={18} aria-hidden />}
      onClick={() => open.mutate()}
      loading={open.isPending}
    >
      {isFirst ? 'Check how you pay' : 'Card and address'}
    </Button>
  )
}

function ResumeButton({ planName }: { planName: string }) {
  const queryClient = useQueryClient()
  const resume = useMutation({
    mutationFn: () => api('POST /api/v1/me/subscription/resume'),
    onSuccess: async () => {
      await refreshSubscription(queryClient)
      toastDone(`You keep ${planName}.`)
    },
  })
  return (
    <>
      <Button variant="light" onClick={() => resume.mutate()} loading={resume.isPending}>
        Keep {planName}
      </Button>
      {resume.error && <ErrorState error={resume.error} />}
    </>
  )
}

function TakeBackButton({ planName }: { planName: string }) {
  const queryClient = useQueryClient()
  const takeBack = useMutation({
    mutationFn: () => api('DELETE /api/v1/me/subscription/next'),
    onSuccess: async () => {
      await refreshSubscription(queryClient)
      toastDone(`You keep ${planName}. Nothing changes.`)
    },
  })
  return (
    <>
      <Button variant="light" onClick={() => takeBack.mutate()} loading={takeBack.isPending}>
        Take the change back
      </Button>
      {takeBack.error && <ErrorState error={takeBack.error} />}
    </>
  )
}
