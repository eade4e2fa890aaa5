import { Radio, Stack, Textarea } from '@mantine/core'
import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { api } from '../../api.ts'
import { toastDone } from '../../ui/toast.ts'
import { ActionDialog } from '../action-dialog.tsx'
import { shortDate } from '../subscriptions/subscription-line.ts'
import { refreshAdmin } from './refresh-admin.ts'
import type { AdminUserDetail } from './user-queries.ts'

interface EndDialogProps {
  isOpen: boolean
  onClose: () => void
  user: AdminUserDetail['user']
}

/** Ends a subscription, now or with what is paid. */
export function EndDialog({ isOpen, onClose, user }: EndDialogProps) {
  const periodEnd = user.subscription?.period_end ?? null
  const [at, setAt] = useState<'now' | 'period_end'>(periodEnd === null ? 'now' : 'period_end')
  const [reason, setReason] = useState('')
  const queryClient = useQueryClient()
  const end = async () => {
    await api('DELETE /api/v1/admin/users/:id/subscription', {
      params: { id: user.id },
      body: { at, reason: reason.trim() },
    })
    toastDone(at === 'now' ? `The subscription of ${user.email} has ended.` : 'It ends with what is paid.')
    setReason('')
    await refreshAdmin(queryClient)
  }
  return (
    <ActionDialog
      isOpen={isOpen}
      onClose={onClose}
      title={`End the subscription of ${user.email}?`}
      submitLabel="End it"
      isDangerous
      isReady={reason.trim() !== ''}
      onSubmit={end}
    >
      <Radio.Group label="When" value={at} onChange={(value) => setAt(value === 'now' ? 'now' : 'period_end')}>
        <Stack gap="xs" mt="xs">
          {periodEnd !== null && (
            <Radio
              value="period_end"
              label={`With what is paid, on ${shortDate(periodEnd)}`}
              description="Everything goes on until then."
            />
          )}
          <Radio
            value="now"
            label="Now"
            description="Their agents stop at once. They keep all data and can choose another plan. Money that was paid is not given back by itself."
          />
        </Stack>
      </Radio.Group>
      <Textarea
        label="Why"
        description="Stands in the history that the user sees."
        autosize
        minRows={2}
        maxLength={1000}
        value={reason}
        onChange={(event) => setReason(event.currentTarget.value)}
        required
      />
    </ActionDialog>
  )
}
