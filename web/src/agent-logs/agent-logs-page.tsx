import { Button, Group, Menu, Stack, Switch, Text } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import {
  IconArrowUp,
  IconDownload,
  IconFilterOff,
  IconListDetails,
  IconTrash,
  IconZoomQuestion,
} from '@tabler/icons-react'
import { useInfiniteQuery } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { useMemo, useState } from 'react'
import { EmptyState } from '../ui/empty-state.tsx'
import { ErrorState } from '../ui/error-state.tsx'
import { ButtonLink } from '../ui/links.tsx'
import { LoadingState } from '../ui/loading-state.tsx'
import { Page } from '../ui/page.tsx'
import { Time } from '../ui/time.tsx'
import { ActivityChart } from './activity-chart.tsx'
import { logsQuery } from './agent-log-queries.ts'
import classes from './agent-logs.module.css'
import { DeleteLogs } from './delete-logs.tsx'
import { downloadSignedIn } from './download.ts'
import { countOf } from './format-run.ts'
import { LogFilterBar } from './log-filter-bar.tsx'
import { hasFilters, type LogFilters, type LogQuery, readFilters, toQuery, toSearchString } from './log-filters.ts'
import { LogRows } from './log-rows.tsx'
import { useLiveLogs } from './use-live-logs.ts'

/** Every run, newest first, with filters that stand in the address. */
export function AgentLogsPage() {
  const navigate = useNavigate()
  const search = useSearch({ from: '/signed-in/logs' })
  const searchKey = JSON.stringify(search)
  const filters = useMemo(() => readFilters(JSON.parse(searchKey)), [searchKey])
  const setFilters = (next: LogFilters) =>
    void navigate({ to: '/logs', search: readFilters({ ...next }), replace: true, resetScroll: false })
  const [isDeleting, deletion] = useDisclosure(false)
  // One moment for all pages of a list: a range that moved on would tear them apart.
  const query = useMemo(() => toQuery(filters, new Date()), [filters])
  const list = useInfiniteQuery(logsQuery(query))
  const rows = useMemo(() => list.data?.pages.flatMap((page) => page.data), [list.data])
  const isAnything = (rows?.length ?? 0) > 0
  return (
    <Page
      title="Logs"
      subtitle="Every question, every answer and every step between, of all your agents."
      width={1240}
      actions={
        isAnything && (
          <>
            <ExportMenu query={query} />
            <Button variant="default" leftSection={<IconTrash size={16} aria-hidden />} onClick={deletion.open}>
              Delete
            </Button>
          </>
        )
      }
    >
      <Stack gap="md">
        <ActivityChart userAgentId={filters.user_agent_id} />
        {(isAnything || hasFilters(filters)) && <LogFilterBar filters={filters} onChange={setFilters} />}
        {list.isPending && <LoadingState label="Loading the logs" />}
        {list.isError && !rows && (
          <ErrorState error={list.error} onRetry={() => void list.refetch()} isRetrying={list.isFetching} />
        )}
        {rows && (
          <LogList
            key={searchKey}
            query={query}
            rows={rows}
            list={list}
            searchedTo={list.data?.pages.at(-1)?.searched_to ?? null}
            empty={<Nothing isFiltered={hasFilters(filters)} onClear={() => setFilters({})} />}
          />
        )}
      </Stack>
      <DeleteLogs
        query={query}
        isOpen={isDeleting}
        onClose={deletion.close}
        known={rows?.length ?? 0}
        hasMore={list.hasNextPage}
      />
    </Page>
  )
}

interface LogListProps {
  query: LogQuery
  rows: NonNullable<Parameters<typeof useLiveLogs>[1]>
  list: Pick<
    ReturnType<typeof useInfiniteQuery>,
    'hasNextPage' | 'fetchNextPage' | 'isFetchingNextPage' | 'isFetchNextPageError' | 'error'
  >
  /** Where a search stopped that has not looked at everything yet. */
  searchedTo: string | null
  empty: React.ReactNode
}

function LogList({ query, rows, list, searchedTo, empty }: LogListProps) {
  const [isLive, setIsLive] = useState(true)
  const live = useLiveLogs(query, rows, isLive)
  if (rows.length === 0 && !list.hasNextPage) return empty
  return (
    <>
      <Group justify="space-between">
        <Text size="sm" c="dimmed" role="status">
          {searchedTo && (
            <>
              Searched back to <Time value={searchedTo} />:{' '}
            </>
          )}
          {list.hasNextPage && !searchedTo ? `The newest ${countOf(rows.length, 'run')}` : countOf(rows.length, 'run')}
        </Text>
        <Switch label="Live" checked={isLive} onChange={(event) => setIsLive(event.currentTarget.checked)} />
      </Group>
      {live.waiting > 0 && (
        <Button
          className={classes.waiting}
          size="xs"
          radius="xl"
          leftSection={<IconArrowUp size={14} aria-hidden />}
          onClick={live.show}
        >
          Show {countOf(live.waiting, 'new run')}
        </Button>
      )}
      {rows.length > 0 && <LogRows rows={rows} freshIds={live.freshIds} />}
      {list.isFetchNextPageError && <ErrorState error={list.error} onRetry={() => void list.fetchNextPage()} />}
      {list.hasNextPage && (
        <Button variant="default" onClick={() => void list.fetchNextPage()} loading={list.isFetchingNextPage} mx="auto">
          {searchedTo ? 'Search further back' : 'Load more'}
        </Button>
      )}
    </>
  )
}

function ExportMenu({ query }: { query: LogQuery }) {
  const filters = toSearchString(query)
  const hrefOf = (format: string) => `/api/v1/agent-logs/export?${filters ? `${filters}&` : ''}format=${format}`
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <Button variant="default" leftSection={<IconDownload size={16} aria-hidden />}>
          Export
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>Everything the filter shows</Menu.Label>
        <Menu.Item component="a" href={hrefOf('csv')} download onClick={downloadSignedIn}>
          CSV, for spreadsheets
        </Menu.Item>
        <Menu.Item component="a" href={hrefOf('ndjson')} download onClick={downloadSignedIn}>
          NDJSON, with every step
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  )
}

function Nothing({ isFiltered, onClear }: { isFiltered: boolean; onClear: () => void }) {
  if (isFiltered) {
    return (
      <EmptyState
        icon={IconZoomQuestion}
        title="No run fits these filters"
        action={
          <Button variant="default" leftSection={<IconFilterOff size={16} aria-hidden />} onClick={onClear}>
            Clear filters
          </Button>
        }
      >
        Try other words, a longer time, or any status.
      </EmptyState>
    )
  }
  return (
    <EmptyState
      icon={IconListDetails}
      title="No runs yet"
      action={<ButtonLink to="/my-agents">Go to my agents</ButtonLink>}
    >
      As soon as someone talks to one of your agents, here or over the API, you can read every word here.
    </EmptyState>
  )
}
