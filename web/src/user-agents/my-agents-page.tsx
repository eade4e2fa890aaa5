import { Alert, SimpleGrid, Stack, Text } from '@mantine/core'
import { IconAlertTriangle, IconRobotFace } from '@tabler/icons-react'
import { useInfiniteQuery } from '@tanstack/react-query'
import { useSearch } from '@tanstack/react-router'
import { errorWords } from '../agent-logs/run-details.ts'
import { EmptyState } from '../ui/empty-state.tsx'
import { ErrorState } from '../ui/error-state.tsx'
import { ButtonLink } from '../ui/links.tsx'
import { LoadMore } from '../ui/load-more.tsx'
import { LoadingState } from '../ui/loading-state.tsx'
import { Page } from '../ui/page.tsx'
import { UserAgentCard } from './user-agent-card.tsx'
import { userAgentsQuery } from './user-agent-queries.ts'

export function MyAgentsPage() {
  const { oauth_error } = useSearch({ from: '/signed-in/my-agents' })
  const query = useInfiniteQuery(userAgentsQuery)
  const userAgents = query.data?.pages.flatMap((page) => page.data) ?? []
  return (
    <Page
      title="My agents"
      subtitle="The agents you set up. Talk to them, change their answers, switch them on and off."
      actions={userAgents.length > 0 && <ButtonLink to="/agents">Set up another</ButtonLink>}
    >
      {oauth_error && (
        <Alert
          color="red"
          variant="light"
          role="alert"
          icon={<IconAlertTriangle aria-hidden />}
          title={errorWords(oauth_error).title}
        >
          <Text size="sm">{errorWords(oauth_error).action}</Text>
        </Alert>
      )}
      {query.isPending && <LoadingState shape="cards" label="Loading your agents" />}
      {query.isError && (
        <ErrorState error={query.error} onRetry={() => query.refetch()} isRetrying={query.isFetching} />
      )}
      {query.isSuccess && userAgents.length === 0 && (
        <EmptyState
          icon={IconRobotFace}
          title="You have not set up an agent yet"
          action={<ButtonLink to="/agents">Pick an agent</ButtonLink>}
        >
          Pick one from the catalogue and answer a few questions. With the example filled in, it takes a minute.
        </EmptyState>
      )}
      {userAgents.length > 0 && (
        <Stack gap="xl">
          <SimpleGrid cols={{ base: 1, sm: 2, xl: 3 }} spacing="lg">
            {userAgents.map((userAgent) => (
              <UserAgentCard key={userAgent.id} userAgent={userAgent} />
            ))}
          </SimpleGrid>
          <LoadMore hasMore={query.hasNextPage} isLoading={query.isFetchingNextPage} onLoad={query.fetchNextPage} />
        </Stack>
      )}
    </Page>
  )
}
