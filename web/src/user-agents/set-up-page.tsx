import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useNavigate, useParams } from '@tanstack/react-router'
import { agentQuery } from '../agents/agent-queries.ts'
import { api } from '../api.ts'
import { BackLink } from '../ui/back-link.tsx'
import { ErrorState } from '../ui/error-state.tsx'
import { LoadingState } from '../ui/loading-state.tsx'
import { Page } from '../ui/page.tsx'
import { UserAgentForm, type UserAgentValues } from './user-agent-form.tsx'

export function SetUpPage() {
  const { agentId } = useParams({ from: '/signed-in/agents/$agentId/set-up' })
  const navigate = useNavigate()
  const queryClient = useQueryClient()
  const query = useQuery({ ...agentQuery(agentId), staleTime: Number.POSITIVE_INFINITY })
  const agent = query.data
  const create = async (values: UserAgentValues) => {
    const created = await api('POST /api/v1/user-agents', { body: { agent_id: agentId, ...values } })
    queryClient.setQueryData(['user-agents', created.id], created)
    await queryClient.invalidateQueries({ queryKey: ['user-agents'], exact: true })
    await navigate({ to: '/chat/$userAgentId', params: { userAgentId: created.id } })
  }
  return (
    <Page
      title={agent ? `Set up ${agent.name}` : 'Set up'}
      subtitle="You can change every answer later."
      width={760}
      above={<BackLink to="/agents/$agentId" params={{ agentId }} label={agent?.name ?? 'Agent'} />}
    >
      {query.isPending && <LoadingState shape="form" label="Loading the form" />}
      {query.isError && <ErrorState error={query.error} onRetry={() => query.refetch()} />}
      {agent && (
        <UserAgentForm
          key={agent.id}
          schema={agent.capabilities.settings}
          example={agent.capabilities.example_settings}
          initial={{ name: agent.name, model: null, settings: {} }}
          draftKey={`set_up_${agent.id}_${agent.version}`}
          submitLabel="Save and chat"
          onSubmit={create}
        />
      )}
    </Page>
  )
}
