import { Alert, Button, Group, Modal, Paper, Stack, Text, Textarea } from '@mantine/core'
import { useMediaQuery } from '@mantine/hooks'
import { IconArrowDownCircle, IconTrash } from '@tabler/icons-react'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import type { Plan } from '../../../api-client/src/api-types.ts'
import { api } from '../api.ts'
import { BillingSwitch } from '../plans/billing-switch.tsx'
import { type BillingInterval, intervalOf, isFree } from '../plans/plan-price.ts'
import { plansQuery } from '../plans/plan-queries.ts'
import { ErrorState } from '../ui/error-state.tsx'
import { ButtonLink } from '../ui/links.tsx'
import { LoadingState } from '../ui/loading-state.tsx'
import { toastDone } from '../ui/toast.ts'
import { firstKeep, type Keep, keepFaults } from './keep-choice.ts'
import { KeepFields } from './keep-fields.tsx'
import { describePreview, forgetsLogs } from './preview-words.ts'
import { type Preview, previewQuery, refreshSubscription, type Subscribed } from './subscription-queries.ts'

interface ChooseDialogProps {
  planId: string
  interval: BillingInterval
  onInterval: (interval: BillingInterval) => void
  subscribed: Subscribed
  onClose: () => void
}

/** What choosing a plan does, shown before it is done: what is due, when, what ends and what is to stay on. */
export function ChooseDialog({ planId, interval, onInterval, subscribed, onClose }: ChooseDialogProps) {
  const isPhone = useMediaQuery('(max-width: 48em)')
  const plans = useQuery(plansQuery)
  // A plan that is not offered any more can still be paid another way by who has it.
  const plan = plans.data && [...plans.data, subscribed.plan].find((one) => one?.id === planId)
  const by = plan ? paidBy(plan, interval) : null
  const preview = useQuery({ ...previewQuery(planId, by), enabled: plan !== undefined })
  const failed = [plans, preview].find(({ isError }) => isError)
  return (
    <Modal
      opened
      onClose={onClose}
      size={640}
      fullScreen={isPhone}
      radius={isPhone ? 0 : 'lg'}
      title={<Text fw={650}>{plan ? plan.name : 'Choose a plan'}</Text>}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <Stack gap="lg">
        {plan && !isFree(plan) && !plan.is_by_arrangement && (
          <BillingSwitch plans={[plan]} value={intervalOf(plan, interval)} onChange={onInterval} />
        )}
        {failed && <ErrorState error={failed.error} onRetry={() => void failed.refetch()} />}
        {plans.data && !plan && <NotOffered />}
        {!failed && (plans.isPending || (plan && preview.isPending)) && (
          <LoadingState shape="text" label="Loading what would change" />
        )}
        {plan && preview.data && (
          <Choice
            key={`${plan.id} ${by} ${preview.dataUpdatedAt}`}
            plan={plan}
            interval={intervalOf(plan, interval)}
            preview={preview.data}
            present={subscribed.plan}
            onStale={() => void preview.refetch()}
            onClose={onClose}
          />
        )}
      </Stack>
    </Modal>
  )
}

/** What costs nothing, or is talked about, has no interval. */
function paidBy(plan: Plan, interval: BillingInterval): BillingInterval | null {
  return isFree(plan) || plan.is_by_arrangement ? null : intervalOf(plan, interval)
}

function NotOffered() {
  return (
    <Stack align="flex-start">
      <Text>This plan is not offered any more.</Text>
      <ButtonLink to="/plans">See the plans</ButtonLink>
    </Stack>
  )
}

interface ChoiceProps {
  plan: Plan
  interval: BillingInterval
  preview: Preview
  present: Plan | null
  onStale: () => void
  onClose: () => void
}

