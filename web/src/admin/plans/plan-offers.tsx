import { Button, Group, Stack, Text } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { Section } from '../../account/section.tsx'
import { api } from '../../api.ts'
import { TextLink } from '../../ui/links.tsx'
import { ListRow } from '../../ui/list-row.tsx'
import { Time } from '../../ui/time.tsx'
import { toastDone, toastError } from '../../ui/toast.ts'
import { UserPicker } from '../user-picker.tsx'
import { type AdminPlanDetail, adminPlanQuery } from './plan-queries.ts'

/** To whom a hidden plan was offered. */
export function PlanOffers({ plan }: { plan: AdminPlanDetail }) {
  const [userId, setUserId] = useState<string | null>(null)
  const queryClient = useQueryClient()
  const refresh = () => queryClient.invalidateQueries({ queryKey: adminPlanQuery(plan.id).queryKey })
  const offer = useMutation({
    mutationFn: (user_id: string) =>
      api('PUT /api/v1/admin/plans/:id/offers/:user_id', { params: { id: plan.id, user_id } }),
    onSuccess: async () => {
      setUserId(null)
      toastDone(`They see ${plan.name} among the plans now.`)
      await refresh()
    },
    onError: toastError,
  })
  const takeBack = useMutation({
    mutationFn: (user_id: string) =>
      api('DELETE /api/v1/admin/plans/:id/offers/:user_id', { params: { id: plan.id, user_id } }),
    onSuccess: refresh,
    onError: toastError,
  })
  return (
    <Section
      title="Offered to"
      description="They see this plan among the others and can choose it. Who has it already keeps it when an offer is taken back."
    >
      {plan.archived_at === null && (
        <Group align="flex-end" gap="sm">
          <div style={{ flex: '1 1 260px', maxWidth: 420 }}>
            <UserPicker label="User" value={userId} onChange={setUserId} />
          </div>
          <Button onClick={() => userId && offer.mutate(userId)} disabled={userId === null} loading={offer.isPending}>
            Offer it
          </Button>
        </Group>
      )}
      {plan.offers.length === 0 && (
        <Text size="sm" c="dimmed">
          Nobody yet.
        </Text>
      )}
      <Stack component="ul" gap={0} m={0} p={0} style={{ listStyle: 'none' }}>
        {plan.offers.map((one) => (
          <ListRow key={one.user_id}>
            <div style={{ minWidth: 0 }}>
              <TextLink to="/admin/users/$userId" params={{ userId: one.user_id }} style={{ overflowWrap: 'anywhere' }}>
                {one.email}
              </TextLink>
              <Text size="xs" c="dimmed">
                since <Time value={one.created_at} />
              </Text>
            </div>
            <Button
              size="xs"
              variant="default"
              onClick={() => takeBack.mutate(one.user_id)}
              loading={takeBack.isPending && takeBack.variables === one.user_id}
              aria-label={`Take back the offer to ${one.email}`}
            >
              Take back
            </Button>
          </ListRow>
        ))}
      </Stack>
    </Section>
  )
}
