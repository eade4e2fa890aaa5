import { Box, Group, Progress, Stack, Text } from '@mantine/core'
import { useId } from 'react'
import type { Limit } from './limit-queries.ts'
import { limitFigure, limitOrder, limitWords, resetDay } from './limit-words.ts'

/** How much of each limit is used, what is nearly full first in colour. Limits that count nothing are only said. */
export function LimitBars({ limits }: { limits: readonly Limit[] }) {
  const shown = limitOrder
    .map((name) => limits.find((limit) => limit.name === name))
    .filter((limit) => limit !== undefined)
    .filter(({ limit, used }) => limit !== null || (used ?? 0) > 0)
  return (
    <Stack gap="lg" component="ul" p={0} m={0} style={{ listStyle: 'none' }}>
      {shown.map((limit) => (
        <LimitBar key={limit.name} limit={limit} />
      ))}
    </Stack>
  )
}

function LimitBar({ limit: { name, limit, used, percent, resets_at } }: { limit: Limit }) {
  const labelId = useId()
  const { title, help } = limitWords(name)
  const isNothing = limit === 0 && !used
  const value = Math.min(100, percent ?? 0)
  return (
    <Box component="li">
      <Group justify="space-between" align="baseline" gap="xs">
        <Text fw={600} size="sm" id={labelId}>
          {title}
        </Text>
        <Text size="sm">
          {used !== null && !isNothing && (
            <>
              <b>{limitFigure(name, used)}</b> of{' '}
            </>
          )}
          {isNothing ? 'Not in your plan' : limit === null ? 'no limit' : limitFigure(name, limit)}
        </Text>
      </Group>
      {percent !== null && !isNothing && (
        <Progress.Root size="md" mt={6}>
          <Progress.Section
            value={value}
            color={barColor(percent, resets_at !== null)}
            aria-labelledby={labelId}
            aria-valuetext={`${percent} percent`}
          />
        </Progress.Root>
      )}
      <Text size="xs" c="dimmed" mt={4}>
        {help} {resets_at !== null && `Begins anew on ${resetDay(resets_at)}.`}
      </Text>
    </Box>
  )
}

/** That all agents of a plan are in use is how it is meant to be; that the runs of a month are nearly gone is not. */
function barColor(percent: number, isOfMonth: boolean): string {
  if (!isOfMonth || percent < 80) return 'spruce'
  return percent < 100 ? 'honey.5' : 'red.7'
}
