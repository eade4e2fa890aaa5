import { Button, Card, Group, Modal, Stack, Text, Textarea, Title } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { IconChecklist } from '@tabler/icons-react'
import { infiniteQueryOptions, useInfiniteQuery, useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import type { Agent } from '../../../api-client/src/api-types.ts'
import { AgentDetails } from '../agents/agent-details.tsx'
import { api } from '../api.ts'
import { lookOfType } from '../ui/agent-type.ts'
import { AgentTypeIcon } from '../ui/agent-type-icon.tsx'
import { EmptyState } from '../ui/empty-state.tsx'
import { ErrorState } from '../ui/error-state.tsx'
import { LoadMore } from '../ui/load-more.tsx'
import { LoadingState } from '../ui/loading-state.tsx'
import { Page } from '../ui/page.tsx'
import { Time } from '../ui/time.tsx'
import { toastDone } from '../ui/toast.ts'
import { AdminOnly } from './admin-only.tsx'

const title = 'Publication requests'

export function PublicationRequestsPage() {
  return (
    <AdminOnly title={title}>
      <Requests />
    </AdminOnly>
  )
}

const requestsQuery = infiniteQueryOptions({
  queryKey: ['publication-requests'],
  initialPageParam: undefined as string | undefined,
  queryFn: ({ pageParam, signal }) =>
    api('GET /api/v1/admin/publication-requests', { query: { cursor: pageParam, limit: 20 }, signal }),
  getNextPageParam: (page) => page.next_cursor ?? undefined,
})

function Requests() {
  const query = useInfiniteQuery(requestsQuery)
  const agents = query.data?.pages.flatMap((page) => page.data) ?? []
  return (
    <Page title={title} subtitle="Agents that members want in the catalogue. Everybody will see what you publish.">
      {query.isPending && <LoadingState shape="text" label="Loading the requests" />}
      {query.isError && (
        <ErrorState error={query.error} onRetry={() => query.refetch()} isRetrying={query.isFetching} />
      )}
      {query.isSuccess && agents.length === 0 && (
        <EmptyState icon={IconChecklist} title="Nothing waits for you">
          When a member asks to publish an agent, it appears here with everything it says and asks.
        </EmptyState>
      )}
      <Stack gap="xl">
        {agents.map((agent) => (
          <Request key={agent.id} agent={agent} />
        ))}
        <LoadMore hasMore={query.hasNextPage} isLoading={query.isFetchingNextPage} onLoad={query.fetchNextPage} />
      </Stack>
    </Page>
  )
}

function Request({ agent }: { agent: Agent }) {
  const [isOpen, details] = useDisclosure(false)
  return (
    <Card component="article" aria-label={agent.name} padding="xl">
      <Group justify="space-between" align="flex-start" gap="md">
        <Group wrap="nowrap" align="flex-start" flex="1 1 340px" miw={0}>
          <AgentTypeIcon type={agent.type} />
          <div style={{ minWidth: 0 }}>
            <Title order={2} size="h3">
              {agent.name}
            </Title>
            <Text size="sm" c="dimmed">
              {lookOfType(agent.type).label} · by {agent.creator?.name ?? 'a member without a name'} · changed{' '}
              <Time value={agent.updated_at} />
            </Text>
          </div>
        </Group>
        <Decision agent={agent} />
      </Group>
      <Text mt="md" className="ax-pre-line">
        {agent.description}
      </Text>
      <Button
        my="md"
        variant="light"
        size="sm"
        style={{ alignSelf: 'flex-start' }}
        onClick={details.toggle}
        aria-expanded={isOpen}
      >
        {isOpen ? 'Show less' : 'Show everything it says and asks'}
      </Button>
      {isOpen && <AgentDetails agent={agent} idPrefix={agent.id} />}
    </Card>
  )
}

function Decision({ agent }: { agent: Agent }) {
  const [isDeclining, declining] = useDisclosure(false)
  const [note, setNote] = useState('')
  const queryClient = useQueryClient()
  const decide = useMutation({
    mutationFn: (decision: 'publish' | 'decline') =>
      api('POST /api/v1/admin/agents/:id/publication', {
        params: { id: agent.id },
        body: {
          decision,
          version: agent.version,
          ...(decision === 'decline' && note.trim() ? { note: note.trim() } : {}),
        },
      }),
    onSuccess: async (_, decision) => {
      declining.close()
      toastDone(decision === 'publish' ? `${agent.name} is in the catalogue.` : `${agent.name} is declined.`)
      await Promise.all([
        queryClient.invalidateQueries({ queryKey: requestsQuery.queryKey }),
        queryClient.invalidateQueries({ queryKey: ['agents'] }),
      ])
    },
  })
  return (
    <>
      <Group gap="sm">
        <Button variant="default" onClick={declining.open} aria-label={`Decline ${agent.name}`}>
          Decline
        </Button>
        <Button
          onClick={() => decide.mutate('publish')}
          loading={decide.isPending && decide.variables === 'publish'}
          aria-label={`Publish ${agent.name}`}
        >
          Publish
        </Button>
      </Group>
      {decide.isError && !isDeclining && <ErrorState error={decide.error} />}
      <Modal
        opened={isDeclining}
        onClose={declining.close}
        title={<Text fw={650}>{`Decline ${agent.name}`}</Text>}
        closeButtonProps={{ 'aria-label': 'Close' }}
      >
        <Stack>
          <Textarea
            label="Why"
            description="The creator reads this. Say what to change."
            autosize
            minRows={3}
            maxLength={1000}
            value={note}
            onChange={(event) => setNote(event.currentTarget.value)}
            data-autofocus
          />
          {decide.isError && <ErrorState error={decide.error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={declining.close}>
              Cancel
            </Button>
            <Button color="red.9" onClick={() => decide.mutate('decline')} loading={decide.isPending}>
              Decline
            </Button>
          </Group>
        </Stack>
      </Modal>
    </>
  )
}
