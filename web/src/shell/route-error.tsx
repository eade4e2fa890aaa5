import { Alert, Button, Text } from '@mantine/core'
import { IconRefresh } from '@tabler/icons-react'
import { useRouter } from '@tanstack/react-router'
import { useEffect, useState } from 'react'
import { ErrorState } from '../ui/error-state.tsx'
import { Page } from '../ui/page.tsx'
import { isScriptGone, mayReload } from './gone-script.ts'
import { RoutePending } from './route-pending.tsx'

/** When a page cannot be shown at all. */
export function RouteError({ error, reset }: { error: unknown; reset: () => void }) {
  const router = useRouter()
  if (isScriptGone(error)) return <GoneScript error={error} />
  const retry = () => {
    reset()
    void router.invalidate()
  }
  return (
    <Page title="This page could not be shown">
      <ErrorState error={error} onRetry={retry} />
    </Page>
  )
}

/** The script of the page is gone: trying again asks for the same one, only a new document knows the present name. */
function GoneScript({ error }: { error: Error }) {
  const [isReloading, setReloading] = useState(true)
  useEffect(() => {
    if (mayReload(error, () => sessionStorage)) location.reload()
    else setReloading(false)
  }, [error])
  if (isReloading) return <RoutePending />
  return (
    <Page title="This page could not be loaded">
      <Alert
        color="honey"
        variant="light"
        icon={<IconRefresh aria-hidden />}
        title="Reload the page"
        role="alert"
        radius="lg"
      >
        <Text size="sm">The site was updated since you opened it, or the network is away. What was saved is safe.</Text>
        <Button
          mt="sm"
          size="xs"
          variant="default"
          leftSection={<IconRefresh size={15} aria-hidden />}
          onClick={() => location.reload()}
        >
          Reload
        </Button>
      </Alert>
    </Page>
  )
}
