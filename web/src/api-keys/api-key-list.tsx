import { Badge, Button, Card, Code, Group, Stack, Text } from '@mantine/core'
import { IconBan, IconCircleCheck, IconClockX, type TablerIcon } from '@tabler/icons-react'
import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import type { ApiKey } from '../../../api-client/src/api-types.ts'
import { api } from '../api.ts'
import { Confirm } from '../ui/confirm.tsx'
import { Time } from '../ui/time.tsx'
import { toastDone } from '../ui/toast.ts'
import { apiKeysQuery, type KeyState, stateOf } from './api-key-queries.ts'

const looks: Record<KeyState, { word: string; icon: TablerIcon; color: string }> = {
  active: { word: 'Active', icon: IconCircleCheck, color: 'green' },
  expired: { word: 'Expired', icon: IconClockX, color: 'orange' },
  revoked: { word: 'Revoked', icon: IconBan, color: 'gray' },
}

/** Each key with its last use; revoked ones stay, so that one sees what there was. */
export function ApiKeyList({ rows }: { rows: ApiKey[] }) {
  const queryClient = useQueryClient()
  const [doomed, setDoomed] = useState<ApiKey | null>(null)
  const revoke = async () => {
    if (!doomed) return
    await api('DELETE /api/v1/api-keys/:id', { params: { id: doomed.id } })
    await queryClient.invalidateQueries({ queryKey: apiKeysQuery.queryKey })
    toastDone(`“${doomed.name}” is revoked.`)
  }
  return (
    <>
      <Stack component="ul" gap="sm" p={0} m={0} style={{ listStyle: 'none' }} aria-label="API keys">
        {rows.map((row) => (
          <KeyRow key={row.id} row={row} onRevoke={() => setDoomed(row)} />
        ))}
      </Stack>
      <Confirm
        isOpen={doomed !== null}
        onClose={() => setDoomed(null)}
        title="Revoke this key?"
        confirmLabel="Revoke key"
        onConfirm={revoke}
      >
        <Text size="sm">
          Programs that use “{doomed?.name}” are refused from the next second on. A revoked key cannot be brought back.
        </Text>
      </Confirm>
    </>
  )
}

function KeyRow({ row, onRevoke }: { row: ApiKey; onRevoke: () => void }) {
  const state = stateOf(row, new Date())
  const { word, icon: Icon, color } = looks[state]
  return (
    <Card component="li" padding="md">
      <Group justify="space-between" gap="sm">
        <Stack gap={4} miw={0} flex="1 1 260px">
          <Group gap="xs">
            <Text fw={600} style={{ overflowWrap: 'anywhere' }}>
              {row.name}
            </Text>
            <Badge
              variant="default"
              fw={500}
              leftSection={<Icon size={14} color={`var(--mantine-color-${color}-filled)`} aria-hidden />}
            >
              {word}
            </Badge>
          </Group>
          <Group gap="xs">
            <Code>{row.prefix}…</Code>
            <Text size="sm" c="dimmed" component="div">
              {row.last_used_at ? (
                <>
                  last used <Time value={row.last_used_at} />
                </>
              ) : (
                'never used'
              )}
              {' · created '}
              <Time value={row.created_at} />
              {row.revoked_at ? (
                <>
                  {' · revoked '}
                  <Time value={row.revoked_at} />
                </>
              ) : (
                ` · ${expiryWords(row.expires_at, state)}`
              )}
            </Text>
          </Group>
        </Stack>
        {state !== 'revoked' && (
          <Button size="xs" variant="default" onClick={onRevoke} aria-label={`Revoke ${row.name}`}>
            Revoke
          </Button>
        )}
      </Group>
    </Card>
  )
}

function expiryWords(expiresAt: string | null, state: KeyState): string {
  if (expiresAt === null) return 'does not expire'
  const day = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' }).format(new Date(expiresAt))
  return state === 'expired' ? `expired on ${day}` : `expires on ${day}`
}
