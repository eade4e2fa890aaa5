import { SimpleGrid } from '@mantine/core'
import { formatCount } from '../../agent-logs/format-run.ts'
import { TextLink } from '../../ui/links.tsx'
import { Figure } from '../figure.tsx'
import type { Revenue } from './revenue-figures.ts'

/** How the subscriptions stand that bring no money, each leading to who it is. */
export function StateCounts({ states }: Pick<Revenue, 'states'>) {
  return (
    <SimpleGrid cols={{ base: 2, md: 4 }} spacing="md">
      <Figure label="On trial" value={formatCount(states.trialing)} note={<Who status="trialing" />} />
      <Figure label="Given" value={formatCount(states.comp)} note="cost nothing" />
      <Figure label="Payment failed" value={formatCount(states.past_due)} note={<Who status="past_due" />} />
      <Figure
        label="Lapsed"
        value={formatCount(states.lapsed)}
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
