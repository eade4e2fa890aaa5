import { Button } from '@mantine/core'
import { IconExternalLink } from '@tabler/icons-react'
import { useState } from 'react'
import { api } from '../api.ts'
import { toastError } from '../ui/toast.ts'

/** Leaves this page for the provider's; it comes back to the page of the accounts. Throws when there is no way there. */
export async function beginSignIn(userAgentId: string, integrationId: string): Promise<void> {
  const { authorization_url } = await api('POST /api/v1/user-agents/:id/integrations/:integration_id/authorization', {
    params: { id: userAgentId, integration_id: integrationId },
  })
  window.location.assign(authorization_url)
}

interface SignInButtonProps {
  userAgentId: string
  integrationId: string
  title: string
}

export function SignInButton({ userAgentId, integrationId, title }: SignInButtonProps) {
  const [isBusy, setIsBusy] = useState(false)
  const begin = async () => {
    setIsBusy(true)
    try {
      await beginSignIn(userAgentId, integrationId)
    } catch (error) {
      toastError(error)
      setIsBusy(false)
    }
  }
  return (
    <Button
      size="sm"
      leftSection={<IconExternalLink size={17} aria-hidden />}
      onClick={() => void begin()}
      loading={isBusy}
    >
      Connect with {title}
    </Button>
  )
}
