import { Button, Stack } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { IconKey, IconPlus } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { PlanNotice } from '../limits/plan-notice.tsx'
import { EmptyState } from '../ui/empty-state.tsx'
import { ErrorState } from '../ui/error-state.tsx'
import { LoadingState } from '../ui/loading-state.tsx'
import { Page } from '../ui/page.tsx'
import { ApiExamples } from './api-examples.tsx'
import { ApiKeyList } from './api-key-list.tsx'
import { apiKeysQuery } from './api-key-queries.ts'
import { CreateApiKey } from './create-api-key.tsx'

/** Keys for programs, and how a program talks to an agent. */
export function ApiKeysPage() {
  const keys = useQuery(apiKeysQuery)
  const [isCreating, creation] = useDisclosure(false)
  // Kept for the examples below, for as long as this page is open.
  const [newestKey, setNewestKey] = useState<string | null>(null)
  const create = (
    <Button leftSection={<IconPlus size={18} aria-hidden />} onClick={creation.open}>
      Create API key
    </Button>
  )
  const rows = keys.data?.data ?? []
  return (
    <Page
      title="API keys"
      subtitle="With a key your own programs talk to your agents. Whoever has it can do what you can do with them: keep it secret."
      actions={rows.length > 0 && create}
      width={920}
    >
      <Stack gap="xl">
        <PlanNotice wanted="api_key" />
        {keys.isPending && <LoadingState label="Loading the keys" />}
        {keys.isError && (
          <ErrorState error={keys.error} onRetry={() => void keys.refetch()} isRetrying={keys.isFetching} />
        )}
        {keys.isSuccess && rows.length === 0 && (
          <EmptyState icon={IconKey} title="No keys yet" action={create}>
            Create one to call your agents from a shop, a script, or any program that speaks to OpenAI.
          </EmptyState>
        )}
        {rows.length > 0 && <ApiKeyList rows={rows} />}
        <ApiExamples apiKey={newestKey} />
      </Stack>
      <CreateApiKey isOpen={isCreating} onClose={creation.close} onCreated={setNewestKey} />
    </Page>
  )
}
