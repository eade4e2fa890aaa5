import { ActionIcon, Alert, Button, Card, Group, Paper, Stack, Text, Title } from '@mantine/core'
import { IconAlertTriangle, IconTrash } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import type { IntegrationType } from '../../../api-client/src/api-types.ts'
import { api } from '../api.ts'
import { describeError } from '../ui/describe-error.ts'
import { ConnectionDialog } from './connection-dialog.tsx'
import { IntegrationIcon } from './integration-icon.tsx'
import { integrationTypesQuery } from './integration-queries.ts'
import type { PendingAccount, usePendingAccounts } from './use-pending-accounts.ts'
import { ConnectMenu, type WantedAccount, WantedAccounts } from './wanted-accounts.tsx'

interface PendingAccountsProps {
  wanted: readonly WantedAccount[]
  pending: ReturnType<typeof usePendingAccounts>
}

/** Accounts that a new user agent is to have; stored together with it. */
export function PendingAccounts({ wanted, pending }: PendingAccountsProps) {
  const { data: types = [] } = useQuery(integrationTypesQuery)
  const [open, setOpen] = useState<{ type: IntegrationType; account?: PendingAccount } | null>(null)
  const { accounts } = pending
  const unconnected = wanted.filter(({ type }) => !accounts.some((account) => account.type.type === type))
  if (types.length === 0) return null
  return (
    <Card p={{ base: 'md', sm: 'xl' }} component="section" aria-labelledby="connect-accounts">
      <Stack gap="md">
        <div>
          <Title order={2} size="h3" id="connect-accounts">
            Connect accounts
          </Title>
          <Text size="sm" c="dimmed" mt={4}>
            What it may use. Before it changes anything out there, it asks you. You can also do this later.
          </Text>
        </div>
        {accounts.length > 0 && (
          <Stack
            gap="xs"
            component="ul"
            m={0}
            p={0}
            style={{ listStyle: 'none' }}
            aria-label="Accounts to be connected"
          >
            {accounts.map((account) => (
              <PendingRow
                key={account.key}
                account={account}
                onEdit={() => setOpen({ type: account.type, account })}
                onRemove={() => pending.remove(account.key)}
              />
            ))}
          </Stack>
        )}
        <WantedAccounts wanted={unconnected} types={types} onConnect={(type) => setOpen({ type })} />
        <div>
          <ConnectMenu
            types={types}
            onConnect={(type) => setOpen({ type })}
            label={wanted.length > 0 ? 'Connect something else' : 'Connect an account'}
          />
        </div>
      </Stack>
      {open && (
        <ConnectionDialog
          type={open.type}
          entry={open.account?.entry}
          initialError={open.account?.error}
          saveLabel={open.account ? 'Change' : 'Add'}
          onSave={async (entry) => {
            if (open.account) pending.replace(open.account.key, entry)
            else pending.add(open.type, entry)
            setOpen(null)
          }}
          onTest={({ settings, credentials }) =>
            api('POST /api/v1/integration-types/:type/test', {
              params: { type: open.type.type },
              body: { settings, credentials },
            })
          }
          onClose={() => setOpen(null)}
        />
      )}
    </Card>
  )
}

function PendingRow({
  account,
  onEdit,
  onRemove,
}: {
  account: PendingAccount
  onEdit: () => void
  onRemove: () => void
}) {
  const { type, entry, error } = account
  const title = entry.name || type.title
  return (
    <Paper withBorder radius="md" p="sm" component="li">
      <Group justify="space-between" wrap="nowrap" gap="sm">
        <Group gap="sm" wrap="nowrap" miw={0}>
          <IntegrationIcon icon={type.icon} />
          <div style={{ minWidth: 0 }}>
            <Text size="sm" fw={600} truncate>
              {title}
            </Text>
            <Text size="sm" c="dimmed">
              {error ? 'Not connected' : 'Will be connected when you save'}
            </Text>
          </div>
        </Group>
        <Group gap={4} wrap="nowrap">
          <Button size="xs" variant="default" onClick={onEdit} aria-label={`Change ${title}`}>
            Change
          </Button>
          <ActionIcon color="red" aria-label={`Remove ${title}`} onClick={onRemove}>
            <IconTrash size={18} stroke={1.7} />
          </ActionIcon>
        </Group>
      </Group>
      {error !== undefined && (
        <Alert color="red" variant="light" mt="sm" role="alert" icon={<IconAlertTriangle aria-hidden />}>
          {describeError(error).title} {describeError(error).detail}
        </Alert>
      )}
    </Paper>
  )
}
