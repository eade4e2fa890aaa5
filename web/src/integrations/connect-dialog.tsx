import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import type { IntegrationType } from '../../../api-client/src/api-types.ts'
import { api } from '../api.ts'
import { toastDone, toastError } from '../ui/toast.ts'
import { ConnectionDialog } from './connection-dialog.tsx'
import { NewSecrets } from './new-secrets.tsx'
import { beginSignIn } from './sign-in-button.tsx'

interface ConnectDialogProps {
  userAgentId: string
  type: IntegrationType
  onClose: () => void
}

/** Connects one more account to a user agent; where it is signed in at the provider, goes there right after. */
export function ConnectDialog({ userAgentId, type, onClose }: ConnectDialogProps) {
  const queryClient = useQueryClient()
  const [secrets, setSecrets] = useState<Record<string, string>>({})
  const params = { id: userAgentId }
  if (Object.keys(secrets).length > 0) return <NewSecrets secrets={secrets} onClose={onClose} />
  return (
    <ConnectionDialog
      type={type}
      saveLabel="Connect"
      onSave={async ({ name, settings, credentials }) => {
        const created = await api('POST /api/v1/user-agents/:id/integrations', {
          params,
          body: { type: type.type, settings, credentials, ...(name !== '' && { name }) },
        })
        // Where there is no way to sign in, the account says so.
        if (created.needs_authorization && type.is_oauth_configured) {
          // The account is stored and has a button for this: a refusal must not look as if it were not.
          const isOnItsWay = await beginSignIn(userAgentId, created.id).then(() => true, toastError)
          if (isOnItsWay) return
        } else if (!created.needs_authorization) toastDone(`${created.name ?? type.title} is connected.`)
        await queryClient.invalidateQueries({ queryKey: ['user-agents'] })
        if (Object.keys(created.new_secrets).length > 0) setSecrets(created.new_secrets)
        else onClose()
        // Finds out at once whether it works, and which tools its server has.
        if (!created.needs_authorization)
          await api('POST /api/v1/user-agents/:id/integrations/:integration_id/test', {
            params: { ...params, integration_id: created.id },
          })
            .catch(() => null)
            .then(() => queryClient.invalidateQueries({ queryKey: ['user-agents', userAgentId] }))
      }}
      onTest={({ settings, credentials }) =>
        api('POST /api/v1/user-agents/:id/integrations/test', {
          params,
          body: { type: type.type, settings, credentials },
        })
      }
      onClose={onClose}
    />
  )
}
