import { Button, Stack } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useNavigate, useParams } from '@tanstack/react-router'
import type { Agent } from '../../../api-client/src/api-types.ts'
import { agentQuery } from '../agents/agent-queries.ts'
import { PublicationPanel } from '../agents/publication.tsx'
import { api } from '../api.ts'
import { BackLink } from '../ui/back-link.tsx'
import { Confirm } from '../ui/confirm.tsx'
import { ErrorState } from '../ui/error-state.tsx'
import { ButtonLink } from '../ui/links.tsx'
import { LoadingState } from '../ui/loading-state.tsx'
import { Page } from '../ui/page.tsx'
import { toastDone } from '../ui/toast.ts'
import { type AgentDraft, toAgentDraft, toCapabilities } from './agent-draft.ts'
import { AgentEditor } from './agent-editor.tsx'

export function EditAgentPage() {
  const { agentId } = useParams({ from: '/signed-in/agents/$agentId/edit' })
  const query = useQuery({ ...agentQuery(agentId), refetchOnWindowFocus: false })
  const agent = query.data
  return (
    <Page
      title={agent ? `Edit ${agent.name}` : 'Edit agent'}
      subtitle={agent && `Version ${agent.version}. Each save with a change makes a new version.`}
      width={1240}
      above={<BackLink to="/created-agents" label="Created by me" />}
      actions={agent && <Actions agent={agent} />}
    >
      {query.isPending && <LoadingState shape="form" label="Loading the agent" />}
      {query.isError && <ErrorState error={query.error} onRetry={() => query.refetch()} />}
      {agent && (
        <Stack gap="lg">
          <PublicationPanel agent={agent} />
          <Editor key={agent.version} agent={agent} />
        </Stack>
      )}
    </Page>
  )
}

function Editor({ agent }: { agent: Agent }) {
  const queryClient = useQueryClient()
  const save = async (draft: AgentDraft) => {
    const { name, description, type, changeSummary } = draft
    const changed = await api('PATCH /api/v1/agents/:id', {
      params: { id: agent.id },
      body: {
        name,
        description,
        type,
        capabilities: toCapabilities(draft),
        change_summary: changeSummary.trim() || undefined,
        version: agent.version,
      },
    })
    queryClient.setQueryData(['agents', changed.id], changed)
    await queryClient.invalidateQueries({ queryKey: ['agents'] })
    toastDone(`${changed.name} is saved as version ${changed.version}.`)
  }
  return (
    <AgentEditor
      initial={toAgentDraft(agent)}
      draftKey={`edit_agent_${agent.id}_${agent.version}`}
      asksForChange
      submitLabel="Save"
      onSubmit={save}
    />
  )
}

function Actions({ agent }: { agent: Agent }) {
  const [isOpen, deletion] = useDisclosure(false)
  const navigate = useNavigate()
  const queryClient = useQueryClient()
  const { id } = agent
  const remove = async () => {
    await api('DELETE /api/v1/agents/:id', { params: { id }, query: { force: 'true' } })
    queryClient.removeQueries({ queryKey: ['agents', id] })
    await queryClient.invalidateQueries({ queryKey: ['agents'] })
    toastDone(`${agent.name} is deleted.`)
    await navigate({ to: '/created-agents' })
  }
  return (
    <>
      <Button variant="default" c="var(--mantine-color-error)" onClick={deletion.open}>
        Delete
      </Button>
      <ButtonLink to="/agents/$agentId/set-up" params={{ agentId: agent.id }} variant="light">
        Set up
      </ButtonLink>
      <Confirm
        isOpen={isOpen}
        onClose={deletion.close}
        title={`Delete ${agent.name}?`}
        confirmLabel="Delete"
        onConfirm={remove}
      >
        What you yourself set up of it is deleted too; the logs stay. If other people use it, withdraw it instead.
      </Confirm>
    </>
  )
}
