import { ActionIcon, Badge, Button, Card, Group, Menu, Modal, Stack, Switch, Text, Title } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import {
  IconArrowUpCircle,
  IconDotsVertical,
  IconListDetails,
  IconMessageCircle,
  IconPencil,
  IconPlugConnected,
  IconTrash,
} from '@tabler/icons-react'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import type { UserAgent } from '../../../api-client/src/api-types.ts'
import { api } from '../api.ts'
import { readPlanRefusal } from '../limits/plan-refusal.ts'
import { RefusalAlert } from '../limits/refusal-alert.tsx'
import { AgentTypeIcon } from '../ui/agent-type-icon.tsx'
import { Confirm } from '../ui/confirm.tsx'
import { ButtonLink } from '../ui/links.tsx'
import { Time } from '../ui/time.tsx'
import { toastDone, toastError } from '../ui/toast.ts'

/** One of my agents: its state, and everything that can be done with it. */
export function UserAgentCard({ userAgent }: { userAgent: UserAgent }) {
  const [isDeleting, deletion] = useDisclosure(false)
  const [isUpdating, updating] = useDisclosure(false)
  const queryClient = useQueryClient()
  const refresh = () => queryClient.invalidateQueries({ queryKey: ['user-agents'] })
  const remove = async () => {
    await api('DELETE /api/v1/user-agents/:id', { params: { id: userAgent.id } })
    await refresh()
    toastDone(`${userAgent.name} is deleted. Its logs stay.`)
  }
  return (
    <Card component="article" aria-label={userAgent.name} style={{ display: 'flex', flexDirection: 'column' }}>
      <Group justify="space-between" wrap="nowrap" align="flex-start">
        <Group wrap="nowrap" gap="sm" miw={0}>
          <AgentTypeIcon type={userAgent.agent.type} />
          <div style={{ minWidth: 0 }}>
            <Title order={2} size="h4" style={{ overflowWrap: 'anywhere' }}>
              {userAgent.name}
            </Title>
            <Text size="sm" c="dimmed">
              {userAgent.agent.name}
            </Text>
          </div>
        </Group>
        <CardMenu userAgent={userAgent} onDelete={deletion.open} />
      </Group>
      <Group justify="space-between" mt="lg" mb="lg" gap="xs">
        <ActiveSwitch userAgent={userAgent} />
        {userAgent.update ? (
          <Button
            size="compact-sm"
            variant="light"
            color="honey"
            leftSection={<IconArrowUpCircle size={16} aria-hidden />}
            onClick={updating.open}
          >
            Update available
          </Button>
        ) : (
          <Text size="xs" c="dimmed">
            Changed <Time value={userAgent.updated_at} />
          </Text>
        )}
      </Group>
      <Group grow mt="auto" gap="xs">
        <ButtonLink
          to="/chat/$userAgentId"
          params={{ userAgentId: userAgent.id }}
          leftSection={<IconMessageCircle size={17} aria-hidden />}
          aria-label={`Chat with ${userAgent.name}`}
        >
          Chat
        </ButtonLink>
        <ButtonLink
          to="/my-agents/$userAgentId/edit"
          params={{ userAgentId: userAgent.id }}
          variant="default"
          leftSection={<IconPencil size={17} aria-hidden />}
          aria-label={`Edit ${userAgent.name}`}
        >
          Edit
        </ButtonLink>
      </Group>
      <Confirm
        isOpen={isDeleting}
        onClose={deletion.close}
        title={`Delete ${userAgent.name}?`}
        confirmLabel="Delete"
        onConfirm={remove}
      >
        Its settings and connected accounts are deleted. The log of what was said stays until you delete it there.
      </Confirm>
      <UpdateDialog userAgent={userAgent} isOpen={isUpdating} onClose={updating.close} />
    </Card>
  )
}

function CardMenu({ userAgent, onDelete }: { userAgent: UserAgent; onDelete: () => void }) {
  const navigate = useNavigate()
  return (
    <Menu position="bottom-end" width={210}>
      <Menu.Target>
        <ActionIcon color="gray" aria-label={`More for ${userAgent.name}`}>
          <IconDotsVertical size={19} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item
          leftSection={<IconPlugConnected size={17} aria-hidden />}
          onClick={() =>
            void navigate({
              to: '/user-agents/$userAgentId/integrations',
              params: { userAgentId: userAgent.id },
            })
          }
        >
          Accounts and memory
        </Menu.Item>
        <Menu.Item
          leftSection={<IconListDetails size={17} aria-hidden />}
          onClick={() => void navigate({ to: '/logs', search: { user_agent_id: userAgent.id } })}
        >
          Logs
        </Menu.Item>
        <Menu.Item
          color="var(--mantine-color-error)"
          leftSection={<IconTrash size={17} aria-hidden />}
          onClick={onDelete}
        >
          Delete
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  )
}

function ActiveSwitch({ userAgent }: { userAgent: UserAgent }) {
  const queryClient = useQueryClient()
  const toggle = useMutation({
    mutationFn: (is_active: boolean) =>
      api('PATCH /api/v1/user-agents/:id', { params: { id: userAgent.id }, body: { is_active } }),
    // What the plan has no room for is said here, with the way to more; a note would be gone before it is read.
    onError: (error) => readPlanRefusal(error) ?? toastError(error),
    onSettled: () => {
      void queryClient.invalidateQueries({ queryKey: ['limits'] })
      return queryClient.invalidateQueries({ queryKey: ['user-agents'] })
    },
  })
  const refusal = readPlanRefusal(toggle.error)
  const isActive = toggle.isPending ? toggle.variables : userAgent.is_active
  return (
    <Group gap="sm">
      <Switch
        checked={isActive}
        disabled={toggle.isPending}
        onChange={(event) => toggle.mutate(event.currentTarget.checked)}
        aria-label={`${userAgent.name} is on`}
      />
      <Badge color={isActive ? 'spruce' : 'gray'}>{isActive ? 'On' : 'Off'}</Badge>
      {refusal && <RefusalAlert refusal={refusal} />}
    </Group>
  )
}

interface UpdateDialogProps {
  userAgent: UserAgent
  isOpen: boolean
  onClose: () => void
}

function UpdateDialog({ userAgent, isOpen, onClose }: UpdateDialogProps) {
  const { update } = userAgent
  if (!update) return null
  return (
    <Modal
      opened={isOpen}
      onClose={onClose}
      title={<Text fw={650}>{`Version ${update.version} of ${userAgent.agent.name}`}</Text>}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <Stack>
        <Text size="sm">You run version {userAgent.agent_version}. This changed since:</Text>
        {update.changes.map((change) => (
          <Text size="sm" key={change.version}>
            <b>Version {change.version}.</b> {change.summary}
          </Text>
        ))}
        <Text size="sm" c="dimmed">
          Nothing changes until you save. You see the form of the new version with your answers in it.
        </Text>
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Not now
          </Button>
          <ButtonLink
            to="/my-agents/$userAgentId/edit"
            params={{ userAgentId: userAgent.id }}
            search={{ update: true }}
            data-autofocus
          >
            Look at the update
          </ButtonLink>
        </Group>
      </Stack>
    </Modal>
  )
}
