import { Alert, Button, Group, Text } from '@mantine/core'
import { IconPower } from '@tabler/icons-react'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import type { UserAgent } from '../../../api-client/src/api-types.ts'
import { api } from '../api.ts'
import { readPlanRefusal } from '../limits/plan-refusal.ts'
import { RefusalAlert } from '../limits/refusal-alert.tsx'
import { toastError } from '../ui/toast.ts'
import { userAgentQuery } from '../user-agents/user-agent-queries.ts'

/** Says why nothing can be sent, and ends it with one press. */
export function SwitchedOff({ userAgent }: { userAgent: UserAgent }) {
  const queryClient = useQueryClient()
  const switchOn = useMutation({
    mutationFn: () => api('PATCH /api/v1/user-agents/:id', { params: { id: userAgent.id }, body: { is_active: true } }),
    onSuccess: (changed) => {
      queryClient.setQueryData(userAgentQuery(userAgent.id).queryKey, changed)
      void queryClient.invalidateQueries({ queryKey: ['user-agents'], exact: true })
    },
    onError: (error) => readPlanRefusal(error) ?? toastError(error),
  })
  const refusal = readPlanRefusal(switchOn.error)
  if (refusal) return <RefusalAlert refusal={refusal} mb="sm" />
  return (
    <Alert variant="light" color="gray" mb="sm" icon={<IconPower aria-hidden />} title="This agent is switched off">
      <Group justify="space-between" gap="sm">
        <Text size="sm">It answers nobody until it is on again. Your conversations are kept.</Text>
        <Button size="xs" onClick={() => switchOn.mutate()} loading={switchOn.isPending}>
          Switch on
        </Button>
      </Group>
    </Alert>
  )
}
