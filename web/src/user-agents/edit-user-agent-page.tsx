import { Alert, Text } from '@mantine/core'
import { IconInfoCircle } from '@tabler/icons-react'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useNavigate, useParams, useSearch } from '@tanstack/react-router'
import type { UserAgent } from '../../../api-client/src/api-types.ts'
import { api } from '../api.ts'
import { ConnectedAccounts } from '../integrations/connected-accounts.tsx'
import { BackLink } from '../ui/back-link.tsx'
import { ErrorState } from '../ui/error-state.tsx'
import { ButtonLink } from '../ui/links.tsx'
import { LoadingState } from '../ui/loading-state.tsx'
import { Page } from '../ui/page.tsx'
import { toastDone } from '../ui/toast.ts'
import { UserAgentForm, type UserAgentValues } from './user-agent-form.tsx'
import { userAgentQuery } from './user-agent-queries.ts'

export function EditUserAgentPage() {
  const { userAgentId } = useParams({ from: '/signed-in/my-agents/$userAgentId/edit' })
  const query = useQuery(userAgentQuery(userAgentId))
  return (
    <Page
      title={query.data ? `Edit ${query.data.name}` : 'Edit'}
      subtitle={query.data && `Made from the agent ${query.data.agent.name}.`}
      width={760}
      above={<BackLink to="/my-agents" label="My agents" />}
    >
      {query.isPending && <LoadingState shape="form" label="Loading the form" />}
      {query.isError && <ErrorState error={query.error} onRetry={() => query.refetch()} />}
      {query.data && <EditForm key={query.data.id} userAgent={query.data} />}
    </Page>
  )
}

function EditForm({ userAgent }: { userAgent: UserAgent }) {
  const search = useSearch({ from: '/signed-in/my-agents/$userAgentId/edit' })
  const navigate = useNavigate()
  const queryClient = useQueryClient()
  // The form opens on the new version only when the person asked for the update.
  const update = search.update ? userAgent.update : null
  const save = async (values: UserAgentValues) => {
    const saved = await api('PATCH /api/v1/user-agents/:id', {
      params: { id: userAgent.id },
      body: { ...values, ...(update ? { agent_version: update.version } : {}) },
    })
    queryClient.setQueryData(['user-agents', saved.id], saved)
    await queryClient.invalidateQueries({ queryKey: ['user-agents'], exact: true })
    toastDone(update ? `${saved.name} now runs on version ${saved.agent_version}.` : `${saved.name} is saved.`)
    await navigate({ to: '/my-agents' })
  }
  return (
    <>
      {update && (
        <Alert icon={<IconInfoCircle aria-hidden />} title={`Update to version ${update.version}`} radius="lg">
          {update.changes.map((change) => (
            <Text size="sm" key={change.version}>
              Version {change.version}: {change.summary}
            </Text>
          ))}
          <Text size="sm" mt={6}>
            {update.faults.length === 0
              ? 'Your answers fit the new version. Look them over and save.'
              : 'The new version asks for something more. The fields are marked below.'}
          </Text>
        </Alert>
      )}
      <UserAgentForm
        key={update?.version ?? 'present'}
        schema={update?.settings_schema ?? userAgent.settings_schema}
        initial={{ name: userAgent.name, model: userAgent.model, settings: userAgent.settings }}
        initialFaults={update?.faults}
        draftKey={`edit_${userAgent.id}_${update?.version ?? userAgent.agent_version}_${userAgent.updated_at}`}
        submitLabel={update ? 'Update and save' : 'Save'}
        onSubmit={save}
        extraAction={
          <ButtonLink to="/my-agents" variant="default" size="md">
            Cancel
          </ButtonLink>
        }
      >
        <ConnectedAccounts userAgent={userAgent} />
      </UserAgentForm>
    </>
  )
}
