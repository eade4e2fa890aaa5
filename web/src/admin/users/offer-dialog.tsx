import { NativeSelect, Text } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { api } from '../../api.ts'
import { priceWords } from '../../plans/plan-price.ts'
import { TextLink } from '../../ui/links.tsx'
import { toastDone } from '../../ui/toast.ts'
import { ActionDialog } from '../action-dialog.tsx'
import { adminPlansQuery } from '../plans/plan-queries.ts'
import { refreshAdmin } from './refresh-admin.ts'
import type { AdminUserDetail } from './user-queries.ts'

interface OfferDialogProps {
  isOpen: boolean
  onClose: () => void
  user: AdminUserDetail['user']
}

/** Lets somebody see and choose a plan that is not public. */
export function OfferDialog({ isOpen, onClose, user }: OfferDialogProps) {
  const [planId, setPlanId] = useState('')
  const queryClient = useQueryClient()
  const { data, isSuccess } = useQuery({ ...adminPlansQuery, enabled: isOpen })
  const hidden = data?.filter((plan) => !plan.is_public && plan.archived_at === null) ?? []
  const offer = async () => {
    await api('PUT /api/v1/admin/plans/:id/offers/:user_id', { params: { id: planId, user_id: user.id } })
    toastDone(`${user.email} sees it among the plans now.`)
    setPlanId('')
    await refreshAdmin(queryClient)
  }
  return (
    <ActionDialog
      isOpen={isOpen}
      onClose={onClose}
      title={`Offer ${user.email} a hidden plan`}
      submitLabel="Offer it"
      isReady={planId !== ''}
      onSubmit={offer}
    >
      {isSuccess && hidden.length === 0 ? (
        <Text>
          There is no hidden plan. <TextLink to="/admin/plans/new">Make one</TextLink> and switch off “Everybody can
          choose it”.
        </Text>
      ) : (
        <>
          <NativeSelect
            label="Plan"
            value={planId}
            onChange={(event) => setPlanId(event.currentTarget.value)}
            data={[
              { value: '', label: 'Choose one' },
              ...hidden.map((plan) => ({ value: plan.id, label: `${plan.name} (${priceWords(plan, 'month')})` })),
            ]}
          />
          <Text size="sm">
            They see it among the plans and can choose it themselves. Nothing changes until they do.
          </Text>
        </>
      )}
    </ActionDialog>
  )
}
