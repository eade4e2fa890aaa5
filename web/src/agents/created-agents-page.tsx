import { Card, Group, Stack, Text, Title } from '@mantine/core'
import { IconTool } from '@tabler/icons-react'
import { useInfiniteQuery } from '@tanstack/react-query'
import type { AgentSummary } from '../../../api-client/src/api-types.ts'
import { AgentTypeIcon } from '../ui/agent-type-icon.tsx'
import { EmptyState } from '../ui/empty-state.tsx'
import { ErrorState } from '../ui/error-state.tsx'
import { firstSentence } from '../ui/first-sentence.ts'
import { ButtonLink } from '../ui/links.tsx'
import { LoadMore } from '../ui/load-more.tsx'
import { LoadingState } from '../ui/loading-state.tsx'
import { Page } from '../ui/page.tsx'
import { agentsQuery } from './agent-queries.ts'
import { PublicationBadge } from './publication.tsx'

export function CreatedAgentsPage() {
  const query = useInfiniteQuery(agentsQuery({ mine: true }))
  const agents = query.data?.pages.flatMap((page) => page.data) ?? []
  const create = <ButtonLink to="/agents/new">Create an agent</ButtonLink>
  return (
    <Page
      title="Created by me"
      subtitle="Agents you made, for yourself or for everybody."
      actions={agents.length > 0 && create}
    >
      {query.isPending && <LoadingState label="Loading the agents you created" />}
      {query.isError && (
        <ErrorState error={query.error} onRetry={() => query.refetch()} isRetrying={query.isFetching} />
      )}
      {query.isSuccess && agents.length === 0 && (
        <EmptyState icon={IconTool} title="You have not created an agent yet" action={create}>
          Write down what an agent should do and which questions its form asks. You can keep it for yourself or offer it
          in the catalogue.
        </EmptyState>
      )}
      {agents.length > 0 && (
        <Stack gap="md">
          {agents.map((agent) => (
            <CreatedAgent key={agent.id} agent={agent} />
          ))}
          <LoadMore hasMore={query.hasNextPage} isLoading={query.isFetchingNextPage} onLoad={query.fetchNextPage} />
        </Stack>
      )}
    </Page>
  )
}

function CreatedAgent({ agent }: { agent: AgentSummary }) {
  return (
    <Card component="article" aria-label={agent.name}>
      <Group justify="space-between" gap="md">
        <Group wrap="nowrap" flex="1 1 320px" miw={0} align="flex-start">
          <AgentTypeIcon type={agent.type} />
          <div style={{ minWidth: 0 }}>
            <Group gap="sm">
              <Title order={2} size="h4">
                {agent.name}
              </Title>
              <PublicationBadge publication={agent.publication} />
            </Group>
            <Text size="sm" c="dimmed" className="ax-clamp-2" mt={4}>
              {firstSentence(agent.description)}
            </Text>
          </div>
        </Group>
        <Group gap="xs">
          <ButtonLink
            to="/agents/$agentId/set-up"
            params={{ agentId: agent.id }}
            variant="light"
            aria-label={`Set up ${agent.name}`}
          >
            Set up
          </ButtonLink>
          <ButtonLink
            to="/agents/$agentId/edit"
            params={{ agentId: agent.id }}
            variant="default"
            aria-label={`Edit ${agent.name}`}
          >
            Edit
          </ButtonLink>
        </Group>
      </Group>
    </Card>
  )
}
