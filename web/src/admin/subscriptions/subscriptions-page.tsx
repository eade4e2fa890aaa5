import { Badge, Card, Group, NativeSelect, Paper, SimpleGrid, Stack, Text, Title } from '@mantine/core'
import { IconReceipt2 } from '@tabler/icons-react'
import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { EmptyState } from '../../ui/empty-state.tsx'
import { ErrorState } from '../../ui/error-state.tsx'
import { TextLink } from '../../ui/links.tsx'
import { LoadMore } from '../../ui/load-more.tsx'
import { LoadingState } from '../../ui/loading-state.tsx'
import { Page } from '../../ui/page.tsx'
import { SearchField } from '../../ui/search-field.tsx'
import { AdminOnly } from '../admin-only.tsx'
import { usePlanOptions } from '../plans/plan-queries.ts'
import { PlanRequests } from './plan-requests.tsx'
import { type AdminSubscription, nextWords, paidWords, statusLooks, statusOptions } from './subscription-line.ts'
import { type SubscriptionFilters, subscriptionsQuery } from './subscription-queries.ts'

const title = 'Subscriptions'

export function AdminSubscriptionsPage() {
  return (
    <AdminOnly title={title}>
      <Page title={title} subtitle="Who has which plan, what they pay, and who asks for one.">
        <PlanRequests />
        <Subscriptions />
      </Page>
    </AdminOnly>
  )
}

function Subscriptions() {
  const navigate = useNavigate()
  const search = useSearch({ from: '/signed-in/admin/subscriptions' })
  const change = (part: SubscriptionFilters) =>
    void navigate({ to: '/admin/subscriptions', search: { ...search, ...part }, replace: true, resetScroll: false })
  const query = useInfiniteQuery({ ...subscriptionsQuery(search), placeholderData: keepPreviousData })
  const subscriptions = query.data?.pages.flatMap((page) => page.data) ?? []
  return (
    <section aria-labelledby="subscriptions">
      <Title order={2} size="h3" id="subscriptions" mb="sm">
        All subscriptions
      </Title>
      <Stack gap="md">
        <FilterBar filters={search} onChange={change} />
        {query.isPending && <LoadingState label="Loading the subscriptions" />}
        {query.isError && (
          <ErrorState error={query.error} onRetry={() => query.refetch()} isRetrying={query.isFetching} />
        )}
        {query.isSuccess && subscriptions.length === 0 && (
          <EmptyState icon={IconReceipt2} title="No subscription fits that">
            As soon as somebody chooses a plan, or you give them one, it stands here.
          </EmptyState>
        )}
        <Stack gap="sm">
          {subscriptions.map((subscription) => (
            <SubscriptionRow key={subscription.id} subscription={subscription} />
          ))}
          <LoadMore hasMore={query.hasNextPage} isLoading={query.isFetchingNextPage} onLoad={query.fetchNextPage} />
        </Stack>
      </Stack>
    </section>
  )
}

interface FilterBarProps {
  filters: SubscriptionFilters
  onChange: (part: SubscriptionFilters) => void
}

function FilterBar({ filters, onChange }: FilterBarProps) {
  const plans = usePlanOptions()
  return (
    <Paper withBorder p="md" component="search" aria-label="Filter the subscriptions">
      <SimpleGrid cols={{ base: 1, xs: 3 }} spacing="sm">
        <SearchField
          label="Search"
          placeholder="E-mail or name"
          maxLength={100}
          value={filters.search ?? ''}
          onChange={(text) => onChange({ search: text || undefined })}
        />
        <NativeSelect
          label="Plan"
          value={filters.plan_id ?? ''}
          onChange={(event) => onChange({ plan_id: event.currentTarget.value || undefined })}
          data={plans}
        />
        <NativeSelect
          label="State"
          value={filters.status ?? ''}
          onChange={(event) => onChange({ status: event.currentTarget.value || undefined })}
          data={[{ value: '', label: 'Any' }, ...statusOptions]}
        />
      </SimpleGrid>
    </Paper>
  )
}

function SubscriptionRow({ subscription }: { subscription: AdminSubscription }) {
  const { user, plan_name, status } = subscription
  return (
    <Card component="article" aria-label={user.email} padding="md" className="ax-link-card">
      <Group justify="space-between" gap="md">
        <div style={{ flex: '1 1 260px', minWidth: 0 }}>
          <Text fw={600} component="h3" m={0} style={{ overflowWrap: 'anywhere' }}>
            <TextLink to="/admin/users/$userId" params={{ userId: user.id }} fw={600}>
              {user.email}
            </TextLink>
          </Text>
          <Text size="sm" c="dimmed">
            {nextWords(subscription)}
          </Text>
        </div>
        <div>
          <Group gap="xs" justify="flex-end">
            <Text size="sm" fw={600}>
              {plan_name}
            </Text>
            <Badge color={statusLooks[status].color}>{statusLooks[status].label}</Badge>
          </Group>
          <Text size="sm" c="dimmed" ta={{ sm: 'right' }}>
            {paidWords(subscription)}
          </Text>
        </div>
      </Group>
    </Card>
  )
}
