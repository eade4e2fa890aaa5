import { Alert, Badge, Button, Card, Collapse, Group, Stack, Text, Title } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import {
  IconAlertTriangle,
  IconChevronDown,
  IconCircleCheck,
  IconPencil,
  IconPlugConnected,
  IconPlugConnectedX,
} from '@tabler/icons-react'
import { useQueryClient } from '@tanstack/react-query'
import { useId, useState } from 'react'
import type { Integration, IntegrationType } from '../../../api-client/src/api-types.ts'
import { countOf } from '../agent-logs/format-run.ts'
import { api } from '../api.ts'
import { Confirm } from '../ui/confirm.tsx'
import { Time } from '../ui/time.tsx'
import { toastDone, toastError } from '../ui/toast.ts'
import { ConnectionDialog } from './connection-dialog.tsx'
import { DeliveryList } from './delivery-list.tsx'
import { IntegrationIcon } from './integration-icon.tsx'
import { NewSecrets } from './new-secrets.tsx'
import { SignInButton } from './sign-in-button.tsx'
import { TestResult } from './test-result.tsx'
import { manyTools, ToolPermissions } from './tool-permissions.tsx'
import { useConnectionTest } from './use-connection-test.ts'

interface IntegrationCardProps {
  userAgentId: string
  integration: Integration
  /** Undefined for a type that this version of the server does not have any more. */
  type: IntegrationType | undefined
}

/** One connected account: its state, its test, its form, and what its tools may do. */
export function IntegrationCard({ userAgentId, integration, type }: IntegrationCardProps) {
  const queryClient = useQueryClient()
  const [isEditing, editing] = useDisclosure(false)
  const [isRemoving, removing] = useDisclosure(false)
  const [secrets, setSecrets] = useState<Record<string, string>>({})
  const test = useConnectionTest()
  const title = integration.name ?? type?.title ?? integration.type
  const place = placeOf(integration, type)
  const params = { id: userAgentId, integration_id: integration.id }
  const refresh = () => queryClient.invalidateQueries({ queryKey: ['user-agents'] })
  const testStored = async () => {
    const result = await api('POST /api/v1/user-agents/:id/integrations/:integration_id/test', { params })
    void refresh()
    return result
  }
  const change = async (entry: { name: string; settings: object; credentials: object }) => {
    const changed = await api('PATCH /api/v1/user-agents/:id/integrations/:integration_id', {
      params,
      body: {
        name: entry.name === '' ? null : entry.name,
        settings: { ...entry.settings },
        credentials: { ...entry.credentials },
      },
    })
    setSecrets(changed.new_secrets)
    await refresh()
  }
  const remove = async () => {
    const { is_revoked } = await api('DELETE /api/v1/user-agents/:id/integrations/:integration_id', { params })
    await refresh()
    toastDone(
      is_revoked === false
        ? `${title} is disconnected here. The provider did not answer: take the access back there, too.`
        : `${title} is disconnected.`,
    )
  }
  return (
    <Card component="article" aria-label={title}>
      <Stack gap="md">
        <Group justify="space-between" align="flex-start" gap="sm">
          <Group gap="sm" wrap="nowrap" miw={0} flex="1 1 240px">
            <IntegrationIcon icon={type?.icon} size={44} />
            <div style={{ minWidth: 0 }}>
              <Title order={2} size="h4" style={{ overflowWrap: 'anywhere' }}>
                {title}
              </Title>
              <Text size="sm" c="dimmed">
                {place}
                {integration.last_tested_at && (
                  <>
                    {place === null ? 'Tested ' : ' · tested '}
                    <Time value={integration.last_tested_at} />
                  </>
                )}
              </Text>
            </div>
          </Group>
          <StateBadge integration={integration} />
        </Group>
        <Trouble integration={integration} />
        <Group gap="xs">
          {type?.is_oauth_configured && wantsSignIn(integration) && (
            <SignInButton userAgentId={userAgentId} integrationId={integration.id} title={type.title} />
          )}
          {integration.needs_authorization && type && !type.is_oauth_configured && (
            <Text size="sm">
              Signing in is not set up on this site: its operator has to register a client at {type.title} first.
            </Text>
          )}
          {type && !integration.needs_authorization && (
            <Button
              size="xs"
              variant="default"
              leftSection={<IconPlugConnected size={16} aria-hidden />}
              onClick={() => void test.run(testStored).catch(toastError)}
              loading={test.state?.kind === 'testing'}
              aria-label={`Test ${title}`}
            >
              Test
            </Button>
          )}
          {type && (
            <Button
              size="xs"
              variant="default"
              leftSection={<IconPencil size={16} aria-hidden />}
              onClick={editing.open}
              aria-label={`Change ${title}`}
            >
              Change
            </Button>
          )}
          <Button
            size="xs"
            variant="subtle"
            color="red"
            leftSection={<IconPlugConnectedX size={16} aria-hidden />}
            onClick={removing.open}
            aria-label={`Disconnect ${title}`}
          >
            Disconnect
          </Button>
        </Group>
        <TestResult state={test.state} />
        {integration.tools.length > 0 && (
          <Fold
            label={`${countOf(integration.tools.length, 'tool')}: what it may do`}
            isOpenAtFirst={integration.tools.length <= manyTools}
          >
            <ToolPermissions userAgentId={userAgentId} integration={integration} />
          </Fold>
        )}
        {integration.type === 'webhook' && (
          <Fold label="Deliveries">
            <DeliveryList userAgentId={userAgentId} integrationId={integration.id} />
          </Fold>
        )}
      </Stack>
      {isEditing && type && (
        <ConnectionDialog
          type={type}
          integration={integration}
          saveLabel="Save"
          onSave={async (entry) => {
            await change(entry)
            editing.close()
            toastDone(`${entry.name || type.title} is saved.`)
          }}
          onTest={async (entry) => {
            await change(entry)
            return await testStored()
          }}
          onClose={editing.close}
        />
      )}
      <NewSecrets secrets={secrets} onClose={() => setSecrets({})} />
      <Confirm
        isOpen={isRemoving}
        onClose={removing.close}
        title={`Disconnect ${title}?`}
        confirmLabel="Disconnect"
        onConfirm={remove}
      >
        Its credentials are deleted, and access that you gave by signing in is taken back. The agent can no longer use
        it. Logs stay.
      </Confirm>
    </Card>
  )
}

