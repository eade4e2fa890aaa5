import { Group, Paper, Stack, Table, Text } from '@mantine/core'
import { useMediaQuery } from '@mantine/hooks'
import { IconThumbDown, IconThumbUp } from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import { memo } from 'react'
import type { AgentLogSummary } from '../../../api-client/src/api-types.ts'
import { Time } from '../ui/time.tsx'
import classes from './agent-logs.module.css'
import { firstLine, formatCost, formatCount, formatDuration } from './format-run.ts'
import { errorWords } from './run-details.ts'
import { RunStatus } from './run-status.tsx'

interface LogRowsProps {
  rows: AgentLogSummary[]
  /** Rows that came while one was looking. */
  freshIds: ReadonlySet<string>
}

/** The runs as a table, or as cards where a table has no room. */
export function LogRows({ rows, freshIds }: LogRowsProps) {
  const isWide = useMediaQuery('(min-width: 62em)', undefined, { getInitialValueInEffect: false })
  if (!isWide) {
    return (
      <Stack gap="sm" component="ul" p={0} m={0} style={{ listStyle: 'none' }} aria-label="Runs">
        {rows.map((row) => (
          <LogCard key={row.id} row={row} isFresh={freshIds.has(row.id)} />
        ))}
      </Stack>
    )
  }
  return (
    <Paper withBorder style={{ overflow: 'hidden' }}>
      <Table verticalSpacing="sm" horizontalSpacing="md" aria-label="Runs" layout="fixed">
        <Table.Thead>
          <Table.Tr>
            <Table.Th w={138}>Status</Table.Th>
            <Table.Th>Question and answer</Table.Th>
            <Table.Th w={150}>Agent</Table.Th>
            <Table.Th w={84} className={classes.number}>
              Tokens
            </Table.Th>
            <Table.Th w={92} className={classes.number}>
              Cost
            </Table.Th>
            <Table.Th w={84} className={classes.number}>
              Time
            </Table.Th>
            <Table.Th w={156}>When</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {rows.map((row) => (
            <LogTableRow key={row.id} row={row} isFresh={freshIds.has(row.id)} />
          ))}
        </Table.Tbody>
      </Table>
    </Paper>
  )
}

interface RowProps {
  row: AgentLogSummary
  isFresh: boolean
}

const LogTableRow = memo(function LogTableRow({ row, isFresh }: RowProps) {
  return (
    <Table.Tr className={classes.row} data-fresh={isFresh || undefined}>
      <Table.Td>
        <RunStatus status={row.status} />
      </Table.Td>
      <Table.Td>
        <Words row={row} />
      </Table.Td>
      <Table.Td>
        <Text size="sm" truncate>
          {row.user_agent_name ?? row.agent_name ?? 'Deleted agent'}
        </Text>
        <Text size="xs" c="dimmed" truncate>
          {sourceWords[row.source] ?? row.source}
        </Text>
      </Table.Td>
      <Table.Td className={classes.number}>{tokensOf(row)}</Table.Td>
      <Table.Td className={classes.number}>{row.cost_usd === null ? '–' : formatCost(row.cost_usd)}</Table.Td>
      <Table.Td className={classes.number}>{row.latency_ms === null ? '–' : formatDuration(row.latency_ms)}</Table.Td>
      <Table.Td>
        <Text size="sm" component="span" style={{ whiteSpace: 'nowrap' }}>
          <Time value={row.timestamp} />
        </Text>
      </Table.Td>
    </Table.Tr>
  )
})

const LogCard = memo(function LogCard({ row, isFresh }: RowProps) {
  const numbers = [
    row.latency_ms === null ? null : formatDuration(row.latency_ms),
    row.input_tokens === null ? null : `${tokensOf(row)} tokens`,
    row.cost_usd === null ? null : formatCost(row.cost_usd),
  ].filter((part) => part !== null)
  return (
    <Paper component="li" withBorder p="md" className={classes.card} data-fresh={isFresh || undefined}>
      <Stack gap="xs">
        <Group justify="space-between" gap="xs">
          <RunStatus status={row.status} />
          <Text size="xs" c="dimmed" component="span">
            <Time value={row.timestamp} />
          </Text>
        </Group>
        <Words row={row} />
        <Text size="xs" c="dimmed">
          {[row.user_agent_name ?? row.agent_name ?? 'Deleted agent', ...numbers].join(' · ')}
        </Text>
      </Stack>
    </Paper>
  )
})

function Words({ row }: { row: AgentLogSummary }) {
  return (
    <>
      <Group gap={6} wrap="nowrap">
        <Link
          to="/logs/$logId"
          params={{ logId: row.id }}
          className={classes.link}
          preload={false}
          style={{ minWidth: 0 }}
        >
          <Text size="sm" fw={550} truncate>
            {firstLine(row.input) || 'Without words'}
          </Text>
        </Link>
        {row.rating === 1 && <IconThumbUp size={15} aria-label="Rated good" role="img" style={{ flexShrink: 0 }} />}
        {row.rating === -1 && <IconThumbDown size={15} aria-label="Rated bad" role="img" style={{ flexShrink: 0 }} />}
      </Group>
      <Text size="sm" c="dimmed" truncate>
        {firstLine(row.output ?? '') || (row.error_code ? errorWords(row.error_code).title : '–')}
      </Text>
    </>
  )
}

const sourceWords: Record<string, string> = { chat: 'Chat', api: 'API', openai: 'OpenAI client' }

function tokensOf(row: AgentLogSummary): string {
  if (row.input_tokens === null && row.output_tokens === null) return '–'
  return formatCount((row.input_tokens ?? 0) + (row.output_tokens ?? 0))
}
