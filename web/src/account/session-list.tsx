import { Badge, Button, Divider, Group, Stack, Text, ThemeIcon } from '@mantine/core'
import { IconDeviceDesktop, IconDeviceMobile } from '@tabler/icons-react'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import type { Session } from '../../../api-client/src/api-types.ts'
import { api } from '../api.ts'
import { ErrorState } from '../ui/error-state.tsx'
import { LoadingState } from '../ui/loading-state.tsx'
import { Time } from '../ui/time.tsx'
import { toastDone, toastError } from '../ui/toast.ts'
import { nameDevice } from './name-device.ts'
import { Section } from './section.tsx'

const sessionsKey = ['sessions']

/** Where the account is signed in; all but this device can be signed out. */
export function SessionList() {
  const queryClient = useQueryClient()
  const sessions = useQuery({
    queryKey: sessionsKey,
    queryFn: ({ signal }) => api('GET /api/v1/me/sessions', { signal }),
  })
  const rows = sessions.data?.data ?? []
  const others = rows.filter((session) => !session.is_current)
  const end = useMutation({
    mutationFn: async (ended: Session[]) => {
      for (const { id } of ended) await api('DELETE /api/v1/me/sessions/:id', { params: { id } })
    },
    onSuccess: (_, ended) =>
      toastDone(ended.length === 1 ? 'That device is signed out.' : 'All other devices are signed out.'),
    onError: toastError,
    onSettled: () => queryClient.invalidateQueries({ queryKey: sessionsKey }),
  })
  return (
    <Section
      title="Devices"
      description="Where you are signed in. Sign out what you do not know, and change your password."
    >
      {sessions.isPending && <LoadingState label="Loading the devices" />}
      {sessions.isError && (
        <ErrorState error={sessions.error} onRetry={() => void sessions.refetch()} isRetrying={sessions.isFetching} />
      )}
      {rows.length > 0 && (
        <Stack component="ul" gap="sm" p={0} m={0} style={{ listStyle: 'none' }} aria-label="Devices">
          {rows.map((session, index) => (
            <li key={session.id}>
              {index > 0 && <Divider mb="sm" color="var(--ax-line)" />}
              <SessionRow
                session={session}
                isEnding={end.isPending && (end.variables ?? []).some(({ id }) => id === session.id)}
                onEnd={() => end.mutate([session])}
              />
            </li>
          ))}
        </Stack>
      )}
      {others.length > 1 && (
        <Group justify="flex-end">
          <Button
            variant="default"
            onClick={() => end.mutate(others)}
            loading={end.isPending && (end.variables?.length ?? 0) > 1}
          >
            Sign out all other devices
          </Button>
        </Group>
      )}
    </Section>
  )
}

function SessionRow({ session, isEnding, onEnd }: { session: Session; isEnding: boolean; onEnd: () => void }) {
  const name = nameDevice(session.user_agent_header)
  const Shape = /iPhone|iPad|Android/.test(name) ? IconDeviceMobile : IconDeviceDesktop
  return (
    <Group justify="space-between" gap="sm">
      <Group gap="sm" wrap="nowrap" miw={0} flex="1 1 180px">
        <ThemeIcon variant="light" size={38} aria-hidden>
          <Shape size={20} />
        </ThemeIcon>
        <div style={{ minWidth: 0 }}>
          <Group gap="xs">
            <Text size="sm" fw={600}>
              {name}
            </Text>
            {session.is_current && <Badge>This device</Badge>}
          </Group>
          <Text size="xs" c="dimmed" component="div">
            Signed in <Time value={session.created_at} />, last seen <Time value={session.rotated_at} />
          </Text>
        </div>
      </Group>
      {!session.is_current && (
        <Button size="xs" variant="default" onClick={onEnd} loading={isEnding} aria-label={`Sign out ${name}`}>
          Sign out
        </Button>
      )}
    </Group>
  )
}
