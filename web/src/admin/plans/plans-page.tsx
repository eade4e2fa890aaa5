import { Badge, Card, Group, Stack, Text, Title } from '@mantine/core'
import { IconPlus, IconTag } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { countOf } from '../../agent-logs/format-run.ts'
import { limitSentence } from '../../limits/limit-words.ts'
import { priceWords } from '../../plans/plan-price.ts'
import { EmptyState } from '../../ui/empty-state.tsx'
import { ErrorState } from '../../ui/error-state.tsx'
import { ButtonLink, TextLink } from '../../ui/links.tsx'
import { LoadingState } from '../../ui/loading-state.tsx'
import { Page } from '../../ui/page.tsx'
import { AdminOnly } from '../admin-only.tsx'
import type { AdminPlan } from './plan-draft.ts'
import { adminPlansQuery } from './plan-queries.ts'

const title = 'Plans'

export function AdminPlansPage() {
  return (
    <AdminOnly title={title}>
      <Plans />
    </AdminOnly>
  )
}

function Plans() {
  const { data, error, isFetching, refetch } = useQuery(adminPlansQuery)
  const newPlan = (
    <ButtonLink to="/admin/plans/new" leftSection={<IconPlus size={17} aria-hidden />}>
      New plan
    </ButtonLink>
  )
  return (
    <Page
      title={title}
      subtitle="What you sell, in the order in which it is shown. A plan that somebody has is archived, never deleted."
      actions={newPlan}
    >
      {error && !data && <ErrorState error={error} onRetry={() => void refetch()} isRetrying={isFetching} />}
      {!error && !data && <LoadingState label="Loading the plans" />}
      {data?.length === 0 && (
        <EmptyState icon={IconTag} title="There are no plans" action={newPlan}>
          Without plans nobody has a limit. Make one to sell, and one that is free for everybody else.
        </EmptyState>
      )}
      <Stack gap="sm">
        {data?.map((plan) => (
          <PlanRow key={plan.id} plan={plan} />
        ))}
      </Stack>
    </Page>
  )
}

function PlanRow({ plan }: { plan: AdminPlan }) {
  const { limits } = plan.features
  return (
    <Card component="article" aria-label={plan.name} padding="md" className="ax-link-card">
      <Group justify="space-between" gap="md">
        <div style={{ flex: '1 1 280px', minWidth: 0 }}>
          <Group gap="xs">
            <Title order={2} size="h4">
              <TextLink to="/admin/plans/$planId" params={{ planId: plan.id }} fw={600}>
                {plan.name}
              </TextLink>
            </Title>
            <PlanBadges plan={plan} />
          </Group>
          <Text size="sm" c="dimmed">
            {limitSentence('user_agents', limits.user_agents)} ·{' '}
            {limitSentence('runs_per_month', limits.runs_per_month)}
          </Text>
        </div>
        <div>
          <Text fw={600}>{priceWords(plan, 'month')}</Text>
          {plan.yearly_price !== null && !plan.is_by_arrangement && (
            <Text size="sm" c="dimmed">
              or {priceWords(plan, 'year')}
            </Text>
          )}
        </div>
        <Text size="sm" miw={110} ta={{ sm: 'right' }}>
          {countOf(plan.subscribers, 'subscriber')}
        </Text>
      </Group>
    </Card>
  )
}

export function PlanBadges({ plan }: { plan: Pick<AdminPlan, 'archived_at' | 'is_default' | 'is_public'> }) {
  return (
    <>
      {plan.is_default && <Badge>Without a subscription</Badge>}
      {plan.archived_at !== null && <Badge color="gray">Archived</Badge>}
      {plan.archived_at === null && !plan.is_public && <Badge color="honey">Hidden</Badge>}
    </>
  )
}
