import { Group, Paper, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { activityQuery } from './agent-log-queries.ts'
import classes from './agent-logs.module.css'
import { countOf, formatCount } from './format-run.ts'

const parts = [
  { key: 'succeeded', label: 'succeeded' },
  { key: 'failed', label: 'failed' },
  { key: 'other', label: 'other' },
] as const

/** Runs a day of the last 30 days. Says nothing where there were none, and is no reason for an error: the list below is. */
export function ActivityChart({ userAgentId }: { userAgentId: string | undefined }) {
  const { data } = useQuery(activityQuery(userAgentId))
  const days = data?.data ?? []
  const totals = days.map((day) => day.succeeded + day.failed + day.other)
  const most = Math.max(0, ...totals)
  if (most === 0) return null
  const all = totals.reduce((sum, total) => sum + total, 0)
  const failed = days.reduce((sum, day) => sum + day.failed, 0)
  const summary = `${countOf(all, 'run')} in the last ${days.length} days, ${formatCount(failed)} of them failed`
  return (
    <Paper withBorder p="md" component="figure" m={0}>
      <Group justify="space-between" mb="sm" gap="xs" component="figcaption">
        <Text size="sm" fw={600} component="span">
          {summary}
        </Text>
        <Group gap="md" aria-hidden>
          {parts.map((part) => (
            <Group key={part.key} gap={6}>
              <span className={classes.swatch} data-part={part.key} />
              <Text size="xs" c="dimmed">
                {part.label}
              </Text>
            </Group>
          ))}
        </Group>
      </Group>
      <div className={classes.bars} aria-hidden>
        {days.map((day, index) => (
          <div key={day.day} className={classes.day} title={wordsOf(day, totals[index] ?? 0)}>
            {parts.map((part) => (
              <span
                key={part.key}
                className={classes.bar}
                data-part={part.key}
                style={{ height: `${(day[part.key] / most) * 100}%` }}
              />
            ))}
          </div>
        ))}
      </div>
      <Group justify="space-between" mt={4} aria-hidden>
        <Text size="xs" c="dimmed">
          {shortDay(days[0]?.day)}
        </Text>
        <Text size="xs" c="dimmed">
          {shortDay(days.at(-1)?.day)} (days in UTC)
        </Text>
      </Group>
      <table className="ax-visually-hidden">
        <caption>Runs a day</caption>
        <thead>
          <tr>
            <th scope="col">Day</th>
            {parts.map((part) => (
              <th key={part.key} scope="col">
                {part.label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {days
            .filter((_, index) => (totals[index] ?? 0) > 0)
            .map((day) => (
              <tr key={day.day}>
                <th scope="row">{day.day}</th>
                {parts.map((part) => (
                  <td key={part.key}>{day[part.key]}</td>
                ))}
              </tr>
            ))}
        </tbody>
      </table>
    </Paper>
  )
}

function wordsOf(day: { day: string; failed: number; other: number }, total: number): string {
  return `${shortDay(day.day)}: ${countOf(total, 'run')}, ${day.failed} failed, ${day.other} other`
}

function shortDay(day: string | undefined): string {
  if (!day) return ''
  return new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', timeZone: 'UTC' }).format(new Date(day))
}
