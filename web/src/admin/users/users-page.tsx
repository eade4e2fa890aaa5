import { Avatar, Badge, Card, Group, NativeSelect, Paper, SimpleGrid, Stack, Text } from '@mantine/core'
import { IconUsers } from '@tabler/icons-react'
import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import type { AdminUser } from '../../../../api-client/src/api-types.ts'
import { countOf, formatCost } from '../../agent-logs/format-run.ts'
import { useUser } from '../../auth/session.ts'
import { nameOfUser } from '../../shell/account-menu.tsx'
import { EmptyState } from '../../ui/empty-state.tsx'
import { ErrorState } from '../../ui/error-state.tsx'
import { TextLink } from '../../ui/links.tsx'
import { LoadMore } from '../../ui/load-more.tsx'
import { LoadingState } from '../../ui/loading-state.tsx'
import { Page } from '../../ui/page.tsx'
import { SearchField } from '../../ui/search-field.tsx'
import { Time } from '../../ui/time.tsx'
import { AdminOnly } from '../admin-only.tsx'
import { usePlanOptions } from '../plans/plan-queries.ts'
import { statusLooks, statusOptions } from '../subscriptions/subscription-line.ts'
import { type UserFilters, usersQuery } from './user-queries.ts'

const title = 'Users'

export function UsersPage() {
  return (
    <AdminOnly title={title}>
      <Users />
    </AdminOnly>
  )
}

function Users() {
  const navigate = useNavigate()
  const filters = useSearch({ from: '/signed-in/admin/users' })
  const change = (part: UserFilters) =>
    void navigate({ to: '/admin/users', search: { ...filters, ...part }, replace: true, resetScroll: false })
  const query = useInfiniteQuery({ ...usersQuery(filters), placeholderData: keepPreviousData })
  const users = query.data?.pages.flatMap((page) => page.data) ?? []
  return (
    <Page title={title} subtitle="Everybody who has an account here. What they ask and are answered stays theirs.">
      <Stack gap="md">
        <FilterBar filters={filters} onChange={change} />
        {query.isPending && <LoadingState label="Loading the users" />}
        {query.isError && (
          <ErrorState error={query.error} onRetry={() => query.refetch()} isRetrying={query.isFetching} />
        )}
        {query.isSuccess && users.length === 0 && (
          <EmptyState icon={IconUsers} title="Nobody fits that">
            Try a shorter part of the e-mail or name, or fewer filters.
          </EmptyState>
        )}
        <Stack gap="sm">
          {users.map((user) => (
            <UserRow key={user.id} user={user} />
          ))}
          <LoadMore hasMore={query.hasNextPage} isLoading={query.isFetchingNextPage} onLoad={query.fetchNextPage} />
        </Stack>
      </Stack>
    </Page>
  )
}

function FilterBar({ filters, onChange }: { filters: UserFilters; onChange: (part: UserFilters) => void }) {
  const plans = usePlanOptions()
  return (
    <Paper withBorder p="md" component="search" aria-label="Filter the users">
      <SimpleGrid cols={{ base: 1, xs: 2, md: 4 }} spacing="sm">
        <SearchField
          label="Search"
          placeholder="E-mail or name"
          maxLength={100}
          value={filters.search ?? ''}
          onChange={(search) => onChange({ search: search || undefined })}
        />
        <NativeSelect
          label="Plan"
          value={filters.plan_id ?? ''}
          onChange={(event) => onChange({ plan_id: event.currentTarget.value || undefined })}
          data={plans}
        />
        <NativeSelect
          label="Subscription"
          value={filters.status ?? ''}
          onChange={(event) => onChange({ status: event.currentTarget.value || undefined })}
          data={[{ value: '', label: 'Any' }, ...statusOptions, { value: 'none', label: 'None' }]}
        />
        <NativeSelect
          label="Account"
          value={filters.suspended === 'true' ? 'suspended' : filters.role === 'admin' ? 'admin' : ''}
          onChange={(event) =>
            onChange({
              suspended: event.currentTarget.value === 'suspended' ? 'true' : undefined,
              role: event.currentTarget.value === 'admin' ? 'admin' : undefined,
            })
          }
          data={[
            { value: '', label: 'All' },
            { value: 'suspended', label: 'Suspended' },
            { value: 'admin', label: 'Admins' },
          ]}
        />
      </SimpleGrid>
    </Paper>
  )
}

function UserRow({ user }: { user: AdminUser }) {
  return (
    <Card component="article" aria-label={user.email} padding="md" className="ax-link-card">
      <Group justify="space-between" gap="md">
        <Group wrap="nowrap" gap="sm" flex="1 1 280px" miw={0}>
          <Avatar name={nameOfUser(user)} color="spruce" alt="" />
          <div style={{ minWidth: 0 }}>
            <Group gap="xs">
              <Text fw={600} component="h2" m={0} style={{ overflowWrap: 'anywhere' }}>
                <TextLink to="/admin/users/$userId" params={{ userId: user.id }} fw={600}>
                  {user.email}
                </TextLink>
              </Text>
              <UserBadges user={user} />
            </Group>
            <Text size="sm" c="dimmed" style={{ overflowWrap: 'anywhere' }}>
              {nameOfUser(user)} · since <Time value={user.created_at} />
            </Text>
          </div>
        </Group>
        <div>
          <Text size="sm" fw={600} ta={{ sm: 'right' }}>
            {user.role === 'admin' ? 'No limits' : (user.plan?.name ?? 'No plan')}
          </Text>
          <Text size="sm" c="dimmed" ta={{ sm: 'right' }}>
            {user.runs === 0
              ? 'No runs this month'
              : `${countOf(user.runs, 'run')}, ${formatCost(user.cost_usd)} this month`}
          </Text>
        </div>
      </Group>
    </Card>
  )
}

/** What sets an account apart. */
export function UserBadges({ user }: { user: AdminUser }) {
  const isMe = useUser()?.id === user.id
  const status = user.subscription?.status
  return (
    <>
      {isMe && <Badge color="gray">You</Badge>}
      {user.role === 'admin' && <Badge>Admin</Badge>}
      {user.suspended_at !== null && <Badge color="red">Suspended</Badge>}
      {status === 'past_due' && <Badge color="red">{statusLooks.past_due.label}</Badge>}
      {status === 'trialing' && <Badge color="blue">{statusLooks.trialing.label}</Badge>}
      {user.is_lapsed && status !== 'past_due' && <Badge color="honey">Lapsed</Badge>}
    </>
  )
}
