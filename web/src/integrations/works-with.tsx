import { Badge, Card, Group, Stack, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import type { Agent } from '../../../api-client/src/api-types.ts'
import { titleOf } from '../approvals/editable-schema.ts'
import { useUser } from '../auth/session.ts'
import { IntegrationIcon } from './integration-icon.tsx'
import { integrationTypesQuery } from './integration-queries.ts'

interface WorksWithProps {
  integrations: Agent['capabilities']['integrations']
  headingId: string
}

/** The accounts that an agent can use; strangers, who cannot ask for the types, see their names. */
export function WorksWith({ integrations, headingId }: WorksWithProps) {
  const user = useUser()
  const { data: types } = useQuery({ ...integrationTypesQuery, enabled: user !== null })
  const shown = integrations
    .map((integration) => ({ ...integration, known: types?.find(({ type }) => type === integration.type) }))
    .filter(({ known, required }) => known || required || !types)
  if (shown.length === 0) return null
  return (
    <Card component="section" aria-labelledby={headingId}>
      <Title order={2} size="h3" id={headingId} mb="sm">
        What it works with
      </Title>
      <Stack gap="sm">
        {shown.map(({ type, reason, required, known }) => (
          <Group key={type} gap="sm" wrap="nowrap" align="flex-start">
            <IntegrationIcon icon={known?.icon} size={34} />
            <div style={{ minWidth: 0 }}>
              <Group gap={8}>
                <Text size="sm" fw={600}>
                  {known?.title ?? titleOf(type)}
                </Text>
                {required && <Badge color="honey">Needed</Badge>}
              </Group>
              <Text size="sm" c="dimmed">
                {reason ?? known?.description}
              </Text>
            </div>
          </Group>
        ))}
      </Stack>
    </Card>
  )
}
