import { Alert, Stack, Text, Title } from '@mantine/core'
import { IconAlertTriangle, IconCircleCheck, IconPlugConnected } from '@tabler/icons-react'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { useEffect, useState } from 'react'
import type { Integration, IntegrationType, UserAgent } from '../../../api-client/src/api-types.ts'
import { errorWords } from '../agent-logs/run-details.ts'
import { api } from '../api.ts'
import { MemoryList } from '../memories/memory-list.tsx'
import { BackLink } from '../ui/back-link.tsx'
import { EmptyState } from '../ui/empty-state.tsx'
import { ErrorState } from '../ui/error-state.tsx'
import { ButtonLink } from '../ui/links.tsx'
import { LoadingState } from '../ui/loading-state.tsx'
import { Page } from '../ui/page.tsx'
import { userAgentQuery } from '../user-agents/user-agent-queries.ts'
import { ConnectDialog } from './connect-dialog.tsx'
import { IntegrationCard } from './integration-card.tsx'
import { integrationsQuery, integrationTypesQuery } from './integration-queries.ts'
import { ConnectMenu, WantedAccounts } from './wanted-accounts.tsx'

/** What a user agent is connected to, what its tools may do, and what it remembers. */
export function IntegrationsPage() {
  const { userAgentId } = useParams({ from: '/signed-in/user-agents/$userAgentId/integrations' })
  const userAgent = useQuery(userAgentQuery(userAgentId))
  return (
    <Page
      title="Accounts"
      tabTitle={userAgent.data ? `Accounts of ${userAgent.data.name}` : 'Accounts'}
      subtitle={userAgent.data && `What ${userAgent.data.name} may use, what it may do there, and what it remembers.`}
      width={860}
      above={<BackLink to="/my-agents" label="My agents" />}
      actions={
        userAgent.data && (
          <ButtonLink to="/chat/$userAgentId" params={{ userAgentId }} variant="default">
            Chat
          </ButtonLink>
        )
      }
    >
      {userAgent.isPending && <LoadingState label="Loading the accounts" />}
      {userAgent.isError && (
        <ErrorState
          error={userAgent.error}
          onRetry={() => void userAgent.refetch()}
          isRetrying={userAgent.isFetching}
        />
      )}
      {userAgent.data && <Accounts userAgent={userAgent.data} />}
    </Page>
  )
}

