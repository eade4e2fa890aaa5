import { Badge, Button, Group, Menu, Paper, Stack, Text } from '@mantine/core'
import { IconChevronDown, IconPlus } from '@tabler/icons-react'
import type { IntegrationType } from '../../../api-client/src/api-types.ts'
import { IntegrationIcon } from './integration-icon.tsx'

/** An account that an agent names. */
export interface WantedAccount {
  type: string
  isRequired: boolean
  reason: string | null
}

interface WantedAccountsProps {
  wanted: readonly WantedAccount[]
  types: readonly IntegrationType[]
  onConnect: (type: IntegrationType) => void
}

/** What the agent can use and needs, each to be connected. What this site does not have is named only if it is needed. */
export function WantedAccounts({ wanted, types, onConnect }: WantedAccountsProps) {
  const rows = wanted
    .map((account) => ({ ...account, known: types.find(({ type }) => type === account.type) }))
    .filter(({ known, isRequired }) => known || isRequired)
    .sort((a, b) => Number(b.isRequired) - Number(a.isRequired))
  if (rows.length === 0) return null
  return (
    <Stack gap="xs" component="ul" m={0} p={0} style={{ listStyle: 'none' }} aria-label="Accounts it can use">
      {rows.map(({ type, isRequired, reason, known }) => (
        <Paper key={type} withBorder radius="md" p="sm" component="li">
          <Group justify="space-between" gap="sm" wrap="nowrap">
            <Group gap="sm" wrap="nowrap" miw={0}>
              <IntegrationIcon icon={known?.icon} />
              <div style={{ minWidth: 0 }}>
                <Group gap={8}>
                  <Text size="sm" fw={600}>
                    {known?.title ?? type}
                  </Text>
                  {isRequired && <Badge color="honey">Needed</Badge>}
                </Group>
                <Text size="sm" c="dimmed">
                  {known ? (reason ?? known.description) : 'This site does not offer it. Ask its operator.'}
                </Text>
              </div>
            </Group>
            {known && (
              <Button
                size="xs"
                variant={isRequired ? 'filled' : 'default'}
                onClick={() => onConnect(known)}
                aria-label={`Connect ${known.title}`}
                style={{ flexShrink: 0 }}
              >
                Connect
              </Button>
            )}
          </Group>
        </Paper>
      ))}
    </Stack>
  )
}

/** Everything that can be connected, whatever the agent names. */
export function ConnectMenu({ types, onConnect, label }: Omit<WantedAccountsProps, 'wanted'> & { label: string }) {
  if (types.length === 0) return null
  return (
    <Menu position="bottom-start" width={320}>
      <Menu.Target>
        <Button
          variant="light"
          size="sm"
          leftSection={<IconPlus size={16} aria-hidden />}
          rightSection={<IconChevronDown size={15} aria-hidden />}
        >
          {label}
        </Button>
      </Menu.Target>
      <Menu.Dropdown mah={420} style={{ overflowY: 'auto' }}>
        {types.map((type) => (
          <Menu.Item
            key={type.type}
            leftSection={<IntegrationIcon icon={type.icon} size={30} />}
            onClick={() => onConnect(type)}
          >
            <Text size="sm" fw={550}>
              {type.title}
            </Text>
            <Text size="xs" c="dimmed" lineClamp={2}>
              {type.description}
            </Text>
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  )
}
