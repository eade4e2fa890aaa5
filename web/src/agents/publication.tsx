import { Badge, Button, Card, Group, Stack, Text, Title } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import type { Agent, AgentSummary } from '../../../api-client/src/api-types.ts'
import { api } from '../api.ts'
import { Confirm } from '../ui/confirm.tsx'
import { toastDone, toastError } from '../ui/toast.ts'

type Publication = AgentSummary['publication']

const looks: Record<Publication, { label: string; color: string; help: string }> = {
  private: { label: 'Private', color: 'gray', help: 'Only you see it and can set it up.' },
  requested: {
    label: 'Waiting for an admin',
    color: 'honey',
    help: 'An admin looks at it. Until then only you see it.',
  },
  public: { label: 'In the catalogue', color: 'spruce', help: 'Everybody sees it and can set it up.' },
  declined: { label: 'Declined', color: 'red', help: 'An admin said no. Change it and ask again.' },
}

export function PublicationBadge({ publication }: { publication: Publication }) {
  const { label, color } = looks[publication]
  return <Badge color={color}>{label}</Badge>
}

/** Where the agent stands on its way to the catalogue, and the next step. */
export function PublicationPanel({ agent }: { agent: Agent }) {
  const [isWithdrawing, withdrawal] = useDisclosure(false)
  const queryClient = useQueryClient()
  const keep = async (changed: Agent) => {
    queryClient.setQueryData(['agents', changed.id], changed)
    await queryClient.invalidateQueries({ queryKey: ['agents'] })
  }
  const request = useMutation({
    mutationFn: () => api('POST /api/v1/agents/:id/publication', { params: { id: agent.id } }),
    onSuccess: async (changed) => {
      await keep(changed)
      toastDone('An admin will look at it.')
    },
    onError: toastError,
  })
  const withdraw = async () => {
    await keep(await api('DELETE /api/v1/agents/:id/publication', { params: { id: agent.id } }))
    toastDone(`${agent.name} is private again.`)
  }
  const { help } = looks[agent.publication]
  const mayRequest = agent.publication === 'private' || agent.publication === 'declined'
  return (
    <Card component="section" aria-labelledby="publication-title">
      <Group justify="space-between" align="flex-start">
        <Stack gap={4} flex="1 1 260px">
          <Group gap="sm">
            <Title order={2} size="h3" id="publication-title">
              Catalogue
            </Title>
            <PublicationBadge publication={agent.publication} />
          </Group>
          <Text size="sm" c="dimmed">
            {help}
          </Text>
          {agent.publication_note && (
            <Text size="sm">
              <b>The admin writes:</b> {agent.publication_note}
            </Text>
          )}
        </Stack>
        {mayRequest ? (
          <Button variant="light" onClick={() => request.mutate()} loading={request.isPending}>
            Ask for publication
          </Button>
        ) : (
          <Button variant="default" onClick={withdrawal.open}>
            Withdraw
          </Button>
        )}
      </Group>
      <Confirm
        isOpen={isWithdrawing}
        onClose={withdrawal.close}
        title={`Withdraw ${agent.name}?`}
        confirmLabel="Withdraw"
        onConfirm={withdraw}
      >
        It leaves the catalogue. People who set it up keep what they have.
      </Confirm>
    </Card>
  )
}
