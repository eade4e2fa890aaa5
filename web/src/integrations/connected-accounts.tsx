import { Badge, Card, Group, Stack, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import type { UserAgent } from '../../../api-client/src/api-types.ts'
import { ButtonLink } from '../ui/links.tsx'
import { IntegrationIcon } from './integration-icon.tsx'
import { integrationsQuery, integrationTypesQuery } from './integration-queries.ts'
import { WantedAccounts } from './wanted-accounts.tsx'

/** The accounts of a user agent in short, with the way to their page. */
export function ConnectedAccounts({ userAgent }: { userAgent: UserAgent }) {
  const navigate = useNavigate()
  const { data: types = [] } = useQuery(integrationTypesQuery)
  const { data: connected = [] } = useQuery(integrationsQuery(userAgent.id))
  const place = { to: '/user-agents/$userAgentId/integrations', params: { userAgentId: userAgent.id } } as const
  if (types.length === 0) return null
  return (
    <Card p={{ base: 'md', sm: 'xl' }} component="section" aria-labelledby="connected-accounts">
      <Stack gap="md">
        <Group justify="space-between" gap="sm">
          <Title order={2} size="h3" id="connected-accounts">
            Accounts
          </Title>
          <ButtonLink {...place} size="xs" variant="default">
            Manage accounts
          </ButtonLink>
        </Group>
        {connected.length > 0 && (
          <Group gap="md">
            {connected.map(({ id, type: name, name: ownName, state }) => {
              const type = types.find((known) => known.type === name)
              return (
                <Group key={id} gap={8} wrap="nowrap">
                  <IntegrationIcon icon={type?.icon} size={28} />
                  <Text size="sm">{ownName ?? type?.title ?? name}</Text>
                  {state !== 'connected' && <Badge color="honey">Needs a look</Badge>}
                </Group>
              )
            })}
          </Group>
        )}
        <WantedAccounts
          wanted={[
            ...userAgent.missing_integrations.map((account) => ({ ...account, isRequired: true })),
            ...userAgent.optional_integrations.map((account) => ({ ...account, isRequired: false })),
          ]}
          types={types}
          onConnect={({ type }) => void navigate({ ...place, search: { connect: type } })}
        />
      </Stack>
    </Card>
  )
}
