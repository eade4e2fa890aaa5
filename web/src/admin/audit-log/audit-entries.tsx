import { Button, Group, List, Stack, Text } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { useQuery } from '@tanstack/react-query'
import { TextLink } from '../../ui/links.tsx'
import { ListRow } from '../../ui/list-row.tsx'
import { Time } from '../../ui/time.tsx'
import { adminPlansQuery } from '../plans/plan-queries.ts'
import type { AuditEntry } from './audit-queries.ts'
import { type DetailFact, readDetail } from './detail-words.ts'

interface AuditEntriesProps {
  entries: AuditEntry[]
  /** Leads on to more about the same; false where they are all about one already. */
  hasFilters?: boolean
}

/** Who did what to whom, and what changed. */
export function AuditEntries({ entries, hasFilters = false }: AuditEntriesProps) {
  return (
    <Stack component="ul" gap={0} m={0} p={0} style={{ listStyle: 'none' }}>
      {entries.map((entry) => (
        <ListRow key={entry.id}>
          <Entry entry={entry} hasFilters={hasFilters} />
        </ListRow>
      ))}
    </Stack>
  )
}

function Entry({ entry, hasFilters }: { entry: AuditEntry; hasFilters: boolean }) {
  const plans = useQuery(adminPlansQuery).data
  const facts = readDetail(entry.detail, new Map(plans?.map(({ id, name }) => [id, name])))
  return (
    <div style={{ minWidth: 0, flex: 1 }}>
      <Group justify="space-between" gap="xs" align="baseline">
        <Text fw={600} style={{ overflowWrap: 'anywhere' }}>
          {entry.description}
        </Text>
        <Text size="xs" c="dimmed">
          No. {entry.id} · <Time value={entry.created_at} isExact />
        </Text>
      </Group>
      <Text size="sm" component="div" style={{ overflowWrap: 'anywhere' }}>
        <Target entry={entry} /> · by <Actor entry={entry} />
      </Text>
      {facts.length > 0 && <Facts facts={facts} />}
      {hasFilters && (
        <Group gap="md" mt={2}>
          <TextLink to="/admin/audit-log" search={{ target_id: entry.target_id }} size="xs">
            All about this {entry.target_type.replaceAll('_', ' ')}
          </TextLink>
          {entry.actor_id && (
            <TextLink to="/admin/audit-log" search={{ actor_id: entry.actor_id }} size="xs">
              All that they did
            </TextLink>
          )}
        </Group>
      )}
    </div>
  )
}

const shownAtFirst = 6

/** A whole plan is two dozen lines: they come when they are asked for. */
function Facts({ facts }: { facts: DetailFact[] }) {
  const [isOpen, { toggle }] = useDisclosure(false)
  const isLong = facts.length > shownAtFirst + 1
  return (
    <>
      <List size="sm" c="dimmed" mt={2} listStyleType="none" p={0}>
        {facts.slice(0, isLong && !isOpen ? shownAtFirst : undefined).map(({ label, text }) => (
          <List.Item key={`${label} ${text}`} style={{ overflowWrap: 'anywhere' }}>
            {label}: {text}
          </List.Item>
        ))}
      </List>
      {isLong && (
        <Button size="compact-xs" variant="subtle" onClick={toggle} aria-expanded={isOpen}>
          {isOpen ? 'Show less' : `Show all ${facts.length}`}
        </Button>
      )}
    </>
  )
}

function Actor({ entry: { actor_id, actor_name } }: { entry: AuditEntry }) {
  if (actor_id === null) return 'the server or a command'
  if (actor_name === null) return `an account that is gone (${actor_id})`
  return (
    <TextLink to="/admin/users/$userId" params={{ userId: actor_id }} size="sm" underline="always">
      {actor_name}
    </TextLink>
  )
}

/** What it was done to, leading to its page where it has one. */
function Target({ entry: { target_type: type, target_id: id, target_name } }: { entry: AuditEntry }) {
  const kind = type.replaceAll('_', ' ')
  const name = target_name ?? id
  if (type === 'user' && target_name !== null)
    return (
      <TextLink to="/admin/users/$userId" params={{ userId: id }} size="sm" underline="always">
        {name}
      </TextLink>
    )
  if (type === 'plan')
    return (
      <>
        Plan{' '}
        <TextLink to="/admin/plans/$planId" params={{ planId: id }} size="sm" underline="always">
          {name}
        </TextLink>
      </>
    )
  if (type === 'agent' && target_name !== null)
    return (
      <>
        Agent{' '}
        <TextLink to="/agents/$agentId" params={{ agentId: id }} size="sm" underline="always">
          {name}
        </TextLink>
      </>
    )
  return `${kind.charAt(0).toUpperCase()}${kind.slice(1)} ${name}`
}