function Choice({ plan, interval, preview, present, onStale, onClose }: ChoiceProps) {
  const { must_choose: choose } = preview
  const [keep, setKeep] = useState<Keep>(() => (choose ? firstKeep(choose) : { user_agent_ids: [], api_key_ids: [] }))
  const [message, setMessage] = useState('')
  const change = useChange(plan, onClose)
  if (preview.kind === 'same') {
    return (
      <Stack align="flex-start">
        <Text>You have {plan.name} already. There is nothing to change.</Text>
        <Button onClick={onClose}>Good</Button>
      </Stack>
    )
  }
  const words = describePreview(preview, plan, interval, present?.name ?? null, new Date())
  const forgets = forgetsLogs(plan, present)
  const isTooMuch = choose !== null && keepFaults(choose, keep).length > 0
  const submit = () =>
    change.mutate({
      plan_id: plan.id,
      billing_interval: paidBy(plan, interval),
      ...(choose && { keep }),
      ...(message.trim() !== '' && { message: message.trim() }),
    })
  return (
    <Stack gap="lg">
      <Paper p="md" radius="md" bg="var(--ax-page)">
        {words.dueNow !== null && (
          <Group justify="space-between" align="baseline" mb="xs">
            <Text size="sm">To pay now</Text>
            <Text fz={28} fw={700} lh={1.1}>
              {words.dueNow}
            </Text>
          </Group>
        )}
        <Stack gap={6}>
          {words.lines.map((line) => (
            <Text key={line} size="sm">
              {line}
            </Text>
          ))}
        </Stack>
      </Paper>
      {preview.ends.length > 0 && <Ends ends={preview.ends} planName={plan.name} />}
      {forgets && (
        <Alert color="honey" variant="light" icon={<IconTrash aria-hidden />} title="Logs are kept for less time">
          <Text size="sm">{forgets}</Text>
        </Alert>
      )}
      {choose && <KeepFields choose={choose} keep={keep} onChange={setKeep} planName={plan.name} />}
      {preview.kind === 'request' && (
        <Textarea
          label="Your words to the operator"
          description="May stay empty."
          autosize
          minRows={2}
          maxRows={8}
          maxLength={2000}
          value={message}
          onChange={(event) => setMessage(event.currentTarget.value)}
        />
      )}
      {change.error && <ErrorState error={change.error} onRetry={onStale} />}
      <Group justify="flex-end">
        <Button variant="default" onClick={onClose} disabled={change.isPending}>
          Leave it as it is
        </Button>
        <Button onClick={submit} loading={change.isPending || change.isSuccess} disabled={isTooMuch}>
          {words.button}
        </Button>
      </Group>
    </Stack>
  )
}

function Ends({ ends, planName }: { ends: string[]; planName: string }) {
  return (
    <Alert color="honey" variant="light" icon={<IconArrowDownCircle aria-hidden />} title={`${planName} does not have`}>
      <Stack component="ul" gap={2} m={0} pl="md">
        {ends.map((end) => (
          <Text key={end} size="sm" component="li">
            {end}
          </Text>
        ))}
      </Stack>
    </Alert>
  )
}

type Body = Parameters<typeof chooseIt>[0]

const chooseIt = (body: { plan_id: string; billing_interval: BillingInterval | null; keep?: Keep; message?: string }) =>
  api('POST /api/v1/me/subscription', { body })

function useChange(plan: Plan, onClose: () => void) {
  const queryClient = useQueryClient()
  const change = useMutation({
    mutationFn: (body: Body) => chooseIt(body),
    onSuccess: async ({ checkout_url, request, subscription }) => {
      if (checkout_url) {
        window.location.assign(checkout_url)
        return
      }
      await refreshSubscription(queryClient)
      if (request) toastDone(`You asked for ${plan.name}. The answer comes here.`)
      else if (subscription?.next_plan_id === plan.id) toastDone(`${plan.name} begins with the next period.`)
      else toastDone(`You have ${plan.name} now.`)
      onClose()
    },
  })
  const { reset } = change
  // Who comes back from the payment page by the browser's own button finds this one as it was left: still busy.
  useEffect(() => {
    const onShow = (event: PageTransitionEvent) => event.persisted && reset()
    addEventListener('pageshow', onShow)
    return () => removeEventListener('pageshow', onShow)
  }, [reset])
  return change
}
