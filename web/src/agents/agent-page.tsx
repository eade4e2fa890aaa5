import { Group, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useParams } from '@tanstack/react-router'
import type { Agent } from '../../../api-client/src/api-types.ts'
import { useUser } from '../auth/session.ts'
import { lookOfType } from '../ui/agent-type.ts'
import { AgentTypeIcon } from '../ui/agent-type-icon.tsx'
import { BackLink } from '../ui/back-link.tsx'
import { ErrorState } from '../ui/error-state.tsx'
import { ButtonLink } from '../ui/links.tsx'
import { LoadingState } from '../ui/loading-state.tsx'
import { Page } from '../ui/page.tsx'
import { AgentDetails } from './agent-details.tsx'
import { agentQuery } from './agent-queries.ts'

export function AgentPage() {
  const { agentId } = useParams({ from: '/agents/$agentId' })
  const query = useQuery(agentQuery(agentId))
  const back = <BackLink to="/agents" label="Catalogue" />
  if (query.isPending) {
    return (
      <Page title="Agent" above={back}>
        <LoadingState shape="text" label="Loading the agent" />
      </Page>
    )
  }
  if (query.isError) {
    return (
      <Page title="Agent" above={back}>
        <ErrorState error={query.error} onRetry={() => query.refetch()} isRetrying={query.isFetching} />
      </Page>
    )
  }
  const agent = query.data
  return (
    <Page
      title={agent.name}
      above={back}
      actions={<Actions agent={agent} />}
      subtitle={
        <>
          <Group gap="sm" mb="md" mt={4}>
            <AgentTypeIcon type={agent.type} size={30} />
            <Text size="sm">
              {lookOfType(agent.type).label}
              {agent.creator && ` · by ${agent.is_mine ? 'you' : (agent.creator.name ?? 'a member')}`}
            </Text>
          </Group>
          <Text c="var(--mantine-color-text)" fz="md" className="ax-pre-line">
            {agent.description}
          </Text>
        </>
      }
    >
      <AgentDetails agent={agent} />
    </Page>
  )
}

function Actions({ agent }: { agent: Agent }) {
  const user = useUser()
  const setUp = { to: '/agents/$agentId/set-up', params: { agentId: agent.id } } as const
  return (
    <>
      {agent.is_mine && (
        <ButtonLink to="/agents/$agentId/edit" params={{ agentId: agent.id }} variant="default" size="md">
          Edit
        </ButtonLink>
      )}
      {user === null ? (
        <ButtonLink to="/sign-up" search={{ redirect: `/agents/${agent.id}/set-up` }} size="md">
          Set up
        </ButtonLink>
      ) : (
        <ButtonLink {...setUp} size="md">
          Set up
        </ButtonLink>
      )}
    </>
  )
}
