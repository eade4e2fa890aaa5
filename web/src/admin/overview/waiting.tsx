import { Card, Group, Stack, Text } from '@mantine/core'
import { type Icon, IconChevronRight, IconCircleCheck, IconCoin, IconInbox, IconWorldUpload } from '@tabler/icons-react'
import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import type { LinkProps } from '@tanstack/react-router'
import { countOf } from '../../agent-logs/format-run.ts'
import { api } from '../../api.ts'
import { ErrorState } from '../../ui/error-state.tsx'
import { TextLink } from '../../ui/links.tsx'
import { LoadingState } from '../../ui/loading-state.tsx'
import { adminModelsQuery } from '../models/models-page.tsx'
import { requestsQuery, subscriptionsQuery } from '../subscriptions/subscription-queries.ts'
import { lightLooks } from '../system/check-list.tsx'
import { type Check, checkSystem, type Light } from '../system/system-checks.ts'
import { systemQuery } from '../system/system-query.ts'

interface Waiting {
  icon: Icon
  isUrgent?: boolean
  text: string
  detail?: string
  to: LinkProps['to']
  search?: Record<string, string>
}

/** Everything that needs the operator, each leading to its place; and a plain word when nothing does. */
export function WaitingList() {
  const requests = useInfiniteQuery({ ...requestsQuery('open'), refetchInterval: 60_000 })
  const failed = useInfiniteQuery(subscriptionsQuery({ status: 'past_due' }))
  const agents = useQuery({
    queryKey: ['publication-requests', 'count'],
    queryFn: ({ signal }) => api('GET /api/v1/admin/publication-requests', { query: { limit: 20 }, signal }),
  })
  const models = useQuery(adminModelsQuery)
  const system = useQuery({ ...systemQuery, staleTime: 30_000 })
  const queries = [requests, failed, agents, models, system]
  const broken = queries.find(({ isError }) => isError)
  if (broken) return <ErrorState error={broken.error} onRetry={() => void broken.refetch()} />
  if (queries.some(({ isPending }) => isPending)) return <LoadingState shape="text" label="Looking for what waits" />

  const requestCount = countPages(requests.data?.pages)
  const failedCount = countPages(failed.data?.pages)
  const agentCount = countPages(agents.data ? [agents.data] : undefined)
  const unpriced = models.data?.data.filter((model) => model.unpriced && model.is_offered).length ?? 0
  const checks = system.data ? checkSystem(system.data, new Date()) : []
  const waiting: Waiting[] = [
    ...rowsOf(checks, 'bad'),
    ...one(
      failedCount,
      (count) => ({
        icon: IconCoin,
        text: `${count} with a failed payment`,
        detail: 'Stripe tries again by itself; they have some days to pay.',
        to: '/admin/subscriptions',
        search: { status: 'past_due' },
      }),
      'subscription',
    ),
    ...one(
      requestCount,
      (count) => ({
        icon: IconInbox,
        text: `${count} for a plan`,
        detail: 'Somebody would like to pay you.',
        to: '/admin/subscriptions',
        search: { requests: 'open' },
      }),
      'request',
    ),
    ...one(
      agentCount,
      (count) => ({
        icon: IconWorldUpload,
        text: `${count} for the nod`,
        detail: 'Members want them in the catalogue.',
        to: '/admin/publication-requests',
      }),
      'agent',
    ),
    ...(unpriced > 0
      ? [
          {
            icon: IconCoin,
            text: `${countOf(unpriced, 'model')} without a price`,
            detail: 'No limit of money holds what runs on them.',
            to: '/admin/models' as const,
          },
        ]
      : []),
    ...rowsOf(checks, 'look'),
  ]
  if (waiting.length === 0)
    return (
      <Card padding="md">
        <Group wrap="nowrap" gap="md">
          <IconCircleCheck size={28} color="var(--mantine-color-spruce-filled)" aria-hidden style={{ flexShrink: 0 }} />
          <div>
            <Text fw={600}>Nothing waits for you, and all is well</Text>
            <Text size="sm" c="dimmed">
              Servers, backups, jobs and payments were looked at just now.
            </Text>
          </div>
        </Group>
      </Card>
    )
  return (
    <Stack component="ul" gap="xs" m={0} p={0} style={{ listStyle: 'none' }}>
      {waiting.map((item) => (
        <WaitingRow key={item.text} item={item} />
      ))}
    </Stack>
  )
}

function rowsOf(checks: readonly Check[], light: Light): Waiting[] {
  return checks
    .filter((check) => check.light === light)
    .map((check) => ({
      icon: lightLooks[light].icon,
      isUrgent: light === 'bad',
      text: check.name,
      detail: check.problems[0] ?? check.says,
      to: '/admin/system',
    }))
}

function WaitingRow({ item: { icon: IconShape, isUrgent, text, detail, to, search } }: { item: Waiting }) {
  return (
    <Card component="li" padding="md" className="ax-link-card">
      <Group wrap="nowrap" gap="md">
        <IconShape
          size={24}
          color={`var(--mantine-color-${isUrgent ? 'red' : 'orange'}-filled)`}
          aria-hidden
          style={{ flexShrink: 0 }}
        />
        <div style={{ minWidth: 0, flex: 1 }}>
          <Text fw={600} component="h3" m={0}>
            <TextLink to={to} search={search as never} fw={600}>
              {text}
            </TextLink>
          </Text>
          <Text size="sm" c="dimmed" style={{ overflowWrap: 'anywhere' }}>
            {detail}
          </Text>
        </div>
        <IconChevronRight size={18} aria-hidden style={{ flexShrink: 0 }} />
      </Group>
    </Card>
  )
}

/** How many the first page holds, and whether there are more. */
function countPages(pages: readonly { data: unknown[]; next_cursor: string | null }[] | undefined) {
  const count = pages?.reduce((sum, page) => sum + page.data.length, 0) ?? 0
  return { count, hasMore: Boolean(pages?.at(-1)?.next_cursor) }
}

function one(
  { count, hasMore }: { count: number; hasMore: boolean },
  make: (words: string) => Waiting,
  noun: string,
): Waiting[] {
  if (count === 0) return []
  return [make(hasMore ? `More than ${countOf(count, noun)}` : countOf(count, noun))]
}
