import { Text, Textarea, TextInput } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { api } from '../../api.ts'
import { priceWords } from '../../plans/plan-price.ts'
import { toastDone } from '../../ui/toast.ts'
import { ActionDialog } from '../action-dialog.tsx'
import { adminPlansQuery } from '../plans/plan-queries.ts'
import { refreshAdmin } from '../users/refresh-admin.ts'
import type { PlanRequest } from './subscription-queries.ts'

interface RequestDialogProps {
  request: PlanRequest
  decision: 'accept' | 'refuse' | null
  onClose: () => void
}

const pricePattern = /^\d{1,7}([.,]\d{1,2})?$/

/** Answers a request; whoever asked reads the words. */
export function RequestDialog({ request, decision, onClose }: RequestDialogProps) {
  const [answer, setAnswer] = useState('')
  const [price, setPrice] = useState('')
  // While the dialog closes it keeps its words.
  const [shown, setShown] = useState(decision)
  if (decision !== null && decision !== shown) setShown(decision)
  const queryClient = useQueryClient()
  const plan = useQuery({ ...adminPlansQuery, enabled: decision !== null }).data?.find(
    ({ id }) => id === request.plan_id,
  )
  const isAccepting = shown === 'accept'
  const isPriceWrong = isAccepting && price.trim() !== '' && !pricePattern.test(price.trim())
  const { email } = request.user
  const decide = async () => {
    const params = { id: request.id }
    if (decision === 'accept') {
      const own = price.trim() === '' ? {} : { price: price.trim().replace(',', '.') }
      await api('POST /api/v1/admin/plan-requests/:id/accept', { params, body: { answer: answer.trim(), ...own } })
    } else {
      await api('POST /api/v1/admin/plan-requests/:id/refuse', { params, body: { answer: answer.trim() } })
    }
    toastDone(isAccepting ? `${email} has ${request.plan_name} now.` : `${email} is answered.`)
    await refreshAdmin(queryClient)
  }
  return (
    <ActionDialog
      isOpen={decision !== null}
      onClose={onClose}
      title={`${isAccepting ? 'Accept' : 'Refuse'} the request of ${email}?`}
      submitLabel={isAccepting ? 'Accept' : 'Refuse'}
      isDangerous={!isAccepting}
      isReady={!isPriceWrong}
      onSubmit={decide}
    >
      <Text>
        {isAccepting
          ? `They have ${request.plan_name} at once${plan ? ` (${priceWords(plan, request.billing_interval ?? 'month')})` : ''}. What they pay you collect yourself.`
          : 'They keep what they have, and read your answer.'}
      </Text>
      {isAccepting && (
        <TextInput
          label={`Another price${plan ? ` (${plan.currency})` : ''}`}
          description={`For each ${request.billing_interval ?? 'month'}; empty: as the plan says.`}
          inputMode="decimal"
          maxLength={10}
          value={price}
          onChange={(event) => setPrice(event.currentTarget.value)}
          error={isPriceWrong && 'A price such as 39 or 39.50.'}
        />
      )}
      <Textarea
        label="Your answer"
        description="They read it, by e-mail too where that is set up."
        autosize
        minRows={3}
        maxLength={2000}
        value={answer}
        onChange={(event) => setAnswer(event.currentTarget.value)}
        data-autofocus
      />
    </ActionDialog>
  )
}
