import { Button, Card, Chip, Group, NativeSelect, Paper, SimpleGrid, Stack, TextInput } from '@mantine/core'
import { IconFilterOff, IconHistory } from '@tabler/icons-react'
import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { auditActions } from '../../../../server/src/audit-log/audit-actions.ts'
import { EmptyState } from '../../ui/empty-state.tsx'
import { ErrorState } from '../../ui/error-state.tsx'
import { LoadMore } from '../../ui/load-more.tsx'
import { LoadingState } from '../../ui/loading-state.tsx'
import { Page } from '../../ui/page.tsx'
import { AdminOnly } from '../admin-only.tsx'
import { AuditEntries } from './audit-entries.tsx'
import { type AuditFilters, auditQuery } from './audit-queries.ts'
import { VerifyChain } from './verify-chain.tsx'

const title = 'Audit log'

export function AuditLogPage() {
  return (
    <AdminOnly title={title}>
      <AuditLog />
    </AdminOnly>
  )
}

function AuditLog() {
  const navigate = useNavigate()
  const filters = useSearch({ from: '/signed-in/admin/audit-log' })
  const change = (next: AuditFilters) =>
    void navigate({ to: '/admin/audit-log', search: { ...next }, replace: true, resetScroll: false })
  const query = useInfiniteQuery({ ...auditQuery(filters), placeholderData: keepPreviousData })
  const entries = query.data?.pages.flatMap((page) => page.data) ?? []
  return (
    <Page title={title} subtitle="Who did what to whom. Entries are only ever added; nobody can take one out unseen.">
      <VerifyChain />
      <Stack gap="md">
        <FilterBar filters={filters} onChange={change} />
        {query.isPending && <LoadingState label="Loading the audit log" />}
        {query.isError && (
          <ErrorState error={query.error} onRetry={() => query.refetch()} isRetrying={query.isFetching} />
        )}
        {query.isSuccess && entries.length === 0 && (
          <EmptyState icon={IconHistory} title="No entry fits that">
            What admins and commands do to accounts, plans, prices and keys is written here.
          </EmptyState>
        )}
        {entries.length > 0 && (
          <Card py="xs">
            <AuditEntries entries={entries} hasFilters />
          </Card>
        )}
        <LoadMore hasMore={query.hasNextPage} isLoading={query.isFetchingNextPage} onLoad={query.fetchNextPage} />
      </Stack>
    </Page>
  )
}

const actions = Object.entries(auditActions).map(([value, label]) => ({ value, label }))

function FilterBar({ filters, onChange }: { filters: AuditFilters; onChange: (filters: AuditFilters) => void }) {
  const set = (part: AuditFilters) => onChange({ ...filters, ...part })
  const isFiltered = Object.values(filters).some(Boolean)
  return (
    <Paper withBorder p="md" component="search" aria-label="Filter the audit log">
      <SimpleGrid cols={{ base: 1, sm: 3 }} spacing="sm">
        <NativeSelect
          label="What"
          value={filters.action ?? ''}
          onChange={(event) => set({ action: event.currentTarget.value || undefined })}
          data={[{ value: '', label: 'Everything' }, ...actions]}
        />
        <TextInput
          type="date"
          label="First day (UTC)"
          value={filters.from ?? ''}
          max={filters.to}
          onChange={(event) => set({ from: event.currentTarget.value || undefined })}
        />
        <TextInput
          type="date"
          label="Last day (UTC)"
          value={filters.to ?? ''}
          min={filters.from}
          onChange={(event) => set({ to: event.currentTarget.value || undefined })}
        />
      </SimpleGrid>
      {isFiltered && (
        <Group mt="sm" gap="sm">
          {filters.actor_id && (
            <Chip checked size="xs" onChange={() => set({ actor_id: undefined })}>
              By one account only
            </Chip>
          )}
          {filters.target_id && (
            <Chip checked size="xs" onChange={() => set({ target_id: undefined })}>
              About one thing only
            </Chip>
          )}
          <Button
            size="compact-xs"
            variant="subtle"
            leftSection={<IconFilterOff size={14} aria-hidden />}
            onClick={() => onChange({})}
          >
            Clear filters
          </Button>
        </Group>
      )}
    </Paper>
  )
}
