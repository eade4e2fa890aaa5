import { Paper, Table, Text } from '@mantine/core'
import { formatCost, formatCount, formatDuration } from '../agent-logs/format-run.ts'
import type { Usage } from './usage-ranges.ts'

interface UsageTableProps {
  title: string
  groups: Usage['groups']
  /** What stands where a name is no longer known. */
  unknown: string
}

/** Usage of each agent or model over the whole range, most runs first. */
export function UsageTable({ title, groups, unknown }: UsageTableProps) {
  return (
    <Paper withBorder p="md" miw={0}>
      <Table.ScrollContainer minWidth={460} scrollAreaProps={{ viewportProps: { tabIndex: 0, 'aria-label': title } }}>
        <Table verticalSpacing="xs" captionSide="top">
          <Table.Caption mt={0} mb={4} ta="left">
            <Text fw={600} c="var(--mantine-color-text)" component="span">
              {title}
            </Text>
          </Table.Caption>
          <Table.Thead>
            <Table.Tr>
              <Table.Th scope="col" miw={100}>
                Name
              </Table.Th>
              {['Runs', 'Failed', 'Tokens', 'Cost', 'Average time'].map((label) => (
                <Table.Th key={label} scope="col" ta="right">
                  {label}
                </Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {groups.map((row) => (
              <Table.Tr key={row.group ?? ''}>
                <Table.Th scope="row" fw={500} style={{ overflowWrap: 'anywhere' }}>
                  {row.group_name ?? unknown}
                </Table.Th>
                <Table.Td ta="right">{formatCount(row.runs)}</Table.Td>
                <Table.Td ta="right">{formatCount(row.failed)}</Table.Td>
                <Table.Td ta="right">{formatCount(row.input_tokens + row.output_tokens)}</Table.Td>
                <Table.Td ta="right">{costOf(row)}</Table.Td>
                <Table.Td ta="right">{row.latency_ms === null ? '–' : formatDuration(row.latency_ms)}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </Paper>
  )
}

/** What is known of it; a dash when no price is. */
export function costOf({ cost_usd, unpriced_runs, runs }: Usage['total']): string {
  if (cost_usd === 0 && unpriced_runs > 0 && unpriced_runs === runs) return '–'
  return unpriced_runs > 0 ? `at least ${formatCost(cost_usd)}` : formatCost(cost_usd)
}
