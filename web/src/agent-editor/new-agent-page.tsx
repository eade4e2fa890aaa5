import { useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { api } from '../api.ts'
import { BackLink } from '../ui/back-link.tsx'
import { Page } from '../ui/page.tsx'
import { toastDone } from '../ui/toast.ts'
import { type AgentDraft, emptyAgentDraft, toCapabilities } from './agent-draft.ts'
import { AgentEditor } from './agent-editor.tsx'

export function NewAgentPage() {
  const navigate = useNavigate()
  const queryClient = useQueryClient()
  const create = async (draft: AgentDraft) => {
    const { name, description, type } = draft
    const created = await api('POST /api/v1/agents', {
      body: { name, description, type, capabilities: toCapabilities(draft) },
    })
    queryClient.setQueryData(['agents', created.id], created)
    await queryClient.invalidateQueries({ queryKey: ['agents'] })
    toastDone(`${created.name} is created. Only you see it.`)
    await navigate({ to: '/agents/$agentId/edit', params: { agentId: created.id } })
  }
  return (
    <Page
      title="Create an agent"
      subtitle="Say what it does and what its form asks. Only you see it until you ask for publication."
      width={1240}
      above={<BackLink to="/created-agents" label="Created by me" />}
    >
      <AgentEditor
        initial={emptyAgentDraft}
        draftKey="new_agent"
        asksForChange={false}
        submitLabel="Create"
        onSubmit={create}
      />
    </Page>
  )
}
