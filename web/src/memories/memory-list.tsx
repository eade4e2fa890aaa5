import { ActionIcon, Badge, Button, Card, Group, Stack, Text, Title } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { IconTrash } from '@tabler/icons-react'
import { infiniteQueryOptions, useInfiniteQuery, useMutation, useQueryClient } from '@tanstack/react-query'
import type { Memory, UserAgent } from '../../../api-client/src/api-types.ts'
import { api } from '../api.ts'
import { Confirm } from '../ui/confirm.tsx'
import { ErrorState } from '../ui/error-state.tsx'
import { ListRow } from '../ui/list-row.tsx'
import { LoadMore } from '../ui/load-more.tsx'
import { LoadingState } from '../ui/loading-state.tsx'
import { Time } from '../ui/time.tsx'
import { toastDone, toastError } from '../ui/toast.ts'

const memoriesQuery = (userAgentId: string) =>
  infiniteQueryOptions({
    queryKey: ['user-agents', userAgentId, 'memories'],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam, signal }) =>
      api('GET /api/v1/user-agents/:id/memories', {
        params: { id: userAgentId },
        query: { limit: 50, cursor: pageParam },
        signal,
      }),
    getNextPageParam: (page) => page.next_cursor ?? undefined,
  })

/** What a user agent was told to remember; each can be made forgotten. */
export function MemoryList({ userAgent }: { userAgent: UserAgent }) {
  const list = useInfiniteQuery(memoriesQuery(userAgent.id))
  const queryClient = useQueryClient()
  const [isForgetting, forgetting] = useDisclosure(false)
  const memories = list.data?.pages.flatMap((page) => page.data) ?? []
  const forgetAll = async () => {
    const { deleted } = await api('DELETE /api/v1/user-agents/:id/memories', { params: { id: userAgent.id } })
    await queryClient.invalidateQueries({ queryKey: memoriesQuery(userAgent.id).queryKey })
    toastDone(deleted === 1 ? 'One memory is deleted.' : `${deleted} memories are deleted.`)
  }
  return (
    <Card component="section" aria-labelledby="memories">
      <Group justify="space-between" gap="sm" mb={4}>
        <Title order={2} size="h3" id="memories">
          What it remembers
        </Title>
        {memories.length > 0 && (
          <Button size="xs" variant="subtle" color="red" onClick={forgetting.open}>
            Delete all
          </Button>
        )}
      </Group>
      {list.isPending && <LoadingState label="Loading the memories" />}
      {list.isError && (
        <ErrorState error={list.error} onRetry={() => void list.refetch()} isRetrying={list.isFetching} />
      )}
      {list.isSuccess && memories.length === 0 && (
        <Text size="sm" c="dimmed">
          Nothing. An agent that can remember keeps here what you tell it to.
        </Text>
      )}
      {memories.length > 0 && (
        <Stack gap="md">
          <Stack component="ul" gap={0} m={0} p={0} style={{ listStyle: 'none' }} aria-label="Memories">
            {memories.map((memory) => (
              <MemoryRow key={memory.id} userAgentId={userAgent.id} memory={memory} />
            ))}
          </Stack>
          <LoadMore hasMore={list.hasNextPage} isLoading={list.isFetchingNextPage} onLoad={list.fetchNextPage} />
        </Stack>
      )}
      <Confirm
        isOpen={isForgetting}
        onClose={forgetting.close}
        title="Delete everything it remembers?"
        confirmLabel="Delete all"
        onConfirm={forgetAll}
      >
        {userAgent.name} forgets all of it for good. Logs of runs that used it stay as they are.
      </Confirm>
    </Card>
  )
}

function MemoryRow({ userAgentId, memory }: { userAgentId: string; memory: Memory }) {
  const queryClient = useQueryClient()
  const forget = useMutation({
    mutationFn: () =>
      api('DELETE /api/v1/user-agents/:id/memories/:memory_id', {
        params: { id: userAgentId, memory_id: memory.id },
      }),
    onError: toastError,
    onSettled: () => queryClient.invalidateQueries({ queryKey: memoriesQuery(userAgentId).queryKey }),
  })
  return (
    <ListRow>
      <div style={{ minWidth: 0 }}>
        <Text size="sm" className="ax-pre-line">
          {memory.content}
        </Text>
        <Group gap={8} mt={2}>
          <Text size="xs" c="dimmed">
            <Time value={memory.created_at} />
          </Text>
          {memory.is_untrusted && (
            <Badge size="sm" color="honey">
              After reading something from outside
            </Badge>
          )}
        </Group>
      </div>
      <ActionIcon
        color="red"
        aria-label={`Delete memory “${memory.content.slice(0, 60)}”`}
        onClick={() => forget.mutate()}
        loading={forget.isPending}
      >
        <IconTrash size={18} stroke={1.7} />
      </ActionIcon>
    </ListRow>
  )
}
