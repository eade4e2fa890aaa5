import { Group, SimpleGrid, Stack, Text } from '@mantine/core'
import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { useParams } from '@tanstack/react-router'
import { Section } from '../../account/section.tsx'
import { countOf, formatCost, formatCount } from '../../agent-logs/format-run.ts'
import { LimitBars } from '../../limits/limit-bars.tsx'
import { nameOfUser } from '../../shell/account-menu.tsx'
import { AmountChart } from '../../ui/amount-chart.tsx'
import { BackLink } from '../../ui/back-link.tsx'
import { ErrorState } from '../../ui/error-state.tsx'
import { LoadMore } from '../../ui/load-more.tsx'
import { LoadingState } from '../../ui/loading-state.tsx'
import { Page } from '../../ui/page.tsx'
import { Time } from '../../ui/time.tsx'
import { AdminOnly } from '../admin-only.tsx'
import { AuditEntries } from '../audit-log/audit-entries.tsx'
import { auditQuery } from '../audit-log/audit-queries.ts'
import { dayLabel } from '../chart-points.ts'
import { Figure } from '../figure.tsx'
import { AccountActions } from './account-actions.tsx'
import { SubscriptionSection } from './subscription-section.tsx'
import { toLimits } from './user-limits.ts'
import { type AdminUserDetail, userDetailQuery } from './user-queries.ts'
import { UserBadges } from './users-page.tsx'

export function AdminUserPage() {
  return (
    <AdminOnly title="User">
      <User />
    </AdminOnly>
  )
}

function User() {
  const { userId } = useParams({ from: '/signed-in/admin/users/$userId' })
  const { data, error, isFetching, refetch } = useQuery(userDetailQuery(userId))
  return (
    <Page
      title={data?.user.email ?? 'User'}
      above={<BackLink to="/admin/users" label="All users" />}
      subtitle={
        data && (
          <Group gap="xs">
            <UserBadges user={data.user} />
            <span>
              {nameOfUser(data.user)} · since <Time value={data.user.created_at} />
              {data.user.suspended_at && (
                <>
                  {' '}
                  · suspended <Time value={data.user.suspended_at} />
                </>
              )}
            </span>
          </Group>
        )
      }
    >
      {error && !data && <ErrorState error={error} onRetry={() => void refetch()} isRetrying={isFetching} />}
      {!error && !data && <LoadingState shape="cards" label="Loading the account" />}
      {data && <Detail detail={data} />}
    </Page>
  )
}

function Detail({ detail }: { detail: AdminUserDetail }) {
  const { user } = detail
  return (
    <Stack gap="lg">
      <SimpleGrid cols={{ base: 2, md: 4 }} spacing="md">
        <Figure
          label="Runs this month"
          value={formatCount(user.runs)}
          note={`${formatCost(user.cost_usd)} of model cost`}
        />
        <Figure
          label="Own cost cap"
          value={detail.cost_cap_usd === null ? 'None' : formatCost(detail.cost_cap_usd)}
          note="set by the user"
        />
        <Figure
          label="Agents on"
          value={formatCount(detail.user_agents)}
          note={countOf(detail.integrations, 'connected account')}
        />
        <Figure
          label="Signed in"
          value={countOf(detail.sessions, 'place')}
          note={countOf(detail.api_keys, 'API key')}
        />
      </SimpleGrid>
      <SubscriptionSection user={user} />
      {user.role === 'admin' ? (
        <Section title="Limits">
          <Text size="sm">Admins have no limits of a plan.</Text>
        </Section>
      ) : (
        detail.limits.length > 0 && (
          <Section title="Limits" description="What the plan allows, and how much of it is used.">
            <LimitBars limits={toLimits(detail.limits, new Date())} />
          </Section>
        )
      )}
      <Usage days={detail.days} />
      <AccountActions detail={detail} />
      <AuditOf userId={user.id} />
    </Stack>
  )
}

function Usage({ days }: Pick<AdminUserDetail, 'days'>) {
  const runs = days.reduce((sum, day) => sum + day.runs, 0)
  const cost = days.reduce((sum, day) => sum + day.cost_usd, 0)
  const points = days.map((day) => ({
    label: dayLabel(day.day),
    succeeded: day.runs - day.failed,
    failed: day.failed,
    cost: day.cost_usd,
  }))
  return (
    <SimpleGrid cols={{ base: 1, md: cost > 0 ? 2 : 1 }} spacing="md">
      <AmountChart
        title="Runs by day"
        total={`${countOf(runs, 'run')} in 30 days`}
        points={points}
        isStacked
        format={formatCount}
        series={[
          { name: 'succeeded', label: 'Went well', color: 'spruce.6' },
          { name: 'failed', label: 'Failed', color: 'red.7' },
        ]}
      />
      {cost > 0 && (
        <AmountChart
          title="Model cost by day"
          total={`${formatCost(cost)} in 30 days`}
          points={points}
          hasFractions
          format={formatCost}
          series={[{ name: 'cost', label: 'Cost', color: 'honey.5' }]}
        />
      )}
    </SimpleGrid>
  )
}

function AuditOf({ userId }: { userId: string }) {
  const query = useInfiniteQuery(auditQuery({ target_id: userId }, 10))
  const entries = query.data?.pages.flatMap((page) => page.data) ?? []
  return (
    <Section title="What was done to this account" description="From the audit log, newest first.">
      {query.isPending && <LoadingState shape="text" label="Loading the audit log" />}
      {query.isError && <ErrorState error={query.error} onRetry={() => void query.refetch()} />}
      {query.isSuccess && entries.length === 0 && (
        <Text size="sm" c="dimmed">
          Nothing yet.
        </Text>
      )}
      <AuditEntries entries={entries} />
      <LoadMore hasMore={query.hasNextPage} isLoading={query.isFetchingNextPage} onLoad={query.fetchNextPage} />
    </Section>
  )
}