/** Not signed in yet, or what the sign-in gave is not accepted any more. */
function wantsSignIn({ needs_authorization, state, credentials }: Integration): boolean {
  return needs_authorization || (state === 'reconnect' && 'oauth' in credentials)
}

/** Tells accounts apart: the type of one with a name of its own, else where it leads, where that is known. */
function placeOf({ name, type: ownType, settings }: Integration, type: IntegrationType | undefined): string | null {
  const title = type?.title ?? ownType
  if (name !== null && name !== title) return title
  const places = [settings.from_address, settings.url, settings.document_url, settings.host, settings.hosts]
  const place = places.flat().find((value) => typeof value === 'string' && value !== '')
  return place === undefined ? null : String(place)
}

const stateLooks = {
  connected: { label: 'Connected', color: 'spruce', icon: IconCircleCheck },
  failing: { label: 'Failing', color: 'orange', icon: IconAlertTriangle },
  reconnect: { label: 'Reconnect', color: 'red', icon: IconPlugConnectedX },
  unfinished: { label: 'Not signed in yet', color: 'orange', icon: IconAlertTriangle },
} as const

function StateBadge({ integration }: { integration: Integration }) {
  const look = stateLooks[integration.needs_authorization ? 'unfinished' : integration.state]
  return (
    <Badge
      variant="default"
      fw={500}
      leftSection={<look.icon size={14} color={`var(--mantine-color-${look.color}-filled)`} aria-hidden />}
    >
      {look.label}
    </Badge>
  )
}

function Trouble({ integration }: { integration: Integration }) {
  const { state, failure, failing_since } = integration
  if (state === 'connected') return null
  return (
    <Alert
      color={state === 'reconnect' ? 'red' : 'orange'}
      variant="light"
      icon={<IconAlertTriangle aria-hidden />}
      title={state === 'reconnect' ? 'It does not accept the credentials any more' : 'It does not work at the moment'}
    >
      <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
        {failure}
      </Text>
      <Text size="sm" mt={4}>
        {failing_since && (
          <>
            Since <Time value={failing_since} isExact />.{' '}
          </>
        )}
        {state === 'reconnect' && 'Change its credentials, or sign in again.'}
      </Text>
    </Alert>
  )
}

function Fold(props: { label: string; isOpenAtFirst?: boolean; children: React.ReactNode }) {
  const [isOpen, { toggle }] = useDisclosure(props.isOpenAtFirst ?? false)
  const id = useId()
  return (
    <div>
      <Button
        variant="subtle"
        color="gray"
        size="compact-sm"
        onClick={toggle}
        aria-expanded={isOpen}
        aria-controls={id}
        rightSection={<IconChevronDown size={15} aria-hidden style={{ rotate: isOpen ? '180deg' : undefined }} />}
      >
        {props.label}
      </Button>
      <Collapse expanded={isOpen} id={id} pt="xs">
        {isOpen && props.children}
      </Collapse>
    </div>
  )
}
