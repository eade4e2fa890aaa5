import { Badge, Group, NativeSelect, Stack, Text, TextInput } from '@mantine/core'
import { IconSearch } from '@tabler/icons-react'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import type { Integration, IntegrationTool } from '../../../api-client/src/api-types.ts'
import { api } from '../api.ts'
import { ListRow } from '../ui/list-row.tsx'
import { toastError } from '../ui/toast.ts'
import { integrationsQuery } from './integration-queries.ts'

const permissionWords = { ask: 'Ask me first', always: 'Always allow', never: 'Never' } as const
type Permission = keyof typeof permissionWords
const permissions = Object.entries(permissionWords).map(([value, label]) => ({ value, label }))

/** More than this are easier to find than to look through. */
export const manyTools = 10

/** Each tool of an account, with whether it asks first. */
export function ToolPermissions({ userAgentId, integration }: { userAgentId: string; integration: Integration }) {
  const [search, setSearch] = useState('')
  const wanted = search.trim().toLowerCase()
  const tools = integration.tools.filter(({ name, title, description }) =>
    `${name} ${title} ${description}`.toLowerCase().includes(wanted),
  )
  return (
    <Stack gap="xs">
      <Text size="sm" c="dimmed">
        After it has read something from outside, a tool that writes asks in any case.
      </Text>
      {integration.tools.length > manyTools && (
        <TextInput
          aria-label="Find a tool"
          placeholder="Find a tool"
          size="sm"
          leftSection={<IconSearch size={16} aria-hidden />}
          value={search}
          onChange={(event) => setSearch(event.currentTarget.value)}
        />
      )}
      <Stack component="ul" gap={0} m={0} p={0} style={{ listStyle: 'none' }} aria-label="Tools">
        {tools.map((tool) => (
          <ToolRow key={tool.name} userAgentId={userAgentId} integrationId={integration.id} tool={tool} />
        ))}
      </Stack>
      {tools.length === 0 && <Text size="sm">No tool is called that.</Text>}
    </Stack>
  )
}

interface ToolRowProps {
  userAgentId: string
  integrationId: string
  tool: IntegrationTool
}

function ToolRow({ userAgentId, integrationId, tool }: ToolRowProps) {
  const queryClient = useQueryClient()
  const { queryKey } = integrationsQuery(userAgentId)
  const set = useMutation({
    mutationFn: (permission: Permission) =>
      api('PUT /api/v1/user-agents/:id/integrations/:integration_id/tools/:tool', {
        params: { id: userAgentId, integration_id: integrationId, tool: tool.name },
        body: { permission },
      }),
    onSuccess: (changed) =>
      queryClient.setQueryData<Integration[]>(queryKey, (all) =>
        all?.map((integration) => (integration.id === changed.id ? changed : integration)),
      ),
    onError: toastError,
  })
  return (
    <ListRow>
      <div style={{ minWidth: 0 }}>
        <Group gap={8}>
          <Text size="sm" fw={600} style={{ overflowWrap: 'anywhere' }}>
            {tool.title}
          </Text>
          <Badge size="sm" color={tool.effect === 'writes' ? 'honey' : 'gray'}>
            {tool.effect === 'writes' ? 'Writes' : 'Reads'}
          </Badge>
        </Group>
        <Text size="xs" c="dimmed" lineClamp={2} style={{ overflowWrap: 'anywhere' }}>
          {tool.description}
        </Text>
      </div>
      <NativeSelect
        aria-label={`Permission of ${tool.title}`}
        size="xs"
        w={132}
        style={{ flexShrink: 0 }}
        data={permissions}
        value={set.isPending ? set.variables : tool.permission}
        disabled={set.isPending}
        onChange={(event) => set.mutate(event.currentTarget.value as Permission)}
      />
    </ListRow>
  )
}
