import { Alert, Stack, Text } from '@mantine/core'
import { IconAlertTriangle } from '@tabler/icons-react'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useNavigate, useParams } from '@tanstack/react-router'
import { useState } from 'react'
import type { Agent, UserAgent } from '../../../api-client/src/api-types.ts'
import { agentQuery } from '../agents/agent-queries.ts'
import { api } from '../api.ts'
import { NewSecrets } from '../integrations/new-secrets.tsx'
import { PendingAccounts } from '../integrations/pending-accounts.tsx'
import { usePendingAccounts } from '../integrations/use-pending-accounts.ts'
import { PlanNotice } from '../limits/plan-notice.tsx'
import { BackLink } from '../ui/back-link.tsx'
import { ErrorState } from '../ui/error-state.tsx'
import { ButtonLink } from '../ui/links.tsx'
import { LoadingState } from '../ui/loading-state.tsx'
import { Page } from '../ui/page.tsx'
import { UserAgentForm, type UserAgentValues } from './user-agent-form.tsx'

export function SetUpPage() {
  const { agentId } = useParams({ from: '/signed-in/agents/$agentId/set-up' })
  const query = useQuery({ ...agentQuery(agentId), staleTime: Number.POSITIVE_INFINITY })
  const agent = query.data
  return (
    <Page
      title={agent ? `Set up ${agent.name}` : 'Set up'}
      subtitle="You can change every answer later."
      width={760}
      above={<BackLink to="/agents/$agentId" params={{ agentId }} label={agent?.name ?? 'Agent'} />}
    >
      {query.isPending && <LoadingState shape="form" label="Loading the form" />}
      {query.isError && <ErrorState error={query.error} onRetry={() => query.refetch()} />}
      {agent && <SetUpForm key={agent.id} agent={agent} />}
    </Page>
  )
}

function SetUpForm({ agent }: { agent: Agent }) {
  const navigate = useNavigate()
  const queryClient = useQueryClient()
  const pending = usePendingAccounts()
  // Present once it exists: accounts that were refused are tried again without making a second one.
  const [created, setCreated] = useState<UserAgent | null>(null)
  const [secrets, setSecrets] = useState<Record<string, string>>({})
  const [next, setNext] = useState<() => void>(() => () => {})

  const save = async (values: UserAgentValues) => {
    const saved = created
      ? await api('PATCH /api/v1/user-agents/:id', { params: { id: created.id }, body: values })
      : await api('POST /api/v1/user-agents', { body: { agent_id: agent.id, ...values } })
    setCreated(saved)
    const { stored, hasFailed } = await pending.store(saved.id)
    await queryClient.invalidateQueries({ queryKey: ['user-agents'] })
    const goOn = () =>
      // Where something is left to do with the accounts, that comes first.
      stored.some((account) => account.needs_authorization)
        ? void navigate({ to: '/user-agents/$userAgentId/integrations', params: { userAgentId: saved.id } })
        : void navigate({ to: '/chat/$userAgentId', params: { userAgentId: saved.id } })
    const made = Object.assign({}, ...stored.map((account) => account.new_secrets)) as Record<string, string>
    setSecrets(made)
    if (hasFailed) return
    if (Object.keys(made).length > 0) setNext(() => goOn)
    else goOn()
  }
  return (
    <Stack gap="lg">
      {created === null && <PlanNotice wanted="user_agent" />}
      <UserAgentForm
        schema={agent.capabilities.settings}
        example={agent.capabilities.example_settings}
        initial={{ name: agent.name, model: null, settings: {} }}
        draftKey={`set_up_${agent.id}_${agent.version}`}
        submitLabel={created ? 'Save and try again' : 'Save and chat'}
        onSubmit={save}
        extraAction={
          created && (
            <ButtonLink to="/chat/$userAgentId" params={{ userAgentId: created.id }} variant="default" size="md">
              Go on without
            </ButtonLink>
          )
        }
      >
        <PendingAccounts
          wanted={agent.capabilities.integrations.map(({ type, required, reason }) => ({
            type,
            isRequired: required,
            reason: reason ?? null,
          }))}
          pending={pending}
        />
        {created && pending.accounts.length > 0 && (
          <Alert
            color="honey"
            variant="light"
            role="alert"
            icon={<IconAlertTriangle aria-hidden />}
            title={`${created.name} is set up, but not everything is connected`}
          >
            <Text size="sm">Change the accounts that are marked above and try again, or connect them later.</Text>
          </Alert>
        )}
        <NewSecrets
          secrets={secrets}
          onClose={() => {
            setSecrets({})
            next()
          }}
        />
      </UserAgentForm>
    </Stack>
  )
}
