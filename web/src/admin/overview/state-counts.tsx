import { SimpleGrid } from '@mantine/core'
import { useQueries } from '@tanstack/react-query'
import { formatCount } from '../../agent-logs/format-run.ts'
import { api } from '../../api.ts'
import { TextLink } from '../../ui/links.tsx'
import { Figure } from '../figure.tsx'
import type { RevenueMonth } from './revenue-figures.ts'

const counted = ['past_due', 'canceled', 'expired'] as const
const pageLength = 100

/** How the subscriptions stand that bring no money, each leading to who it is. */
export function StateCounts({ now }: { now: RevenueMonth | undefined }) {
  const [pastDue, canceled, expired] = useQueries({
    queries: counted.map((status) => ({
      queryKey: ['admin-subscriptions', 'count', status],
      staleTime: 60_000,
      queryFn: async ({ signal }: { signal: AbortSignal }) => {
        const page = await api('GET /api/v1/admin/subscriptions', { query: { status, limit: pageLength }, signal })
        return { count: page.data.length, hasMore: page.next_cursor !== null }
      },
    })),
  }).map(({ data }) => data)
  return (
    <SimpleGrid cols={{ base: 2, md: 4 }} spacing="md">
      <Figure label="On trial" value={formatCount(now?.trialing ?? 0)} note={<Who status="trialing" />} />
      <Figure label="Given" value={formatCount(now?.given ?? 0)} note="cost nothing" />
      <Figure label="Payment failed" value={sumWords([pastDue])} note={<Who status="past_due" />} />
      <Figure
        label="Lapsed"
        value={sumWords([canceled, expired])}
        note={
          <>
            <Who status="canceled" label="Cancelled" />, <Who status="expired" label="expired" />
          </>
        }
      />
    </SimpleGrid>
  )
}

function Who({ status, label = 'Who' }: { status: string; label?: string }) {
  return (
    <TextLink to="/admin/subscriptions" search={{ status }} size="xs">
      {label}
    </TextLink>
  )
}

interface Count {
  count: number
  hasMore: boolean
}

/** Counted one page far: who has more than that looks into the list. */
function sumWords(counts: (Count | undefined)[]): string {
  if (counts.some((count) => count === undefined)) return '–'
  const sum = counts.reduce((total, one) => total + (one?.count ?? 0), 0)
  return counts.some((one) => one?.hasMore) ? `${formatCount(sum)}+` : formatCount(sum)
}
