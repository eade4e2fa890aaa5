import { Button, Chip, Group, NativeSelect, Paper, TextInput } from '@mantine/core'
import { IconFilterOff, IconMessages } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { ButtonLink } from '../ui/links.tsx'
import { SearchField } from '../ui/search-field.tsx'
import { userAgentNamesQuery } from './agent-log-queries.ts'
import classes from './agent-logs.module.css'
import { hasFilters, type LogFilters, runStatuses, type TimeRange, timeRanges } from './log-filters.ts'
import { statusWords } from './run-status.tsx'

const rangeWords: Record<TimeRange, string> = {
  all: 'Any time',
  hour: 'Last hour',
  day: 'Last 24 hours',
  week: 'Last 7 days',
  month: 'Last 30 days',
  custom: 'Between two days',
}
const ranges: TimeRange[] = ['all', ...timeRanges.filter((range) => range !== 'all')]

interface LogFilterBarProps {
  filters: LogFilters
  onChange: (filters: LogFilters) => void
}

/** What is shown of the logs. Each change is in the address at once, text a moment after the last key. */
export function LogFilterBar({ filters, onChange }: LogFilterBarProps) {
  const userAgents = useQuery(userAgentNamesQuery)
  const set = (change: Partial<LogFilters>) => onChange({ ...filters, ...change })
  const names = userAgents.data ?? []
  const isUnknown = filters.user_agent_id !== undefined && !names.some(({ id }) => id === filters.user_agent_id)
  return (
    <Paper withBorder p="md" component="search" aria-label="Filter the logs">
      <div className={classes.filters}>
        <SearchField
          label="Search"
          placeholder="Questions and answers"
          maxLength={200}
          value={filters.search ?? ''}
          onChange={(search) => set({ search })}
        />
        <NativeSelect
          label="Agent"
          value={filters.user_agent_id ?? ''}
          onChange={(event) => set({ user_agent_id: event.currentTarget.value })}
          data={[
            { value: '', label: 'All agents' },
            ...names.map(({ id, name }) => ({ value: id, label: name })),
            ...(isUnknown ? [{ value: filters.user_agent_id ?? '', label: 'An agent that was deleted' }] : []),
          ]}
        />
        <NativeSelect
          label="Status"
          value={filters.status ?? ''}
          onChange={(event) => set({ status: runStatuses.find((status) => status === event.currentTarget.value) })}
          data={[
            { value: '', label: 'Any status' },
            ...runStatuses.map((status) => ({ value: status, label: statusWords[status] })),
          ]}
        />
        <NativeSelect
          label="Time"
          value={filters.range ?? 'all'}
          onChange={(event) => set({ range: ranges.find((range) => range === event.currentTarget.value) })}
          data={ranges.map((range) => ({ value: range, label: rangeWords[range] }))}
        />
        {filters.range === 'custom' && (
          <>
            <TextInput
              type="date"
              label="First day"
              value={filters.from ?? ''}
              max={filters.to}
              onChange={(event) => set({ from: event.currentTarget.value })}
            />
            <TextInput
              type="date"
              label="Last day"
              value={filters.to ?? ''}
              min={filters.from}
              onChange={(event) => set({ to: event.currentTarget.value })}
            />
          </>
        )}
      </div>
      {hasFilters(filters) && (
        <Group mt="sm" gap="sm">
          {filters.conversation_id && (
            <>
              <Chip checked size="xs" onChange={() => set({ conversation_id: undefined })}>
                One conversation only
              </Chip>
              {filters.user_agent_id && (
                <ButtonLink
                  to="/chat/$userAgentId"
                  params={{ userAgentId: filters.user_agent_id }}
                  search={{ conversation: filters.conversation_id }}
                  size="compact-xs"
                  variant="subtle"
                  leftSection={<IconMessages size={14} aria-hidden />}
                >
                  Open in the chat
                </ButtonLink>
              )}
            </>
          )}
          {filters.agent_id && (
            <Chip checked size="xs" onChange={() => set({ agent_id: undefined })}>
              One catalogue agent only
            </Chip>
          )}
          <Button
            size="compact-xs"
            variant="subtle"
            leftSection={<IconFilterOff size={14} aria-hidden />}
            onClick={() => onChange({})}
          >
            Clear filters
          </Button>
        </Group>
      )}
    </Paper>
  )
}
