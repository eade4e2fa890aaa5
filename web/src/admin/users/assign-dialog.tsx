import { Alert, NativeSelect, SegmentedControl, SimpleGrid, Textarea, TextInput } from '@mantine/core'
import { IconInfoCircle } from '@tabler/icons-react'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { api } from '../../api.ts'
import { priceWords } from '../../plans/plan-price.ts'
import { toastDone } from '../../ui/toast.ts'
import { ActionDialog } from '../action-dialog.tsx'
import { adminPlansQuery } from '../plans/plan-queries.ts'
import {
  type AssignmentDraft,
  describeAssignment,
  findAssignmentFaults,
  freshAssignment,
  toAssignment,
} from './assignment.ts'
import { refreshAdmin } from './refresh-admin.ts'
import type { AdminUserDetail } from './user-queries.ts'

interface UserDialogProps {
  isOpen: boolean
  onClose: () => void
  user: AdminUserDetail['user']
}

/** Puts somebody on a plan: given, or paid past Stripe. */
export function AssignDialog({ isOpen, onClose, user }: UserDialogProps) {
  const [draft, setDraft] = useState(freshAssignment)
  const [isChecked, setIsChecked] = useState(false)
  const queryClient = useQueryClient()
  const plans =
    useQuery({ ...adminPlansQuery, enabled: isOpen }).data?.filter((plan) => plan.archived_at === null) ?? []
  const plan = plans.find(({ id }) => id === draft.plan_id)
  const set = (part: Partial<AssignmentDraft>) => setDraft((before) => ({ ...before, ...part }))
  const found = findAssignmentFaults(draft, new Date())
  const faults = isChecked ? found : {}
  const isPaid = draft.source === 'manual'
  const submit = async () => {
    setIsChecked(true)
    if (Object.keys(found).length > 0) return false
    await api('PUT /api/v1/admin/users/:id/subscription', { params: { id: user.id }, body: toAssignment(draft) })
    toastDone(`${user.email} has ${plan?.name ?? 'the plan'} now.`)
    setDraft(freshAssignment)
    setIsChecked(false)
    await refreshAdmin(queryClient)
  }
  return (
    <ActionDialog
      isOpen={isOpen}
      onClose={onClose}
      title={`Give ${user.email} a plan`}
      submitLabel="Give the plan"
      onSubmit={submit}
      size="lg"
    >
      <NativeSelect
        label="Plan"
        data-autofocus
        value={draft.plan_id}
        onChange={(event) => set({ plan_id: event.currentTarget.value })}
        data={[
          { value: '', label: 'Choose one' },
          ...plans.map((one) => ({ value: one.id, label: `${one.name} (${priceWords(one, 'month')})` })),
        ]}
        error={faults.plan_id}
      />
      <SegmentedControl
        aria-label="How it is paid"
        value={draft.source}
        onChange={(value) => set({ source: value === 'manual' ? 'manual' : 'comp' })}
        data={[
          { value: 'comp', label: 'Given, costs nothing' },
          { value: 'manual', label: 'Paid past Stripe' },
        ]}
      />
      {isPaid && (
        <SimpleGrid cols={{ base: 1, xs: 3 }} spacing="sm">
          <NativeSelect
            label="Paid by the"
            value={draft.billing_interval}
            onChange={(event) => set({ billing_interval: event.currentTarget.value === 'year' ? 'year' : 'month' })}
            data={[
              { value: 'month', label: 'Month' },
              { value: 'year', label: 'Year' },
            ]}
          />
          <TextInput
            label={`Price${plan ? ` (${plan.currency})` : ''}`}
            placeholder="As the plan says"
            inputMode="decimal"
            maxLength={10}
            value={draft.price}
            onChange={(event) => set({ price: event.currentTarget.value })}
            error={faults.price}
          />
          <TextInput
            label="Days of trial"
            placeholder="None"
            inputMode="numeric"
            maxLength={3}
            value={draft.trial_days}
            onChange={(event) => set({ trial_days: event.currentTarget.value })}
            error={faults.trial_days}
          />
        </SimpleGrid>
      )}
      <TextInput
        type="date"
        label="Last day"
        description="Leave it empty for no end."
        value={draft.last_day}
        onChange={(event) => set({ last_day: event.currentTarget.value })}
        error={faults.last_day}
      />
      <Textarea
        label="Why"
        description="Stands in the history that the user sees."
        autosize
        minRows={2}
        maxLength={1000}
        value={draft.reason}
        onChange={(event) => set({ reason: event.currentTarget.value })}
        error={faults.reason}
      />
      <Alert color="spruce" icon={<IconInfoCircle aria-hidden />} role="status">
        {describeAssignment(draft, plan, user.subscription && user.plan ? user.plan.name : null)}
      </Alert>
    </ActionDialog>
  )
}
