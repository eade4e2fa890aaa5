import { Button, Chip, CloseButton, Group, SimpleGrid, Stack, TextInput, VisuallyHidden } from '@mantine/core'
import { useDebouncedCallback } from '@mantine/hooks'
import { IconSearch, IconZoomQuestion } from '@tabler/icons-react'
import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { useState } from 'react'
import { useUser } from '../auth/session.ts'
import { agentTypeLooks } from '../ui/agent-type.ts'
import { EmptyState } from '../ui/empty-state.tsx'
import { ErrorState } from '../ui/error-state.tsx'
import { ButtonLink } from '../ui/links.tsx'
import { LoadMore } from '../ui/load-more.tsx'
import { LoadingState } from '../ui/loading-state.tsx'
import { Page } from '../ui/page.tsx'
import { AgentCard } from './agent-card.tsx'
import { agentsQuery } from './agent-queries.ts'

export function AgentsPage() {
  const user = useUser()
  const { search, type } = useSearch({ from: '/agents' })
  const query = useInfiniteQuery({ ...agentsQuery({ search, type }), placeholderData: keepPreviousData })
  const agents = query.data?.pages.flatMap((page) => page.data) ?? []
  const isFiltered = search !== undefined || type !== undefined
  return (
    <Page
      title="Catalogue"
      subtitle="Ready-made agents. Pick one, answer a few questions about your work, and talk to it."
      actions={
        user && (
          <ButtonLink to="/agents/new" variant="default">
            Create an agent
          </ButtonLink>
        )
      }
    >
      <Filters search={search} type={type} />
      <div aria-live="polite" className="ax-visually-hidden">
        {query.isSuccess && `${agents.length} agents`}
      </div>
      {query.isPending && <LoadingState shape="cards" label="Loading the catalogue" />}
      {query.isError && (
        <ErrorState error={query.error} onRetry={() => query.refetch()} isRetrying={query.isFetching} />
      )}
      {query.isSuccess && agents.length === 0 && <NothingFound isFiltered={isFiltered} />}
      {agents.length > 0 && (
        <Stack gap="xl">
          <SimpleGrid cols={{ base: 1, sm: 2, lg: 3 }} spacing="lg">
            {agents.map((agent) => (
              <AgentCard key={agent.id} agent={agent} />
            ))}
          </SimpleGrid>
          <LoadMore hasMore={query.hasNextPage} isLoading={query.isFetchingNextPage} onLoad={query.fetchNextPage} />
        </Stack>
      )}
    </Page>
  )
}

function Filters({ search, type }: { search?: string; type?: string }) {
  const navigate = useNavigate({ from: '/agents' })
  const [typed, setTyped] = useState(search ?? '')
  const apply = useDebouncedCallback((text: string) => {
    void navigate({ search: (before) => ({ ...before, search: text.trim() || undefined }), replace: true })
  }, 250)
  const change = (text: string) => {
    setTyped(text)
    apply(text)
  }
  return (
    <Stack gap="md" component="search">
      <TextInput
        aria-label="Search agents"
        placeholder="Search, e.g. customers, invoices, posts"
        type="search"
        size="md"
        maw={520}
        maxLength={200}
        leftSection={<IconSearch size={18} aria-hidden />}
        rightSection={typed !== '' && <CloseButton aria-label="Clear the search" onClick={() => change('')} />}
        value={typed}
        onChange={(event) => change(event.currentTarget.value)}
      />
      <fieldset style={{ border: 0, margin: 0, padding: 0, minWidth: 0 }}>
        <VisuallyHidden component="legend">Type of agent</VisuallyHidden>
        <Chip.Group
          value={type ?? ''}
          onChange={(next) =>
            void navigate({ search: (before) => ({ ...before, type: next || undefined }), replace: true })
          }
        >
          <Group gap={8}>
            <Chip value="" variant="filled">
              All
            </Chip>
            {Object.entries(agentTypeLooks).map(([value, look]) => (
              <Chip key={value} value={value} variant="filled">
                {look.label}
              </Chip>
            ))}
          </Group>
        </Chip.Group>
      </fieldset>
    </Stack>
  )
}

function NothingFound({ isFiltered }: { isFiltered: boolean }) {
  const navigate = useNavigate({ from: '/agents' })
  if (!isFiltered) {
    return (
      <EmptyState icon={IconZoomQuestion} title="The catalogue is empty">
        An admin of this site has not published any agent yet.
      </EmptyState>
    )
  }
  return (
    <EmptyState
      icon={IconZoomQuestion}
      title="No agent fits that"
      action={
        <Button variant="light" onClick={() => void navigate({ search: {} })}>
          Show all agents
        </Button>
      }
    >
      Try a shorter word or another type.
    </EmptyState>
  )
}
