import { useRouter } from '@tanstack/react-router'
import { ErrorState } from '../ui/error-state.tsx'
import { Page } from '../ui/page.tsx'

/** When a page cannot be shown at all. */
export function RouteError({ error, reset }: { error: unknown; reset: () => void }) {
  const router = useRouter()
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