function Accounts({ userAgent }: { userAgent: UserAgent }) {
  const search = useSearch({ from: '/signed-in/user-agents/$userAgentId/integrations' })
  const navigate = useNavigate()
  const types = useQuery(integrationTypesQuery)
  const integrations = useQuery(integrationsQuery(userAgent.id))
  const [chosen, setChosen] = useState<IntegrationType | null>(null)
  useListedTools(
    userAgent.id,
    integrations.data?.find(({ id }) => id === search.connected),
    types.data,
  )
  const has = (type: string) => integrations.data?.some((integration) => integration.type === type) ?? false
  // The form that the address asks for opens once. An account that is there and does not work any more wants its credentials,
  // not a second one of its kind.
  const [opened, setOpened] = useState<string>()
  if (search.connect !== undefined && search.connect !== opened && types.data && integrations.data) {
    setOpened(search.connect)
    setChosen(types.data.find(({ type }) => type === search.connect && !has(type)) ?? null)
  }
  const close = () => {
    setChosen(null)
    if (search.connect)
      void navigate({
        to: '/user-agents/$userAgentId/integrations',
        params: { userAgentId: userAgent.id },
        search: {},
        replace: true,
      })
  }
  if (types.isPending || integrations.isPending) return <LoadingState label="Loading the accounts" />
  const failed = [types, integrations].find(({ isError }) => isError)
  if (failed || !types.data || !integrations.data)
    return <ErrorState error={failed?.error} onRetry={() => void failed?.refetch()} isRetrying={failed?.isFetching} />
  const wanted = [
    ...userAgent.missing_integrations.map((account) => ({ ...account, isRequired: true })),
    ...userAgent.optional_integrations.map((account) => ({ ...account, isRequired: false })),
  ].filter(({ type }) => !has(type))
  const connected = integrations.data
  return (
    <Stack gap="xl">
      <OAuthReturn
        connectedTitle={titleOf(
          connected.find(({ id }) => id === search.connected),
          types.data,
        )}
      />
      {connected.length === 0 && wanted.length === 0 && (
        <EmptyState
          icon={IconPlugConnected}
          title="No account is connected"
          action={<ConnectMenu types={types.data} onConnect={setChosen} label="Connect an account" />}
        >
          Connect a mailbox, a server or another tool, and this agent can work with it. It asks you before it changes
          anything there.
        </EmptyState>
      )}
      {connected.length > 0 && (
        <Stack gap="md" component="section" aria-label="Connected accounts">
          {connected.map((integration) => (
            <IntegrationCard
              key={integration.id}
              userAgentId={userAgent.id}
              integration={integration}
              type={types.data.find(({ type }) => type === integration.type)}
            />
          ))}
        </Stack>
      )}
      {(connected.length > 0 || wanted.length > 0) && (
        <Stack gap="md" component="section" aria-labelledby="more-accounts">
          <Title order={2} size="h3" id="more-accounts">
            {moreWords(wanted.length > 0, connected.length > 0)}
          </Title>
          <WantedAccounts wanted={wanted} types={types.data} onConnect={setChosen} />
          <div>
            <ConnectMenu types={types.data} onConnect={setChosen} label="Connect something else" />
          </div>
        </Stack>
      )}
      <MemoryList userAgent={userAgent} />
      {chosen && <ConnectDialog key={chosen.type} userAgentId={userAgent.id} type={chosen} onClose={close} />}
    </Stack>
  )
}

/** Who has just come back from signing in finds the tools of that server listed; a test does it. */
function useListedTools(
  userAgentId: string,
  integration: Integration | undefined,
  types: readonly IntegrationType[] | undefined,
): void {
  const queryClient = useQueryClient()
  const isUnlisted =
    integration?.tools_listed_at === null && types?.some((one) => one.type === integration.type && one.lists_tools)
  const id = isUnlisted ? integration.id : undefined
  useEffect(() => {
    if (id === undefined) return
    void api('POST /api/v1/user-agents/:id/integrations/:integration_id/test', {
      params: { id: userAgentId, integration_id: id },
    })
      .catch(() => null)
      .then(() => queryClient.invalidateQueries({ queryKey: ['user-agents', userAgentId] }))
  }, [id, userAgentId, queryClient])
}

function moreWords(hasWanted: boolean, hasConnected: boolean): string {
  if (!hasWanted) return 'More'
  return hasConnected ? 'This agent can also use' : 'This agent can use'
}

function titleOf(
  integration: { type: string; name: string | null } | undefined,
  types: readonly IntegrationType[],
): string | null {
  if (!integration) return null
  return integration.name ?? types.find(({ type }) => type === integration.type)?.title ?? integration.type
}

/** How the sign-in at a provider went, from which the browser has just come back. */
function OAuthReturn({ connectedTitle }: { connectedTitle: string | null }) {
  const { oauth_error } = useSearch({ from: '/signed-in/user-agents/$userAgentId/integrations' })
  if (oauth_error) {
    const { title, action } = errorWords(oauth_error)
    return (
      <Alert color="red" variant="light" role="alert" title={title} icon={<IconAlertTriangle aria-hidden />}>
        <Text size="sm">{action}</Text>
      </Alert>
    )
  }
  if (!connectedTitle) return null
  return (
    <Alert color="spruce" variant="light" role="status" title="Connected" icon={<IconCircleCheck aria-hidden />}>
      <Text size="sm">You are signed in. {connectedTitle} can be used now.</Text>
    </Alert>
  )
}
