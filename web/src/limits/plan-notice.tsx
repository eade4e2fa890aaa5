import { Alert, Group, Text } from '@mantine/core'
import { IconGauge } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { ButtonLink } from '../ui/links.tsx'
import { limitsQuery } from './limit-queries.ts'
import { findLack, type Wanted } from './plan-lack.ts'

interface PlanNoticeProps {
  wanted: Wanted
}

/** Above what the plan has no room for, before somebody has filled in a form for nothing. */
export function PlanNotice({ wanted }: PlanNoticeProps) {
  // What was switched off a moment ago has made room.
  const { data, isFetching } = useQuery({ ...limitsQuery, refetchOnMount: 'always' })
  const lack = data && !isFetching ? findLack(data, wanted) : null
  if (lack === null) return null
  return (
    <Alert color="honey" variant="light" role="status" icon={<IconGauge aria-hidden />} title={lack.title}>
      <Text size="sm">{lack.detail}</Text>
      <Group gap="xs" mt="sm">
        <ButtonLink to="/plans" size="xs">
          See the plans
        </ButtonLink>
        {lack.canMakeRoom && (
          <ButtonLink to="/my-agents" size="xs" variant="default">
            My agents
          </ButtonLink>
        )}
      </Group>
    </Alert>
  )
}
